"""`qunyun bench plan`: one tick of the planner, when much is due and when nothing is."""

import datetime as dt
import gc
import sqlite3
import statistics
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url
from sqlmodel import Session

from bot import database, settings
from bot.bench import databases
from bot.models import Account, Delivery, DeliveryKind, DeliveryState, Room, SeriesKind
from content_calendar import contact, definition, lifecycle, planning, preview
from content_calendar.audience import Audience
from content_calendar.contact import Rules
from content_calendar.definition import Definition, Step
from content_calendar.recurrence import Schedule, Weekly

ZONE = ZoneInfo("Asia/Shanghai")
WEDNESDAY = dt.date(2026, 11, 4)
NOON = dt.datetime(2026, 11, 4, 12, tzinfo=ZONE).astimezone(dt.UTC)
DUE = dt.datetime(2026, 11, 4, 20, tzinfo=ZONE).astimezone(dt.UTC)
DAYS = 90
DUE_SERIES = 10
ROOMS_EACH = 200
IDLE_TICKS = 50
WEEKS = 8
WEEK = dt.timedelta(days=7)
TEXT = "{{ vertical }}问题解答日开始啦,{{ date }}晚上大家有什么想问的?老师在线回答。"
Row = tuple[str, int, int, int, str, str, str]


def measure(rooms: int, series: int, history: int, kind: str) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `plan`. The machine's keys are the caller's.

    `rooms` in verticals of about 200, `series` of two steps that each reach one vertical, and
    `history` deliveries of earlier weeks stand. One tick plans the ten series that are due, a
    post for each of 2,000 rooms, and again in the following weeks: the median of these, and
    the first. In a quarter of them every room reads its own name. The baseline
    inserts the same rows through the database's driver, ready-made. `preview_s` is every post of
    90 days of the same calendar.
    """
    with databases.empty(kind) as url:
        engine = database.connect(url)
        try:
            rules = contact.rules(settings.Settings(_env_file=None))
            _furnish(engine, rooms, series, history, rules)
            # As the app does once it has started.
            gc.collect()
            gc.freeze()
            idle = [_timed(lambda: _tick(engine, NOON, rules))[0] for _ in range(IDLE_TICKS)]
            first, *rest = [_week(engine, DUE + n * WEEK, rules) for n in range(WEEKS)]
            planned_s, new = sorted(rest)[len(rest) // 2]
            again_s, more = _timed(lambda: _tick(engine, DUE + (WEEKS - 1) * WEEK, rules))
            baseline = _baseline(url, engine, kind, new)
            shown_s, shown = _timed(lambda: _preview(engine, rules))
        finally:
            engine.dispose()
    return {
        "rooms": rooms,
        "series": series,
        "history": history,
        "planned": new,
        "planned_again": more,
        "plan_ms": round(planned_s * 1000, 1),
        "first_plan_ms": round(first[0] * 1000, 1),
        "again_ms": round(again_s * 1000, 1),
        "idle_tick_ms": round(statistics.median(idle) * 1000, 2),
        "seconds": round(planned_s, 4),
        "per_second": round(new / planned_s, 1),
        "baseline_per_second": round(new / baseline, 1),
        "ratio": round(baseline / planned_s, 4),
        "preview_s": round(shown_s, 2),
        "preview_posts": shown,
    }


def _furnish(engine: Engine, rooms: int, series: int, history: int, rules: Rules) -> None:
    verticals = max(1, rooms // ROOMS_EACH)
    with database.transaction(engine) as session:
        account = {"gateway": "memory", "online": True, "state_reason": "", "lease_epoch": 0}
        names = [{"id": n, "name": f"bot{n}"} | account for n in range(1, verticals + 1)]
        database.insert_rows(session, Account, names)
        database.insert_rows(
            session,
            Room,
            [
                {
                    "id": n,
                    "platform_id": f"room{n}@chatroom",
                    "topic": f"第 {n} 群",
                    "vertical": f"垂类{n % verticals}",
                    "account_id": n % verticals + 1,
                    "owner": "",
                    "mention_all": False,
                }
                for n in range(1, rooms + 1)
            ],
        )
        for n in range(series):
            definition.write(session, _series(n, verticals), None, "bench", NOON)
        keys = definition.keys(session)
        approved = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
        lifecycle.approve(session, keys, "bench", approved, rules, both_eyes=True)
        _remember(session, rooms, verticals, history)
    # The first look of a planner, and what it finds, belong to no figure.
    _tick(engine, NOON - dt.timedelta(hours=1), rules)
    with database.transaction(engine) as session:
        if not database.is_sqlite(session):
            session.connection().exec_driver_sql("ANALYZE")


def _series(n: int, verticals: int) -> Definition:
    # Ten are due on Wednesday at eight, one a vertical; the others spread over the week's hours.
    due = n < DUE_SERIES
    hour = 20 if due else 9 + n % 9
    weekday = 2 if due else (n * 3) % 7
    mine = "{{ room }}:" if n % 4 == 0 else ""
    return Definition(
        key=f"series-{n:03}",
        name=f"栏目 {n}",
        kind=SeriesKind.QA_DAY,
        schedule=Schedule(Weekly((weekday,)), dt.date(2026, 1, 1), dt.date(2027, 12, 31)),
        at=dt.time(hour),
        audience=Audience(verticals=(f"垂类{n % verticals}",)),
        steps=(
            Step("预告", "明天见,问题先攒着", days=-1, at=dt.time(19 if due else hour)),
            Step("开场", mine + TEXT),
        ),
    )


def _remember(session: Session, rooms: int, accounts: int, history: int) -> None:
    def row(n: int) -> dict[str, object]:
        return {
            "key": f"post:old:{n}",
            "kind": DeliveryKind.POST,
            "state": DeliveryState.SENT,
            "priority": 1,
            "series_id": 1,
            "step": "开场",
            "room_id": n % rooms + 1,
            "account_id": n % accounts + 1,
            "text": "开始啦",
            "mentions": [],
            "mention_all": False,
            "planned_at": NOON - dt.timedelta(days=1 + n % DAYS),
            "due_at": NOON - dt.timedelta(days=1 + n % DAYS),
            "expires_at": NOON - dt.timedelta(days=n % DAYS),
            "sending_at": NOON - dt.timedelta(days=1 + n % DAYS),
            "sent_at": NOON - dt.timedelta(days=1 + n % DAYS),
            "attempts": 1,
            "withdrawn": False,
        }

    for start in range(0, history, 10_000):
        some = [row(n) for n in range(start, min(start + 10_000, history))]
        database.insert_alike(session, Delivery, some)


def _tick(engine: Engine, now: dt.datetime, rules: Rules) -> int:
    with database.transaction(engine) as session:
        return planning.plan_due(session, now, rules).new


def _week(engine: Engine, due: dt.datetime, rules: Rules) -> tuple[float, int]:
    """Seconds of the tick at `due`, and what it planned; the rest of the week went before."""
    _tick(engine, due - dt.timedelta(minutes=20), rules)
    return _timed(lambda: _tick(engine, due, rules))


def _preview(engine: Engine, rules: Rules) -> int:
    with database.reading(engine) as session:
        series = [each.definition for each in definition.stored(session)]
        until = WEDNESDAY + dt.timedelta(days=DAYS)
        posts = preview.preview(session, series, WEDNESDAY, until, rules)
        return sum(len(post.rooms) for post in posts)


def _baseline(url: str, engine: Engine, kind: str, new: int) -> float:
    """Seconds to insert what the tick planned into a bare table with the same key."""
    delivery = database.table(Delivery).c
    columns = (
        delivery.key, delivery.series_id, delivery.room_id, delivery.account_id, delivery.text,
        delivery.due_at, delivery.expires_at,
    )  # fmt: skip
    with database.reading(engine) as session:
        found = session.connection().execute(
            select(*columns).where(delivery.state == DeliveryState.PENDING).limit(new)
        )
        rows = [(*row[:5], row[5].isoformat(), row[6].isoformat()) for row in found]
    create = (
        "CREATE TABLE bare(key text PRIMARY KEY, series int, room int, account int, text text,"
        " due text, expires text)"
    )
    if kind == "sqlite":
        return _sqlite(url, create, rows)
    return _postgresql(url, create, rows)


def _sqlite(url: str, create: str, rows: list[Row]) -> float:
    connection = sqlite3.connect(make_url(url).database or "")
    connection.execute(create)
    began = time.perf_counter()
    connection.executemany("INSERT OR IGNORE INTO bare VALUES(?, ?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    taken = time.perf_counter() - began
    connection.close()
    return taken


def _postgresql(url: str, create: str, rows: list[Row]) -> float:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(create)
        connection.execute("CREATE TEMP TABLE coming(LIKE bare)")
        connection.commit()
        began = time.perf_counter()
        with connection.cursor().copy("COPY coming FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute("INSERT INTO bare SELECT * FROM coming ON CONFLICT DO NOTHING")
        connection.commit()
        return time.perf_counter() - began


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done
