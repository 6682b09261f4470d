"""What members asked, as a post may repeat it: without names, links, numbers or forbidden words.

Questions gathered from a room stay in it. Those that an operator picked for an occurrence may
leave the room that they came from.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Date, Integer, Select, delete, select
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from bot import database
from bot.digest import quoting
from bot.errors import Fault, InvalidInput
from bot.insights import engagement
from bot.models import Message, PickedQuestion, Series, Signal, SignalKind
from bot.text import similarity
from content_calendar import words as forbidden
from content_calendar.words import Words

SIGNAL = database.table(Signal).c
MESSAGE = database.table(Message).c
PICKED = database.table(PickedQuestion).c
SERIES = database.table(Series).c
MOST = 5
# Five of these, with their numbers, leave room for the rest of a post.
LONGEST_PICKED = 200
# Some clients end a mention with a mere blank; what follows an ASCII letter is an address.
_BARE_MENTION = re.compile(r"(?<![A-Za-z0-9._+-])@\S{1,40}(?!\S)")

Key = tuple[int, dt.date]


def gathered(
    session: Session,
    room_ids: Iterable[int],
    since: dt.datetime,
    until: dt.datetime,
    words: Words,
    most: int = MOST,
) -> dict[int, tuple[str, ...]]:
    """Per room: the first questions that its members asked in `[since, until)`, in that order.

    Rooms without any are absent. One statement whatever the number of rooms.
    """
    found: dict[int, list[str]] = {}
    said: dict[int, similarity.Recent] = {}
    rows = session.connection().execute(_asked(session, room_ids, since, until))
    for room, text in rows:
        kept = found.setdefault(room, [])
        if len(kept) >= most or words.found(text):
            continue
        question = quoted(text)
        # What is left when a link is gone may be a mere question mark.
        if not similarity.normalise(question) or words.found(question):
            continue
        if not said.setdefault(room, similarity.Recent()).repeats(question, since):
            kept.append(question)
    return {room: tuple(kept) for room, kept in found.items() if kept}


def picked(session: Session, keys: Iterable[Key]) -> dict[Key, tuple[str, ...]]:
    """The questions picked for occurrences (series id, original date), in order of picking.

    Occurrences without any are absent.
    """
    types: dict[str, TypeEngine[Any]] = {"series_id": Integer(), "original_date": Date()}
    given = database.given(session, types, sorted(set(keys)))
    rows = session.connection().execute(
        select(PICKED.series_id, PICKED.original_date, PICKED.text)
        .where(PICKED.series_id == given.c.series_id)
        .where(PICKED.original_date == given.c.original_date)
        .order_by(PICKED.id)
    )
    found: dict[Key, list[str]] = {}
    for series_id, original_date, text in rows:
        found.setdefault((series_id, original_date), []).append(text)
    return {key: tuple(texts) for key, texts in found.items()}


def picked_from(
    session: Session, series: Iterable[str], since: dt.date
) -> dict[tuple[str, dt.date], tuple[str, ...]]:
    """The questions picked for series by their keys, of original dates from `since` on."""
    rows = session.connection().execute(
        select(SERIES.key, PICKED.original_date, PICKED.text)
        .where(SERIES.key.in_(sorted(set(series))), PICKED.series_id == SERIES.id)
        .where(PICKED.original_date >= since)
        .order_by(PICKED.original_date, PICKED.id)
    )
    found: dict[tuple[str, dt.date], list[str]] = {}
    for key, original_date, text in rows:
        found.setdefault((key, original_date), []).append(text)
    return {named: tuple(texts) for named, texts in found.items()}


def pick(
    session: Session, series_id: int, original_date: dt.date, text: str, by: str, at: dt.datetime
) -> bool:
    """Pick a question for an occurrence, as it may be quoted; False where it is picked already.

    Raises InvalidInput where it is too long, holds a forbidden word or nothing is left to quote.
    """
    question = _pickable(text, forbidden.load(session))
    row = {
        "series_id": series_id,
        "original_date": original_date,
        "text": question,
        "by": by,
        "at": at,
    }
    return bool(database.insert_rows(session, PickedQuestion, [row], skip_existing=True))


def unpick(session: Session, series_id: int, original_date: dt.date, text: str) -> bool:
    """Take a picked question back; False where it is not picked."""
    statement = delete(PickedQuestion).where(
        PICKED.series_id == series_id,
        PICKED.original_date == original_date,
        PICKED.text.in_({text, quoted(text, LONGEST_PICKED)}),
    )
    return session.connection().execute(statement).rowcount > 0


def lines(texts: Sequence[str]) -> str | None:
    """Questions as numbered lines; None where there are none."""
    return "\n".join(f"{n}. {text}" for n, text in enumerate(texts, start=1)) or None


def quoted(text: str, longest: int = quoting.LONGEST) -> str:
    """A member's words as they may leave their room: without names, links and numbers."""
    return quoting.quotable(_BARE_MENTION.sub(" ", similarity.without_mentions(text)), longest)


def _asked(
    session: Session, room_ids: Iterable[int], since: dt.datetime, until: dt.datetime
) -> Select[Any]:
    """Members' questions; a message that was recalled is none (see `Signal`)."""
    # As a list to look into, not as a table to join: SQLite would walk all of it for each signal.
    given = database.given(session, {"room_id": Integer()}, [(id,) for id in sorted(set(room_ids))])
    first, last = since.astimezone(dt.UTC).date(), until.astimezone(dt.UTC).date()
    return (
        select(SIGNAL.room_id, MESSAGE.text)
        .where(SIGNAL.room_id.in_(select(given.c.room_id)), SIGNAL.kind == SignalKind.QUESTION)
        .where(SIGNAL.day >= first, SIGNAL.day <= last)
        .where(SIGNAL.at >= since, SIGNAL.at < until)
        .where(MESSAGE.day == SIGNAL.day, MESSAGE.room_id == SIGNAL.room_id)
        .where(MESSAGE.id == SIGNAL.message_id, MESSAGE.text.is_not(None), ~MESSAGE.own)
        .where(engagement.by_member(SIGNAL.room_id, SIGNAL.contact_id))
        .order_by(SIGNAL.at, SIGNAL.message_id)
    )


def _pickable(text: str, words: Words) -> str:
    if len(text) > LONGEST_PICKED:
        raise _refuse(f"问题有 {len(text)} 个字", f"缩短到 {LONGEST_PICKED} 字以内")
    question = quoted(text, LONGEST_PICKED)
    word = words.found(text) or words.found(question)
    if word is not None:
        raise _refuse(f"问题里有违禁词“{word}”", "换一种说法,或者不选这个问题")
    if not similarity.normalise(question):
        raise _refuse("去掉链接、号码和 @ 之后什么也没剩下", "写上问题的文字")
    return question


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("", 0, "question", problem, remedy))
