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

_TENTHS = "一二三四五六七八九"


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


def explain(story: Story, zone: ZoneInfo) -> str:
    """One sentence about one order line; times in `zone`, with how sure it is in plain words."""
    if story.label == Label.OUT:
        return f"这笔订单({story.product}):已全额退款、已取消或是运营自己买的,不计入归因。"
    if story.label == Label.UNKNOWN:
        return f"这笔订单({story.product}):认不出买家是群里的谁,不作判断。"
    if story.carried is not None or (story.label == Label.PROMO and story.at is None):
        said = _carried(story, zone)
        return f"这笔订单({story.product}):{said},算促销带来,{sureness(story.weight)}。"
    if story.at is None:
        sure = sureness(story.weight)
        return f"这笔订单({story.product}):下单前群里没人提到它,算自然购买,{sure}。"
    return (
        f"这笔订单({story.product}):{_said(story, zone)},{_followed(story)}"
        f"{lag(story.paid_at - story.at)}后下单,{_verdict(story)},{sureness(story.weight)}。"
    )


def sureness(weight: int) -> str:
    """How sure a weight is, in tenths: 670,000 ppm is 约七成把握."""
    tenths = min((weight * 10 + weights.WHOLE // 2) // weights.WHOLE, 9)
    return f"约{_TENTHS[tenths - 1]}成把握" if tenths else "不到一成把握"


def lag(span: dt.timedelta) -> str:
    """A span of time in its largest fitting unit."""
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return f"{max(minutes, 1)} 分钟"
    return f"{minutes // 60} 小时" if minutes < 48 * 60 else f"{minutes // 1440} 天"


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


def _carried(story: Story, zone: ZoneInfo) -> str:
    if story.carried is Carried.COUPON:
        return f"用了活动的优惠码 {story.coupon}"
    if story.carried is None:
        # It was a campaign's when it was decided, and that campaign is told otherwise now.
        return "用了活动的优惠码或链接"
    if story.led is None:
        return "从活动的链接下单"
    came = story.led
    where = _of_link(came, zone)
    link = f"从短链接 {came.code}{f'({where})' if where else ''}下单"
    if came.clicked_at is None:
        return f"{link},没有点开的记录"
    after = lag(story.paid_at - came.clicked_at)
    return f"{link},付款前最后一次有人点开是 {_when(came.clicked_at, zone)},{after}后付款"


def _of_link(came: Led, zone: ZoneInfo) -> str:
    """Where a short link stood, or who made it; "" where that is not told."""
    if came.series:
        sent = f"{_when(came.sent_at, zone)} 发到" if came.sent_at else "给"
        return f"栏目“{came.series}”{sent}{_place(came.room)}的那一条"
    if came.made_by == short_links.PLANNER:
        return ""
    note = f",{came.note}" if came.note else ""
    return f"{came.made_by} {_when(came.made_at, zone)} 做的{note}"


def _said(story: Story, zone: ZoneInfo) -> str:
    when = _when(story.at, zone) if story.at else ""
    who, where = story.speaker or "群友", f"在{_place(story.room)}里"
    if story.touch == Touch.PROMO:
        return f"{when} {where}发过促销" + (f"(栏目“{story.series}”)" if story.series else "")
    echoes = "跟着促销" if story.touch == Touch.PROMO_ECHO else ""
    return f"{who} {when} {where}{echoes}提到它"


def _place(room: str) -> str:
    return f"“{room}”" if room else "群"


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
