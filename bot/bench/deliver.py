"""`qunyun bench deliver`: claims by several processes at once, durable commits, a reply's wait."""

import asyncio
import datetime as dt
import multiprocessing
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from bot import app as app_module
from bot import database, leases, outbox
from bot.bench import databases
from bot.gateway import Person, Post
from bot.gateways.memory import MemoryGateway
from bot.intents import Intent
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Faq, Room
from bot.process import App
from bot.settings import Settings

NOW = dt.datetime(2026, 11, 11, 12, tzinfo=dt.UTC)
BATCH = 20
COMMITS = 300
REPLIES = 30
HISTORY_ROOMS = 2_000
ROWS = 10_000
PATIENCE = 30
ASKED, ANSWER = "几点开始?", "晚上八点哦"
BARE_CLAIM = (
    "UPDATE bare SET state = 'claimed' WHERE id IN (SELECT id FROM bare WHERE state = 'pending'"
    " ORDER BY id LIMIT 20) RETURNING id"
)


def measure(deliveries: int, workers: int, history: int, kind: str) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `deliver`. The machine's keys are the caller's.

    `workers` processes claim `deliveries` due posts of one account, one to each room, in batches of
    twenty, a transaction a batch, with `history` rows of earlier weeks in the table;
    `claimed_twice` counts what two of them got. `send_commit_per_second` is a durable begin and a
    settle, one delivery at a time. `reply_wait_ms` is what an idle account lets a reply wait: from
    the moment it is planned to the call of the gateway, in the median and at most. The baseline
    claims as many rows of a bare table through the database's driver, in one process.
    """
    with databases.empty(kind) as url:
        engine = database.connect(url)
        try:
            epoch = _furnish(engine, deliveries, history)
            seconds, claimed = _claim_all(url, epoch, workers)
            commits = _commits(engine, claimed[:COMMITS], epoch)
            baseline = _baseline(url, kind, deliveries)
        finally:
            engine.dispose()
    with databases.empty(kind) as url:
        waits = asyncio.run(_reply_waits(url))
    return {
        "deliveries": deliveries,
        "workers": workers,
        "history": history,
        "claimed": len(claimed),
        "claimed_twice": len(claimed) - len(set(claimed)),
        "seconds": round(seconds, 4),
        "claim_per_second": round(len(claimed) / seconds, 1),
        "per_second": round(len(claimed) / seconds, 1),
        "baseline_per_second": round(deliveries / baseline, 1),
        "ratio": round(baseline / seconds, 4),
        "send_commit_per_second": round(commits, 1),
        "reply_wait_ms": round(statistics.median(waits), 1),
        "reply_wait_ms_max": round(max(waits), 1),
    }


def _furnish(engine: Engine, deliveries: int, history: int) -> int:
    rooms = max(deliveries, HISTORY_ROOMS)
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory", online=True))
        session.flush()
        named = [
            {"id": n, "platform_id": f"room{n}@chatroom", "account_id": 1, "vertical": ""}
            | {"topic": "", "owner": "", "mention_all": False}
            for n in range(1, rooms + 1)
        ]
        database.insert_rows(session, Room, named)
        for start in range(0, history, ROWS):
            old = [_old(n) for n in range(start, min(start + ROWS, history))]
            database.insert_alike(session, Delivery, old)
        outbox.plan(session, [_intent(n) for n in range(1, deliveries + 1)], NOW)
        epoch = leases.take(session, 1, "bench", NOW)
        if not database.is_sqlite(session):
            session.connection().exec_driver_sql("ANALYZE")
    return epoch or 0


def _intent(room: int) -> Intent:
    return Intent(
        f"post:qa:2026-11-11:开场:room{room}@chatroom", DeliveryKind.POST, room, 1,
        "今天的问题解答日开始啦,大家有什么想问的?", NOW, NOW + dt.timedelta(hours=3),
    )  # fmt: skip


def _old(n: int) -> dict[str, object]:
    at = NOW - dt.timedelta(days=1 + n % 90)
    return {
        "key": f"post:old:{n}", "kind": DeliveryKind.POST, "state": DeliveryState.SENT,
        "priority": 1, "room_id": n % HISTORY_ROOMS + 1, "account_id": 1, "text": "开始啦",
        "mentions": [], "mention_all": False, "planned_at": at, "due_at": at,
        "expires_at": at + dt.timedelta(hours=3), "sending_at": at, "sent_at": at,
        "message_id": f"m{n}", "attempts": 1, "withdrawn": False,
    }  # fmt: skip


def _claim_all(url: str, epoch: int, workers: int) -> tuple[float, list[int]]:
    """Seconds from the common start to the last claim, and every id that some worker got."""
    start = multiprocessing.get_context("spawn")
    barrier = start.Barrier(workers + 1)
    with start.Pool(workers, _ready, (barrier,)) as pool:
        running = pool.starmap_async(_claim, [(url, epoch)] * workers, chunksize=1)
        barrier.wait()
        began = time.perf_counter()
        claimed = running.get()
        seconds = time.perf_counter() - began
    return seconds, [one for some in claimed for one in some]


_at_once: Barrier


def _ready(barrier: Barrier) -> None:
    global _at_once  # noqa: PLW0603  # how a pool hands a barrier to its processes
    _at_once = barrier


def _claim(url: str, epoch: int) -> list[int]:
    engine = database.connect(url)
    with database.transaction(engine) as session:
        # A process at work has its statements ready.
        outbox.claim(session, 1, epoch - 1, NOW, limit=BATCH)
    _at_once.wait()
    claimed: list[int] = []
    while True:
        with database.transaction(engine) as session:
            some = outbox.claim(session, 1, epoch, NOW, limit=BATCH)
        if not some:
            engine.dispose()
            return claimed
        claimed += [one.id for one in some]


def _commits(engine: Engine, claimed: list[int], epoch: int) -> float:
    began = time.perf_counter()
    for each in claimed:
        with database.transaction(engine, durable=True) as session:
            outbox.begin(session, each, epoch, NOW)
        with database.transaction(engine) as session:
            outbox.sent(session, each, f"m-{each}", NOW)
    return len(claimed) / (time.perf_counter() - began)


def _baseline(url: str, kind: str, deliveries: int) -> float:
    """Seconds to claim as many rows of a bare table with an index on what is pending."""
    rows = [(n, "pending", "今天的问题解答日开始啦") for n in range(deliveries)]
    prepared = (
        "CREATE TABLE bare(id bigint PRIMARY KEY, state text, text text)",
        "CREATE INDEX waiting ON bare(id) WHERE state = 'pending'",
    )
    if kind == "sqlite":
        with closing(sqlite3.connect(make_url(url).database or "")) as connection:
            connection.execute("PRAGMA synchronous=NORMAL")
            for statement in prepared:
                connection.execute(statement)
            connection.executemany("INSERT INTO bare VALUES(?, ?, ?)", rows)
            connection.commit()
            return _drained(lambda: _batch_sqlite(connection))
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as client:
        for statement in prepared:
            client.execute(statement)
        with client.cursor().copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        client.execute("ANALYZE bare")
        client.commit()
        return _drained(lambda: _batch_postgresql(client))


def _batch_sqlite(connection: sqlite3.Connection) -> int:
    found = connection.execute(BARE_CLAIM).fetchall()
    connection.commit()
    return len(found)


def _batch_postgresql(client: psycopg.Connection) -> int:
    found = client.execute(BARE_CLAIM).fetchall()
    client.commit()
    return len(found)


def _drained(batch: Callable[[], int]) -> float:
    began = time.perf_counter()
    while batch():
        pass
    return time.perf_counter() - began


async def _reply_waits(url: str) -> list[float]:
    """Milliseconds from planning a reply to handing it over, one question after the other."""
    engine = database.connect(url)
    community = _Timed("bench", clock=_now)
    # A room of its own for each: no room is told the same twice within minutes.
    rooms = [f"room{n}@chatroom" for n in range(REPLIES)]
    for room in rooms:
        community.add_room(room, "宝妈育儿群", [Person("wxid_1", "")])
    with database.transaction(engine) as session:
        session.add(Faq(vertical="", question=ASKED, answer=ANSWER))
    with TemporaryDirectory(prefix="qunyun-") as home:
        settings = Settings(
            _env_file=None, home=Path(home), random_gap_seconds=(0, 0), room_gap_seconds=0,
            posts_per_minute=10 * REPLIES,
        )  # fmt: skip
        app = app_module.build(settings, engine, [community], _now)
        stop = asyncio.Event()
        running = asyncio.create_task(app_module.run(app, stop))
        try:
            for n, room in enumerate(rooms):
                community.say(room, "wxid_1", ASKED)
                async with asyncio.timeout(PATIENCE):
                    while len(community.handed) == n:
                        app.changed.clear()
                        await app.changed.wait()
            await _quiet(app, REPLIES)
        finally:
            stop.set()
            await running
    with database.reading(engine) as session:
        delivery = database.table(Delivery)
        planned = list(
            session.connection().scalars(delivery.select().with_only_columns(delivery.c.planned_at))
        )
    engine.dispose()
    pairs = zip(sorted(planned), sorted(community.handed), strict=True)
    # The first one finds nothing ready.
    return [(handed - asked) / dt.timedelta(milliseconds=1) for asked, handed in pairs][1:]


async def _quiet(app: App, replies: int) -> None:
    """Until every reply is settled."""
    delivery = database.table(Delivery)
    asked = delivery.select().where(delivery.c.state == DeliveryState.SENT)
    async with asyncio.timeout(PATIENCE):
        while True:
            app.changed.clear()
            with database.reading(app.engine) as session:
                if len(session.connection().execute(asked).all()) == replies:
                    return
            await app.changed.wait()


class _Timed(MemoryGateway):
    """Notes when each post is handed over."""

    def __init__(self, name: str, *, clock: Callable[[], dt.datetime]) -> None:
        super().__init__(name, clock=clock)
        self.handed: list[dt.datetime] = []

    async def send(self, post: Post) -> str | None:
        self.handed.append(_now())
        return await super().send(post)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
