"""Labelling (标注): messages drawn at random, and what a person says that they are.

    (nothing) → WAITING                sampling.draw
    WAITING → MARKED                   mark
    WAITING → SKIPPED                  skip
    MARKED, SKIPPED → WAITING          undo (the last one)

A message waits while it is drawn, has no mark, was not skipped, and its text still stands; so
stopping and going on another day need nothing. What the rules say is never shown. `sampling`
draws, `insights.quality` says what the marks are worth.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, select, update
from sqlmodel import Session

from bot import around, database, sampling
from bot.models import DrawnMessage, Mark, Message, Room, SignalKind

# What a text alone lets a person judge; floods and near-duplicates are matters of arithmetic.
KINDS = (
    SignalKind.QUESTION,
    SignalKind.ANSWER,
    SignalKind.PRICE_QUESTION,
    SignalKind.PURCHASE_INTENT,
    SignalKind.COMPLAINT,
    SignalKind.PRAISE,
    SignalKind.SHARE,
    SignalKind.GREETING,
    SignalKind.ADVERTISEMENT,
    SignalKind.ORDER_NUMBER,
    SignalKind.CHECK_IN,
    SignalKind.PLUS_ONE,
)
# The key that a person ticks each kind with.
KEYS = dict(zip(KINDS, "qapwcgshdok1", strict=True))
# How many messages before it a person sees.
BEFORE = 4

DRAWN, MARK, MESSAGE, ROOM = database.tables(DrawnMessage, Mark, Message, Room)
_SAME = and_(
    MESSAGE.c.day == DRAWN.c.day,
    MESSAGE.c.room_id == DRAWN.c.room_id,
    MESSAGE.c.id == DRAWN.c.message_id,
)
_MARKED = (
    select(MARK.c.message_id)
    .where(MARK.c.message_id == DRAWN.c.message_id, MARK.c.drawn.is_(True))
    .exists()
)


_WAITING = and_(
    ~_MARKED, DRAWN.c.skipped_at.is_(None), MESSAGE.c.text.is_not(None), ~sampling.RECALLED
)


@dataclass(frozen=True, slots=True)
class Said:
    """A message as whoever marks sees it."""

    name: str
    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that waits for its mark; `before` is what was said right before it, in order."""

    draw_id: int
    place: int
    message_id: int
    day: dt.date
    room_id: int
    topic: str
    said: Said
    before: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How many messages of all draws stand where."""

    marked: int
    skipped: int
    waiting: int


def next_waiting(session: Session) -> Shown | None:
    """The message that waits longest, with what was said before it."""
    row = (
        session.connection()
        .execute(
            select(DRAWN, ROOM.c.topic, MESSAGE.c.name, MESSAGE.c.at, MESSAGE.c.text)
            .join(MESSAGE, _SAME)
            .join(ROOM, ROOM.c.id == DRAWN.c.room_id)
            .where(_WAITING)
            .order_by(DRAWN.c.draw_id, DRAWN.c.place)
        )
        .first()
    )
    if row is None:
        return None
    place = around.Place(row.day, row.room_id, row.message_id, row.at)
    return Shown(
        row.draw_id,
        row.place,
        row.message_id,
        row.day,
        row.room_id,
        row.topic or "",
        Said(row.name or "", row.at, row.text),
        tuple(
            Said(one.name, one.at, one.text or "")
            for one in around.before(session, place, BEFORE, texts_only=True)
        ),
    )


def progress(session: Session) -> Progress:
    """How far the marking has come."""
    connection = session.connection()
    marked = select(func.count()).select_from(DRAWN).where(_MARKED)
    skipped = select(func.count()).select_from(DRAWN).where(DRAWN.c.skipped_at.is_not(None))
    waiting = select(func.count()).select_from(DRAWN).join(MESSAGE, _SAME).where(_WAITING)
    return Progress(*(connection.execute(each).scalar_one() for each in (marked, skipped, waiting)))


def mark(
    session: Session,
    shown: Shown,
    kinds: Collection[SignalKind],
    products: Collection[int] | None,
    by: str,
    now: dt.datetime,
) -> None:
    """Write down what a drawn message is; `products` None: not asked. Marking again replaces."""
    row = {
        "message_id": shown.message_id,
        "day": shown.day,
        "room_id": shown.room_id,
        "kinds": sorted(kinds),
        "products": None if products is None else sorted(products),
        "drawn": True,
        "by": by,
        "at": now,
    }
    replaced = [name for name in row if name != "message_id"]
    database.insert_rows(session, Mark, [row], replace=replaced)


def skip(session: Session, shown: Shown, now: dt.datetime) -> None:
    """Leave a message out: nobody can say what it is."""
    session.connection().execute(
        update(DRAWN)
        .where(DRAWN.c.draw_id == shown.draw_id, DRAWN.c.place == shown.place)
        .values(skipped_at=now)
    )


def undo(session: Session) -> bool:
    """Take the last mark or skip back, so that its message waits again; False where is none."""
    connection = session.connection()
    marked = connection.execute(
        select(MARK.c.message_id, MARK.c.at)
        .join(DRAWN, DRAWN.c.message_id == MARK.c.message_id)
        .where(MARK.c.drawn.is_(True))
        .order_by(MARK.c.at.desc(), DRAWN.c.draw_id.desc(), DRAWN.c.place.desc())
    ).first()
    skipped = connection.execute(
        select(DRAWN.c.draw_id, DRAWN.c.place, DRAWN.c.skipped_at)
        .where(DRAWN.c.skipped_at.is_not(None))
        .order_by(DRAWN.c.skipped_at.desc(), DRAWN.c.draw_id.desc(), DRAWN.c.place.desc())
    ).first()
    if skipped and (marked is None or skipped.skipped_at >= marked.at):
        connection.execute(
            update(DRAWN)
            .where(DRAWN.c.draw_id == skipped.draw_id, DRAWN.c.place == skipped.place)
            .values(skipped_at=None)
        )
    elif marked:
        connection.execute(delete(MARK).where(MARK.c.message_id == marked.message_id))
    return bool(skipped or marked)
