"""Why one order line has its label, in the words of an operator."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlmodel import Session

from bot import database
from bot.insights import weights
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    Grade,
    Label,
    Message,
    MessageIdentity,
    OrderLine,
    Product,
    Room,
    Touch,
)
from bot.models.columns import serial

_TENTHS = "一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Story:
    """What an explanation is made of. `touch`, `at`, `room` and `speaker` are the named touch's.

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
    weight: int = 0


def explain(story: Story, zone: ZoneInfo) -> str:
    """One sentence about one order line; times in `zone`, with how sure it is in plain words."""
    if story.label == Label.OUT:
        return f"这笔订单({story.product}):已全额退款、已取消或是运营自己买的,不计入归因。"
    if story.label == Label.UNKNOWN:
        return f"这笔订单({story.product}):认不出买家是群里的谁,不作判断。"
    if story.at is None:
        reason = "用了活动的优惠码或链接" if story.label == Label.PROMO else "下单前群里没人提到它"
        verdict = "算促销带来" if story.label == Label.PROMO else "算自然购买"
        return f"这笔订单({story.product}):{reason},{verdict},{sureness(story.weight)}。"
    when = story.at.astimezone(zone).strftime("%m-%d %H:%M")
    who = story.speaker or "群友"
    where = f"在“{story.room}”里" if story.room else "在群里"
    said = {
        Touch.PROMO: f"{when} {where}发过促销",
        Touch.PROMO_ECHO: f"{who} {when} {where}跟着促销提到它",
    }.get(story.touch or Touch.ORGANIC, f"{who} {when} {where}提到它")
    return (
        f"这笔订单({story.product}):{said},{_followed(story)}"
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
    """The stories of these attributed lines, by order and line, in one statement."""
    told, line, product, room, met, named, message, contact = database.tables(
        Attribution,
        OrderLine,
        Product,
        Room,
        AttributionEvidence,
        MessageIdentity,
        Message,
        Contact,
    )
    ids = database.given(session, {"id": serial()}, [(each,) for each in order_line_ids])
    rows = session.connection().execute(
        select(
            *(line.c.order_id, line.c.line_no, line.c.paid_at, product.c.name.label("product")),
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
            weight=speaks.get(row.label, row.ppm_base) or 0,
        )


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
