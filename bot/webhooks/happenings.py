"""What other programs may want to know, found in the rows of what happened.

Nothing tells us: every tick looks again, and each event is named by what it is about, so that it
becomes one call for a webhook however often it is found, and none is lost with a process. What was
settled between two ticks (an echo that came late) was no news. No event holds a member's words.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from bot import alerting, database, serving
from bot.models import (
    Account,
    Audit,
    CallState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Pause,
    PauseScope,
    Room,
    Series,
    WebhookCall,
)
from bot.webhooks import registry

# Older news is no event: whoever starts the program again has seen it.
NEWS = dt.timedelta(hours=24)
# What is sent again days later was due days ago.
LONG_DUE = dt.timedelta(days=7)

ACCOUNT, AUDIT, DELIVERY, PAUSE, ROOM, SERIES = database.tables(
    Account, Audit, Delivery, Pause, Room, Series
)


class Event(StrEnum):
    """What can be told."""

    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_UNCERTAIN = "delivery.uncertain"
    DELIVERY_EXPIRED = "delivery.expired"
    SERIES_SUBMITTED = "series.submitted"
    SERIES_APPROVED = "series.approved"
    ACCOUNT_OUT = "account.out"
    SENDING_PAUSED = "sending.paused"
    SENDING_RESUMED = "sending.resumed"
    TEST = "webhook.test"


TROUBLES = {
    DeliveryState.FAILED: Event.DELIVERY_FAILED,
    DeliveryState.UNCERTAIN: Event.DELIVERY_UNCERTAIN,
    DeliveryState.EXPIRED: Event.DELIVERY_EXPIRED,
}
DECIDED = {"series.submit": Event.SERIES_SUBMITTED, "series.approve": Event.SERIES_APPROVED}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event; `about` names it and never changes."""

    event: Event
    about: str
    at: dt.datetime
    data: Mapping[str, Any]


def note(session: Session, now: dt.datetime) -> int:
    """Make a call for every event that a webhook wants and has not been told; returns how many.

    Safe to repeat, by any process.
    """
    webhooks = registry.standing(session)
    if not webhooks:
        return 0
    since = max(now - NEWS, min(each.created_at for each in webhooks))
    found = list(happened(session, since, now))
    rows = [
        as_call(webhook.id or 0, each, now)
        for webhook in webhooks
        for each in found
        if each.event in webhook.events and each.at >= webhook.created_at
    ]
    return database.insert_alike(session, WebhookCall, rows)


def as_call(webhook_id: int, happening: Happening, now: dt.datetime) -> dict[str, object]:
    """The row of a call that is to be made now."""
    return {
        "webhook_id": webhook_id, "about": happening.about, "event": happening.event.value,
        "data": dict(happening.data), "happened_at": happening.at, "created_at": now,
        "state": CallState.PENDING, "not_before": now, "attempts": 0,
    }  # fmt: skip


def happened(session: Session, since: dt.datetime, now: dt.datetime) -> Iterator[Happening]:
    """Every event from `since` on."""
    yield from _troubles(session, since, now)
    yield from _decided(session, since)
    yield from _absent(session, since, now)
    yield from _paused(session, since)


def _troubles(session: Session, since: dt.datetime, now: dt.datetime) -> Iterator[Happening]:
    """Posts that did not arrive, or may not have. One that fails again is another event."""
    at = func.coalesce(DELIVERY.c.sending_at, DELIVERY.c.expires_at)
    rows = session.connection().execute(
        select(
            DELIVERY.c.id, DELIVERY.c.key, DELIVERY.c.state, DELIVERY.c.step, DELIVERY.c.due_at,
            DELIVERY.c.attempts, DELIVERY.c.reason, at.label("at"),
            ROOM.c.platform_id.label("room"), SERIES.c.key.label("series"),
            ACCOUNT.c.name.label("account"),
        )
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
        .where(
            DELIVERY.c.state.in_(list(TROUBLES)),
            DELIVERY.c.due_at > since - LONG_DUE,
            DELIVERY.c.kind != DeliveryKind.ALERT,
            at >= since,
            at <= now,
        )
        .order_by(DELIVERY.c.id)
    )  # fmt: skip
    for row in rows:
        event = TROUBLES[row.state]
        data = {
            "id": row.id, "key": row.key, "state": row.state.value, "series": row.series,
            "step": row.step, "room": row.room, "account": row.account,
            "due_at": row.due_at.isoformat(), "attempts": row.attempts, "reason": row.reason,
        }  # fmt: skip
        yield Happening(event, f"{event}:{row.id}:{row.attempts}", row.at, data)


def _decided(session: Session, since: dt.datetime) -> Iterator[Happening]:
    """What people asked for and approved; the audit is where it is written."""
    rows = session.connection().execute(
        select(AUDIT.c.id, AUDIT.c.at, AUDIT.c.by, AUDIT.c.action, SERIES.c.key, SERIES.c.name)
        .join(SERIES, AUDIT.c.object == "series:" + SERIES.c.key)
        .where(AUDIT.c.action.in_(list(DECIDED)), AUDIT.c.at >= since)
        .order_by(AUDIT.c.id)
    )
    for row in rows:
        event = DECIDED[row.action]
        data = {"series": row.key, "name": row.name, "by": row.by}
        yield Happening(event, f"{event}:{row.id}", row.at, data)


def _absent(session: Session, since: dt.datetime, now: dt.datetime) -> Iterator[Happening]:
    for each in alerting.absent(session, now):
        # It counts as out only after a while, and that is when it became news.
        if each.since + serving.AWAY >= since:
            data = {"account": each.name, "since": each.since.isoformat(), "reason": each.why}
            about = f"{Event.ACCOUNT_OUT}:{each.name}:{each.since:%Y%m%dT%H%M%S}"
            yield Happening(Event.ACCOUNT_OUT, about, each.since + serving.AWAY, data)


def _paused(session: Session, since: dt.datetime) -> Iterator[Happening]:
    """Everything was held back, or goes on again."""
    ended = func.coalesce(PAUSE.c.resumed_at, PAUSE.c.at)
    rows = session.connection().execute(
        select(PAUSE.c.id, PAUSE.c.reason, PAUSE.c.by, PAUSE.c.at, PAUSE.c.resumed_at)
        .where(PAUSE.c.scope == PauseScope.ALL, ended >= since)
        .order_by(PAUSE.c.id)
    )
    for row in rows:
        data = {"reason": row.reason, "by": row.by}
        yield Happening(Event.SENDING_PAUSED, f"{Event.SENDING_PAUSED}:{row.id}", row.at, data)
        if row.resumed_at is not None:
            about = f"{Event.SENDING_RESUMED}:{row.id}"
            yield Happening(Event.SENDING_RESUMED, about, row.resumed_at, data)
