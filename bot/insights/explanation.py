"""Why one order line has its label, in the words of an operator."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlmodel import Session

from bot import database
from bot.insights import buying, weights
from bot.insights.buying import Carried
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    Delivery,
    Grade,
    Label,
    Message,
    MessageIdentity,
    OrderLine,
    Product,
    Room,
    Series,
    Touch,
)
from bot.models.columns import serial
from bot.orders import led, short_links
from bot.orders.led import Led
from bot.translation import Translate, in_chinese

# How sure a weight is, by its tenths.
_SURE = (
    *("不到一成把握", "约一成把握", "约二成把握", "约三成把握", "约四成把握", "约五成把握"),
    *("约六成把握", "约七成把握", "约八成把握", "约九成把握"),
)


@dataclass(frozen=True, slots=True)
class Story:
    """What an explanation is made of. `touch`, `at`, `room`, `speaker` and `series` are the named
    touch's; `carried` is what the order itself has of a campaign: its `coupon`, or its link, which
    `led` tells more of where it is a short one of ours.

    `weight` is what speaks for the label, in ppm.
    """

    order_id: str
    line_no: int
    product: str
    paid_at: dt.datetime
    label: Label
    grade: Grade | None = None
    possible: bool = False
    touch: Touch | None = None
    at: dt.datetime | None = None
    room: str = ""
    speaker: str = ""
    series: str = ""
    carried: Carried | None = None
    coupon: str = ""
    led: Led | None = None
    weight: int = 0


def explain(story: Story, zone: ZoneInfo, tr: Translate = in_chinese) -> str:
    """One sentence about one order line; times in `zone`, with how sure it is in plain words."""
    product, sure = story.product, sureness(story.weight, tr)
    if story.label == Label.OUT:
        told = "这笔订单({product}):已全额退款、已取消或是运营自己买的,不计入归因。"
        return tr(told, product=product)
    if story.label == Label.UNKNOWN:
        return tr("这笔订单({product}):认不出买家是群里的谁,不作判断。", product=product)
    if story.carried is not None or (story.label == Label.PROMO and story.at is None):
        told = "这笔订单({product}):{how},算促销带来,{sure}。"
        return tr(told, product=product, how=_carried(story, zone, tr), sure=sure)
    if story.at is None:
        told = "这笔订单({product}):下单前群里没人提到它,算自然购买,{sure}。"
        return tr(told, product=product, sure=sure)
    return tr(
        "这笔订单({product}):{said},{followed}{lag}后下单,{verdict},{sure}。",
        product=product, said=_said(story, zone, tr), followed=tr(_followed(story)),
        lag=lag(story.paid_at - story.at, tr), verdict=tr(_verdict(story)), sure=sure,
    )  # fmt: skip


def sureness(weight: int, tr: Translate = in_chinese) -> str:
    """How sure a weight is, in tenths: 670,000 ppm is 约七成把握."""
    tenths = min((weight * 10 + weights.WHOLE // 2) // weights.WHOLE, 9)
    return tr(_SURE[tenths])


def lag(span: dt.timedelta, tr: Translate = in_chinese) -> str:
    """A span of time in its largest fitting unit."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return tr("{n} 分钟", n=max(minutes, 1))
    if minutes < 48 * 60:
        return tr("{n} 小时", n=minutes // 60)
    return tr("{n} 天", n=minutes // 1440)


def stories(session: Session, order_line_ids: Sequence[int]) -> Iterator[Story]:
    """The stories of these attributed lines, by order and line; as many statements for all."""
    told, line, product, room, met, named, message, contact, delivery, series = database.tables(
        Attribution,
        OrderLine,
        Product,
        Room,
        AttributionEvidence,
        MessageIdentity,
        Message,
        Contact,
        Delivery,
        Series,
    )
    ids = database.given(session, {"id": serial()}, [(each,) for each in order_line_ids])
    carried = buying.carried(session, buying.LINE.c.id.in_(select(ids.c.id)))
    came = led.by_line(session, order_line_ids)
    rows = session.connection().execute(
        select(
            *(line.c.id, line.c.order_id, line.c.line_no, line.c.paid_at, line.c.coupon),
            *(product.c.name.label("product"), series.c.name.label("series")),
            *(told.c.label, told.c.grade, told.c.possible, told.c.ppm_organic, told.c.ppm_promo),
            *(told.c.ppm_base, met.c.touch, met.c.at, room.c.topic, contact.c.name),
        )
        .join(ids, ids.c.id == told.c.order_line_id)
        .join(line, line.c.id == told.c.order_line_id)
        .join(product, product.c.id == line.c.product_id)
        .outerjoin(
            met,
            and_(
                met.c.order_line_id == told.c.order_line_id,
                met.c.room_id == told.c.room_id,
                met.c.message_id.is_not_distinct_from(told.c.message_id),
                met.c.delivery_id.is_not_distinct_from(told.c.delivery_id),
            ),
        )
        .outerjoin(room, room.c.id == told.c.room_id)
        .outerjoin(named, named.c.id == told.c.message_id)
        .outerjoin(
            message,
            and_(
                message.c.day == named.c.day,
                message.c.room_id == named.c.room_id,
                message.c.id == named.c.id,
            ),
        )
        .outerjoin(contact, contact.c.id == message.c.contact_id)
        .outerjoin(delivery, delivery.c.id == told.c.delivery_id)
        .outerjoin(series, series.c.id == delivery.c.series_id)
    )
    for row in sorted(rows, key=lambda row: (row.order_id, row.line_no)):
        speaks = {Label.ORGANIC: row.ppm_organic, Label.PROMO: row.ppm_promo}
        yield Story(
            order_id=row.order_id,
            line_no=row.line_no,
            product=row.product,
            paid_at=row.paid_at,
            label=row.label,
            grade=row.grade,
            possible=row.possible,
            touch=row.touch,
            at=row.at,
            room=row.topic or "",
            speaker=row.name or "",
            series=row.series or "",
            carried=carried.get(row.id) if row.label == Label.PROMO else None,
            coupon=row.coupon or "",
            led=came.get(row.id),
            weight=speaks.get(row.label, row.ppm_base) or 0,
        )


def _carried(story: Story, zone: ZoneInfo, tr: Translate) -> str:
    if story.carried is Carried.COUPON:
        return tr("用了活动的优惠码 {coupon}", coupon=story.coupon)
    if story.carried is None:
        # It was a campaign's when it was decided, and that campaign is told otherwise now.
        return tr("用了活动的优惠码或链接")
    if story.led is None:
        return tr("从活动的链接下单")
    came = story.led
    where = _of_link(came, zone, tr)
    told = "从短链接 {code}({where})下单" if where else "从短链接 {code}下单"
    link = tr(told, code=came.code, where=where)
    if came.clicked_at is None:
        return tr("{link},没有点开的记录", link=link)
    return tr(
        "{link},付款前最后一次有人点开是 {at},{lag}后付款",
        link=link, at=_when(came.clicked_at, zone), lag=lag(story.paid_at - came.clicked_at, tr),
    )  # fmt: skip


def _of_link(came: Led, zone: ZoneInfo, tr: Translate) -> str:
    """Where a short link stood, or who made it; "" where that is not told."""
    if came.series:
        place = _place(came.room, tr)
        if not came.sent_at:
            return tr("栏目“{series}”给{place}的那一条", series=came.series, place=place)
        told = "栏目“{series}”{at} 发到{place}的那一条"
        return tr(told, series=came.series, at=_when(came.sent_at, zone), place=place)
    if came.made_by == short_links.PLANNER:
        return ""
    note = f",{came.note}" if came.note else ""
    return tr("{who} {at} 做的", who=came.made_by, at=_when(came.made_at, zone)) + note


def _said(story: Story, zone: ZoneInfo, tr: Translate) -> str:
    at = _when(story.at, zone) if story.at else ""
    who, place = story.speaker or tr("群友"), _place(story.room, tr)
    if story.touch == Touch.PROMO:
        said = tr("{at} 在{place}里发过促销", at=at, place=place)
        return said + (tr("(栏目“{series}”)", series=story.series) if story.series else "")
    echoes = story.touch == Touch.PROMO_ECHO
    told = "{who} {at} 在{place}里跟着促销提到它" if echoes else "{who} {at} 在{place}里提到它"
    return tr(told, who=who, at=at, place=place)


def _place(room: str, tr: Translate) -> str:
    return tr("“{room}”", room=room) if room else tr("群")


def _when(at: dt.datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%m-%d %H:%M")


def _followed(story: Story) -> str:
    if story.grade == Grade.A:
        return "买家接了话,"
    if story.grade == Grade.B:
        return "买家之后在群里说过话,"
    return "买家当时在群里没说话," if story.grade == Grade.C else "买家 "


def _verdict(story: Story) -> str:
    if story.label == Label.ORGANIC:
        return "算群友带来"
    return "算促销带来" if story.label == Label.PROMO else "也许有关,仍算自然购买"
