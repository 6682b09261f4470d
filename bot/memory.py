"""What one process remembers of rooms between batches, so that a new message need not have the
whole day before it read and understood again.

Only a saving: with every change of a room's log its `RoomLog` gets another stamp, and what is
remembered under an older one is forgotten, whether another process changed the log or a rollback
took our own change back. A room that was silent for the look-back is forgotten, too: whoever
speaks there next speaks after nothing.
"""

import datetime as dt
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Date, Integer, func, select, update
from sqlmodel import Session

from bot import database, times
from bot.models import Message, RoomLog
from bot.text import judging
from bot.text.judging import Heard

# Of all rooms together; the least recently used rooms go first.
MOST_MESSAGES = 250_000
# No process remembers anything under this.
DISTURBED = 0

# The place of a message among those of its room: when, and its platform id.
Place = tuple[dt.datetime, str]


@dataclass(slots=True)
class Remembered:
    """One room up to the last message of its log, in the order of judging; `size` counts what it
    holds.
    """

    room: judging.Room
    last: Place
    stamp: int
    size: int


def _draw() -> int:
    return secrets.randbits(62) + 1


@dataclass(slots=True)
class Memory:
    """Rooms by id, the least recently used first, and how many messages they hold (`size`), `most`
    at the most.

    `stamp` is that of the transaction under way. `draw` makes stamps that nobody else makes;
    nothing else depends on them.
    """

    draw: Callable[[], int] = _draw
    most: int = MOST_MESSAGES
    stamp: int = 0
    size: int = 0
    rooms: OrderedDict[int, Remembered] = field(default_factory=OrderedDict)

    def open(self, session: Session, rooms: Collection[int]) -> dict[int, dt.datetime]:
        """Forget what is no longer so of rooms whose logs are about to change here, and nowhere
        else until the transaction ends; returns up to when their logs went at the most. Those
        that were never opened are left out.
        """
        log = database.table(RoomLog)
        wanted = database.given(session, {"room_id": Integer()}, [(room,) for room in rooms])
        rows = session.connection().execute(
            select(log).join(wanted, wanted.c.room_id == log.c.room_id)
        )
        logs = {row.room_id: row for row in rows}
        self.stamp = self.draw()
        for room in rooms:
            known = self.rooms.get(room)
            if known is not None and (room not in logs or logs[room].stamp != known.stamp):
                self.forget(room)
            elif known is not None:
                # Already now: where the transaction fails, no log bears this stamp.
                known.stamp = self.stamp
        return {room: row.latest_at for room, row in logs.items()}

    def close(self, session: Session, ends: Mapping[int, dt.datetime]) -> None:
        """Say of rooms that were opened up to when their logs go now."""
        database.insert_rows(
            session,
            RoomLog,
            [
                {"room_id": room, "stamp": self.stamp, "latest_at": ends[room]}
                for room in sorted(ends)
            ],
            replace=("stamp", "latest_at"),
        )

    def before(self, first: Heard, end: dt.datetime | None) -> judging.Room | None:
        """The room of a message whose log went up to `end`; None where that has to be read."""
        known = self.rooms.get(first.room_id)
        if known is not None and known.last < judging.order(first):
            return known.room
        if end is None or end < first.at - judging.LOOK_BACK:
            return judging.Room()
        return None

    def keep(self, room_id: int, room: judging.Room, last: Heard) -> None:
        """Remember a room up to the last message of its log; drop others where it gets too much."""
        self.forget(room_id)
        known = Remembered(room, judging.order(last), self.stamp, len(room.past))
        self.size += known.size
        self.rooms[room_id] = known
        silent = last.at - judging.LOOK_BACK
        while len(self.rooms) > 1:
            oldest = next(iter(self.rooms))
            if self.size <= self.most and self.rooms[oldest].last[0] >= silent:
                return
            self.forget(oldest)

    def forget(self, room_id: int) -> None:
        """Remember a room no more."""
        known = self.rooms.pop(room_id, None)
        if known is not None:
            self.size -= known.size


def disturb(session: Session, rooms: Collection[int]) -> None:
    """What these rooms' logs hold was changed from outside: nobody remembers them any more."""
    log = database.table(RoomLog)
    wanted = database.given(session, {"room_id": Integer()}, [(room,) for room in sorted(rooms)])
    session.connection().execute(
        update(log).where(log.c.room_id.in_(select(wanted.c.room_id))).values(stamp=DISTURBED)
    )


def latest(
    session: Session, since: Mapping[int, dt.date], before: int
) -> Mapping[int, dt.datetime]:
    """Up to when the logs of rooms go from a UTC day on, by room id, without messages from the id
    `before` on. Rooms that were silent are left out.
    """
    if not since:
        return {}
    message = database.table(Message)
    last = session.connection().scalar(select(func.max(message.c.day)))
    if last is None:
        return {}
    parts = database.given(
        session,
        {"day": Date(), "room_id": Integer()},
        [
            (first + times.DAY * shift, room)
            for room, first in since.items()
            for shift in range((last - first).days + 1)
        ],
    )
    at = func.max(message.c.at, type_=message.c.at.type)
    rows = session.connection().execute(
        select(message.c.room_id, at)
        .join(parts, (message.c.day == parts.c.day) & (message.c.room_id == parts.c.room_id))
        .where(message.c.id < before)
        .group_by(message.c.room_id)
    )
    return dict(rows.all())
