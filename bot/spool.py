"""What one account's gateway told, on disk between the gateway and the log.

From `append` on an event is accepted: it is fsynced in an SQLite file of its own, whatever the
database does meanwhile. It leaves when whoever takes it on says so, in order, so that after a crash
the last lot may be taken on twice, which changes nothing, and none is lost. Bounded: a full spool
makes the gateway wait.

    gateway → append → waiting → head → (recorded, or published) → drop
"""

import asyncio
import datetime as dt
import json
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from bot import event_codec, waking
from bot.gateway import Event, LoggedIn, LoggedOut

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    spooled_at TEXT NOT NULL,
    life TEXT NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    refused_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    content BLOB NOT NULL
)
"""
PATIENCE_SECONDS = 60
# What the write-ahead log may keep of an outage, in bytes.
LEFT_OVER = 64 * 2**20
# An empty spool is wiped so often at most: till then what left it stands in its write-ahead log.
WIPED_SECONDS = 4.0
LOOK_AGAIN_SECONDS = 5.0
REMOVE = {
    "event": "DELETE FROM event WHERE sequence = ?",
    "refused": "DELETE FROM refused WHERE rowid = ?",
}
REPLACE = {
    "event": "UPDATE event SET content = ? WHERE sequence = ?",
    "refused": "UPDATE refused SET content = ? WHERE rowid = ?",
}

Answer = TypeVar("Answer")
# sequence, life, content
Row = tuple[int, str, bytes]
# spooled at, life, content
Put = tuple[str, str, bytes]


class Waiting(NamedTuple):
    """How many events wait, and since when the oldest does (UTC)."""

    events: int
    since: dt.datetime | None


NOTHING = Waiting(0, None)


class Head(NamedTuple):
    """The oldest events that wait, in order; `last` is the sequence of the last of them."""

    events: Sequence[Event]
    last: int


def path(home: Path, account: str) -> Path:
    """Where an account's spool lies; an account keeps its name when a database is made anew."""
    return home / "spool" / f"{quote(account, safe='')}.db"


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
        if self._soiled and await self._do(_wipe):
            self._soiled, self._wiped = False, time.monotonic()

    async def waiting(self) -> Waiting:
        """What waits now."""
        return await self._do(_waiting)

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
        last = _append(file, rows, self.limit)
        if last is None:
            return False
        for sequence, event in enumerate(events, last - len(rows) + 1):
            if isinstance(event, LoggedIn | LoggedOut):
                self._own[sequence] = event
        return True

    def _oldest(self, file: sqlite3.Connection, most: int) -> Head | None:
        rows = _head(file, most)
        last = rows[-1][0] if rows else max(self._own, default=None)
        if last is None:
            return None
        told = {row[0]: self._read(row) for row in rows}
        told |= {sequence: event for sequence, event in self._own.items() if sequence <= last}
        ordered = (told[sequence] for sequence in sorted(told))
        return Head([event for event in ordered if event is not None], last)

    def _forget(self, file: sqlite3.Connection, last: int) -> None:
        _drop(file, last)
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
            self._file = opened(self.path)
        return self._file


def rewrite(path: Path, change: Callable[[Event], Event | None]) -> int:
    """Change what waits or was refused, or take it out, durably; returns how many events that was.

    A process at work records the lot that it has in its hands as it was.
    """
    changed = 0
    with closing(opened(path)) as file:
        with file:
            file.execute("BEGIN IMMEDIATE")
            for table, rowid, content in file.execute(
                "SELECT 'event', sequence, content FROM event"
                " UNION ALL SELECT 'refused', rowid, content FROM refused"
            ).fetchall():
                event = _decoded(content)
                left = change(event) if event is not None else None
                if event is None or left == event:
                    continue
                changed += 1
                if left is None:
                    file.execute(REMOVE[table], (rowid,))
                else:
                    file.execute(REPLACE[table], (event_codec.encode(left), rowid))
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed


def _decoded(content: bytes) -> Event | None:
    try:
        return event_codec.decode(content)
    except ValueError:
        # Nobody can read it, so it tells of nobody.
        return None


def holding(path: Path, words: str) -> int:
    """How many events that wait, or were refused, hold these words."""
    # As JSON writes them: in ASCII.
    wanted = json.dumps(words)[1:-1]
    with closing(opened(path)) as file:
        found = file.execute(
            "SELECT count(*) FROM (SELECT content FROM event UNION ALL SELECT content FROM refused)"
            " WHERE instr(content, ?) > 0",
            (wanted.encode("ascii"),),
        ).fetchone()
    return int(found[0])


def look(path: Path) -> Waiting:
    """What waits in a spool, from outside of the process that fills it."""
    if not path.exists():
        return NOTHING
    with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as file:
        return _waiting(file)


def opened(path: Path) -> sqlite3.Connection:
    """A spool's file, made where there is none; close it."""
    # It holds what members say: nobody else's business, nor what is left of it on the disk.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    file = sqlite3.connect(
        path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
    )
    file.execute("PRAGMA journal_mode = WAL")
    file.execute(f"PRAGMA journal_size_limit = {LEFT_OVER}")
    file.execute("PRAGMA synchronous = FULL")
    file.execute("PRAGMA secure_delete = ON")
    file.executescript(SCHEMA)
    return file


def _append(file: sqlite3.Connection, rows: Sequence[Put], limit: int) -> int | None:
    """The sequence of the last row, which ends theirs without a gap; None where they do not fit."""
    if _waiting(file).events + len(rows) > limit:
        return None
    file.execute("PRAGMA synchronous = FULL")
    with file:
        file.execute("BEGIN IMMEDIATE")
        file.executemany("INSERT INTO event (spooled_at, life, content) VALUES (?, ?, ?)", rows)
        (last,) = file.execute("SELECT last_insert_rowid()").fetchone()
    return int(last)


def _head(file: sqlite3.Connection, most: int) -> list[Row]:
    return file.execute(
        "SELECT sequence, life, content FROM event ORDER BY sequence LIMIT ?", (most,)
    ).fetchall()


def _drop(file: sqlite3.Connection, last: int) -> None:
    # What comes back after a power cut is taken on twice, which changes nothing.
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute("DELETE FROM event WHERE sequence <= ?", (last,))


def _wipe(file: sqlite3.Connection) -> bool:
    if _waiting(file).events:
        return False
    busy, _, _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _waiting(file: sqlite3.Connection) -> Waiting:
    # Sequences have no gaps but at the head, where events leave, and where somebody was forgotten.
    first, last = file.execute(
        "SELECT (SELECT min(sequence) FROM event), (SELECT max(sequence) FROM event)"
    ).fetchone()
    if first is None:
        return NOTHING
    found = file.execute("SELECT spooled_at FROM event WHERE sequence = ?", (first,)).fetchone()
    # Another process may have dropped it meanwhile.
    return Waiting(last - first + 1, dt.datetime.fromisoformat(found[0])) if found else NOTHING
