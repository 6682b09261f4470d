"""/api/v1/deliveries: what was planned and what came of it; settle, cancel, take back."""

import datetime as dt
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, or_, select

from bot import outbox, recalling
from bot.console import roles
from bot.console.api import given
from bot.console.page import ApiReader, ApiWriter, Page
from bot.console.pages import deliveries, delivery
from bot.console.pages.deliveries import Verdict
from bot.console.queue import ACCOUNT, DELIVERY, ROOM, SERIES
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import DeliveryKind, DeliveryState
from bot.outbox import Decision

LATELY = dt.timedelta(days=7)
# What another table tells.
JOINED = {"room", "series", "account"}


class DeliveryTold(BaseModel):
    """One delivery as lists have it; `series` is a key, `account` a name, `room` a platform id."""

    id: int
    key: str
    kind: DeliveryKind
    state: DeliveryState
    step: str | None
    room_id: int
    room: str
    series: str | None
    account: str | None
    planned_at: dt.datetime
    due_at: dt.datetime
    expires_at: dt.datetime | None
    sending_at: dt.datetime | None
    sent_at: dt.datetime | None
    attempts: int
    reason: str | None
    message_id: str | None
    recall_asked_at: dt.datetime | None
    recalled_at: dt.datetime | None


class WholeDelivery(DeliveryTold):
    """One delivery with its text."""

    text: str | None


class Wanted(BaseModel):
    """Narrows the list; `since` is seven days back where it is left out."""

    state: DeliveryState | None = None
    series: given.Name = ""
    account: given.Name = ""
    room_id: Annotated[int | None, Query(ge=1, le=given.LARGEST)] = None
    since: given.Instant | None = None
    until: given.Instant | None = None


class Settled(BaseModel):
    """What somebody saw in the room: `sent`, `failed`, or `resend` to send it once more."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision


def listed(
    page: ApiReader,
    wanted: Annotated[Wanted, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[DeliveryTold]:
    """Deliveries of rooms that the token may see, the latest due first; text is left out."""
    columns = [DELIVERY.c[name] for name in DeliveryTold.model_fields if name not in JOINED]
    query = (
        select(*columns, ROOM.c.platform_id.label("room"), SERIES.c.key.label("series"),
               ACCOUNT.c.name.label("account"))
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
        .where(*_conditions(page, wanted))
    )  # fmt: skip
    if place := given.unpack(cursor, str, int):
        at = given.instant(place[0])
        after = and_(DELIVERY.c.due_at == at, DELIVERY.c.id < place[1])
        query = query.where(DELIVERY.c.due_at <= at, or_(DELIVERY.c.due_at < at, after))
    query = query.order_by(DELIVERY.c.due_at.desc(), DELIVERY.c.id.desc())
    found = page.session.connection().execute(query.limit(limit + 1)).all()
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    following = None if last is None else given.pack(given.told(last.due_at), last.id)
    return given.Listing(items=[DeliveryTold(**row._mapping) for row in shown], next=following)


def one(page: ApiReader, delivery_id: given.Id) -> WholeDelivery:
    """One delivery, with its text."""
    return _answer(page, delivery_id)


def settle(page: ApiWriter, delivery_id: given.Id, settled: Settled) -> WholeDelivery:
    """Say what came of an uncertain delivery, or send a failed one once more."""
    delivery.found(page, delivery_id)
    if not outbox.decide(page.session, delivery_id, settled.decision, page.by, page.now):
        raise _unfit()
    return _answer(page, delivery_id)


def cancel(page: ApiWriter, delivery_id: given.Id) -> WholeDelivery:
    """Take back what is not being sent yet."""
    delivery.found(page, delivery_id)
    if not deliveries.carry_out(page, [delivery_id], Verdict.CANCEL).done:
        raise _unfit()
    return _answer(page, delivery_id)


def recall(page: ApiWriter, delivery_id: given.Id) -> WholeDelivery:
    """Ask the platform to take a sent post back, within two minutes."""
    delivery.found(page, delivery_id)
    recalling.ask(page.session, delivery_id, page.by, page.now)
    return _answer(page, delivery_id)


def _conditions(page: Page, wanted: Wanted) -> list[Any]:
    # Every state by name: the index leads with it.
    states = list(DeliveryState) if wanted.state is None else [wanted.state]
    since = page.now - LATELY if wanted.since is None else wanted.since
    found = [DELIVERY.c.state.in_(states), DELIVERY.c.due_at >= since]
    if wanted.until is not None:
        found.append(DELIVERY.c.due_at < wanted.until)
    if wanted.series:
        found.append(SERIES.c.key == wanted.series)
    if wanted.account:
        found.append(ACCOUNT.c.name == wanted.account)
    if wanted.room_id is not None:
        found.append(DELIVERY.c.room_id == wanted.room_id)
    if not roles.sees_all(page.someone):
        found.append(page.in_scope(ROOM))
    return found


def _answer(page: Page, delivery_id: int) -> WholeDelivery:
    row = delivery.found(page, delivery_id)
    told = {name: getattr(row, name) for name in WholeDelivery.model_fields if name not in JOINED}
    return WholeDelivery(**told, room=row.platform_id, series=row.series_key, account=row.account)


def _unfit() -> InvalidInput:
    # As for a series that somebody else changed: look again first.
    problem = "这条投递现在的状态不能这样处理"
    return InvalidInput(Fault("api", 0, "version", problem, "先读一遍它现在的状态"))


ROUTES = (
    Route("GET", "/api/v1/deliveries", listed, VIEWER, api=True),
    Route("GET", "/api/v1/deliveries/{delivery_id}", one, VIEWER, api=True),
    Route("POST", "/api/v1/deliveries/{delivery_id}/settle", settle, OPERATOR, api=True),
    Route("POST", "/api/v1/deliveries/{delivery_id}/cancel", cancel, OPERATOR, api=True),
    Route("POST", "/api/v1/deliveries/{delivery_id}/recall", recall, OPERATOR, api=True),
)
