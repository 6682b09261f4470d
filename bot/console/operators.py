"""Operators: add, change, disable, let in by a one-time link. Each change is audited.

There is always an admin who can sign in: the last one cannot be disabled or made less.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from bot import database
from bot.console import auditing, credentials, roles, sessions
from bot.errors import Fault, InvalidInput
from bot.models import ApiToken, Operator, OperatorLink, OperatorRole

LINK_LASTS = dt.timedelta(hours=24)
LONGEST_NAME = 40


def add(session: Session, name: str, role: OperatorRole, by: str, now: dt.datetime) -> Operator:
    """A new operator without a password. Raises InvalidInput where the name is taken or empty."""
    name = _checked(name)
    if find(session, name) is not None:
        raise _refuse("name", f"已经有操作员 {name}", "换一个名字，或给原来的账号重置密码")
    operator = Operator(name=name, role=role, created_at=now)
    session.add(operator)
    session.flush()
    auditing.note(session, now, by, "operator.add", f"operator:{name}", None, {"role": role})
    return operator


def find(session: Session, name: str) -> Operator | None:
    """The operator of a name, disabled or not."""
    return session.exec(select_rows(Operator).where(col(Operator.name) == name)).first()


def existing(session: Session, name: str) -> Operator:
    """The operator of a name. Raises InvalidInput."""
    operator = find(session, name.strip())
    if operator is None:
        raise _refuse("name", f"没有操作员 {name}", "检查名字")
    return operator


def none_yet(session: Session) -> bool:
    """Whether nobody can sign in yet, and the first admin is still to come."""
    return session.connection().scalar(select(database.table(Operator).c.id).limit(1)) is None


def change(
    session: Session,
    operator: Operator,
    role: OperatorRole,
    verticals: Sequence[str] | None,
    tags: Sequence[str] | None,
    by: str,
    now: dt.datetime,
) -> None:
    """Give an operator another role or scope; in force at their next request."""
    if role is not roles.ADMIN:
        _keep_an_admin(session, operator)
    before = _shown(operator)
    operator.role = role
    operator.verticals = None if verticals is None else list(verticals)
    operator.tags = None if tags is None else list(tags)
    session.add(operator)
    session.flush()
    after = _shown(operator)
    auditing.note(session, now, by, "operator.change", f"operator:{operator.name}", before, after)


def disable(session: Session, operator: Operator, by: str, now: dt.datetime) -> None:
    """Shut an operator out at once: sessions, links and tokens end too."""
    _keep_an_admin(session, operator)
    operator.disabled_at = now
    session.add(operator)
    session.flush()
    _shut_out(session, operator, now)
    token = database.table(ApiToken)
    session.connection().execute(
        update(token)
        .where(token.c.operator_id == operator.id, token.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    auditing.note(session, now, by, "operator.disable", f"operator:{operator.name}")


def enable(session: Session, operator: Operator, by: str, now: dt.datetime) -> None:
    """Let a disabled operator sign in again; their tokens stay revoked."""
    operator.disabled_at = None
    session.add(operator)
    session.flush()
    auditing.note(session, now, by, "operator.enable", f"operator:{operator.name}")


def set_password(
    session: Session, operator: Operator, password_hash: str, by: str, now: dt.datetime
) -> None:
    """A new password; every browser that was signed in must sign in again."""
    operator.password_hash = password_hash
    session.add(operator)
    session.flush()
    _shut_out(session, operator, now)
    auditing.note(session, now, by, "operator.password", f"operator:{operator.name}")


def same(password: str, again: str) -> str:
    """The password that was typed twice. Raises InvalidInput where the two differ."""
    if password != again:
        raise _refuse("again", "两次输入的密码不一样", "再输入一次")
    return password


def link(session: Session, operator: Operator | None, by: str, now: dt.datetime) -> str:
    """The token of a one-time link to set a password; without an operator, for the first admin.

    Earlier links for the same end with it.
    """
    _end_links(session, None if operator is None else operator.id, now)
    token = credentials.new_token()
    row = {
        "hash": credentials.digest(token),
        "operator_id": None if operator is None else operator.id,
        "created_at": now, "expires_at": now + LINK_LASTS, "used_at": None,
    }  # fmt: skip
    database.insert_rows(session, OperatorLink, [row])
    if operator is not None:
        auditing.note(session, now, by, "operator.reset", f"operator:{operator.name}")
    return token


def linked(session: Session, token: str, now: dt.datetime) -> tuple[bool, Operator | None]:
    """Whether a one-time link still holds, and for whom (None: the first admin to be)."""
    table = database.table(OperatorLink)
    row = (
        session.connection()
        .execute(
            select(table.c.operator_id).where(
                table.c.hash == credentials.digest(token),
                table.c.used_at.is_(None),
                table.c.expires_at > now,
            )
        )
        .first()
    )
    if row is None:
        return False, None
    if row.operator_id is None:
        return none_yet(session), None
    operator = session.get(Operator, row.operator_id)
    return operator is not None and operator.disabled_at is None, operator


def use_link(session: Session, token: str, now: dt.datetime) -> bool:
    """Spend a one-time link; False where somebody else just did."""
    table = database.table(OperatorLink)
    spent = session.connection().execute(
        update(table)
        .where(
            table.c.hash == credentials.digest(token),
            table.c.used_at.is_(None),
            table.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return bool(spent.rowcount)


def _shut_out(session: Session, operator: Operator, now: dt.datetime) -> None:
    if operator.id is not None:
        sessions.end_all(session, operator.id)
        _end_links(session, operator.id, now)


def _end_links(session: Session, operator_id: int | None, now: dt.datetime) -> None:
    table = database.table(OperatorLink)
    owner = table.c.operator_id
    whose = owner.is_(None) if operator_id is None else owner == operator_id
    session.connection().execute(
        update(table).where(whose, table.c.used_at.is_(None)).values(used_at=now)
    )


def _keep_an_admin(session: Session, operator: Operator) -> None:
    table = database.table(Operator)
    others = session.connection().scalar(
        select(func.count()).where(
            table.c.role == roles.ADMIN, table.c.disabled_at.is_(None), table.c.id != operator.id
        )
    )
    if operator.role is roles.ADMIN and operator.disabled_at is None and not others:
        raise _refuse("role", "这是最后一个管理员", "先让另一个人成为管理员")


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise _refuse("name", "名字要 1 到 40 个字符", "写同事认得出的名字，例如 小林")
    return name


def _shown(operator: Operator) -> dict[str, object]:
    return {"role": operator.role, "verticals": operator.verticals, "tags": operator.tags}


def _refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("operator", 0, field, problem, remedy))
