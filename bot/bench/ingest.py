"""`qunyun bench ingest`: from log lines to committed rows, everything included."""

import datetime as dt
import itertools
import json
import random
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import psutil
import psycopg
from sqlalchemy.engine import make_url
from sqlmodel import Session

from bot import collecting, database, deriving, message_log
from bot.bench import databases
from bot.deriving import Rules
from bot.gateway import Said
from bot.message_log import Report
from bot.models import Product, ProductAlias
from bot.text import engines, judging
from bot.text.judging import Heard

ZONE = ZoneInfo("Asia/Shanghai")
START = dt.datetime(2026, 11, 2, tzinfo=ZONE)
ROOMS, MEMBERS, DAYS = 40, 60, 14
BATCH = 1_000
# Names of one product; so many lines are looked at stage by stage, and so many texts cut by jieba.
ALIASES, STAGED, CUT = 10, 5_000, 5_000
WORDS = (
    "宝宝 奶粉 怎么 转奶 红屁屁 辅食 几个月 加 蛋黄 昨天 买 了 这款 面霜 敏感肌 能 用 吗 分享 一下 "
    "我家 的 空瓶 真的 很 好用 打卡 有没有 推荐 防晒 通勤 西装裤 显瘦 多少 钱 退货 客服 快递 今天 "
    "到 了 颜色 和 图片 不太 一样 求 链接 大家 都 在 哪里 买 周末 一起 去 公园 天气 冷 了 加 衣服"
).split()
Row = tuple[str, str, str, str, str, str]
T = TypeVar("T")


@dataclass(slots=True)
class _Taken:
    """What a stretch of work took, by the clock and of this process alone."""

    seconds: float = 0.0
    processor: float = 0.0


@dataclass(slots=True)
class _Watch:
    """The memory of this process, in megabytes, before and at every tenth of the lines."""

    lines: int
    rss: list[float] = field(default_factory=list)

    def told(self, lines: int) -> None:
        """Look where another tenth is done."""
        while len(self.rss) <= 10 * lines // self.lines:
            self.rss.append(round(psutil.Process().memory_info().rss / 2**20, 1))


def measure(messages: int, log: Path | None, kind: str, names: int) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `ingest`. The machine's keys are the caller's.

    `kind` is sqlite or postgresql; `log` is a message log, else one of `messages` invented lines;
    `names` are loaded as aliases of products. The baseline inserts the same messages into one bare
    table through the database's driver, 1,000 a commit, refusing duplicates, and understands
    nothing. Processor seconds are this process's alone, without those of a PostgreSQL server.
    `bytes_a_message` is how much the database grew, signals, counters and indexes included.
    """
    with tempfile.TemporaryDirectory(prefix="qunyun-bench-") as folder:
        path = log or _invented(Path(folder) / "log.jsonl", messages)
        watch = _Watch(_count(path))
        with databases.empty(kind) as url:
            ours, report, rules, grown = _ours(url, path, names, watch)
        bare = _bare(kind, path)
        stages, jieba = _stages(path, rules)
    rate = report.lines / ours.seconds
    of_processor = report.lines / ours.processor
    return {
        "messages": report.lines,
        "accepted": report.accepted,
        "rejected": len(report.rejected),
        "names": names,
        "seconds": round(ours.seconds, 3),
        "per_second": round(rate, 1),
        "per_processor_second": round(of_processor, 1),
        "baseline_per_second": round(report.lines / bare.seconds, 1),
        "baseline_per_processor_second": round(report.lines / bare.processor, 1),
        "ratio": round(bare.seconds / ours.seconds, 4),
        "ratio_of_processor": round(bare.processor / ours.processor, 4),
        "jieba_per_processor_second": round(jieba, 1),
        "ratio_to_jieba": round(of_processor / jieba, 4),
        "microseconds_a_message": {
            **stages,
            "writing": round(1e6 / of_processor - sum(stages.values()), 2),
        },
        "rss_mb": watch.rss,
        "bytes_a_message": round(grown / report.lines),
    }


def baseline(kind: str, messages: int) -> float:
    """Messages a second of the baseline of `measure`, on as many invented lines."""
    with tempfile.TemporaryDirectory(prefix="qunyun-bench-") as folder:
        path = _invented(Path(folder) / "log.jsonl", messages)
        return round(messages / _bare(kind, path).seconds, 1)


def _ours(url: str, path: Path, names: int, watch: _Watch) -> tuple[_Taken, Report, Rules, int]:
    engine = database.connect(url)
    try:
        with database.transaction(engine) as session:
            _name(session, names)
            rules = deriving.load_rules(session, ZONE)
        watch.told(0)
        before = databases.size(engine)
        taken, report = _timed(lambda: message_log.replay(engine, path, rules, watch.told))
        return taken, report, rules, databases.size(engine) - before
    finally:
        engine.dispose()


def _timed(work: Callable[[], T]) -> tuple[_Taken, T]:
    seconds, processor = time.perf_counter(), time.process_time()
    done = work()
    return _Taken(time.perf_counter() - seconds, time.process_time() - processor), done


def _name(session: Session, names: int) -> None:
    """Products by as many aliases, of the characters that people write; one is often named."""
    rng = random.Random(11)  # noqa: S311  # the same names every time
    letters = sorted(set("".join(WORDS)))
    products = range(2, names // ALIASES + 2)
    database.insert_rows(
        session,
        Product,
        [
            {"id": 1, "sku": "N1", "name": "奶粉", "category": ""},
            *(
                {"id": one, "sku": f"SKU{one:06}", "name": f"第{one}款", "category": ""}
                for one in products
            ),
        ],
    )
    aliases: set[str] = set()
    while len(aliases) < len(products) * ALIASES:
        aliases.add("".join(rng.choices(letters, k=rng.randint(4, 7))))
    rows = zip(itertools.cycle(products), sorted(aliases), strict=False)
    # A few at a time: what inserting them all at once took would be counted as ours.
    while some := [{"product_id": each[0], "alias": each[1]} for each in islice(rows, BATCH)]:
        database.insert_rows(session, ProductAlias, some)


def _stages(path: Path, rules: Rules) -> tuple[dict[str, float], float]:
    """Microseconds a message of reading lines and of understanding them, each by itself, without
    a database; and how many texts jieba cuts in a second of processor time.
    """
    with path.open("rb") as log:
        lines = [line for line in islice(log, STAGED) if line.strip()]
    reading, said = _timed(lambda: [message_log.parse(line) for line in lines])
    rooms = _heard(said)
    with collecting.seldom():
        judged, _ = _timed(
            lambda: [
                judging.judge(heard, heard[0].at, rules.lexicon, rules.segmenter)
                for heard in rooms.values()
            ]
        )
    texts = [one.text for one in said[:CUT] if one.text]
    reference = engines.reference()
    cutting, _ = _timed(lambda: [reference.cut(text) for text in texts])
    per_message = 1e6 / len(said)
    return {
        "reading": round(reading.processor * per_message, 2),
        "understanding": round(judged.processor * per_message, 2),
    }, len(texts) / cutting.processor


def _heard(said: Sequence[Said]) -> dict[str, list[Heard]]:
    """Messages by room, as judging sees them."""
    rooms: dict[str, list[Heard]] = defaultdict(list)
    contacts: dict[str, int] = {}
    for number, one in enumerate(said):
        contact = contacts.setdefault(one.sender, len(contacts))
        rooms[one.room].append(
            Heard(
                id=number,
                platform_id=one.id,
                room_id=1,
                contact_id=contact,
                sender=one.sender,
                at=one.at,
                type=one.type,
                text=one.text,
                mentions=one.mentions,
                quote=one.quote,
                own=one.own,
                recalled=False,
            )
        )
    return rooms


def _count(path: Path) -> int:
    with path.open("rb") as lines:
        return max(1, sum(1 for line in lines if line.strip()))


def _bare(kind: str, path: Path) -> _Taken:
    with databases.empty(kind) as url:
        return _sqlite(url, path) if kind == "sqlite" else _postgresql(url, path)


def _sqlite(url: str, path: Path) -> _Taken:
    connection = sqlite3.connect(make_url(url).database or "")
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE bare(id TEXT, room TEXT, sender TEXT, at TEXT, type TEXT, text TEXT,"
        " PRIMARY KEY(room, id));"
    )
    rows = _rows(path)

    def insert() -> None:
        while batch := list(islice(rows, BATCH)):
            connection.executemany("INSERT OR IGNORE INTO bare VALUES(?, ?, ?, ?, ?, ?)", batch)
            connection.commit()
        connection.close()

    return _timed(insert)[0]


def _postgresql(url: str, path: Path) -> _Taken:
    rows = _rows(path)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute(
            "CREATE TABLE bare(id text, room text, sender text, at text, type text, text text,"
            " PRIMARY KEY(room, id))"
        )
        connection.execute("CREATE TEMP TABLE coming(LIKE bare)")
        connection.commit()

        def insert() -> None:
            while batch := list(islice(rows, BATCH)):
                with connection.cursor().copy("COPY coming FROM STDIN") as copy:
                    for row in batch:
                        copy.write_row(row)
                connection.execute("INSERT INTO bare SELECT * FROM coming ON CONFLICT DO NOTHING")
                connection.execute("TRUNCATE coming")
                connection.commit()

        return _timed(insert)[0]


def _rows(path: Path) -> Iterator[Row]:
    """The same messages as bare rows; reading the lines is part of the baseline, too."""
    with path.open("rb") as lines:
        for line in lines:
            told = json.loads(line)
            text = (told["text"] or "").encode("utf-8", "replace").decode().replace("\0", "")
            yield told["id"], told["room"], told["sender"], told["at"], told["type"], text


def _invented(path: Path, messages: int) -> Path:
    rng = random.Random(7)  # noqa: S311  # the same lines every time
    with path.open("w", encoding="utf-8") as out:
        for number in range(messages):
            second = int(DAYS * 86_400 * (number + rng.random()) / messages)
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
