"""Which addresses other programs have, what each wants to know, and the secret of each."""

import base64
import datetime as dt
import hmac
import ipaddress
import secrets
from collections.abc import Collection, Sequence
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import update
from sqlmodel import Session, col, select

from bot import database
from bot.errors import Fault, InvalidInput
from bot.models import CallState, Webhook, WebhookCall

LONGEST_NAME, LONGEST_URL = 60, 500
WEBHOOK, CALL = database.tables(Webhook, WebhookCall)


def standing(session: Session) -> Sequence[Webhook]:
    """Every webhook that is called."""
    return session.exec(select(Webhook).where(col(Webhook.revoked_at).is_(None))).all()


def add(
    session: Session,
    name: str,
    url: str,
    events: Collection[str],
    allowed: Collection[str],
    by: str,
    now: dt.datetime,
) -> Webhook:
    """A new webhook. `allowed` are the origins of `QUNYUN_WEBHOOK_ORIGINS`. Raises InvalidInput."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise _refuse("name", "没有写用途,或者写得太长", "写上给哪个程序用,以后好认")
    if not events:
        raise _refuse("events", "没有选要推送什么", "至少选一项")
    if not may_call(url, allowed):
        shown = "、".join(allowed) or "现在一个也没有"
        raise _refuse(
            "url", "这个地址不在允许的范围里",
            f"让管服务器的人把它的来源(如 https://hooks.example.com)写进 "
            f"QUNYUN_WEBHOOK_ORIGINS 再重启;允许的:{shown}",
        )  # fmt: skip
    made = Webhook(
        name=name.strip(), url=url, nonce=secrets.token_hex(16), events=sorted(set(events)),
        created_at=now, created_by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def revoke(session: Session, webhook_id: int, reason: str, now: dt.datetime) -> bool:
    """Call it no more; what waits for it is given up. False where it was revoked before."""
    name = session.connection().scalar(
        update(WEBHOOK)
        .where(WEBHOOK.c.id == webhook_id, WEBHOOK.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_reason=reason)
        .returning(WEBHOOK.c.name)
    )
    if name is None:
        return False
    session.connection().execute(
        update(CALL)
        .where(CALL.c.webhook_id == webhook_id, CALL.c.state == CallState.PENDING)
        .values(state=CallState.GIVEN_UP, answer=reason, done_at=now)
    )
    return True


def signing_secret(installation: bytes, nonce: str) -> str:
    """The secret that a webhook's calls are signed with, as Standard Webhooks write it."""
    key = hmac.digest(installation, f"webhook\n{nonce}".encode(), "sha256")
    return f"whsec_{base64.b64encode(key).decode()}"


def may_call(url: str, allowed: Collection[str]) -> bool:
    """Whether an address lies at an allowed origin: HTTPS, or plain HTTP on this machine's own
    loopback address in figures (a name could lead anywhere).
    """
    try:
        parts = urlsplit(url)
        origin, port = _origin(parts), parts.port
    except ValueError:
        # No port, or brackets that do not match.
        return False
    plain = parts.username is None and parts.password is None and not parts.fragment
    fits = len(url) <= LONGEST_URL and url.isascii() and url.isprintable() and " " not in url
    if not plain or not fits or port == 0 or origin not in {each.rstrip("/") for each in allowed}:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts))


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}".lower()


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("webhook", 0, field, problem, remedy))
