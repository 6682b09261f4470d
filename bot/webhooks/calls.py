"""The life of a call: one event for one webhook.

    PENDING → PENDING     again (no answer, or a refusal: later, `WAITS` says when)
            → DELIVERED   settle (2xx)
            → GIVEN_UP    settle (every wait is over, or 410), `registry.revoke`
    GIVEN_UP → PENDING    once_more (a person wants it)

Taking a call only holds it back for `TAKEN`: whoever took it and died leaves it to the next one, so
a program may be told twice. The id of an event stays the same, by which it knows that.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlmodel import Session

from bot import database
from bot.models import CallState, Webhook, WebhookCall
from bot.webhooks import registry

TAKEN = dt.timedelta(minutes=2)
# What Standard Webhooks recommend: about three days in all.
WAITS = tuple(
    dt.timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
LONGEST_WAIT = dt.timedelta(days=1)
KEPT = dt.timedelta(days=30)
LONGEST_ANSWER = 200
GONE = 410

CALL, WEBHOOK = database.tables(WebhookCall, Webhook)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be made now. `id` names the event for whoever is told."""

    key: int
    webhook_id: int
    url: str
    nonce: str
    id: str
    event: str
    happened_at: dt.datetime
    data: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: an HTTP status, or None with what went wrong. `after` is how long
    the other side wants to be left alone.
    """

    status: int | None
    said: str = ""
    after: dt.timedelta = dt.timedelta()


def waits(session: Session, now: dt.datetime) -> bool:
    """Whether some call may be made now."""
    due = exists().where(CALL.c.state == CallState.PENDING, CALL.c.not_before <= now)
    return bool(session.connection().scalar(select(due)))


def take(session: Session, now: dt.datetime, limit: int) -> list[Call]:
    """The calls that may be made now, held back from everybody else for a while."""
    due = (
        select(CALL.c.id)
        .where(CALL.c.state == CallState.PENDING, CALL.c.not_before <= now)
        .order_by(CALL.c.not_before, CALL.c.id)
        .limit(limit)
    )
    if not database.is_sqlite(session):
        due = due.with_for_update(skip_locked=True)
    taken = session.connection().execute(
        update(CALL)
        .where(CALL.c.id.in_(due.scalar_subquery()))
        .values(not_before=now + TAKEN)
        .returning(CALL)
    )
    rows = sorted(taken, key=lambda row: row.id)
    webhooks = {
        row.id: row
        for row in session.connection().execute(
            select(WEBHOOK).where(WEBHOOK.c.id.in_({row.webhook_id for row in rows}))
        )
    }
    return [_call(row, webhooks[row.webhook_id]) for row in rows]


def settle(session: Session, call: Call, answer: Answer, now: dt.datetime) -> CallState:
    """Write down what came of it, and when to try again."""
    attempts = call.attempts + 1
    state = verdict(answer, attempts)
    values: dict[str, object] = {
        "state": state, "attempts": attempts, "status": answer.status,
        "answer": answer.said[:LONGEST_ANSWER] or None,
    }  # fmt: skip
    if state is CallState.PENDING:
        values["not_before"] = now + max(WAITS[attempts - 1], min(answer.after, LONGEST_WAIT))
    else:
        values["done_at"] = now
    session.connection().execute(
        update(CALL).where(CALL.c.id == call.key, CALL.c.state == CallState.PENDING).values(values)
    )
    if answer.status == GONE:
        registry.revoke(session, call.webhook_id, "对方说这个地址不再用了(410)", now)
    return state


def verdict(answer: Answer, attempts: int) -> CallState:
    """What an answer to the `attempts`-th attempt means."""
    if answer.status is not None and 200 <= answer.status < 300:
        return CallState.DELIVERED
    over = answer.status == GONE or attempts > len(WAITS)
    return CallState.GIVEN_UP if over else CallState.PENDING


def once_more(session: Session, webhook_id: int, call_id: int, now: dt.datetime) -> bool:
    """Try a call that was given up, or that waits, again now; False where there is none such, or
    its webhook is revoked.
    """
    standing = select(WEBHOOK.c.id).where(WEBHOOK.c.revoked_at.is_(None))
    moved = session.connection().execute(
        update(CALL)
        .where(
            CALL.c.id == call_id,
            CALL.c.webhook_id == webhook_id,
            CALL.c.state != CallState.DELIVERED,
            CALL.c.webhook_id.in_(standing),
        )
        .values(state=CallState.PENDING, attempts=0, not_before=now, done_at=None)
    )
    return moved.rowcount == 1


def forget(session: Session, now: dt.datetime) -> int:
    """Drop what is long over; returns how many."""
    old = delete(CALL).where(CALL.c.created_at < now - KEPT, CALL.c.state != CallState.PENDING)
    return session.connection().execute(old).rowcount


def _call(row: Any, webhook: Any) -> Call:
    # The nonce is in it, so that two installations never name two events alike.
    named = hashlib.sha256(f"{webhook.nonce}\n{row.about}".encode()).hexdigest()[:24]
    return Call(
        row.id, webhook.id, webhook.url, webhook.nonce, f"evt_{named}", row.event,
        row.happened_at, row.data, row.attempts,
    )  # fmt: skip
