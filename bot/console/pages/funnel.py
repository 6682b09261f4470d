"""The funnel on 订单与归因: what was said and followed, how far order lines came, and the lists."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import Response
from sqlalchemy import ColumnElement, Select, Subquery, select

from bot import database, standing
from bot.charts import drawing
from bot.charts.chart import Bar, Chart
from bot.charts.drawing import Drawing
from bot.console import ordering, paging
from bot.console.ordering import Asked, Wanted
from bot.console.page import Page, Reader
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.insights import funnel
from bot.insights.funnel import Ahead, Rung, Step
from bot.models import Contact, Product, Room, ShortLink
from bot.orders import short_links

PRODUCT, CONTACT, ROOM, LINK = database.tables(Product, Contact, Room, ShortLink)
# (name, what it counts).
STEPS = {
    Step.PAID: ("付款的订单行", "这些天里付款、归过因的订单行，退掉的也算。还没归因的不在内。"),
    Step.KEPT: ("没有退掉", "去掉全额退款的、取消的和运营自己买的。"),
    Step.KNOWN: (
        "知道是谁买的",
        "买家认得出是哪位群友，或者用了活动的优惠码、链接。其余的不作判断，不等于没受影响。",
    ),
    Step.MET: (
        "之前提到过，或用了活动的券",
        "下单前买家所在的群里有人提到、发过它：72 小时内接过话的，24 小时内在场的；也可能是碰巧。"
        "用了活动的优惠码、链接的也算在内，不问群里提没提。",
    ),
    Step.CREDITED: (
        "算群聊或促销带来的",
        "标签是群聊带来或促销带来；只是在场、没说过话的（也许有关）不算。",
    ),
    Step.SETTLED: (
        "其中已经定下来的",
        "付款满 72 小时，没有退掉：再变会记成更正。差的那些还是暂定。",
    ),
}
AHEAD = {
    Ahead.MENTIONS: (
        "群友说到商品",
        "群友自己说到商品的消息，一条说到两样算两次。不算机器人和促销说的、跟着促销说的，"
        "撤回的和夜里还没分类的也不在内。",
    ),
    Ahead.CLICKS: (
        "点开短链",
        "有人点开群运短链的次数，同一个人点两次算两次；预览和程序不算。点击不记是谁，"
        "所以说不出哪一次带来哪一单。点得太多没有逐条记下的另外写出，过了保存期的不在内。",
    ),
}
# What is listed, in which order, and how a page of it is told.
Listed = tuple[
    Select[Any], tuple[ColumnElement[Any], ...], Callable[[Subquery], Select[Any]] | None
]
# Where the lines of a step are listed: the label that is asked for.
LISTED = {Step.PAID: "", Step.KEPT: "counted"}


def show(page: Reader, asked: Annotated[Asked, Depends()]) -> Response:
    """The funnel of these days. It counts for a moment, so the list asks for it by itself."""
    wanted = ordering.wanted(page, asked)
    rooms = ordering.within(page, wanted)
    found = funnel.gather(page.session, wanted.since, wanted.until, rooms)
    return page.render(
        "order_funnel.html", found=found, chart=draw(page, found.ladder), steps=STEPS, ahead=AHEAD,
        asked=asked, narrowed=rooms is not None,
        listed={step: LISTED.get(step, step) for step in Step},
    )  # fmt: skip


def behind(
    page: Reader, ahead: Ahead, asked: Annotated[Asked, Depends()], number: int = 1
) -> Response:
    """The mentions or the clicks that the funnel counts, the latest first."""
    wanted = ordering.wanted(page, asked)
    rooms = ordering.within(page, wanted)
    listed = _mentions if ahead is Ahead.MENTIONS else _clicks
    query, order, told = listed(wanted, rooms)
    path = f"/orders/behind/{ahead}"
    listing = paging.cut(page.session, query, order, number, path, asked.given(), told=told)
    clicks = ahead is Ahead.CLICKS
    summed = funnel.summed(page.session, wanted.since, wanted.until, rooms) if clicks else 0
    return page.render(
        "order_behind.html", listing=listing, what=ahead, ahead=AHEAD, asked=asked,
        may_read=page.may(OPERATOR), summed=summed, most=short_links.LISTED_A_DAY,
    )  # fmt: skip


def _mentions(wanted: Wanted, rooms: ColumnElement[bool] | None) -> Listed:
    found = funnel.mentions(wanted.since, wanted.until, rooms).subquery()
    return select(found), _latest(found), _mentioned


def _latest(found: Subquery) -> tuple[ColumnElement[Any], ...]:
    # The day first: the latest day is sorted, and the others are left alone.
    return found.c.day.desc(), found.c.at.desc(), found.c.message_id, found.c.product_id


def _mentioned(found: Subquery) -> Select[Any]:
    return (
        select(
            *(found.c.at, found.c.room_id, ROOM.c.topic, PRODUCT.c.name.label("product")),
            *(CONTACT.c.name, standing.text(found).label("text")),
        )
        .outerjoin(PRODUCT, PRODUCT.c.id == found.c.product_id)
        .outerjoin(ROOM, ROOM.c.id == found.c.room_id)
        .outerjoin(CONTACT, CONTACT.c.id == found.c.contact_id)
        .order_by(*_latest(found))
    )


def _clicks(wanted: Wanted, rooms: ColumnElement[bool] | None) -> Listed:
    found = funnel.clicks(wanted.since, wanted.until, rooms).subquery()
    query = (
        select(found.c.at, found.c.code, LINK.c.note, ROOM.c.id.label("room_id"), ROOM.c.topic)
        .join(LINK, LINK.c.code == found.c.code)
        .outerjoin(ROOM, ROOM.c.id == found.c.room_id)
    )
    return query, (found.c.at.desc(), found.c.id), None


def draw(page: Page, ladder: tuple[Rung, ...]) -> Drawing:
    """The ladder as lying bars, each written with its share of the step before."""
    bars = []
    for rung in ladder:
        of = "" if rung.share is None else f" · {rung.share:.0%}"
        bars.append(Bar(page.tr(STEPS[rung.step][0]), rung.lines, f"{rung.lines:,}{of}", "now"))
    told = "、".join(f"{bar.label} {bar.text}" for bar in bars)
    return drawing.draw(Chart("rows", page.tr("订单行走到哪一步，和上一步比"), told, tuple(bars)))


ROUTES = (
    Route("GET", "/orders/funnel", show, VIEWER),
    Route("GET", "/orders/behind/{ahead}", behind, VIEWER),
)
