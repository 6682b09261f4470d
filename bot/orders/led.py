"""Through which short link an order line came: the post that it stood in, and when it was followed.

A click is a code and a moment, so nobody can say whose it was: the last one before the payment is
told as such, and as far as clicks are still kept: of those too many to be listed, the last of each
hour.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, String, Table, and_, func, select
from sqlmodel import Session

from bot import database, links
from bot.models import Click, ClickHour, ClickKind, Delivery, OrderLine, Room, Series, ShortLink
from bot.models.columns import serial

LINE, LINK, CLICK, HOUR, ROOM, SERIES, DELIVERY = database.tables(
    OrderLine, ShortLink, Click, ClickHour, Room, Series, Delivery
)


@dataclass(frozen=True, slots=True)
class Led:
    """One short link. Of a post: `series` is its name, `delivery_id` and `sent_at` what went out to
    the room. One that somebody made by hand has none of these, but `made_by` and `note`.

    `clicked_at` is the last time that a person followed it before the payment.
    """

    code: str
    series: str
    series_key: str
    delivery_id: int | None
    sent_at: dt.datetime | None
    room_id: int | None
    room: str
    made_by: str
    made_at: dt.datetime
    note: str
    clicked_at: dt.datetime | None


def by_line(session: Session, order_line_ids: Sequence[int]) -> Mapping[int, Led]:
    """The short links of ours that these lines carry, by line; two statements."""
    ids = database.given(session, {"id": serial()}, [(each,) for each in order_line_ids])
    kept = session.connection().execute(
        select(LINE.c.id, LINE.c.link)
        .join(ids, ids.c.id == LINE.c.id)
        .where(LINE.c.link.is_not(None))
    )
    codes = [(line, code) for line, link in kept if (code := links.marked(link)) is not None]
    if not codes:
        return {}
    carried = database.given(session, {"line": serial(), "code": String()}, codes)
    rows = session.connection().execute(
        select(
            *(LINE.c.id, LINK.c.code, LINK.c.made_by, LINK.c.made_at, LINK.c.note),
            *(SERIES.c.name.label("series"), SERIES.c.key.label("series_key")),
            *(DELIVERY.c.id.label("delivery_id"), DELIVERY.c.sent_at),
            *(LINK.c.room_id, ROOM.c.topic, _last(CLICK, CLICK.c.at).label("clicked_at")),
            _last(HOUR, HOUR.c.last_at).label("summed_at"),
        )
        .select_from(carried)
        .join(LINE, LINE.c.id == carried.c.line)
        .join(LINK, LINK.c.code == carried.c.code)
        .outerjoin(SERIES, SERIES.c.id == LINK.c.series_id)
        .outerjoin(
            DELIVERY,
            and_(DELIVERY.c.key == LINK.c.delivery_key, DELIVERY.c.room_id == LINK.c.room_id),
        )
        .outerjoin(ROOM, ROOM.c.id == LINK.c.room_id)
    )
    return {
        row.id: Led(
            *(row.code, row.series or "", row.series_key or "", row.delivery_id, row.sent_at),
            *(row.room_id, row.topic or "", row.made_by, row.made_at, row.note),
            max(filter(None, (row.clicked_at, row.summed_at)), default=None),
        )
        for row in rows
    }


def _last(clicks: Table, at: ColumnElement[dt.datetime]) -> ScalarSelect[dt.datetime]:
    """When a person last followed a link before a line was paid, by one table of clicks."""
    return (
        select(func.max(at))
        .where(
            clicks.c.code == LINK.c.code,
            clicks.c.kind == ClickKind.PERSON,
            at <= LINE.c.paid_at,
        )
        .correlate(LINK, LINE)
        .scalar_subquery()
    )
