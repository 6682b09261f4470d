"""When messages are in the log, looked up from outside: one in twenty, ten times a second."""

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine, func, select, tuple_

from bot import database
from bot.bench.stress import profile
from bot.models import MessageIdentity

EVERY = 20
LOOK_SECONDS = 0.1
# So many are asked for at once, the oldest first.
ASKED = 500
PATIENCE_SECONDS = 120.0

IDENTITY = database.table(MessageIdentity)


@dataclass(slots=True)
class Arrivals:
    """Which messages are awaited, by when they are due (seconds since the epoch), and when each
    was in the log; `rooms` are row ids by platform id.
    """

    engine: Engine
    rooms: Mapping[str, int]
    awaited: list[tuple[int, float]] = field(default_factory=list)
    seen: dict[int, tuple[float, float]] = field(default_factory=dict)

    def expect(self, due: Iterable[tuple[int, float]]) -> None:
        """Await messages, in the order in which they are due."""
        self.awaited.extend(due)

    def watch(self) -> None:
        """Look until all have come, or nothing more comes for two minutes."""
        waits = time.monotonic()
        while self.awaited and time.monotonic() - waits < PATIENCE_SECONDS:
            asked = list(itertools.takewhile(_is_due, self.awaited[:ASKED]))
            found = self._found([number for number, _ in asked]) if asked else set()
            if found or not asked:
                waits = time.monotonic()
            now = time.time()
            self.seen |= {number: (due, now) for number, due in asked if number in found}
            left = [each for each in asked if each[0] not in found]
            self.awaited = left + self.awaited[len(asked) :]
            time.sleep(LOOK_SECONDS)

    def complete(self, messages: int) -> None:
        """Wait for those that nobody looked for, until so many are in, or for two minutes."""
        waits = time.monotonic()
        while time.monotonic() - waits < PATIENCE_SECONDS:
            with database.reading(self.engine) as session:
                query = select(func.count()).select_from(IDENTITY)
                if session.connection().scalar(query) == messages:
                    return
            time.sleep(LOOK_SECONDS)

    def lags(self) -> list[float]:
        """Seconds from when each message was due until it was in the log, the shortest first."""
        return sorted(came - due for due, came in self.seen.values())

    def _found(self, numbers: list[int]) -> set[int]:
        keys = {
            (self.rooms[profile.room(number, len(self.rooms))], profile.name(number)): number
            for number in numbers
        }
        query = select(IDENTITY.c.room_id, IDENTITY.c.platform_id).where(
            tuple_(IDENTITY.c.room_id, IDENTITY.c.platform_id).in_(keys)
        )
        with database.reading(self.engine) as session:
            return {keys[row[0], row[1]] for row in session.connection().execute(query)}


def _is_due(each: tuple[int, float]) -> bool:
    return each[1] <= time.time()
