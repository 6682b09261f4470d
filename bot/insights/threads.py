"""Threads: messages linked by quote, as they stood when somebody spoke (ATTRIBUTION §1).

quoted → links → thread
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, FromClause, Integer, Row, and_, select
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays
from bot.insights.arrays import DAY, Ints
from bot.insights.touches import THREAD
from bot.models import Message, MessageIdentity, Recall
from bot.models.columns import LogText, serial
from bot.text import judging

MESSAGE, NAMED, RECALLED = database.tables(Message, MessageIdentity, Recall)
# The message that somebody quotes, found by its name.
TARGET = MESSAGE.alias("target")
SAID = and_(
    TARGET.c.day == NAMED.c.day, TARGET.c.room_id == NAMED.c.room_id, TARGET.c.id == NAMED.c.id
)

# A message's neighbours by quote, each with the time (seconds) at which the link was made.
Links = Mapping[int, Sequence[tuple[int, int]]]


def thread(links: Links, start: int, since: int, until: int) -> frozenset[int]:
    """The messages linked to `start` by quotes made in `[since, until)`, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        for other, at in links.get(waiting.pop(), ()):
            if since <= at < until and other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def quoted(session: Session, quoting: Sequence[Row[Any]]) -> dict[int, tuple[int, int]]:
    """What each of these messages, themselves not taken back, quotes, and when that was said."""
    given = database.given(
        session,
        {"one": serial(), "room_id": Integer(), "quote": LogText()},
        [(row.id, row.room_id, row.quote) for row in quoting],
    )
    same = and_(NAMED.c.room_id == given.c.room_id, NAMED.c.platform_id == given.c.quote)
    found = (
        select(given.c.one, *_said(session))
        .join(NAMED, same)
        .join(TARGET, SAID)
        .where(~_taken_back(NAMED), _counts(TARGET))
    )
    one, other, before = bulk.columns(session, found)
    return dict(zip(one.tolist(), zip(other.tolist(), before.tolist(), strict=True), strict=True))


def links(session: Session, quoting: Sequence[tuple[Row[Any], tuple[int, int]]]) -> Links:
    """The links of the threads of what these messages quote, each with what that is and when it was
    said.

    Nobody quotes a message before it is said, so a thread is whole where its days from the first
    message on are read; it may begin before what was quoted, and is then read further back.
    """
    at = np.array([int(row.at.timestamp()) for row, _ in quoting], np.int64)
    room = np.array([row.room_id for row, _ in quoting], np.int64)
    targets, said_at = np.array([told for _, told in quoting], np.int64).reshape(-1, 2).T
    floor = begins(at) // DAY
    since, read = np.maximum(said_at // DAY, floor), at // DAY + 1
    links = np.zeros((4, 0), np.int64)
    while (since < read).any():
        which, day = arrays.spread(since, read)
        found = _linked(session, *arrays.different(day, room[which]))
        links = np.stack(arrays.different(*np.concatenate((links, found), axis=1)))
        read = np.minimum(read, since)
        first = np.minimum(_beginnings(links, targets), said_at)
        since = np.minimum(read, np.maximum(first // DAY, floor))
    known: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for one, when, other, _ in links.T.tolist():
        known[one].append((other, when))
        known[other].append((one, when))
    return known


def _linked(session: Session, days: Ints, rooms: Ints) -> Ints:
    """The links made on these days in these rooms: who quotes and when, whom and said when."""
    given = bulk.given(session, {"day": days, "room_id": rooms})
    same = and_(
        MESSAGE.c.day == bulk.day(given.c.day, session), MESSAGE.c.room_id == given.c.room_id
    )
    quotes = and_(NAMED.c.room_id == MESSAGE.c.room_id, NAMED.c.platform_id == MESSAGE.c.quote)
    found = (
        select(MESSAGE.c.id, database.seconds(MESSAGE.c.at, session).label("at"), *_said(session))
        .join(given, same)
        .join(NAMED, quotes)
        .join(TARGET, SAID)
        .where(MESSAGE.c.quote.is_not(None), is_said(MESSAGE), ~_taken_back(NAMED), _counts(TARGET))
    )
    links = np.stack(bulk.columns(session, found))
    return links[:, np.abs(links[1] - links[3]) <= THREAD.total_seconds()]


def _said(session: Session) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """What was quoted, and the second at which it was said."""
    return TARGET.c.id.label("other"), database.seconds(TARGET.c.at, session).label("before")


def _beginnings(links: Ints, messages: Ints) -> Ints:
    """When the thread of each message begins, as far as these links go."""
    one, when, other, before = links
    names = np.unique(np.concatenate((one, other, messages)))
    early = np.full(len(names), arrays.FOREVER)
    here, there = np.searchsorted(names, one), np.searchsorted(names, other)
    np.minimum.at(early, here, when)
    np.minimum.at(early, there, before)
    while (early[here] != early[there]).any():
        least = np.minimum(early[here], early[there])
        np.minimum.at(early, here, least)
        np.minimum.at(early, there, least)
    return early[np.searchsorted(names, messages)]


def begins(at: Ints) -> Ints:
    """The beginning of the UTC day from which a thread counts for who spoke then."""
    return (at - int(THREAD.total_seconds())) // DAY * DAY


def is_said(message: FromClause) -> ColumnElement[bool]:
    """Whether somebody said it and has not taken it back."""
    named = NAMED.alias()
    taken_back = select(named.c.id).where(named.c.id == message.c.id, _taken_back(named))
    return and_(_counts(message), ~taken_back.correlate(message).exists())


def _counts(message: FromClause) -> ColumnElement[bool]:
    return message.c.type.not_in(judging.UNCOUNTED_TYPES)


def _taken_back(named: FromClause) -> ColumnElement[bool]:
    """Whether a message of this identity was taken back."""
    same = and_(RECALLED.c.room_id == named.c.room_id, RECALLED.c.recalled == named.c.platform_id)
    return select(RECALLED.c.room_id).where(same).correlate(named).exists()
