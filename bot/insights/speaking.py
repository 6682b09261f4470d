"""What buyers said around the touches that they met, as the grade of each touch (ATTRIBUTION §1).

    A   the buyer quoted, answered or @-ed it, or its thread, before the order
    B   the buyer spoke in the room within 24 hours after it and before the order
    C   the buyer was there, silent

A thread is messages linked by quote within 72 hours, as it stood when the buyer spoke, by the
quotes of that UTC day and the three before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Row, and_, or_, select
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays, threads
from bot.insights.arrays import DAY, Flags, Ints
from bot.insights.buying import Buyers
from bot.models import Contact, DailyCount, Message

MESSAGE, CONTACT, COUNT = database.tables(Message, Contact, DailyCount)
# Grades as numbers, the closer the smaller.
NO_GRADE, A, B, C = range(4)
# So many touches beside replies are laid out at once: some 50 MB.
AT_ONCE = 500_000


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
    """What the buyers said after these touches, as far as it decides their grades: whether they
    spoke only matters within a day of the order.
    """
    if not len(heard.at):
        return Speech(*(np.zeros(0, np.int64) for _ in range(3))), []
    near = heard.paid - heard.at <= DAY
    recent = Heard(*(getattr(heard, each.name)[near] for each in fields(heard)))
    return _speeches(session, buyers, recent), _replies(session, buyers, heard)


def graded(
    heard: Heard, speech: Speech, replies: Sequence[Reply], *, at_once: int = AT_ONCE
) -> Ints:
    """The grade of each touch, from what its buyer said. Pure; memory grows with `at_once`, the
    touches and the replies, and not with the touches times the replies.
    """
    told = np.where(_spoke(heard, speech), B, C)
    told[_answered(heard, replies, at_once)] = A
    return told


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
    given = bulk.given(session, _wanted(buyers, heard))
    day, before, after = (bulk.day(given.c.day + shift, session) for shift in (0, -1, 1))
    # Most members say nothing on most days: daily counters tell that without reading the log.
    spoke = (
        select(COUNT.c.day)
        .where(
            COUNT.c.day.in_((day, before, after)),
            COUNT.c.room_id == given.c.room_id,
            COUNT.c.contact_id == given.c.contact_id,
        )
        .exists()
    )
    same = and_(
        MESSAGE.c.day == day,
        MESSAGE.c.room_id == given.c.room_id,
        MESSAGE.c.contact_id == given.c.contact_id,
    )
    at = database.seconds(MESSAGE.c.at, session).label("at")
    found = (
        select(MESSAGE.c.contact_id, MESSAGE.c.room_id, at)
        .join_from(given, MESSAGE, same)
        .where(spoke, threads.is_said(MESSAGE))
    )
    contact, where, when = bulk.columns(session, found)
    return Speech(buyers.persons_of(contact), where, when)


def _wanted(buyers: Buyers, heard: Heard) -> Mapping[str, Ints]:
    """UTC days, rooms and contacts: each buyer's accounts, once."""
    until = np.minimum(heard.at + DAY, heard.paid)
    which, day = arrays.spread(heard.at // DAY, until // DAY + 1)
    place, contact = _accounts(buyers, heard.person[which])
    told = arrays.different(day[place], heard.room[which[place]], contact)
    return dict(zip(("day", "room_id", "contact_id"), told, strict=True))


def _accounts(buyers: Buyers, persons: Ints) -> tuple[Ints, Ints]:
    """The contacts of these persons: the place of the person, and the contact."""
    owner = np.argsort(buyers.person, kind="stable")
    owners = buyers.person[owner]
    start = np.searchsorted(owners, persons, side="left")
    place, account = arrays.spread(start, np.searchsorted(owners, persons, side="right"))
    return place, buyers.contact[owner[account]]


def _replies(session: Session, buyers: Buyers, heard: Heard) -> list[Reply]:
    """What buyers answered between the first touch that they met in a room and the order."""
    rows = _answering(session, _windows(buyers, heard))
    quoting = [row for row in rows if row.quote is not None]
    quoted = threads.quoted(session, quoting)
    links = threads.links(session, [(row, quoted[row.id]) for row in quoting if row.id in quoted])
    contacts = _contacts(session, {name for row in rows for name in row.mentions or ()})
    owners = dict(zip(buyers.contact.tolist(), buyers.person.tolist(), strict=True))
    at = np.array([int(row.at.timestamp()) for row in rows], np.int64)
    found = []
    for row, said_at, since in zip(rows, at.tolist(), threads.begins(at).tolist(), strict=True):
        target, _ = quoted.get(row.id, (None, 0))
        found.append(
            Reply(
                person=owners[row.contact_id],
                room_id=row.room_id,
                at=said_at,
                quoted=target,
                thread=threads.thread(links, target, since, said_at) if target else frozenset(),
                named=frozenset(contacts[x] for x in row.mentions or () if x in contacts),
            )
        )
    return found


def _windows(buyers: Buyers, heard: Heard) -> Mapping[str, Ints]:
    """Rooms, the buyers' contacts there, and from when to when they may have answered."""
    order = np.lexsort((heard.room, heard.person))
    person, room = heard.person[order], heard.room[order]
    new = np.ones(len(order), bool)
    new[1:] = (person[1:] != person[:-1]) | (room[1:] != room[:-1])
    starts = np.flatnonzero(new)
    since = np.minimum.reduceat(heard.at[order], starts)
    until = np.maximum.reduceat(heard.paid[order], starts)
    place, contact = _accounts(buyers, person[starts])
    return {
        **{"room_id": room[starts][place], "contact_id": contact},
        **{"since": since[place], "until": until[place]},
    }


def _answered(heard: Heard, replies: Sequence[Reply], at_once: int) -> Flags:
    """Whether its buyer quoted the touch, or answered later in its thread or by @, before the
    order.
    """
    said = np.array([(each.room_id, each.person, each.at) for each in replies], np.int64)
    room, person, at = said.reshape(-1, 3).T
    streams = arrays.stream(room, person)
    order = np.lexsort((at, streams))
    # From the first reply on: a quote counts whatever the clocks say.
    ever = np.full(len(heard.at), at.min(initial=0))
    start, end = arrays.between(
        streams[order], at[order], arrays.stream(heard.room, heard.person), ever, heard.paid
    )
    quotes = _held([() if each.quoted is None else (each.quoted,) for each in replies])
    in_threads = _held([each.thread for each in replies])
    names = _held([each.named for each in replies])
    answered = np.zeros(len(heard.at), bool)
    for some in arrays.slices(end - start, at_once):
        which, place = arrays.spread(start[some], end[some])
        touch, reply = which + some.start, order[place]
        quoted = _holds(quotes, reply, heard.message[touch])
        in_thread = _holds(in_threads, reply, heard.message[touch])
        named = _holds(names, reply, heard.contact[touch])
        later = at[reply] > heard.at[touch]
        answered[touch[quoted | (later & (in_thread | named))]] = True
    return answered


def _held(collections: Sequence[Collection[int]]) -> tuple[Ints, Ints]:
    """The numbers that any of these hold, sorted, and for each that one holds: the place of the
    collection times how many there are, plus the place of the number.
    """
    owner = np.repeat(np.arange(len(collections)), [len(each) for each in collections])
    told = np.array([one for each in collections for one in each], np.int64)
    numbers, code = np.unique(told, return_inverse=True)
    return numbers, owner * len(numbers) + code


def _holds(held: tuple[Ints, Ints], which: Ints, number: Ints) -> Flags:
    """Whether the collection that is meant (its place) holds the number beside it."""
    numbers, pairs = held
    place = np.searchsorted(numbers, number)
    known = place < len(numbers)
    known[known] = numbers[place[known]] == number[known]
    known[known] = np.isin(which[known] * len(numbers) + place[known], pairs)
    return known


def _answering(session: Session, windows: Mapping[str, Ints]) -> list[Row[Any]]:
    """Messages that quote or @ somebody, in these windows."""
    given = bulk.given(session, windows)
    inside = and_(
        MESSAGE.c.room_id == given.c.room_id,
        MESSAGE.c.contact_id == given.c.contact_id,
        MESSAGE.c.at >= bulk.instant(given.c.since, session),
        MESSAGE.c.at < bulk.instant(given.c.until, session),
        or_(MESSAGE.c.quote.is_not(None), MESSAGE.c.mentions.is_not(None)),
    )
    columns = ("room_id", "contact_id", "id", "at", "mentions", "quote")
    rows = session.connection().execute(
        select(*(MESSAGE.c[name] for name in columns))
        .join_from(given, MESSAGE, inside)
        .where(threads.is_said(MESSAGE))
    )
    return list(rows)


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
