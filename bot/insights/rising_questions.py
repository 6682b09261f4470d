"""The questions that rose in a week (需求挖掘): like questions as one, counted wherever asked.

Questions of the week are grouped over all rooms: each joins the group whose first question it is a
near-duplicate of (DESIGN §7: from 12 characters Jaccard of character 3-grams ≥ .5, below that the
same words), after what is said out of politeness was taken away. Those of the baseline are looked
up in the groups of the week.
"""

import datetime as dt
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import and_, select
from sqlmodel import Session

from bot import database
from bot.insights import rising
from bot.insights.rising import MESSAGE, Target, Window
from bot.models import DigestScope, Signal, SignalKind, TopicKind
from bot.text import similarity

SIGNAL = database.table(Signal)

# A question of few stays in its room.
FEWEST: Final = {DigestScope.ROOM: 2, DigestScope.VERTICAL: 5, DigestScope.FLEET: 5}
# "怎么办" asks nothing that can be told from another.
SHORTEST: Final = 4
# Longer than a question is: the rest of it tells a story.
LONGEST: Final = 200

_POLITE = re.compile(
    "^(?:大家好?|各位|姐妹们?|宝妈们?|家人们?|亲们?|请问|想问|问一?下|求问|有没有人?知道|有人知道|你们|一下)+"
    "|(?:谢谢|求解|在线等|急|啊|呀|呢|吗|嘛|吧|哦|哈|了)+$"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a member as it stands in the log."""

    at: dt.datetime
    day: dt.date
    room: int
    contact: int
    message: int
    text: str


@dataclass(slots=True)
class Groups:
    """Groups of like questions by number, found by form or by 3-grams that they must share.

    Two sets of 3-grams of which half is common share one of the smaller half of each, in any order
    that is the same for both (as in `similarity.Recent`). `common` says how many questions hold a
    3-gram: the rarest first, few others share one ("怎么办" is in all of them), and what is
    compared does not grow with the square of what is asked. `marks` are the 3-grams of `first`.
    """

    common: Mapping[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)
    marks: list[tuple[str, ...]] = field(default_factory=list)
    by_form: dict[str, int] = field(default_factory=dict)
    holding: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def find(self, form: str) -> int | None:
        """The group of a form: the same words, else the likest first question, the earlier one."""
        known = self.by_form.get(form)
        if known is not None or len(form) < similarity.GRAMS_FROM:
            return known
        own = similarity.grams(form)
        near = {number for mark in self._rarest(own) for number in self.holding.get(mark, ())}
        likest = max(((_likeness(own, self.marks[n]), -n) for n in near), default=None)
        return -likest[1] if likest and likest[0] >= similarity.ALIKE else None

    def put(self, form: str) -> int:
        """The group of a form, a new one where none is like it."""
        number = self.find(form)
        if number is None:
            number = len(self.first)
            self.first.append(form)
            # One object a 3-gram, however many questions hold it.
            marks = frozenset(map(sys.intern, similarity.grams(form)))
            self.marks.append(tuple(marks))
            if len(form) >= similarity.GRAMS_FROM:
                for mark in self._rarest(marks):
                    self.holding[mark].append(number)
        self.by_form[form] = number
        return number

    def _rarest(self, own: frozenset[str]) -> Sequence[str]:
        """The rarer half of some 3-grams."""
        return sorted(own, key=lambda mark: (self.common.get(mark, 0), mark))[: len(own) // 2 + 1]


def groups(forms: Iterable[str]) -> Groups:
    """No groups yet, of questions of these forms."""
    long = (each for each in forms if len(each) >= similarity.GRAMS_FROM)
    return Groups(Counter(mark for each in long for mark in similarity.grams(each)))


def form(text: str) -> str:
    """A question as likeness sees it; "" where it asks nothing that can be told."""
    normal = similarity.normalise(text[:LONGEST])
    bare = _POLITE.sub("", normal)
    return bare if len(bare) >= SHORTEST else ""


def rows(
    session: Session, window: Window, rooms: Mapping[int, Sequence[Target]]
) -> Iterator[dict[str, object]]:
    """The rows of every target, without what all rows of a week have in common."""
    week: list[Asked] = []
    earlier: Counter[tuple[int, str]] = Counter()
    for part in rising.parts(rooms):
        for one in _asked(session, window, part):
            if one.at >= window.since:
                week.append(one)
            else:
                # Of the baseline only how often each form was asked in each room.
                earlier[one.room, form(one.text)] += 1
    week.sort(key=lambda one: (one.at, one.message))
    forms = [(own, one) for one in week if (own := form(one.text))]
    known = groups(own for own, _ in forms)
    asked = [(known.put(own), one) for own, one in forms]
    before: dict[Target, Counter[int | None]] = defaultdict(Counter)
    for (room, own), count in earlier.items():
        for target in rooms[room]:
            before[target][known.find(own)] += count
    found: dict[Target, dict[int, list[Asked]]] = defaultdict(lambda: defaultdict(list))
    for number, one in asked:
        for target in rooms[one.room]:
            found[target][number].append(one)
    for target, of_target in sorted(found.items()):
        yield from _rows(target, of_target, before[target])


def _asked(session: Session, window: Window, rooms: Sequence[int]) -> Iterator[Asked]:
    query = (
        select(*(MESSAGE.c[name] for name in ("at", "day", "room_id", "contact_id", "id", "text")))
        .join(
            SIGNAL,
            and_(
                SIGNAL.c.day == MESSAGE.c.day,
                SIGNAL.c.room_id == MESSAGE.c.room_id,
                SIGNAL.c.message_id == MESSAGE.c.id,
            ),
        )
        .where(SIGNAL.c.kind == SignalKind.QUESTION, rising.said(window, rooms))
    )
    for row in session.connection().execution_options(yield_per=5_000).execute(query):
        yield Asked(*row)


def _rows(
    target: Target, groups: Mapping[int, Sequence[Asked]], before: Counter[int | None]
) -> Iterator[dict[str, object]]:
    this, then = sum(map(len, groups.values())), before.total()
    risen: list[tuple[float, int, int, float | None]] = []
    for number, asked in groups.items():
        members = len({one.contact for one in asked})
        score = rising.score(len(asked), this, before[number], then)
        if members >= FEWEST[target[0]] and (score is None or score >= rising.LEAST_SCORE):
            risen.append((-(score or 0.0), -members, number, score))
    chosen = sorted(risen)[: rising.MOST[target[0]]]
    for rank, (_, members, number, score) in enumerate(chosen, start=1):
        asked = groups[number]
        told = clearest(asked)
        yield {
            "scope": target[0], "target": target[1], "kind": TopicKind.QUESTION, "rank": rank,
            "day": told.day, "room_id": told.room, "message_id": told.message,
            "messages": [one.message for one in asked], "score": score, "count": len(asked),
            "before": before[number] * this / then if then else 0.0, "members": -members,
            "rooms": len({one.room for one in asked}),
        }  # fmt: skip


def clearest(asked: Sequence[Asked]) -> Asked:
    """The wording that most of them used; of several the shortest, then what was asked first."""
    forms = Counter(form(one.text) for one in asked)
    return min(asked, key=lambda one: (-forms[form(one.text)], len(one.text), one.at, one.message))


def _likeness(own: frozenset[str], other: Collection[str]) -> float:
    shared = len(own.intersection(other))
    return shared / (len(own) + len(other) - shared)
