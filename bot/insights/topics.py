"""Topics (话题): the words that rose in a week, by vertical and for the fleet.

`of_week` reads what the nightly job stored. A word is weighed by its log-odds ratio in the week
against the four weeks before, with an informative Dirichlet prior from both (Monroe, Colaresi and
Quinn, "Fightin' Words", 2008): a z-score, so that rare words do not win by chance.
"""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Engine, and_, delete, select
from sqlmodel import Session

from bot import counting, database, deriving, standing
from bot.insights import engagement
from bot.models import DigestScope, Message, Room, Signal, SignalKind, Topic, TopicKind
from bot.text import similarity
from bot.text.segment import Segmenter

TOPIC, MESSAGE, ROOM, SIGNAL = database.tables(Topic, Message, Room, Signal)

RULE_VERSION: Final = 1
WEEK = dt.timedelta(days=7)
BASELINE: Final = 4
MOST: Final = 20
# A word of few is nobody's topic, and may be a name.
_FEWEST_MEMBERS: Final = 3
_LEAST_SCORE: Final = 1.96
_PRIOR: Final = 1_000.0

# A room's platform id, a vertical, or "" for the fleet.
Target = tuple[DigestScope, str]


@dataclass(frozen=True, slots=True)
class Rising:
    """A word, or the clearest wording of a group of like questions.

    `text` is None where the question was recalled or its text has been dropped. `count` and
    `members` are of the week, `before` is what the baseline would have led to expect. `score` is
    a z-score, None for questions.
    """

    text: str | None
    score: float | None
    count: int
    before: float
    members: int
    rooms: int
    room_id: int | None
    message_id: int | None


@dataclass(frozen=True, slots=True)
class Topics:
    """What rose in one scope, the most telling first."""

    words: tuple[Rising, ...]
    questions: tuple[Rising, ...]


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
            *(TOPIC.c[name] for name in ("room_id", "message_id")),
        )
        .where(TOPIC.c.week == monday)
        .order_by(TOPIC.c.rank)
    )
    if scope is not None:
        query = query.where(TOPIC.c.scope == scope)
    if target is not None:
        query = query.where(TOPIC.c.target == target)
    found: dict[Target, tuple[list[Rising], list[Rising]]] = defaultdict(lambda: ([], []))
    for own_scope, own_target, kind, word, said, *figures in session.connection().execute(query):
        rising = Rising(word if kind is TopicKind.WORD else said, *figures)
        found[own_scope, own_target][kind is TopicKind.QUESTION].append(rising)
    return {named: Topics(tuple(words), tuple(asked)) for named, (words, asked) in found.items()}


@dataclass(slots=True)
class _Talk:
    """What one scope said in one stretch: messages by word, and who said each in the week."""

    words: Counter[str] = field(default_factory=Counter)
    members: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    rooms: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


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
    """The rows of one week. Members' text messages that stand, each word once a message."""
    since, _ = counting.local_day(monday, zone)
    until, _ = counting.local_day(monday + WEEK, zone)
    early, _ = counting.local_day(monday - BASELINE * WEEK, zone)
    week: dict[Target, _Talk] = defaultdict(_Talk)
    before: dict[Target, Counter[str]] = defaultdict(Counter)
    query = (
        select(
            MESSAGE.c.at, MESSAGE.c.room_id, MESSAGE.c.contact_id, MESSAGE.c.text, ROOM.c.vertical
        )
        .join(ROOM, ROOM.c.id == MESSAGE.c.room_id)
        .where(
            MESSAGE.c.day >= early.date(), MESSAGE.c.day <= until.date(),
            MESSAGE.c.at >= early, MESSAGE.c.at < until,
            and_(~MESSAGE.c.own, MESSAGE.c.type == "text", MESSAGE.c.text.is_not(None)),
            engagement.by_member(MESSAGE.c.room_id, MESSAGE.c.contact_id),
            ~_recalled(),
        )
    )  # fmt: skip
    reading = session.connection().execution_options(yield_per=5_000)
    for at, room, contact, text, vertical in reading.execute(query):
        words = set(segmenter.keywords(similarity.without_mentions(text)))
        targets = [(DigestScope.FLEET, "")] + (
            [(DigestScope.VERTICAL, vertical)] if vertical else []
        )
        for target in targets:
            if at < since:
                before[target].update(words)
                continue
            talk = week[target]
            talk.words.update(words)
            for word in words:
                talk.members[word].add(contact)
                talk.rooms[word].add(room)
    return [
        row
        for target, talk in sorted(week.items())
        for row in _rows(monday, target, talk, before[target], now)
    ]


def _recalled() -> ColumnElement[bool]:
    return (
        select(SIGNAL.c.message_id)
        .where(
            SIGNAL.c.day == MESSAGE.c.day, SIGNAL.c.room_id == MESSAGE.c.room_id,
            SIGNAL.c.message_id == MESSAGE.c.id, SIGNAL.c.kind == SignalKind.RECALLED,
        )
        .correlate(MESSAGE)
        .exists()
    )  # fmt: skip


def rising(week: Mapping[str, int], before: Mapping[str, int]) -> list[tuple[float, str]]:
    """(z, word) of the words of a week, the most telling first."""
    this, then = sum(week.values()), sum(before.values())
    if not this or not then:
        return []
    scores = []
    for word, count in week.items():
        earlier = before.get(word, 0)
        prior = _PRIOR * (count + earlier) / (this + then)
        now_odds = math.log((count + prior) / (this + _PRIOR - count - prior))
        then_odds = math.log((earlier + prior) / (then + _PRIOR - earlier - prior))
        scores.append(
            ((now_odds - then_odds) / math.sqrt(1 / (count + prior) + 1 / (earlier + prior)), word)
        )
    return sorted(scores, key=lambda each: (-each[0], each[1]))


def _rows(
    monday: dt.date, target: Target, talk: _Talk, before: Counter[str], now: dt.datetime
) -> list[dict[str, object]]:
    this, then = talk.words.total(), before.total()
    chosen: Sequence[tuple[float, str]] = [
        (score, word)
        for score, word in rising(talk.words, before)
        if score >= _LEAST_SCORE and len(talk.members[word]) >= _FEWEST_MEMBERS
    ][:MOST]
    return [
        {
            "week": monday, "scope": target[0], "target": target[1], "kind": TopicKind.WORD,
            "rank": rank, "text": word, "score": score, "count": talk.words[word],
            "before": before[word] * this / then, "members": len(talk.members[word]),
            "rooms": len(talk.rooms[word]), "rule_version": RULE_VERSION, "computed_at": now,
        }
        for rank, (score, word) in enumerate(chosen, start=1)
    ]  # fmt: skip
