"""How long the attribution of 60,000 orders over 480,000 mentions takes in a real database."""

import datetime as dt
import multiprocessing
import resource
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import psutil
from sqlalchemy import Engine, func, select

from bot import database
from bot.bench import databases
from bot.bench.worlds import recorded, stored
from bot.bench.worlds.catalogue import WORLDS
from bot.insights import attributing, shares

# As many orders and mentions as the specification names.
WORLD = replace(WORLDS["ordinary-80"], name="speed", rooms=1_575, base_a_day=0.59)


def measure(kind: str, seed: int) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects": seconds on the clock, and of processor time (the
    server's, too) where a key ends in `cpu_s`. Reading and writing are part of every figure.
    """
    now = stored.end(WORLD) + dt.timedelta(days=4)
    with databases.empty(kind) as url:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawn) as beside:
            mentions = beside.submit(_furnish, url, seed).result()
        with ProcessPoolExecutor(1, spawn) as beside:
            timed = beside.submit(_timed, url, now).result()
    orders = int(timed["orders"])
    return {
        "mentions": mentions,
        **timed,
        "us_an_order": round(timed["attribute_s"] / orders * 1e6, 1),
        "cpu_us_an_order": round(timed["attribute_cpu_s"] / orders * 1e6, 1),
        "share_us_an_order": round(timed["share_s"] / orders * 1e6, 1),
    }


def _furnish(url: str, seed: int) -> int:
    happened, perceived, _ = recorded.happened(WORLD, seed)
    engine = database.connect(url)
    try:
        with database.transaction(engine) as session:
            stored.store(session, happened, perceived)
        with database.transaction(engine) as session:
            session.connection().exec_driver_sql("ANALYZE")
    finally:
        engine.dispose()
    return int(perceived.heard.sum())


def _timed(url: str, now: dt.datetime) -> Mapping[str, float]:
    engine = database.connect(url)
    try:
        server = _server(engine)
        marks = [_spent(server)]
        with database.transaction(engine) as session:
            attributing.read_news(session, now)
        marks.append(_spent(server))
        with database.transaction(engine) as session:
            summary = attributing.attribute_all(session, now, calibrate=False)
        marks.append(_spent(server))
        with database.transaction(engine) as session:
            again = attributing.attribute_all(session, now, calibrate=False)
        marks.append(_spent(server))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with database.reading(engine) as session:
            shares.share(session)
        marks.append(_spent(server))
    finally:
        engine.dispose()
    if again.changed:
        raise AssertionError("attributing again changed rows")
    steps = ("class", "attribute", "again", "share")
    clock, cpu = np.diff(np.array(marks), axis=0).T.round(2).tolist()
    return {
        "orders": summary.lines,
        **{f"{step}_s": each for step, each in zip(steps, clock, strict=True)},
        **{f"{step}_cpu_s": each for step, each in zip(steps, cpu, strict=True)},
        "attribute_peak_rss_mb": round(peak, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _server(engine: Engine) -> psutil.Process | None:
    """The process that serves the one connection of the pool; None where it is ours."""
    with database.reading(engine) as session:
        if database.is_sqlite(session):
            return None
        return psutil.Process(session.connection().scalar(select(func.pg_backend_pid())))


def _spent(server: psutil.Process | None) -> tuple[float, float]:
    """Seconds on the clock and of processor time until now."""
    served = server.cpu_times() if server else None
    beside = served.user + served.system if served else 0.0
    return time.perf_counter(), time.process_time() + beside
