"""`qunyun bench digest`: a Monday morning of a large community."""

import datetime as dt
import gc
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from bot import database
from bot.bench import databases, weeks
from bot.digest import card, compose, gather, publish, storing
from bot.digest.findings import Findings
from bot.digest.gather import Week
from bot.models import DigestScope

TURNS = 3
WEEK = dt.timedelta(weeks=1)
Answer = TypeVar("Answer")


def measure(rooms: int, messages: int, kind: str) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `digest`. The machine's keys are the caller's.

    The community is made, its nights are worked off, and last week's digests are stored as they
    stood on their Monday, in a process of its own, so that the peak of memory is that of these
    digests, which tell what became of last week's. `gather_s` is the median of three, of every
    room's figures; `first_gather_s` finds nothing in memory. `render_s` fetches what members said,
    composes, and writes the Markdown and HTML of every room to disk. `png_s` is one card of the
    fleet.
    """
    with databases.empty(kind) as url, tempfile.TemporaryDirectory(prefix="digest-") as folder:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as beside:
            made = beside.submit(furnished, url, rooms, messages).result()
        engine = database.connect(url)
        try:
            gathered = [_timed(lambda: _gathered(engine))[0] for _ in range(1 + TURNS)]
            week = Findings(_gathered(engine))
            render_s, written = _timed(lambda: _written(engine, week, Path(folder)))
            with database.reading(engine) as session:
                (sheet,) = compose.sheets(session, week, [storing.FLEET])
            cards = [_timed(lambda: card.png(sheet)) for _ in range(1 + TURNS)]
        finally:
            engine.dispose()
    gather_s = statistics.median(gathered[1:])
    return {
        "rooms": rooms,
        "messages": made.messages,
        "roll_ups_s": made.roll_ups_s,
        "topics_s": made.topics_s,
        "first_gather_s": round(gathered[0], 2),
        "gather_s": round(gather_s, 2),
        "render_s": round(render_s, 2),
        "files": written,
        "png_s": round(statistics.median(seconds for seconds, _ in cards[1:]), 3),
        "png_bytes": len(cards[-1][1]),
        "seconds": round(gather_s + render_s, 2),
    }


def furnished(url: str, rooms: int, messages: int) -> weeks.Furnished:
    """Fill an empty database at head (`weeks`), the digests of the week before included."""
    made = weeks.furnish(url, rooms, messages)
    engine, monday, then = database.connect(url), weeks.MONDAY - WEEK, weeks.NOW - WEEK
    try:
        with database.reading(engine) as session:
            findings = Findings(gather.gather(session, monday, then, weeks.ZONE))
        for subjects in storing.parts(storing.everything(findings.week)):
            with database.transaction(engine) as session:
                fresh = compose.sheets(session, findings, subjects)
                storing.store(session, monday, fresh, then)
        return made
    finally:
        engine.dispose()


def _gathered(engine: Engine) -> Week:
    with database.reading(engine) as session:
        return gather.gather(session, weeks.MONDAY, weeks.NOW, weeks.ZONE)


def _written(engine: Engine, findings: Findings, folder: Path) -> int:
    rooms = [each for each in storing.everything(findings.week) if each.scope is DigestScope.ROOM]
    taken: set[str] = set()
    files = 0
    for subjects in storing.parts(rooms):
        with database.reading(engine) as session:
            sheets = compose.sheets(session, findings, subjects)
        files += sum(map(len, publish.write(sheets, folder, ("md", "html"), taken)))
    return files


def _timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    gc.collect()
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer
