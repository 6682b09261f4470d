"""Orders as the console lists them: each line with its label, and what stands behind it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from bot import database, standing
from bot.console import roles
from bot.console.page import Page
from bot.insights.explanation import Story
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
# Labels as they are shown.
SHOWN = (Label.ORGANIC, Label.PROMO, Label.DIRECT, Label.UNKNOWN, Label.OUT)
PAID = case((LINE.c.status == OrderStatus.CANCELLED, 0), else_=LINE.c.amount - LINE.c.refunded)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of order lines is narrowed to: paid in `[since, until)`, a label, an order, and
    the room that the label points to (our id), its vertical or its owner. `counted`: without those
    that no figure counts.
    """

    since: dt.datetime
    until: dt.datetime
    label: Label | None = None
    order: str = ""
    counted: bool = False
    room: int = 0
    vertical: str = ""
    owner: str = ""


def lines(page: Page, wanted: Wanted) -> Select[Any]:
    """The attributed lines that the operator may see. Who sees some rooms only sees the lines that
    are credited to one of these: whom the others belong to nobody can say.
    """
    found = (
        select(
            LINE.c.id, LINE.c.order_id, LINE.c.line_no, LINE.c.paid_at, LINE.c.status,
            LINE.c.amount, LINE.c.refunded, PAID.label("net"), PRODUCT.c.name.label("product"),
            TOLD.c.label, TOLD.c.grade, TOLD.c.possible, TOLD.c.final, TOLD.c.ppm_organic,
            TOLD.c.ppm_promo, TOLD.c.ppm_base, ROOM.c.id.label("room_id"), ROOM.c.topic,
        )
        .join(TOLD, TOLD.c.order_line_id == LINE.c.id)
        .join(PRODUCT, PRODUCT.c.id == LINE.c.product_id)
        .outerjoin(ROOM, ROOM.c.id == TOLD.c.room_id)
        .where(LINE.c.paid_at >= wanted.since, LINE.c.paid_at < wanted.until)
    )  # fmt: skip
    if not roles.sees_all(page.someone):
        found = found.where(TOLD.c.room_id.is_not(None), page.in_scope(ROOM))
    if wanted.label is not None:
        found = found.where(TOLD.c.label == wanted.label)
    if wanted.counted:
        found = found.where(TOLD.c.label != Label.OUT)
    if wanted.room:
        found = found.where(ROOM.c.id == wanted.room)
    if wanted.vertical:
        found = found.where(ROOM.c.vertical == wanted.vertical)
    if wanted.owner:
        found = found.where(ROOM.c.owner == wanted.owner)
    if wanted.order:
        found = found.where(LINE.c.order_id.startswith(wanted.order, autoescape=True))
    return found


def by_label(page: Page, wanted: Wanted) -> dict[Label, tuple[int, int]]:
    """Lines and their revenue (fen, net of refunds) by label, of what `lines` lists."""
    listed = lines(page, replace(wanted, label=None, counted=False)).subquery()
    rows = page.session.connection().execute(
        select(listed.c.label, func.count(), func.sum(listed.c.net)).group_by(listed.c.label)
    )
    found = {row[0]: (row[1], int(row[2])) for row in rows}
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
