"""One run: a profile on time, then as much at once as comes through, and the figures of both."""

import asyncio
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from bot import database, spool_file
from bot.bench import databases, gateway, ingest
from bot.bench.stress import parts
from bot.bench.stress.arrivals import EVERY, Arrivals
from bot.bench.stress.parts import Parts
from bot.bench.stress.profile import ACCOUNT, Profile
from bot.errors import GatewayUnavailable
from bot.models import Message, MessageIdentity, Room

# So long a process that was just started has before anything is said.
BREATH_SECONDS = 1.0

IDENTITY, MESSAGE, ROOM = database.tables(MessageIdentity, Message, Room)


def measure(
    at: str,
    kind: str,
    wanted: Profile,
    *,
    rooms: int = 2_000,
    workers: int = 1,
    flood: int = 30_000,
    client: int = 5_000,
) -> dict[str, Any]:
    """Messages that enter `at` the spool or the stream, into a database of `kind`.

    `lag_s` is from when a message was due, be the seam ready for it or not, until it was in the
    log, of every twentieth that came; `drain_s` from the end of each peak until all of it was in.
    `per_second` is a flood of so many messages at once; its baseline is the raw driver of `bench
    ingest` on as many. `processor_s` is what each took during the profile, by name. `client` is a
    burst of so many through the real gateway client, which is what one account can hear at most;
    0: not looked at. The machine's keys are the caller's.

    Raises InvalidInput where a part is absent, GatewayUnavailable where one does not start.
    """
    load = os.getloadavg()[0]
    beside = asyncio.run(gateway.measure(client, 50)) if client else None
    with databases.empty(kind) as url, tempfile.TemporaryDirectory(prefix="qunyun-stress-") as home:
        engine = database.connect(url)
        try:
            arrivals = Arrivals(engine, _rooms(engine, rooms))
            with parts.running(engine, Path(home), wanted, rooms, at, workers) as running:
                figures = _measured(running, arrivals, at, wanted, flood)
            figures |= _counted(engine, wanted.messages + flood)
        finally:
            engine.dispose()
    baseline = ingest.baseline(kind, flood) if flood else None
    return {
        "at": at,
        "profile": {
            "seconds": wanted.seconds, "mean_per_second": wanted.mean,
            "peak_per_second": wanted.peak, "calm_per_second": round(wanted.calm, 1),
            "peaks": len(wanted.peaks), "peak_s": round(wanted.period * wanted.peak_share, 2),
        },
        "rooms": rooms,
        "workers": workers,
        "load_before": round(load, 2),
        **figures,
        "baseline_per_second": baseline,
        "ratio": round(figures["per_second"] / baseline, 4) if baseline else None,
        "gateway_client": beside,
    }  # fmt: skip


def _measured(
    running: Parts, arrivals: Arrivals, at: str, wanted: Profile, flood: int
) -> dict[str, Any]:
    before, rss = running.processor(), running.rss_mb()
    began = time.time() + BREATH_SECONDS
    running.say(began, 0, None)
    arrivals.expect((n, began + wanted.due(n)) for n in range(0, wanted.messages, EVERY))
    arrivals.watch()
    taken = running.taken()
    used = {name: round(each - before[name], 1) for name, each in running.processor().items()}
    lags, drains = arrivals.lags(), _drains(arrivals, began, wanted)
    if not lags:
        raise GatewayUnavailable("没有一条消息写进日志,看记录进程说了什么")
    per_second = None
    if flood:
        began = time.time()
        running.say(began, wanted.messages, flood)
        last = wanted.messages + flood - 1
        arrivals.expect((n, began) for n in (*range(wanted.messages, last, EVERY), last))
        arrivals.watch()
        taken = running.taken()
        per_second = flood / (max(came for _, came in arrivals.seen.values()) - began)
    arrivals.complete(wanted.messages + flood)
    return {
        "accepted": _spooled(running) if at == "spool" else taken,
        "lag_s": {
            "p50": _quantile(lags, 0.5), "p95": _quantile(lags, 0.95),
            "p99": _quantile(lags, 0.99), "most": round(lags[-1], 2),
        },
        "drain_s": drains,
        "seconds": wanted.seconds,
        "per_second": round(per_second, 1) if per_second else None,
        "processor_s": used,
        "rss_mb": [rss, running.rss_mb()],
    }  # fmt: skip


def _rooms(engine: Engine, number: int) -> dict[str, int]:
    """Rooms that are known before anybody speaks; their row ids by platform id."""
    names = [f"room{n + 1}@chatroom" for n in range(number)]
    rows = [{"platform_id": name, "topic": f"{name} 群"} for name in names]
    with database.transaction(engine) as session:
        database.insert_rows(session, Room, rows)
        found = session.connection().execute(select(ROOM.c.platform_id, ROOM.c.id))
        return {row.platform_id: row.id for row in found}


def _drains(arrivals: Arrivals, began: float, wanted: Profile) -> list[float]:
    """Seconds from the end of each peak until everything that was due by then was in the log."""
    found = []
    for _, until in wanted.peaks:
        last = began + until
        came = max((came for due, came in arrivals.seen.values() if due <= last), default=last)
        found.append(round(max(0.0, came - last), 2))
    return found


def _counted(engine: Engine, said: int) -> dict[str, int]:
    with database.reading(engine) as session:
        ids, named = session.connection().execute(
            select(func.count(), func.count(IDENTITY.c.platform_id.distinct()))
            .select_from(IDENTITY)
        ).one()  # fmt: skip
        written = session.connection().scalar(select(func.count()).select_from(MESSAGE)) or 0
    return {
        "said": said,
        "written": written,
        "lost": said - named,
        "doubled": max(ids, written) - named,
    }


def _spooled(running: Parts) -> int:
    """How many messages the spool ever accepted; the log-in is none."""
    path = spool_file.path(running.home / "one", ACCOUNT)
    with closing(sqlite3.connect(path)) as file:
        (number,) = file.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return int(number) - 1


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)
