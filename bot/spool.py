"""What one account's gateway told, on disk between the gateway and the log.

From `append` on an event is accepted: it is fsynced in an SQLite file of its own, whatever the
database does meanwhile. It leaves when whoever takes it on says so, in order, so that after a crash
the last lot may be taken on twice, which changes nothing, and none is lost. Bounded: a full spool
makes the gateway wait.

    gateway → append → waiting → head → (recorded, or published) → drop
"""

import asyncio
import datetime as dt
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from bot import event_codec, spool_file, waking
from bot.gateway import Event, LoggedIn, LoggedOut
from bot.spool_file import Held, Put, Row, Waiting

log = logging.getLogger(__name__)

# An empty spool is wiped so often at most: till then what left it stands in its write-ahead log.
WIPED_SECONDS = 4.0
LOOK_AGAIN_SECONDS = 5.0

Answer = TypeVar("Answer")


class Head(NamedTuple):
    """The oldest events that wait, in order; `last` is the sequence of the last of them."""

    events: Sequence[Event]
    last: int


@dataclass(slots=True)
class Spool:
    """One account's spool; every call runs in its own thread, one after the other.

    `life` names this run of the program. `arrived` is set after each append, `emptied` after each
    drop. Another process on the same file does no harm, be it one that froze or one that overlaps
    with ours: what both take on is the same, and who is in or out here is not read from the file.
    """

    path: Path
    limit: int
    life: str
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="spool")
    )
    _file: sqlite3.Connection | None = None
    # When it was wiped, by a clock that nobody sets.
    _wiped: float = 0.0
    _soiled: bool = True
    # Log-ins and log-outs of this life by sequence, as long as they wait: another process takes
    # them for those of an earlier life, and drops them. Touched in our thread alone.
    _own: dict[int, Event] = field(default_factory=dict)

    async def append(self, events: Sequence[Event], now: dt.datetime) -> None:
        """Accept events, in order; durable on return. Waits while the spool is full.

        Raises sqlite3.Error where the disk takes nothing; then none of them is accepted.
        """
        rows = [(now.isoformat(), self.life, event_codec.encode(event)) for event in events]
        while True:
            # Before the look, so that no drop is missed.
            self.emptied.clear()
            if await self._do(lambda file: self._accept(file, events, rows)):
                break
            log.error("%s is full: the gateway waits", self.path.name)
            # Another process may empty it, and would not tell.
            await waking.woken(self.emptied, LOOK_AGAIN_SECONDS)
        self.arrived.set()

    def make_room(self) -> None:
        """From here on `append` waits for nobody: the process ends."""
        self.limit = sys.maxsize
        self.emptied.set()

    async def head(self, most: int) -> Head | None:
        """The oldest `most` events that wait, or None.

        Who was in or out in an earlier life says nothing of this one: left out.
        """
        return await self._do(lambda file: self._oldest(file, most))

    async def drop(self, last: int) -> None:
        """Forget the events up to `last`: somebody else answers for them now."""
        await self._do(lambda file: self._forget(file, last))
        self.emptied.set()
        self._soiled = True
        if time.monotonic() - self._wiped >= WIPED_SECONDS:
            await self.wipe()

    async def wipe(self) -> None:
        """Leave nothing readable in the files of what was dropped, where nothing waits."""
        if self._soiled and await self._do(spool_file.wipe):
            self._soiled, self._wiped = False, time.monotonic()

    async def waiting(self) -> Waiting:
        """What waits now."""
        return await self._do(spool_file.waiting)

    async def held(self) -> Held:
        """What waits now, and what was refused."""
        return await self._do(spool_file.held)

    async def close(self) -> None:
        """Close the file. What waits stays for the next process."""
        if self._file is not None:
            await self._do(sqlite3.Connection.close)
            self._file = None
        self._thread.shutdown()

    def _accept(
        self,
        file: sqlite3.Connection,
        events: Sequence[Event],
        rows: Sequence[Put],
    ) -> bool:
        last = spool_file.append(file, rows, self.limit)
        if last is None:
            return False
        for sequence, event in enumerate(events, last - len(rows) + 1):
            if isinstance(event, LoggedIn | LoggedOut):
                self._own[sequence] = event
        return True

    def _oldest(self, file: sqlite3.Connection, most: int) -> Head | None:
        rows = spool_file.head(file, most)
        last = rows[-1][0] if rows else max(self._own, default=None)
        if last is None:
            return None
        told = {row[0]: self._read(row) for row in rows}
        told |= {sequence: event for sequence, event in self._own.items() if sequence <= last}
        ordered = (told[sequence] for sequence in sorted(told))
        return Head([event for event in ordered if event is not None], last)

    def _forget(self, file: sqlite3.Connection, last: int) -> None:
        spool_file.drop(file, last)
        self._own = {sequence: each for sequence, each in self._own.items() if sequence > last}

    def _read(self, row: Row) -> Event | None:
        sequence, life, content = row
        try:
            event = event_codec.decode(content)
        except ValueError as error:
            # It must not hold up what comes after it.
            log.error("event %d of %s: %s", sequence, self.path.name, type(error).__name__)  # noqa: TRY400
            return None
        return None if life != self.life and isinstance(event, LoggedIn | LoggedOut) else event

    async def _do(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work(self._opened())
        )

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = spool_file.opened(self.path)
        return self._file
