"""Orders as the console lists them: each line with its label, and what stands behind it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from bot import database, standing
from bot.console import roles
from bot.console.page import Page
from bot.insights import funnel
from bot.insights.explanation import Story
from bot.insights.funnel import Step
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    Delivery,
    Label,
    Message,
    MessageIdentity,
    OperatorRole,
    OrderLine,
    OrderStatus,
    Product,
    Room,
    Series,
)
from bot.orders.short_links import PLANNER

LINE, TOLD, PRODUCT, ROOM = database.tables(OrderLine, Attribution, Product, Room)
MET, NAMED, MESSAGE, CONTACT = database.tables(
    AttributionEvidence, MessageIdentity, Message, Contact
)
DELIVERY, SERIES = database.tables(Delivery, Series)
DAYS, DAY = 28, dt.timedelta(days=1)
# Labels as they are shown.
SHOWN = (Label.ORGANIC, Label.PROMO, Label.DIRECT, Label.UNKNOWN, Label.OUT)
PAID = case((LINE.c.status == OrderStatus.CANCELLED, 0), else_=LINE.c.amount - LINE.c.refunded)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of order lines is narrowed to: paid in `[since, until)`, a label, an order, and
    the room that the label points to (our id), its vertical or its owner; and those that came as
    far as a step of the funnel.
    """

    since: dt.datetime
    until: dt.datetime
    label: Label | None = None
    order: str = ""
    step: Step = Step.PAID
    room: int = 0
    vertical: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """The lines of one label: how many, their revenue (fen, net of refunds), and when the last of
    them was attributed.
    """

    lines: int
    net: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Days and a place as an address carries them; `until` is the last day itself, `room` is our
    id. Nothing is no narrowing; days that are none are the last four weeks.
    """

    since: str = ""
    until: str = ""
    vertical: str = ""
    room: int = 0
    owner: str = ""

    def given(self, **others: str) -> dict[str, str]:
        """What a link to a list of the same carries."""
        place = {"vertical": self.vertical, "room": str(self.room or ""), "owner": self.owner}
        told = {"since": self.since, "until": self.until, **place, **others}
        return {name: value for name, value in told.items() if value}


def wanted(page: Page, asked: Asked) -> Wanted:
    """What is asked for, in instants."""
    since, until = instants(page, *days(page, asked.since, asked.until))
    return Wanted(since, until, room=asked.room, vertical=asked.vertical, owner=asked.owner)


def lines(page: Page, wanted: Wanted) -> Select[Any]:
    """The attributed lines that the operator may see. Who sees some rooms only sees the lines that
    are credited to one of these: whom the others belong to nobody can say.
    """
    found = (
        select(
            LINE.c.id, LINE.c.order_id, LINE.c.line_no, LINE.c.paid_at, LINE.c.status,
            LINE.c.amount, LINE.c.refunded, PAID.label("net"), PRODUCT.c.name.label("product"),
            TOLD.c.label, TOLD.c.grade, TOLD.c.possible, TOLD.c.final, TOLD.c.ppm_organic,
            TOLD.c.ppm_promo, TOLD.c.ppm_base, TOLD.c.computed_at,
            ROOM.c.id.label("room_id"), ROOM.c.topic,
        )
        .join(TOLD, TOLD.c.order_line_id == LINE.c.id)
        .join(PRODUCT, PRODUCT.c.id == LINE.c.product_id)
        .outerjoin(ROOM, ROOM.c.id == TOLD.c.room_id)
        .where(LINE.c.paid_at >= wanted.since, LINE.c.paid_at < wanted.until)
        .where(funnel.reaches(wanted.step))
    )  # fmt: skip
    if (rooms := within(page, wanted)) is not None:
        found = found.where(ROOM.c.id.is_not(None), rooms)
    if wanted.label is not None:
        found = found.where(TOLD.c.label == wanted.label)
    if wanted.order:
        found = found.where(LINE.c.order_id.startswith(wanted.order, autoescape=True))
    return found


def within(page: Page, wanted: Wanted) -> ColumnElement[bool] | None:
    """The rooms that a list is narrowed to, in what the operator sees: a condition on the room
    table. None for everything, what belongs to no room as well.
    """
    narrowed = [] if roles.sees_all(page.someone) else [page.in_scope(ROOM)]
    if wanted.room:
        narrowed.append(ROOM.c.id == wanted.room)
    if wanted.vertical:
        narrowed.append(ROOM.c.vertical == wanted.vertical)
    if wanted.owner:
        narrowed.append(ROOM.c.owner == wanted.owner)
    return and_(*narrowed) if narrowed else None


def days(page: Page, since: str, until: str) -> tuple[dt.date, dt.date]:
    """The first and the last local day that are asked for, else the last four weeks."""
    today = page.now.astimezone(page.settings.zone).date()
    last = _day(until) or today
    return _day(since) or last - (DAYS - 1) * DAY, last


def instants(page: Page, first: dt.date, last: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The beginning of the first day and the end of the last one."""
    zone = page.settings.zone
    return (
        dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC),
        dt.datetime.combine(last + DAY, dt.time(), zone).astimezone(dt.UTC),
    )


def _day(text: str) -> dt.date | None:
    # Whoever types an address by hand gets the days that the page shows by itself.
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return None
    # Near the ends of the calendar there is no instant to every local day.
    return found if 2000 <= found.year < 2200 else None


def by_label(page: Page, wanted: Wanted) -> dict[Label, Counted]:
    """The lines that `lines` lists, by label."""
    listed = lines(page, replace(wanted, label=None, step=Step.PAID)).subquery()
    rows = page.session.connection().execute(
        select(
            listed.c.label, func.count(), func.sum(listed.c.net), func.max(listed.c.computed_at)
        ).group_by(listed.c.label)
    )
    found = {row[0]: Counted(row[1], int(row[2]), row[3]) for row in rows}
    return {label: found[label] for label in SHOWN if label in found}


def line(page: Page, line_id: int) -> Row[Any] | None:
    """One line as `lines` gives it, None where there is none that the operator may see."""
    ever = Wanted(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 1, 1, tzinfo=dt.UTC))
    return page.session.connection().execute(lines(page, ever).where(LINE.c.id == line_id)).first()


def as_seen(page: Page, story: Story) -> Story:
    """A story as the operator may read it: no member's name to who may not read what was said, and
    of a link that was made for a room out of scope no more than its code.
    """
    if not page.may(OperatorRole.OPERATOR):
        story = replace(story, speaker="")
    came = story.led
    if came is None or roles.sees_all(page.someone):
        return story
    if came.room_id is not None and roles.sees(page.session, page.someone, [came.room_id]):
        return story
    hidden = replace(came, series="", series_key="", delivery_id=None, sent_at=None, note="")
    return replace(story, led=replace(hidden, room_id=None, room="", made_by=PLANNER))


def evidence(page: Page, line_id: int) -> Sequence[Any]:
    """The touches of one line, the preferred first, with who said what, as far as it still stands
    and lies in the operator's scope; `text` is NULL where it was recalled or kept no longer.
    """
    said = aliased(MESSAGE)
    named = (
        select(NAMED.c.id, NAMED.c.day, NAMED.c.room_id, NAMED.c.id.label("message_id"))
        .subquery("named")
    )  # fmt: skip
    rows = page.session.connection().execute(
        select(
            MET.c.position, MET.c.touch, MET.c.grade, MET.c.at, MET.c.weight, MET.c.delivery_id,
            ROOM.c.id.label("room_id"), ROOM.c.topic, CONTACT.c.name.label("speaker"),
            SERIES.c.name.label("series"), standing.text(named).label("text"),
        )
        .join(ROOM, ROOM.c.id == MET.c.room_id)
        .outerjoin(named, named.c.id == MET.c.message_id)
        .outerjoin(
            said,
            and_(
                said.c.day == named.c.day, said.c.room_id == named.c.room_id,
                said.c.id == named.c.id,
            ),
        )
        .outerjoin(CONTACT, CONTACT.c.id == said.c.contact_id)
        .outerjoin(DELIVERY, DELIVERY.c.id == MET.c.delivery_id)
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(MET.c.order_line_id == line_id, page.in_scope(ROOM))
        .order_by(MET.c.position)
    )  # fmt: skip
    return rows.all()
