"""/api/v1/orders and /api/v1/attribution: order lines, and what each is put down to."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel
from sqlalchemy import Row, Select, and_, or_, select

from bot import database
from bot.console import roles
from bot.console.api import given
from bot.console.page import ApiReader, Page
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.models import (
    Attribution,
    Grade,
    Label,
    MessageIdentity,
    OrderLine,
    OrderStatus,
    Product,
    Room,
)
from bot.orders import lines

LINE, TOLD, PRODUCT, ROOM, NAMED = database.tables(
    OrderLine, Attribution, Product, Room, MessageIdentity
)
LATELY = dt.timedelta(days=28)


class LineTold(BaseModel):
    """One order line; money is in fen, `refunded` the sum given back. Nothing tells who bought.

    `final`: late news would be a restatement from now on.
    """

    id: int
    order_id: str
    line_no: int
    sku: str
    quantity: int
    amount: int
    refunded: int
    paid_at: dt.datetime
    status: OrderStatus
    sources: str
    final: bool


class AttributionTold(BaseModel):
    """What one order line is put down to. The three weights are parts per million and sum to
    1,000,000; they are null for `out` and `unknown`. `room` and `message_id` are platform ids.
    """

    id: int
    order_id: str
    line_no: int
    sku: str
    label: Label
    grade: Grade | None
    possible: bool
    room: str | None
    message_id: str | None
    paid_at: dt.datetime
    amount: int
    ppm_organic: int | None
    ppm_promo: int | None
    ppm_base: int | None
    rule_version: int
    calibration: int
    final: bool
    computed_at: dt.datetime


class Wanted(BaseModel):
    """Narrows the list to lines paid in `[since, until)`; `since` is 28 days back where it is left
    out. `room` (a platform id), `vertical`: those that are put down to a room there.
    """

    since: given.Instant | None = None
    until: given.Instant | None = None
    order_id: given.Name = ""
    room: given.Name = ""
    vertical: given.Name = ""


class Labelled(Wanted):
    """The same, and to one label."""

    label: Label | None = None


def listed(
    page: ApiReader,
    wanted: Annotated[Wanted, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[LineTold]:
    """Order lines, the latest paid first. A token for some rooms reads the lines that are put down
    to one of these: whom the others belong to nobody can say.
    """
    own = ("id", "order_id", "line_no", "quantity", "amount", "refunded", "paid_at", "status",
           "sources")  # fmt: skip
    query = (
        select(*(LINE.c[name] for name in own), PRODUCT.c.sku)
        .join(PRODUCT, PRODUCT.c.id == LINE.c.product_id)
        .outerjoin(TOLD, TOLD.c.order_line_id == LINE.c.id)
        .outerjoin(ROOM, ROOM.c.id == TOLD.c.room_id)
    )
    shown, following = _page(page, query, wanted, limit, cursor)
    items = [LineTold(**row._mapping, final=lines.is_final(row.paid_at, page.now)) for row in shown]
    return given.Listing(items=items, next=following)


def attributed(
    page: ApiReader,
    wanted: Annotated[Labelled, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[AttributionTold]:
    """Attributed order lines, the latest paid first, each with the one message that its label
    names; a token for some rooms reads the lines that are put down to one of these.
    """
    decided = ("label", "grade", "possible", "ppm_organic", "ppm_promo", "ppm_base", "final",
               "rule_version", "calibration", "computed_at")  # fmt: skip
    own = ("id", "order_id", "line_no", "paid_at", "amount")
    query = (
        select(*(LINE.c[name] for name in own), *(TOLD.c[name] for name in decided), PRODUCT.c.sku,
               ROOM.c.platform_id.label("room"), NAMED.c.platform_id.label("message_id"))
        .join(TOLD, TOLD.c.order_line_id == LINE.c.id)
        .join(PRODUCT, PRODUCT.c.id == LINE.c.product_id)
        .outerjoin(ROOM, ROOM.c.id == TOLD.c.room_id)
        .outerjoin(NAMED, NAMED.c.id == TOLD.c.message_id)
    )  # fmt: skip
    if wanted.label is not None:
        query = query.where(TOLD.c.label == wanted.label)
    shown, following = _page(page, query, wanted, limit, cursor)
    return given.Listing(items=[AttributionTold(**row._mapping) for row in shown], next=following)


def _page(
    page: Page, query: Select[Any], wanted: Wanted, limit: int, cursor: str
) -> tuple[Sequence[Row[Any]], str | None]:
    """One page of lines, and the cursor that leads on."""
    since = page.now - LATELY if wanted.since is None else wanted.since
    query = query.where(LINE.c.paid_at >= since)
    if wanted.until is not None:
        query = query.where(LINE.c.paid_at < wanted.until)
    if wanted.order_id:
        query = query.where(LINE.c.order_id == wanted.order_id)
    if wanted.room:
        query = query.where(ROOM.c.platform_id == wanted.room)
    if wanted.vertical:
        query = query.where(ROOM.c.vertical == wanted.vertical)
    if not roles.sees_all(page.someone):
        query = query.where(page.in_scope(ROOM), ROOM.c.id.is_not(None))
    if place := given.unpack(cursor, str, int):
        at = given.instant(place[0])
        after = and_(LINE.c.paid_at == at, LINE.c.id < place[1])
        query = query.where(LINE.c.paid_at <= at, or_(LINE.c.paid_at < at, after))
    query = query.order_by(LINE.c.paid_at.desc(), LINE.c.id.desc())
    found = page.session.connection().execute(query.limit(limit + 1)).all()
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = given.pack(given.told(shown[-1].paid_at), shown[-1].id)
    return shown, following


ROUTES = (
    Route("GET", "/api/v1/orders", listed, VIEWER, api=True),
    Route("GET", "/api/v1/attribution", attributed, VIEWER, api=True),
)
