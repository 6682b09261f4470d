"""`qunyun bench ingest`: from log lines to committed rows, everything included."""

import datetime as dt
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy.engine import make_url

from bot import database, deriving, message_log
from bot.bench import databases
from bot.models import Product

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2026, 11, 2, tzinfo=ZONE)
ROOMS, MEMBERS, DAYS = 40, 60, 14
BATCH = 1_000
WORDS = (
    "宝宝 奶粉 怎么 转奶 红屁屁 辅食 几个月 加 蛋黄 昨天 买 了 这款 面霜 敏感肌 能 用 吗 分享 一下 "
    "我家 的 空瓶 真的 很 好用 打卡 有没有 推荐 防晒 通勤 西装裤 显瘦 多少 钱 退货 客服 快递 今天 "
    "到 了 颜色 和 图片 不太 一样 求 链接 大家 都 在 哪里 买 周末 一起 去 公园 天气 冷 了 加 衣服"
).split()
Row = tuple[str, str, str, str, str, str]


def measure(messages: int, log: Path | None, kind: str) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `ingest`. The machine's keys are the caller's.

    `kind` is sqlite or postgresql; `log` is a message log, else one of `messages` invented lines.
    The baseline inserts the same messages into one bare table through the database's driver,
    1,000 a commit, refusing duplicates, and understands nothing.
    """
    with tempfile.TemporaryDirectory(prefix="qunyun-bench-") as folder:
        path = log or _invented(Path(folder) / "log.jsonl", messages)
        with databases.empty(kind) as url:
            seconds, report = _ours(url, path)
        with databases.empty(kind) as url:
            baseline = _sqlite(url, path) if kind == "sqlite" else _postgresql(url, path)
    per_second = report.lines / seconds
    return {
        "messages": report.lines,
        "accepted": report.accepted,
        "rejected": len(report.rejected),
        "seconds": round(seconds, 3),
        "per_second": round(per_second, 1),
        "baseline_per_second": round(report.lines / baseline, 1),
        "ratio": round(per_second * baseline / report.lines, 4),
    }


def _ours(url: str, path: Path) -> tuple[float, message_log.Report]:
    engine = database.connect(url)
    try:
        with database.transaction(engine) as session:
            product = {"id": 1, "sku": "N1", "name": "奶粉", "category": ""}
            database.insert_rows(session, Product, [product])
            rules = deriving.load_rules(session, ZONE)
        began = time.perf_counter()
        report = message_log.replay(engine, path, rules)
        return time.perf_counter() - began, report
    finally:
        engine.dispose()


def _sqlite(url: str, path: Path) -> float:
    connection = sqlite3.connect(make_url(url).database or "")
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE bare(id TEXT, room TEXT, sender TEXT, at TEXT, type TEXT, text TEXT,"
        " PRIMARY KEY(room, id));"
    )
    rows = _rows(path)
    began = time.perf_counter()
    while batch := list(islice(rows, BATCH)):
        connection.executemany("INSERT OR IGNORE INTO bare VALUES(?, ?, ?, ?, ?, ?)", batch)
        connection.commit()
    connection.close()
    return time.perf_counter() - began


def _postgresql(url: str, path: Path) -> float:
    rows = _rows(path)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(
            "CREATE TABLE bare(id text, room text, sender text, at text, type text, text text,"
            " PRIMARY KEY(room, id))"
        )
        connection.execute("CREATE TEMP TABLE coming(LIKE bare)")
        connection.commit()
        began = time.perf_counter()
        while batch := list(islice(rows, BATCH)):
            with connection.cursor().copy("COPY coming FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            connection.execute("INSERT INTO bare SELECT * FROM coming ON CONFLICT DO NOTHING")
            connection.execute("TRUNCATE coming")
            connection.commit()
        return time.perf_counter() - began


def _rows(path: Path) -> Iterator[Row]:
    """The same messages as bare rows; reading the lines is part of the baseline, too."""
    with path.open("rb") as lines:
        for line in lines:
            told = json.loads(line)
            text = (told["text"] or "").encode("utf-8", "replace").decode().replace("\0", "")
            yield told["id"], told["room"], told["sender"], told["at"], told["type"], text


def _invented(path: Path, messages: int) -> Path:
    rng = random.Random(7)  # noqa: S311  # the same lines every time
    seconds = sorted(rng.randrange(DAYS * 86_400) for _ in range(messages))
    with path.open("w", encoding="utf-8") as out:
        for number, second in enumerate(seconds):
            room, member = rng.randrange(ROOMS), int(rng.paretovariate(1)) % MEMBERS
            told = {
                "id": f"m{number}",
                "room": f"room{room}@chatroom",
                "topic": f"第 {room} 群",
                "sender": f"wxid_{room}_{member}",
                "name": f"成员{member}",
                "at": (START + dt.timedelta(seconds=second)).isoformat(),
                "type": "text",
                "text": "".join(rng.choices(WORDS, k=rng.randint(2, 12))),
            }
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
    return path
