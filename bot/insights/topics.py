"""Topics (话题): the words and questions that rose in a week, by room, vertical and for the fleet.

The nightly job stores them, `of_week` reads them. How they are weighed stands in `rising.py`, what
is a word or a question in `rising_words.py` and `rising_questions.py`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, delete, select
from sqlmodel import Session

from bot import database, deriving, standing
from bot.insights import rising, rising_questions, rising_words
from bot.insights.rising import WEEK, Target
from bot.models import DigestScope, Topic, TopicKind
from bot.text.segment import Segmenter

TOPIC = database.table(Topic)

RULE_VERSION: Final = 3
# What fewer people said, named or were there for is not told outside of their room: it might be
# told whose it is.
FEWEST_MEMBERS: Final = 5
# What a word leaves empty, and what a question does.
_EMPTY: Mapping[str, object] = dict.fromkeys(
    ("text", "day", "room_id", "message_id", "messages", "score")
)


@dataclass(frozen=True, slots=True)
class Rising:
    """A word, or the clearest wording of a group of like questions.

    `text` is None where the question was recalled or its text has been dropped. `count` and
    `members` are of the week, `before` is what the baseline would have led to expect. `score` is
    a z-score, None for questions without a baseline. `messages` are the ids of the questions.
    """

    text: str | None
    score: float | None
    count: int
    before: float
    members: int
    rooms: int
    room_id: int | None
    message_id: int | None
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Topics:
    """What rose in one scope, the most telling first."""

    words: tuple[Rising, ...]
    questions: tuple[Rising, ...]


def may_be_shown(scope: DigestScope, members: int) -> bool:
    """Whether what so many members said may be told to those who look at a scope."""
    return scope is DigestScope.ROOM or members >= FEWEST_MEMBERS


def shown(scope: DigestScope, found: Topics) -> Topics:
    """What rose in a scope, as far as it may be told there."""
    return Topics(
        *(
            tuple(one for one in each if may_be_shown(scope, one.members))
            for each in (found.words, found.questions)
        )
    )


def of_week(
    session: Session,
    monday: dt.date,
    scope: DigestScope | None = None,
    target: str | None = None,
) -> Mapping[Target, Topics]:
    """What rose in a week, by (scope, target); scopes in which nothing rose are absent."""
    query = (
        select(
            *(TOPIC.c[name] for name in ("scope", "target", "kind", "text")),
            standing.text(TOPIC).label("said"),
            *(TOPIC.c[name] for name in ("score", "count", "before", "members", "rooms")),
            *(TOPIC.c[name] for name in ("room_id", "message_id", "messages")),
        )
        .where(TOPIC.c.week == monday)
        .order_by(TOPIC.c.rank)
    )
    if scope is not None:
        query = query.where(TOPIC.c.scope == scope)
    if target is not None:
        query = query.where(TOPIC.c.target == target)
    found: dict[Target, tuple[list[Rising], list[Rising]]] = defaultdict(lambda: ([], []))
    every = session.connection().execute(query)
    for own_scope, own_target, kind, word, said, *figures, ids in every:
        score, count, before, members, rooms, room, message = figures
        text = word if kind is TopicKind.WORD else said
        asked = tuple(ids or ())
        one = Rising(text, score, count, before, members, rooms, room, message, asked)
        found[own_scope, own_target][kind is TopicKind.QUESTION].append(one)
    return {named: Topics(tuple(words), tuple(asked)) for named, (words, asked) in found.items()}


def steps(engine: Engine, today: dt.date, zone: ZoneInfo, now: dt.datetime) -> Iterator[int]:
    """Store what rose in the last whole week, once; `today` is a local day. Safe to repeat."""
    monday = today - dt.timedelta(days=today.weekday()) - WEEK
    with database.reading(engine) as session:
        stored = session.connection().execute(
            select(TOPIC.c.week).where(TOPIC.c.week == monday, TOPIC.c.rule_version == RULE_VERSION)
        )
        if stored.first() is not None:
            return
        segmenter = deriving.load_rules(session, zone).segmenter
        rows = compute(session, monday, zone, segmenter, now)
    with database.transaction(engine) as session:
        session.connection().execute(delete(TOPIC).where(TOPIC.c.week == monday))
        yield database.insert_rows(session, Topic, rows)


def compute(
    session: Session, monday: dt.date, zone: ZoneInfo, segmenter: Segmenter, now: dt.datetime
) -> list[dict[str, object]]:
    """The rows of one week: words of members' texts that stand, each once a message, and groups of
    like questions.
    """
    window, rooms = rising.window(monday, zone), rising.targets(session)
    found = {"week": monday, "rule_version": RULE_VERSION, "computed_at": now}
    return [
        {**_EMPTY, **row, **found}
        for row in (
            *rising_words.rows(session, window, rooms, segmenter),
            *rising_questions.rows(session, window, rooms),
        )
    ]
