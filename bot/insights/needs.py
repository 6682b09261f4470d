"""What members care about, by their words: needs, kept per message and derived day by day.

    needs.txt → automaton;  a UTC day of messages → need_mention

Rules, not understanding: they miss and they err, hence the thresholds in `tagging` and the
messages beside every tag.
"""

import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import ahocorasick_rs
from sqlalchemy import Engine, delete
from sqlmodel import Session

from bot import database, day_reads
from bot.day_reads import Log
from bot.models import NeedMention
from bot.text import lexicon, similarity

KIND, VERSION = "needs", 1
EVER = dt.date(1970, 1, 1)
WORDS = Path(__file__).parent / "needs.txt"
# What shows nothing although a word of a need stands in it.
NOTHING = "-"


def shown_by(text: str) -> frozenset[str]:
    """The needs that a text shows."""
    automaton, needs = _automaton()
    found = automaton.find_matches_as_indexes(lexicon.key(similarity.without_mentions(text)))
    return frozenset(needs[index] for index, _, _ in found) - {NOTHING}


def named() -> tuple[str, ...]:
    """Every need, in the order of the file."""
    return tuple(dict.fromkeys(need for need, _ in _words() if need != NOTHING))


def steps(engine: Engine, since: dt.date) -> Iterator[int]:
    """Read every UTC day from `since` on whose log changed, each in a transaction of its own.

    Safe to repeat: without news there is no step.
    """
    with database.reading(engine) as session:
        days = day_reads.stale(session, KIND, VERSION, since)
    for day in days:
        with database.transaction(engine) as session:
            derive(session, day)
        yield day.messages


def refresh(engine: Engine, since: dt.date) -> int:
    """Take all the steps; returns how many days were read."""
    return sum(1 for _ in steps(engine, since))


def rebuild(engine: Engine) -> int:
    """Read every day again, whatever was read of it; returns the days that were read."""
    with database.transaction(engine) as session:
        day_reads.forget(session, KIND)
    return refresh(engine, EVER)


def derive(session: Session, log: Log) -> None:
    """Read the needs of one UTC day again. Copies and floods count too: whether a message is one
    depends on its neighbours of another day.
    """
    mention = database.table(NeedMention)
    session.connection().execute(delete(mention).where(mention.c.day == log.day))
    for part in day_reads.texts(session, log.day):
        rows = [
            {
                "day": log.day,
                "room_id": row.room_id,
                "message_id": row.id,
                "need": need,
                "contact_id": row.contact_id,
                "at": row.at,
            }
            for row in part
            for need in sorted(shown_by(row.text))
        ]
        database.insert_rows(session, NeedMention, rows)
    day_reads.note(session, KIND, log)


@functools.cache
def _automaton() -> tuple[ahocorasick_rs.AhoCorasick, Sequence[str]]:
    words = [(need, lexicon.key(word)) for need, word in _words()]
    automaton = ahocorasick_rs.AhoCorasick(
        [word for _, word in words], matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
    )
    return automaton, [need for need, _ in words]


def _words() -> Iterator[tuple[str, str]]:
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            need, _, words = line.partition(":")
            for word in words.split():
                yield need.strip(), word
