"""手工发送: what people post where no bot can, on a phone that also holds their WeChat."""

import datetime as dt
from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import func, select

from bot import by_hand, database, pauses, serving
from bot.console import paging
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import Account, Delivery, DeliveryState, Room, Series

DELIVERY, ROOM, SERIES, ACCOUNT = database.tables(Delivery, Room, Series, Account)
SIZE = 20


def listed(page: Reader, account: str = "", later: bool = False, number: int = 1) -> Response:
    """What is due, the longest waiting first; with `later` also what is due later."""
    columns = (
        "id",
        "text",
        "image",
        "card",
        "mention_all",
        "due_at",
        "expires_at",
        "step",
        "room_id",
    )
    query = (
        select(
            *(DELIVERY.c[name] for name in columns),
            ROOM.c.topic, ROOM.c.platform_id, SERIES.c.name.label("series"),
            ACCOUNT.c.name.label("account"), pauses.holds(DELIVERY).label("held"),
        )
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .join(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(
            DELIVERY.c.state == DeliveryState.PENDING,
            DELIVERY.c.account_id.in_(serving.by_hand()),
            page.in_scope(ROOM),
        )
    )  # fmt: skip
    if account:
        query = query.where(ACCOUNT.c.name == account)
    if not later:
        query = query.where(DELIVERY.c.due_at <= page.now)
    filters = {"account": account, "later": "true" if later else ""}
    order = (DELIVERY.c.due_at, DELIVERY.c.id)
    listing = paging.cut(page.session, query, order, number, "/todo", filters, SIZE)
    return page.render(
        "todo.html", listing=listing, account=account, later=later, done=_done(page),
        accounts=page.session.connection().scalars(
            select(ACCOUNT.c.name)
            .where(ACCOUNT.c.id.in_(serving.by_hand()))
            .order_by(ACCOUNT.c.name)
        ).all(),
    )  # fmt: skip


def done(page: Writer, delivery_id: int) -> Response:
    """A person posted it."""
    name = _mine(page, delivery_id)
    if not by_hand.carried_out(page.session, delivery_id, page.by, page.now):
        raise _refuse()
    undo = f"/todo/{delivery_id}/undo"
    return page.to(page.back(), page.tr("{name}：记为已发", name=name), undo=undo)


def drop(
    page: Writer, delivery_id: int, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """A person will not post it."""
    name = _mine(page, delivery_id)
    if not by_hand.left_out(page.session, delivery_id, reason.strip(), page.by, page.now):
        raise _refuse()
    undo = f"/todo/{delivery_id}/undo"
    return page.to(page.back(), page.tr("{name}：跳过，不发了", name=name), undo=undo)


def undo(page: Writer, delivery_id: int) -> Response:
    """It was said by mistake: back on the list."""
    name = _mine(page, delivery_id)
    if not by_hand.unsaid(page.session, delivery_id, page.by, page.now):
        problem, remedy = "这一条撤销不了了", "只能撤销自己十分钟内说的；到发送队列里看看它现在怎样"
        raise InvalidInput(Fault("todo", 0, "delivery", problem, remedy))
    return page.to(page.back(), page.tr("{name}：放回待办了", name=name))


def _done(page: Page) -> int:
    """How many of today's were posted by hand."""
    today = page.now.astimezone(page.settings.zone).date()
    since = dt.datetime.combine(today, dt.time(), page.settings.zone)
    query = (
        select(func.count())
        .select_from(DELIVERY)
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .where(
            DELIVERY.c.state == DeliveryState.SENT,
            DELIVERY.c.due_at >= since,
            DELIVERY.c.account_id.in_(serving.by_hand()),
            page.in_scope(ROOM),
        )
    )
    return page.session.connection().scalar(query) or 0


def _mine(page: Page, delivery_id: int) -> str:
    """The name of a delivery's room; 404 where the operator may not see it."""
    query = (
        select(ROOM.c.topic, ROOM.c.platform_id)
        .join(DELIVERY, DELIVERY.c.room_id == ROOM.c.id)
        .where(DELIVERY.c.id == delivery_id, page.in_scope(ROOM))
    )
    row = page.session.connection().execute(query).first()
    if row is None:
        raise HTTPException(404)
    return str(row.topic or row.platform_id)


def _refuse() -> InvalidInput:
    problem, remedy = "这一条已经不在待办里了", "可能同事刚发过，或者栏目撤下了它；刷新看看"
    return InvalidInput(Fault("todo", 0, "delivery", problem, remedy))


ROUTES = (
    Route("GET", "/todo", listed, OPERATOR),
    Route("POST", "/todo/{delivery_id}/done", done, OPERATOR),
    Route("POST", "/todo/{delivery_id}/drop", drop, OPERATOR),
    Route("POST", "/todo/{delivery_id}/undo", undo, OPERATOR),
)
