"""API tokens: a program acts as an operator, within scopes, until a day. Only hashes are kept."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot import database
from bot.console import auditing, credentials
from bot.errors import Fault, InvalidInput
from bot.models import ApiToken, Operator

SCOPES = ("read", "write")
LONGEST = dt.timedelta(days=366)
FRESH = dt.timedelta(minutes=5)
PREFIX = "qy_"


def add(
    session: Session,
    operator: Operator,
    name: str,
    scopes: Collection[str],
    lasts: dt.timedelta,
    by: str,
    now: dt.datetime,
) -> str:
    """A new token of an operator, shown this once. Raises InvalidInput."""
    if not name.strip():
        raise _refuse("name", "没有写用途", "写上给哪个程序用，以后好认")
    if not scopes or set(scopes) - set(SCOPES):
        raise _refuse("scopes", "没有选权限", "至少选一项")
    if not dt.timedelta() < lasts <= LONGEST:
        raise _refuse("days", "有效期要 1 到 366 天", "到期后可以再发一个")
    token = PREFIX + credentials.new_token()
    row = ApiToken(
        operator_id=operator.id or 0,
        name=name.strip()[:60],
        hash=credentials.digest(token),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=now + lasts,
    )
    session.add(row)
    session.flush()
    after = {"name": row.name, "scopes": row.scopes, "expires_at": row.expires_at}
    auditing.note(session, now, by, "token.add", f"operator:{operator.name}", None, after)
    return token


def owner(session: Session, token: str, now: dt.datetime) -> tuple[Operator, ApiToken] | None:
    """Whose token it is; None where it is unknown, expired, revoked or its operator disabled."""
    found = session.exec(
        select(Operator, ApiToken)
        .join(ApiToken, col(ApiToken.operator_id) == col(Operator.id))
        .where(col(ApiToken.hash) == credentials.digest(token))
    ).first()
    if found is None:
        return None
    operator, row = found
    session.expunge(operator)
    session.expunge(row)
    over = row.expires_at <= now or row.revoked_at is not None
    return None if over or operator.disabled_at is not None else (operator, row)


def see(session: Session, token: ApiToken, now: dt.datetime) -> None:
    """Note when a token was last used."""
    table = database.table(ApiToken)
    session.connection().execute(update(table).where(table.c.id == token.id).values(used_at=now))


def revoke(session: Session, token_id: int, by: str, now: dt.datetime) -> bool:
    """End a token; False where it has ended."""
    table = database.table(ApiToken)
    name = session.connection().scalar(
        update(table)
        .where(table.c.id == token_id, table.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(table.c.name)
    )
    if name is None:
        return False
    auditing.note(session, now, by, "token.revoke", f"token:{token_id}", None, {"name": name})
    return True


def _refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("token", 0, field, problem, remedy))
