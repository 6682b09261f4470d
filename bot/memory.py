"""What one process remembers of rooms between batches, so that a new message need not have the
whole day before it read and understood again.

Only a saving: what is remembered is compared with the log each time (how many messages, the
newest, the length of what they say), and forgotten where another process, a rollback, a recall
or a late message made it different.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Date, Integer, and_, func, select
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database, times
from bot.models import Message
from bot.models.columns import escape
from bot.text import judging
from bot.text.judging import Heard
from bot.text.lexicon import Lexicon
from bot.text.segment import Segmenter

# All rooms together; the least recently used go first.
MOST_MESSAGES = 500_000
TOO_LONG = 3 * judging.LOOK_BACK


@dataclass(frozen=True, slots=True)
class _Trace:
    """How many messages of a window the log holds, the newest id, the length of their texts."""

    count: int
    newest: int
    length: int


@dataclass(slots=True)
class Remembered:
    """One room up to its latest message: what was heard in the look-back before that, in order."""

    room: judging.Room
    heard: list[Heard]

    @property
    def since(self) -> dt.datetime:
        """From when on everything that was said is in `heard`."""
        return self.heard[-1].at - judging.LOOK_BACK

    def followed_by(
        self, messages: Iterable[Heard], lexicon: Lexicon, segmenter: Segmenter
    ) -> "Remembered":
        """The same room after `messages`, which it has heard by now.

        What is far behind is dropped once in a while, by hearing the last look-back afresh.
        """
        heard = [*self.heard, *sorted(messages, key=judging.order)]
        if not heard or heard[-1].at - heard[0].at < TOO_LONG:
            return Remembered(self.room, heard)
        latest = heard[-1].at
        recent = [message for message in heard if message.at >= latest - judging.LOOK_BACK]
        room = judging.Room()
        # Whatever comes later finds what was said right before it understood.
        judging.hear(room, recent, latest + dt.timedelta(seconds=1), lexicon, segmenter)
        return Remembered(room, recent)

    def trace(self) -> _Trace:
        """What the log must hold for this to be true."""
        within = [message for message in self.heard if message.at >= self.since]
        return _Trace(
            len(within),
            max(message.id for message in within),
            sum(len(escape(message.text or "")) for message in within),
        )


@dataclass(slots=True)
class Memory:
    """Rooms by id, the least recently used first; `size` is how many messages they hold."""

    size: int = 0
    rooms: OrderedDict[int, Remembered] = field(default_factory=OrderedDict)

    def recall(self, session: Session, since: dict[int, dt.datetime]) -> dict[int, Remembered]:
        """What is remembered of those rooms where it ends before `since` and the log agrees."""
        before = {
            room: known
            for room, start in since.items()
            if (known := self.rooms.get(room)) is not None and known.heard[-1].at < start
        }
        found = _traces(
            session, [(room, known.since, since[room]) for room, known in before.items()]
        )
        return {room: known for room, known in before.items() if found.get(room) == known.trace()}

    def keep(self, room_id: int, known: Remembered) -> None:
        """Remember a room up to the latest message in `known`."""
        if not known.heard:
            return
        before = self.rooms.pop(room_id, None)
        self.size += len(known.heard) - (len(before.heard) if before else 0)
        self.rooms[room_id] = known
        while self.size > MOST_MESSAGES and len(self.rooms) > 1:
            _, dropped = self.rooms.popitem(last=False)
            self.size -= len(dropped.heard)


def _traces(
    session: Session, windows: Sequence[tuple[int, dt.datetime, dt.datetime]]
) -> dict[int, _Trace]:
    """What the log holds of each room in `[since, until)`."""
    if not windows:
        return {}
    message = database.table(Message)
    parts = database.given(
        session,
        {"day": Date(), "room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [
            (day, room, since, until)
            for room, since, until in windows
            for day in times.utc_days(since, until)
        ],
    )
    rows = session.connection().execute(
        select(
            message.c.room_id,
            func.count(),
            func.max(message.c.id),
            func.sum(func.length(func.coalesce(message.c.text, ""))),
        )
        .select_from(parts)
        .join(
            message,
            and_(
                message.c.day == parts.c.day,
                message.c.room_id == parts.c.room_id,
                message.c.at >= parts.c.since,
                message.c.at < parts.c.until,
            ),
        )
        .group_by(message.c.room_id)
    )
    return {room: _Trace(count, newest, int(length)) for room, count, newest, length in rows}
