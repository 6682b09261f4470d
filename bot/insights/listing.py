"""What the figures of talk and of members count, one a row, so that each can be counted again.

Counted as the roll-ups count (DESIGN §7): the messages of members that stand, by room-local days.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.insights import behind, engagement, rising
from bot.insights.engagement import Days, RoomView
from bot.models import (
    SINCE_EVER,
    Contact,
    Membership,
    Mention,
    MessageIdentity,
    Product,
    Role,
    Signal,
    SignalKind,
)
from bot.times import DAY

MESSAGE = behind.MESSAGE
SIGNAL, MENTION, PRODUCT = database.tables(Signal, Mention, Product)
NAMED, CONTACT, STAY = database.tables(MessageIdentity, Contact, Membership)

TALK = (
    *("room", "day", "at", "id", "sender", "question", "answered_at", "answered_by_member_at"),
    *("share", "complaint", "products"),
)
STAYS = ("room", "sender", "joined_at", "joined_day", "left_at", "left_day")
EVER = Days(dt.date(1970, 1, 2), dt.date(9999, 1, 1))
KINDS = (SignalKind.QUESTION, SignalKind.SHARE, SignalKind.COMPLAINT)


@dataclass(slots=True)
class _Heard:
    """By message id: its kinds, who answered it when, in order of time, and products named."""

    kinds: dict[int, set[SignalKind]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[int, list[tuple[dt.datetime, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    products: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))


def talk(
    session: Session, views: Mapping[int, RoomView], since: dt.date | None, until: dt.date | None
) -> Iterator[tuple[object, ...]]:
    """Messages of members on the room-local days `[since, until)`, cells as TALK names them, by
    room and time.

    `answered_at` is when the first human other than the asker answered, operators included.
    """
    span = Days(since or EVER.since, until or EVER.until)
    roles = engagement.roles(session)
    for rooms in rising.parts(views):
        yield from _talk(session, {room: views[room] for room in rooms}, span, roles)


def stays(
    session: Session, views: Mapping[int, RoomView], since: dt.date | None, until: dt.date | None
) -> Iterator[tuple[object, ...]]:
    """Stays of members that began or ended on the room-local days `[since, until)`, cells as STAYS
    names them; a stay from before the log has no beginning.
    """
    first, last = since or EVER.since, until or EVER.until
    left_out = engagement.roles(session)
    query = (
        select(
            *(STAY.c.room_id, STAY.c.contact_id, STAY.c.joined_at, STAY.c.left_at),
            CONTACT.c.platform_id,
        )
        .join(CONTACT, CONTACT.c.id == STAY.c.contact_id)
        .order_by(STAY.c.room_id, STAY.c.joined_at, STAY.c.id)
    )
    rows = session.connection().execution_options(yield_per=2_000).execute(query)
    for room, contact, joined_at, left_at, sender in rows:
        came = None if joined_at <= SINCE_EVER else joined_at
        days = [at.astimezone(views[room].zone).date() if at else None for at in (came, left_at)]
        moved = any(day is not None and first <= day < last for day in days)
        if moved and (room, contact) not in left_out:
            yield (views[room].platform_id, sender, came, days[0], left_at, days[1])


def _talk(
    session: Session,
    views: Mapping[int, RoomView],
    span: Days,
    roles: Mapping[tuple[int, int], Role],
) -> Iterator[tuple[object, ...]]:
    """`talk` of some rooms: what was heard in all of them is held at once."""
    heard = _heard(session, sorted(views), span)
    query = (
        select(
            *(MESSAGE.c.room_id, MESSAGE.c.at, MESSAGE.c.id, MESSAGE.c.contact_id),
            *(NAMED.c.platform_id, CONTACT.c.platform_id.label("sender")),
        )
        .join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .join(NAMED, NAMED.c.id == MESSAGE.c.id)
        .where(MESSAGE.c.day >= span.since - DAY, MESSAGE.c.day <= span.until)
        .where(MESSAGE.c.room_id.in_(sorted(views)), behind.counts())
        .order_by(MESSAGE.c.room_id, MESSAGE.c.at, MESSAGE.c.id)
    )
    rows = session.connection().execution_options(yield_per=2_000).execute(query)
    for room, at, id, contact, name, sender in rows:
        day = at.astimezone(views[room].zone).date()
        if not span.since <= day < span.until:
            continue
        kinds = heard.kinds.get(id, set())
        replies = [
            (when, roles.get((room, who)))
            for when, who in heard.answers.get(id, ())
            if who != contact
        ]
        human = [when for when, role in replies if role is not Role.BOT]
        member = [when for when, role in replies if role is None]
        yield (
            *(views[room].platform_id, day, at, name, sender, SignalKind.QUESTION in kinds),
            *(human[0] if human else None, member[0] if member else None),
            *(SignalKind.SHARE in kinds, SignalKind.COMPLAINT in kinds),
            "|".join(heard.products.get(id, ())),
        )


def _heard(session: Session, rooms: Sequence[int], span: Days) -> _Heard:
    """What was heard in these days, and the answers to it, whenever they came."""
    found = _Heard()
    within = SIGNAL.c.room_id.in_(rooms), SIGNAL.c.day >= span.since - DAY
    kinds = session.connection().execute(
        select(SIGNAL.c.message_id, SIGNAL.c.kind).where(
            *within, SIGNAL.c.day <= span.until, SIGNAL.c.kind.in_(KINDS)
        )
    )
    for message, kind in kinds:
        found.kinds[message].add(kind)
    answers = session.connection().execute(
        select(SIGNAL.c.target_id, SIGNAL.c.at, SIGNAL.c.contact_id)
        .where(*within, SIGNAL.c.kind == SignalKind.ANSWER, SIGNAL.c.target_id.is_not(None))
        .order_by(SIGNAL.c.at, SIGNAL.c.message_id)
    )
    for asked, at, contact in answers:
        found.answers[asked].append((at, contact))
    mentions = session.connection().execute(
        select(MENTION.c.message_id, PRODUCT.c.name)
        .join(PRODUCT, PRODUCT.c.id == MENTION.c.product_id)
        .where(MENTION.c.room_id.in_(rooms))
        .where(MENTION.c.day >= span.since - DAY, MENTION.c.day <= span.until)
        .order_by(PRODUCT.c.name)
    )
    for message, product in mentions:
        found.products[message].append(product)
    return found
