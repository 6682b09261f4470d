"""Topics (话题): the words and questions that rose in a week, by room, vertical and fleet.

`of_week` reads what the nightly job stored.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from bot import database, standing
from bot.models import DigestScope, Topic, TopicKind

TOPIC = database.table(Topic)

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
