"""What buyers said around the touches that they met, as the grade of each touch (ATTRIBUTION §1).

    A   the buyer quoted, answered or @-ed it, or its thread, before the order
    B   the buyer spoke in the room within 24 hours after it and before the order
    C   the buyer was there, silent

A thread is messages linked by quote within 72 hours, as it stood when the buyer spoke.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Date, FromClause, Integer, Row, and_, or_, select
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.insights import arrays
from bot.insights.arrays import DAY, Flags, Ints
from bot.insights.buying import Buyers
from bot.insights.touches import THREAD
from bot.models import Contact, DailyCount, Message, MessageIdentity, Recall
from bot.text import judging

MESSAGE, NAMED, RECALLED, CONTACT, COUNT = database.tables(
    Message, MessageIdentity, Recall, Contact, DailyCount
)
# Grades as numbers, the closer the smaller.
NO_GRADE, A, B, C = range(4)

EPOCH = dt.date(1970, 1, 1)

# A message's neighbours by quote, each with the time (seconds) at which the link was made.
Links = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person answered in a room: the message quoted, its thread, contacts who were @-ed."""

    person: int
    room_id: int
    at: int
    quoted: int | None
    thread: frozenset[int]
    named: frozenset[int]


@dataclass(frozen=True, slots=True)
class Speech:
    """What persons said in rooms, one entry a message."""

    person: Ints
    room: Ints
    at: Ints


@dataclass(frozen=True, slots=True)
class Heard:
    """Organic touches as one buyer each heard them: who bought, when it was paid, and the touch."""

    person: Ints
    paid: Ints
    room: Ints
    at: Ints
    contact: Ints
    message: Ints


def gather(session: Session, buyers: Buyers, heard: Heard) -> tuple[Speech, list[Reply]]:
    """What the buyers said after these touches, as far as it decides their grades."""
    return _speeches(session, buyers, heard), _replies(session, buyers, heard)


def graded(heard: Heard, speech: Speech, replies: Iterable[Reply]) -> Ints:
    """The grade of each touch, from what its buyer said. Pure."""
    told = np.where(_spoke(heard, speech), B, C)
    told[_answered(heard, replies)] = A
    return told


def thread(links: Links, start: int, until: int) -> frozenset[int]:
    """The messages linked to `start` by quotes made before `until`, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        for other, at in links.get(waiting.pop(), ()):
            if at < until and other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def _spoke(heard: Heard, speech: Speech) -> Flags:
    """Whether the buyer spoke in the room within a day after the touch and before the order."""
    streams = arrays.stream(speech.room, speech.person)
    order = np.lexsort((speech.at, streams))
    until = np.minimum(heard.at + DAY + 1, heard.paid)
    start, end = arrays.between(
        streams[order], speech.at[order], arrays.stream(heard.room, heard.person),
        heard.at + 1, until,
    )  # fmt: skip
    return start < end


def _speeches(session: Session, buyers: Buyers, heard: Heard) -> Speech:
    """What buyers said on the UTC days after touches, up to a day."""
    rows = _wanted(buyers, heard)
    given = database.given(
        session,
        {
            **{"day": Date(), "before": Date(), "after": Date()},
            **{"room_id": Integer(), "contact_id": Integer()},
        },
        rows,
    )
    # Most members say nothing on most days: daily counters tell that without reading the log.
    spoke = (
        select(COUNT.c.day)
        .where(
            COUNT.c.day.in_((given.c.day, given.c.before, given.c.after)),
            COUNT.c.room_id == given.c.room_id,
            COUNT.c.contact_id == given.c.contact_id,
        )
        .exists()
    )
    same = and_(
        MESSAGE.c.day == given.c.day,
        MESSAGE.c.room_id == given.c.room_id,
        MESSAGE.c.contact_id == given.c.contact_id,
    )
    found = session.connection().execute(
        select(MESSAGE.c.contact_id, MESSAGE.c.room_id, database.seconds(MESSAGE.c.at, session))
        .join_from(given, MESSAGE, same)
        .where(spoke, _is_said(MESSAGE))
    )
    columns = list(zip(*found, strict=True)) or [()] * 3
    contact, where, when = (np.array(each, np.int64) for each in columns)
    return Speech(buyers.persons_of(contact), where, when)


def _wanted(buyers: Buyers, heard: Heard) -> list[tuple[dt.date, dt.date, dt.date, int, int]]:
    """(UTC day, the one before, the one after, room, contact) of each buyer's accounts, once."""
    until = np.minimum(heard.at + DAY, heard.paid)
    which, day = arrays.spread(heard.at // DAY, until // DAY + 1)
    owner = np.argsort(buyers.person, kind="stable")
    persons = buyers.person[owner]
    start = np.searchsorted(persons, heard.person[which], side="left")
    end = np.searchsorted(persons, heard.person[which], side="right")
    place, account = arrays.spread(start, end)
    rows = np.unique(
        np.stack((day[place], heard.room[which[place]], buyers.contact[owner[account]])), axis=1
    )
    dates = {each: EPOCH + dt.timedelta(days=each) for each in np.unique(rows[0]).tolist()}
    step = dt.timedelta(days=1)
    return [
        (dates[each], dates[each] - step, dates[each] + step, room_id, contact_id)
        for each, room_id, contact_id in rows.T.tolist()
    ]


def _replies(session: Session, buyers: Buyers, heard: Heard) -> list[Reply]:
    """What buyers answered between the first touch that they met in a room and the order."""
    names = np.stack((heard.person, heard.room))
    streams, place = np.unique(names, axis=1, return_inverse=True)
    first = np.full(streams.shape[1], arrays.FOREVER)
    last = np.zeros(streams.shape[1], np.int64)
    np.minimum.at(first, place.ravel(), heard.at)
    np.maximum.at(last, place.ravel(), heard.paid)
    accounts: defaultdict[int, list[int]] = defaultdict(list)
    for contact, owner in zip(buyers.contact.tolist(), buyers.person.tolist(), strict=True):
        accounts[owner].append(contact)
    windows = [
        (room_id, contact, dt.datetime.fromtimestamp(since, dt.UTC),
         dt.datetime.fromtimestamp(until, dt.UTC))
        for who, room_id, since, until in zip(
            *streams.tolist(), first.tolist(), last.tolist(), strict=True
        )
        for contact in accounts[who]
    ]  # fmt: skip
    rows = _answering(session, windows)
    quoted, links = _links(session, [row for row in rows if row.quote is not None])
    contacts = _contacts(session, {name for row in rows for name in row.mentions or ()})
    owners = dict(zip(buyers.contact.tolist(), buyers.person.tolist(), strict=True))
    found = []
    for row in rows:
        target, said_at = quoted.get(row.id), int(row.at.timestamp())
        found.append(
            Reply(
                person=owners[row.contact_id],
                room_id=row.room_id,
                at=said_at,
                quoted=target,
                thread=thread(links, target, said_at) if target else frozenset(),
                named=frozenset(contacts[x] for x in row.mentions or () if x in contacts),
            )
        )
    return found


def _answered(heard: Heard, replies: Iterable[Reply]) -> list[int]:
    """The touches that their buyer quoted, answered or @-ed before the order."""
    by_buyer: defaultdict[tuple[int, int], list[Reply]] = defaultdict(list)
    for reply in replies:
        by_buyer[reply.person, reply.room_id].append(reply)
    if not by_buyer:
        return []
    streams = arrays.stream(
        np.array([where for _, where in by_buyer]), np.array([who for who, _ in by_buyer])
    )
    asked = np.flatnonzero(np.isin(arrays.stream(heard.room, heard.person), streams))
    names = ("person", "room", "at", "paid", "contact", "message")
    columns = [getattr(heard, name)[asked].tolist() for name in names]
    return [
        place
        for place, person, room, at, paid, contact, message in zip(
            asked.tolist(), *columns, strict=True
        )
        if any(
            reply.at < paid and answers(reply, at, contact, message)
            for reply in by_buyer[person, room]
        )
    ]


def answers(reply: Reply, at: int, contact: int, message: int) -> bool:
    """Whether a reply answers a message that a contact said then: by quote, in its thread, by @."""
    if reply.quoted == message:
        return True
    return reply.at > at and (message in reply.thread or contact in reply.named)


def _answering(
    session: Session, windows: Iterable[tuple[int, int, dt.datetime, dt.datetime]]
) -> list[Row[Any]]:
    """Messages that quote or @ somebody: (room, contact, since, until)."""
    given = database.given(
        session,
        {
            **{"room_id": Integer(), "contact_id": Integer()},
            **{"since": UTCDateTime(), "until": UTCDateTime()},
        },
        windows,
    )
    inside = and_(
        MESSAGE.c.room_id == given.c.room_id,
        MESSAGE.c.contact_id == given.c.contact_id,
        MESSAGE.c.at >= given.c.since,
        MESSAGE.c.at < given.c.until,
        or_(MESSAGE.c.quote.is_not(None), MESSAGE.c.mentions.is_not(None)),
    )
    columns = ("room_id", "contact_id", "id", "at", "mentions", "quote")
    rows = session.connection().execute(
        select(*(MESSAGE.c[name] for name in columns))
        .join_from(given, MESSAGE, inside)
        .where(_is_said(MESSAGE))
    )
    return list(rows)


def _links(
    session: Session, quoting: Sequence[Row[Any]]
) -> tuple[dict[int, int], dict[int, list[tuple[int, int]]]]:
    """What each quoting message quotes, and the links of the threads around them."""
    target = MESSAGE.alias("target")
    wanted = {(day, row.room_id) for row in quoting for day in _dates(row.at - THREAD, row.at)}
    given = database.given(session, {"day": Date(), "room_id": Integer()}, sorted(wanted))
    rows = session.connection().execute(
        select(MESSAGE.c.id, MESSAGE.c.at, target.c.id, target.c.at)
        .join(given, and_(MESSAGE.c.day == given.c.day, MESSAGE.c.room_id == given.c.room_id))
        .join(
            NAMED,
            and_(NAMED.c.room_id == MESSAGE.c.room_id, NAMED.c.platform_id == MESSAGE.c.quote),
        )
        .join(
            target,
            and_(
                target.c.day == NAMED.c.day,
                target.c.room_id == NAMED.c.room_id,
                target.c.id == NAMED.c.id,
            ),
        )
        .where(MESSAGE.c.quote.is_not(None), _is_said(MESSAGE), _is_said(target))
    )
    quoted: dict[int, int] = {}
    links: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for one, at, other, before in rows:
        quoted[one] = other
        if abs(at - before) <= THREAD:
            links[one].append((other, int(at.timestamp())))
            links[other].append((one, int(at.timestamp())))
    return quoted, dict(links)


def _is_said(message: FromClause) -> ColumnElement[bool]:
    """Whether somebody said it and has not taken it back."""
    named = NAMED.alias()
    taken_back = (
        select(named.c.id)
        .join(
            RECALLED,
            and_(RECALLED.c.room_id == named.c.room_id, RECALLED.c.recalled == named.c.platform_id),
        )
        .where(named.c.id == message.c.id)
        .correlate(message)
        .exists()
    )
    return and_(message.c.type.not_in(judging.UNCOUNTED_TYPES), ~taken_back)


def _contacts(session: Session, platform_ids: set[str]) -> dict[str, int]:
    given = database.given(
        session, {"platform_id": CONTACT.c.platform_id.type}, [(x,) for x in sorted(platform_ids)]
    )
    rows = session.connection().execute(
        select(CONTACT.c.platform_id, CONTACT.c.id).join(
            given, given.c.platform_id == CONTACT.c.platform_id
        )
    )
    return {row.platform_id: row.id for row in rows}


def _dates(since: dt.datetime, until: dt.datetime) -> list[dt.date]:
    span = (until.date() - since.date()).days
    return [since.date() + dt.timedelta(days=step) for step in range(span + 1)]
