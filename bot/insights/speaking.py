"""What buyers said around the touches they met: quotes, threads and @-mentions.

A thread is messages linked by quote within 72 hours, as it stood when the buyer spoke.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, FromClause, Integer, Row, and_, select
from sqlmodel import Session

from bot import database
from bot.models import Contact, Message, MessageIdentity, Recall
from bot.text import judging

THREAD = dt.timedelta(hours=72)
DAY = dt.timedelta(days=1)

# A message's neighbours by quote, each with the time at which the link was made.
Links = Mapping[int, Sequence[tuple[int, dt.datetime]]]


@dataclass(frozen=True, slots=True)
class Window:
    """A contact's talk in a room in `[since, until)`."""

    room_id: int
    contact_id: int
    since: dt.datetime
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Speech:
    """One message of a buyer: the message it quotes, the thread it joins, contacts whom it @-s."""

    room_id: int
    at: dt.datetime
    quoted: int | None = None
    thread: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()


def gather(session: Session, windows: Iterable[Window]) -> dict[tuple[int, int], list[Speech]]:
    """Speeches by (room, contact), in order of time, of at least these windows."""
    rows = _messages(session, windows)
    quoted, links = _links(session, [row for row in rows if row.quote is not None])
    contacts = _contacts(session, {name for row in rows for name in row.mentions or ()})
    speeches: defaultdict[tuple[int, int], list[Speech]] = defaultdict(list)
    for row in rows:
        target = quoted.get(row.id)
        speeches[row.room_id, row.contact_id].append(
            Speech(
                room_id=row.room_id,
                at=row.at,
                quoted=target,
                thread=thread(links, target, row.at) if target else frozenset(),
                named=frozenset(contacts[x] for x in row.mentions or () if x in contacts),
            )
        )
    for said in speeches.values():
        said.sort(key=lambda speech: speech.at)
    return dict(speeches)


def thread(links: Links, start: int, until: dt.datetime) -> frozenset[int]:
    """The messages linked to `start` by quotes made before `until`, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        for other, at in links.get(waiting.pop(), ()):
            if at < until and other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def _messages(session: Session, windows: Iterable[Window]) -> list[Row[Any]]:
    message = database.table(Message)
    wanted = {
        (day, window.room_id, window.contact_id)
        for window in windows
        for day in _days(window.since, window.until)
    }
    given = database.given(
        session, {"day": Date(), "room_id": Integer(), "contact_id": Integer()}, sorted(wanted)
    )
    columns = ("room_id", "contact_id", "id", "at", "mentions", "quote", "day")
    rows = session.connection().execute(
        select(*(message.c[name] for name in columns))
        .join(
            given,
            and_(
                message.c.day == given.c.day,
                message.c.room_id == given.c.room_id,
                message.c.contact_id == given.c.contact_id,
            ),
        )
        .where(_is_said(message))
    )
    return list(rows)


def _links(
    session: Session, quoting: Sequence[Row[Any]]
) -> tuple[dict[int, int], dict[int, list[tuple[int, dt.datetime]]]]:
    """What each quoting message quotes, and the links of the threads around them."""
    message, named = database.tables(Message, MessageIdentity)
    target = message.alias("target")
    wanted = {(day, row.room_id) for row in quoting for day in _days(row.at - THREAD, row.at)}
    given = database.given(session, {"day": Date(), "room_id": Integer()}, sorted(wanted))
    rows = session.connection().execute(
        select(message.c.id, message.c.at, target.c.id, target.c.at)
        .join(given, and_(message.c.day == given.c.day, message.c.room_id == given.c.room_id))
        .join(
            named,
            and_(named.c.room_id == message.c.room_id, named.c.platform_id == message.c.quote),
        )
        .join(
            target,
            and_(
                target.c.day == named.c.day,
                target.c.room_id == named.c.room_id,
                target.c.id == named.c.id,
            ),
        )
        .where(message.c.quote.is_not(None), _is_said(message), _is_said(target))
    )
    quoted: dict[int, int] = {}
    links: defaultdict[int, list[tuple[int, dt.datetime]]] = defaultdict(list)
    for one, at, other, before in rows:
        quoted[one] = other
        if abs(at - before) <= THREAD:
            links[one].append((other, at))
            links[other].append((one, at))
    return quoted, dict(links)


def _is_said(message: FromClause) -> ColumnElement[bool]:
    """Whether somebody said it and has not taken it back."""
    recalled, named = database.table(Recall), database.table(MessageIdentity).alias()
    taken_back = (
        select(named.c.id)
        .join(
            recalled,
            and_(recalled.c.room_id == named.c.room_id, recalled.c.recalled == named.c.platform_id),
        )
        .where(named.c.id == message.c.id)
        .correlate(message)
        .exists()
    )
    return and_(message.c.type.not_in(judging.UNCOUNTED_TYPES), ~taken_back)


def _contacts(session: Session, platform_ids: set[str]) -> dict[str, int]:
    contact = database.table(Contact).c
    given = database.given(
        session, {"platform_id": contact.platform_id.type}, [(x,) for x in sorted(platform_ids)]
    )
    rows = session.connection().execute(
        select(contact.platform_id, contact.id).join(
            given, given.c.platform_id == contact.platform_id
        )
    )
    return {row.platform_id: row.id for row in rows}


def _days(since: dt.datetime, until: dt.datetime) -> list[dt.date]:
    span = (until.date() - since.date()).days
    return [since.date() + DAY * step for step in range(span + 1)]
