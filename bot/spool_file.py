"""The file of a spool: what waits in it, in order, and what was refused. Another process may have
it open as well.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bot import event_codec
from bot.gateway import Event

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
REMOVE = {
    "event": "DELETE FROM event WHERE sequence = ?",
    "refused": "DELETE FROM refused WHERE rowid = ?",
}
REPLACE = {
    "event": "UPDATE event SET content = ? WHERE sequence = ?",
    "refused": "UPDATE refused SET content = ? WHERE rowid = ?",
}

# sequence, life, content
Row = tuple[int, str, bytes]
# spooled at, life, content
Put = tuple[str, str, bytes]


class Waiting(NamedTuple):
    """How many events wait, and since when the oldest does (UTC)."""

    events: int
    since: dt.datetime | None


NOTHING = Waiting(0, None)


class Held(NamedTuple):
    """All that a spool holds: what waits, and how many events were refused and are kept."""

    waiting: Waiting
    refused: int


def path(home: Path, account: str) -> Path:
    """Where an account's spool lies; an account keeps its name when a database is made anew."""
    return home / "spool" / f"{quote(account, safe='')}.db"


def paths(home: Path) -> list[Path]:
    """Every account's spool on this machine."""
    return sorted((home / "spool").glob("*.db"))


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


def append(file: sqlite3.Connection, rows: Sequence[Put], limit: int) -> int | None:
    """Add rows, durably; returns the sequence of the last one, which ends theirs without a gap, or
    None where they do not fit.
    """
    if waiting(file).events + len(rows) > limit:
        return None
    file.execute("PRAGMA synchronous = FULL")
    with file:
        file.execute("BEGIN IMMEDIATE")
        file.executemany("INSERT INTO event (spooled_at, life, content) VALUES (?, ?, ?)", rows)
        (last,) = file.execute("SELECT last_insert_rowid()").fetchone()
    return int(last)


def head(file: sqlite3.Connection, most: int) -> list[Row]:
    """The oldest rows that wait, in order."""
    return file.execute(
        "SELECT sequence, life, content FROM event ORDER BY sequence LIMIT ?", (most,)
    ).fetchall()


def drop(file: sqlite3.Connection, last: int) -> None:
    """Take away what waits up to a sequence."""
    # What comes back after a power cut is taken on twice, which changes nothing.
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute("DELETE FROM event WHERE sequence <= ?", (last,))


def wipe(file: sqlite3.Connection) -> bool:
    """Empty the write-ahead log where nothing waits; whether nothing is left in it."""
    if waiting(file).events:
        return False
    busy, _, _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def waiting(file: sqlite3.Connection) -> Waiting:
    """How much waits, and since when."""
    # Sequences have no gaps but at the head, where events leave, and where somebody was forgotten.
    first, last = file.execute(
        "SELECT (SELECT min(sequence) FROM event), (SELECT max(sequence) FROM event)"
    ).fetchone()
    if first is None:
        return NOTHING
    found = file.execute("SELECT spooled_at FROM event WHERE sequence = ?", (first,)).fetchone()
    # Another process may have dropped it meanwhile.
    return Waiting(last - first + 1, dt.datetime.fromisoformat(found[0])) if found else NOTHING


def refused(file: sqlite3.Connection) -> int:
    """How many events were refused and are kept."""
    return int(file.execute("SELECT count(*) FROM refused").fetchone()[0])


def held(file: sqlite3.Connection) -> Held:
    """All that is in it."""
    return Held(waiting(file), refused(file))


def look(path: Path) -> Waiting:
    """What waits in a spool, from outside of the process that fills it."""
    if not path.exists():
        return NOTHING
    with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as file:
        return waiting(file)


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
