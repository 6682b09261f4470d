"""The words that rose in a week, each counted once a message."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from bot.insights import rising
from bot.insights.rising import MESSAGE, Target, Window
from bot.models import TopicKind
from bot.text import similarity
from bot.text.segment import Segmenter

# A word of few is nobody's topic, and may be a name.
FEWEST: Final = 3
# One character by itself ("放", "二") tells nobody what it was about.
SHORTEST: Final = 2


@dataclass(slots=True)
class _Talk:
    """What was said: messages by word in the week and before, and who said each in the week."""

    week: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    members: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    rooms: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Talk") -> None:
        """Add what another room said."""
        self.week.update(other.week)
        self.before.update(other.before)
        self.rooms.update(other.members.keys())
        for word, members in other.members.items():
            self.members[word] |= members


def rows(
    session: Session,
    window: Window,
    rooms: Mapping[int, Sequence[Target]],
    segmenter: Segmenter,
) -> Iterator[dict[str, object]]:
    """The rows of every target, without what all rows of a week have in common."""
    wider: dict[Target, _Talk] = defaultdict(_Talk)
    for part in rising.parts(rooms):
        for room, talk in _of_rooms(session, window, part, segmenter).items():
            own, *others = rooms[room]
            talk.rooms.update(talk.members.keys())
            yield from _rows(own, talk)
            for target in others:
                wider[target].add(talk)
    for target, talk in sorted(wider.items()):
        yield from _rows(target, talk)


def _of_rooms(
    session: Session, window: Window, rooms: Sequence[int], segmenter: Segmenter
) -> dict[int, _Talk]:
    query = select(MESSAGE.c.at, MESSAGE.c.room_id, MESSAGE.c.contact_id, MESSAGE.c.text).where(
        rising.said(window, rooms)
    )
    found: dict[int, _Talk] = defaultdict(_Talk)
    reading = session.connection().execution_options(yield_per=5_000)
    for at, room, contact, text in reading.execute(query):
        words = set(segmenter.keywords(similarity.without_mentions(text)))
        talk = found[room]
        if at < window.since:
            talk.before.update(words)
            continue
        talk.week.update(words)
        for word in words:
            talk.members[word].add(contact)
    return dict(sorted(found.items()))


def _rows(target: Target, talk: _Talk) -> Iterator[dict[str, object]]:
    this, then = talk.week.total(), talk.before.total()
    weighed = (
        (rising.score(count, this, talk.before[word], then) or 0.0, word)
        for word, count in talk.week.items()
        if len(word) >= SHORTEST and len(talk.members[word]) >= FEWEST
    )
    risen = sorted(
        (each for each in weighed if each[0] >= rising.LEAST_SCORE),
        key=lambda each: (-each[0], each[1]),
    )
    for rank, (score, word) in enumerate(risen[: rising.MOST[target[0]]], start=1):
        yield {
            "scope": target[0], "target": target[1], "kind": TopicKind.WORD, "rank": rank,
            "text": word, "score": score, "count": talk.week[word],
            "before": talk.before[word] * this / then, "members": len(talk.members[word]),
            "rooms": talk.rooms[word],
        }  # fmt: skip
