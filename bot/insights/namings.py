"""Mentions as the classes of touches need them: with their texts, who said them, and their kin.

which      those that a condition chooses          in_streams  those of streams and times
named      those of some messages                  quoting     the messages that quote some
alike      those that say the same long texts      quoted      the promotions that some quote
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, select, tuple_
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.insights import posts, touches
from bot.insights.touches import SPREAD, THREAD, Naming, Saying
from bot.models import Membership, Mention, Message, MessageIdentity, Role, Touch
from bot.models.columns import LogText, serial
from bot.text import similarity

MENTION, MESSAGE, NAMED, STAY = database.tables(Mention, Message, MessageIdentity, Membership)

Key = tuple[dt.date, int, int, int]


@dataclass(frozen=True, slots=True)
class Told:
    """A naming with its key, the class that it had, and what names its text where that is long."""

    key: Key
    naming: Naming
    before: Touch | None
    text_key: int | None
    normal: str


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is more than a member: somewhere at some time, or everywhere as one of us."""

    ours: frozenset[int]
    stays: Mapping[tuple[int, int], Sequence[Any]]

    @classmethod
    def load(cls, session: Session) -> "Staff":
        """As stays and accounts stand."""
        rows = session.connection().execute(
            select(STAY.c.room_id, STAY.c.contact_id, STAY.c.joined_at, STAY.c.left_at, STAY.c.role)
            .where(STAY.c.role != Role.MEMBER)
            .order_by(STAY.c.joined_at)
        )
        found: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in rows:
            found[row.room_id, row.contact_id].append(row)
        return cls(posts.our_contacts(session), found)

    @property
    def everywhere(self) -> list[int]:
        """Every contact who is more than a member anywhere."""
        return sorted(self.ours | {contact for _, contact in self.stays})

    def role(self, room_id: int, contact_id: int, at: dt.datetime) -> Role:
        """What a contact was in a room at that time."""
        if contact_id in self.ours:
            return Role.BOT
        for stay in self.stays.get((room_id, contact_id), ()):
            if stay.joined_at <= at and (stay.left_at is None or at < stay.left_at):
                return Role(stay.role)
        return Role.MEMBER


def which(session: Session, chosen: ColumnElement[bool], staff: Staff) -> list[Told]:
    """The mentions that a condition on `mention` chooses."""
    rows = session.connection().execute(
        select(
            *(MENTION.c[name] for name in ("day", "room_id", "message_id", "product_id")),
            *(MENTION.c.at, MENTION.c.contact_id, MENTION.c.touch, NAMED.c.platform_id),
            *(MESSAGE.c.text, MESSAGE.c.quote, MESSAGE.c.mentions, MESSAGE.c.own),
        )
        .join(NAMED, NAMED.c.id == MENTION.c.message_id)
        .outerjoin(
            MESSAGE,
            and_(
                MESSAGE.c.day == MENTION.c.day,
                MESSAGE.c.room_id == MENTION.c.room_id,
                MESSAGE.c.id == MENTION.c.message_id,
            ),
        )
        .where(chosen)
    )
    return [_told(row, staff) for row in rows]


def named(
    session: Session, messages: Iterable[tuple[dt.date, int, int]], staff: Staff
) -> list[Told]:
    """The mentions of these messages: (day, room, message)."""
    wanted = sorted(set(messages))
    if not wanted:
        return []
    given = database.given(
        session, {"day": Date(), "room_id": Integer(), "message_id": serial()}, wanted
    )
    keys = select(given.c.day, given.c.room_id, given.c.message_id)
    return which(
        session, tuple_(MENTION.c.day, MENTION.c.room_id, MENTION.c.message_id).in_(keys), staff
    )


def alike(session: Session, said: Sequence[Saying]) -> list[Saying]:
    """Everything that says these long texts within two days of them."""
    given = database.given(
        session,
        {"text_key": MENTION.c.text_key.type, "since": UTCDateTime(), "until": UTCDateTime()},
        _windows(said),
    )
    near = and_(
        MENTION.c.text_key == given.c.text_key,
        MENTION.c.at >= given.c.since,
        MENTION.c.at <= given.c.until,
    )
    columns = ("text_key", "room_id", "contact_id", "at", "message_id")
    rows = session.connection().execute(
        select(*(MENTION.c[name] for name in columns)).join(given, near)
    )
    return [Saying(*row) for row in rows]


def _windows(said: Iterable[Saying]) -> list[tuple[int, dt.datetime, dt.datetime]]:
    """Two days to both sides of each text's sayings."""
    bounds: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for one in said:
        first, last = bounds.get(one.key, (one.at, one.at))
        bounds[one.key] = min(first, one.at), max(last, one.at)
    return [
        (key, first - 2 * SPREAD, last + 2 * SPREAD)
        for key, (first, last) in sorted(bounds.items())
    ]


def in_streams(
    session: Session, windows: Iterable[tuple[int, int, dt.datetime, dt.datetime]]
) -> Sequence[Any]:
    """Mentions of these streams, both ends included: (room, product, since, until)."""
    given = database.given(
        session,
        {
            **{"room_id": Integer(), "product_id": Integer()},
            **{"since": UTCDateTime(), "until": UTCDateTime()},
        },
        sorted(set(windows)),
    )
    names = ("day", "room_id", "message_id", "product_id", "at", "touch")
    inside = and_(
        MENTION.c.room_id == given.c.room_id,
        MENTION.c.product_id == given.c.product_id,
        MENTION.c.at >= given.c.since,
        MENTION.c.at <= given.c.until,
    )
    query = select(*(MENTION.c[name] for name in names)).join(given, inside)
    return session.connection().execute(query).all()


def quoting(session: Session, moved: Iterable[Told]) -> set[tuple[dt.date, int, int]]:
    """Messages that quote these, within three days."""
    days = {
        (one.naming.at.date() + dt.timedelta(days=shift), one.naming.room_id, one.naming.name)
        for one in moved
        for shift in range(-1, THREAD.days + 2)
    }
    if not days:
        return set()
    given = database.given(
        session, {"day": Date(), "room_id": Integer(), "name": LogText()}, sorted(days)
    )
    rows = session.connection().execute(
        select(MESSAGE.c.day, MESSAGE.c.room_id, MESSAGE.c.id).join(
            given,
            and_(
                MESSAGE.c.day == given.c.day,
                MESSAGE.c.room_id == given.c.room_id,
                MESSAGE.c.quote == given.c.name,
            ),
        )
    )
    return {(row[0], row[1], row[2]) for row in rows}


def quoted(session: Session, asked: Iterable[Told]) -> Sequence[Any]:
    """The promotions among the messages that these quote."""
    names = {(one.naming.room_id, one.naming.quotes) for one in asked if one.naming.quotes}
    if not names:
        return []
    given = database.given(session, {"room_id": Integer(), "name": LogText()}, sorted(names))
    key = ("day", "room_id", "message_id", "product_id", "at")
    query = (
        select(*(MENTION.c[name] for name in key), given.c.name)
        .select_from(given)
        .join(NAMED, and_(NAMED.c.room_id == given.c.room_id, NAMED.c.platform_id == given.c.name))
        .join(
            MENTION,
            and_(
                MENTION.c.day == NAMED.c.day,
                MENTION.c.room_id == NAMED.c.room_id,
                MENTION.c.message_id == NAMED.c.id,
            ),
        )
        .where(MENTION.c.touch == Touch.PROMO)
    )
    return session.connection().execute(query).all()


def _told(row: Any, staff: Staff) -> Told:
    role = Role.BOT if row.own else staff.role(row.room_id, row.contact_id, row.at)
    naming = Naming(
        room_id=row.room_id,
        product_id=row.product_id,
        message_id=row.message_id,
        contact_id=row.contact_id,
        at=row.at,
        name=row.platform_id,
        text=row.text or "",
        role=role,
        quotes=row.quote,
        replies=row.quote is not None or bool(row.mentions),
    )
    normal = similarity.normalise(naming.text)
    key = row.day, row.room_id, row.message_id, row.product_id
    return Told(key, naming, row.touch, touches.text_key(normal), normal)
