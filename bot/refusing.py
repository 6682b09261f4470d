"""Events that cannot be recorded while their neighbours can: kept in the file of their account's
spool, until they are tried again or have had their time.
"""

import datetime as dt
from contextlib import closing
from pathlib import Path

from bot import event_codec, spool_file
from bot.gateway import Event

# The life of what was refused and waits again.
RETRIED = "retried"


def refuse(path: Path, event: Event, reason: str, now: dt.datetime, over: dt.datetime) -> None:
    """Keep an event that cannot be recorded, durably, in the file of its account's spool; what was
    refused before `over` goes. `reason` is the name of an error. Safe beside the spool at work.
    """
    with closing(spool_file.opened(path)) as file:
        file.execute("DELETE FROM refused WHERE refused_at < ?", (over.isoformat(),))
        file.execute(
            "INSERT INTO refused (refused_at, reason, content) VALUES (?, ?, ?)",
            (now.isoformat(), reason, event_codec.encode(event)),
        )


def refused(path: Path) -> int:
    """How many events of an account were refused and are kept."""
    if not path.exists():
        return 0
    with closing(spool_file.opened(path)) as file:
        return spool_file.refused(file)


def retry(path: Path, now: dt.datetime) -> int:
    """Let what was refused wait again, behind what waits already; returns how many events.

    A process at work takes them on with what comes next; what is refused again is kept again.
    """
    with closing(spool_file.opened(path)) as file, file:
        file.execute("BEGIN IMMEDIATE")
        back = file.execute(
            "INSERT INTO event (spooled_at, life, content)"
            " SELECT ?, ?, content FROM refused ORDER BY rowid",
            (now.isoformat(), RETRIED),
        ).rowcount
        file.execute("DELETE FROM refused")
    return back
