"""A large community with one whole week of talk and the 24 weeks before: what digests read."""

import collections
import datetime as dt
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session

from bot import database, deriving, ingest
from bot.gateway import Said
from bot.insights import rolling, topics
from bot.insights.attribution import RULE_VERSION
from bot.models import (
    SINCE_EVER,
    Account,
    Attribution,
    Contact,
    DailyCount,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EngagementWeek,
    Label,
    Membership,
    Occurrence,
    OrderLine,
    OrderStatus,
    Product,
    Role,
    Rolled,
    Room,
    Series,
    SeriesKind,
)

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = dt.date(2026, 11, 16)
NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=ZONE).astimezone(dt.UTC)
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(weeks=1)
MEMBERS = 200
# Weeks of daily counters, and weeks of which the roll-ups alone are left.
COUNTED, ROLLED = 3, 20
VERTICALS, OWNERS, PRODUCTS, ACCOUNTS = 8, 20, 20, 50
ORDERS_A_ROOM = 5
ROOMS_AT_ONCE, ROWS = 20, 20_000
TALK = (
    "宝宝 奶粉 转奶 红屁屁 辅食 蛋黄 昨天 买 了 这款 面霜 敏感肌 我家 空瓶 真的 很 好用 打卡 "
    "防晒 通勤 西装裤 显瘦 退货 客服 快递 今天 到 了 颜色 和 图片 不太 一样 大家 都 周末 一起 去"
).split()
GOODS = ("高铁米粉", "软云纸尿裤", "汀露洁面", "竹里炒锅")
LABELS = (Label.ORGANIC, Label.PROMO, Label.DIRECT, Label.DIRECT, Label.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Furnished:
    """What was put in, and how many seconds the night took over it: roll-ups, and topics."""

    messages: int
    roll_ups_s: float
    topics_s: float


def furnish(url: str, rooms: int, messages: int) -> Furnished:
    """Fill an empty database at head: `messages` of members in the last whole week."""
    engine = database.connect(url)
    rng = random.Random(7)  # noqa: S311  # the same community every time
    try:
        with database.transaction(engine) as session:
            _people(session, rooms)
            _series(session, rooms)
            rules = deriving.load_rules(session, ZONE)
        accepted = 0
        for first in range(1, rooms + 1, ROOMS_AT_ONCE):
            some = range(first, min(first + ROOMS_AT_ONCE, rooms + 1))
            for room in some:
                said = list(_talk(rng, room, messages // rooms))
                with database.transaction(engine) as session:
                    accepted += ingest.record(session, said, rules).accepted
        for back in range(1, COUNTED + 1):
            with database.transaction(engine) as session:
                _earlier_counts(session, back)
        began = time.perf_counter()
        rolling.catch_up(engine, ZONE, NOW)
        rolled = time.perf_counter()
        collections.deque(topics.steps(engine, MONDAY + WEEK, ZONE, NOW), maxlen=0)
        stored = time.perf_counter()
        with database.transaction(engine) as session:
            _earlier_weeks(session, rng)
            _orders(session, rng, rooms)
        with database.transaction(engine) as session:
            session.connection().exec_driver_sql("ANALYZE")
        return Furnished(accepted, round(rolled - began, 2), round(stored - rolled, 2))
    finally:
        engine.dispose()


def _people(session: Session, rooms: int) -> None:
    accounts = [
        {"id": n, "name": f"bot{n}", "gateway": "memory", "lease_epoch": 0, "state_reason": ""}
        for n in range(1, ACCOUNTS + 1)
    ]
    database.insert_rows(session, Account, [row | {"online": True} for row in accounts])
    database.insert_rows(
        session,
        Room,
        [
            {
                "id": n, "platform_id": f"room{n:04}@chatroom", "topic": f"宝妈育儿交流 {n} 群",
                "vertical": f"垂类{n % VERTICALS}", "account_id": n % ACCOUNTS + 1,
                "owner": f"运营{n % OWNERS}", "mention_all": False,
            }
            for n in range(1, rooms + 1)
        ],
    )  # fmt: skip
    goods = [
        {"id": n, "sku": f"N{n}", "name": f"{GOODS[n % len(GOODS)]}{n}号", "category": ""}
        for n in range(1, PRODUCTS + 1)
    ]
    database.insert_rows(session, Product, goods)
    people = range(1, rooms * MEMBERS + 1)
    for start in range(0, len(people), ROWS):
        some = people[start : start + ROWS]
        contacts = [{"id": n, "platform_id": f"wxid_{n}", "name": f"成员{n}"} for n in some]
        stays = [
            {
                "room_id": (n - 1) // MEMBERS + 1, "contact_id": n, "joined_at": SINCE_EVER,
                "role": Role.OPERATOR if n % MEMBERS == 1 else Role.MEMBER,
            }
            for n in some
        ]  # fmt: skip
        database.insert_rows(session, Contact, contacts)
        database.insert_rows(session, Membership, stays)


def _series(session: Session, rooms: int) -> None:
    """A Q&A day on one weekday and a sharing day on another, staggered over the rooms."""
    for key, (kind, shift) in enumerate(
        ((SeriesKind.QA_DAY, 0), (SeriesKind.SHARING_DAY, 3)), start=1
    ):
        session.add(
            Series(
                id=key, key=f"series{key}", name=str(kind), kind=kind, starts=MONDAY, ends=MONDAY,
                recurrence={}, at=dt.time(20), audience={},
            )
        )  # fmt: skip
        session.flush()
        for back in range(COUNTED + 1):
            for weekday in range(7):
                day = MONDAY - back * WEEK + weekday * DAY
                occurrence = Occurrence(series_id=key, original_date=day, date=day)
                session.add(occurrence)
                session.flush()
                posts = [
                    _post(room, key, occurrence.id or 0, day)
                    for room in range(1, rooms + 1)
                    if (room + shift) % 7 == weekday
                ]
                database.insert_alike(session, Delivery, posts)


def _post(room: int, series: int, occurrence: int, day: dt.date) -> dict[str, object]:
    at = dt.datetime.combine(day, dt.time(20), ZONE).astimezone(dt.UTC)
    lost = (room + day.toordinal()) % 50 == 0
    return {
        "key": f"post:series{series}:{day}:open:{room}", "kind": DeliveryKind.POST,
        "state": DeliveryState.FAILED if lost else DeliveryState.SENT, "priority": 1,
        "series_id": series, "occurrence_id": occurrence, "step": "开场", "room_id": room,
        "account_id": room % ACCOUNTS + 1, "text": "开始啦", "mentions": [], "mention_all": False,
        "planned_at": at, "due_at": at, "expires_at": at + DAY, "sending_at": at,
        "sent_at": None if lost else at, "attempts": 1,
        "reason": "机器人不在群里" if lost else None, "withdrawn": False,
    }  # fmt: skip


def _talk(rng: random.Random, room: int, messages: int) -> Iterator[Said]:
    """One room's week: few do most of the talking, a tenth asks, a tenth answers."""
    midnight = dt.datetime.combine(MONDAY, dt.time(), ZONE).astimezone(dt.UTC)
    seconds = sorted(
        rng.randrange(7) * 86_400 + rng.randrange(28_800, 84_600) for _ in range(messages)
    )
    asked: str | None = None
    for n, second in enumerate(seconds):
        member = int(rng.paretovariate(0.7)) % MEMBERS
        kind = rng.random()
        words = "".join(rng.choices(TALK, k=rng.randint(2, 10)))
        quote = asked if 0.1 < kind < 0.2 else None
        name = f"r{room}-{n}"
        if rng.random() < 0.1:
            product = rng.randint(1, PRODUCTS)
            words += f"{GOODS[product % len(GOODS)]}{product}号"
        if kind < 0.1:
            words, asked = f"{words}怎么办?", name
        elif kind > 0.97:
            words = f"分享一下{words}{words}"
        yield Said(
            id=name, room=f"room{room:04}@chatroom", type="text", text=words, quote=quote,
            sender=f"wxid_{(room - 1) * MEMBERS + member + 1}",
            at=midnight + dt.timedelta(seconds=second),
        )  # fmt: skip


def _earlier_counts(session: Session, back: int) -> None:
    """The same week again, so many weeks before."""
    counts = database.table(DailyCount)
    for n in range(7):
        day = MONDAY + n * DAY
        rows = session.connection().execute(select(counts).where(counts.c.day == day))
        moved = [dict(row) | {"day": day - back * WEEK} for row in rows.mappings()]
        for start in range(0, len(moved), ROWS):
            database.insert_rows(session, DailyCount, moved[start : start + ROWS])


def _earlier_weeks(session: Session, rng: random.Random) -> None:
    """Weeks before the counters, as their roll-ups would have stayed."""
    weeks = database.table(EngagementWeek)
    rows = session.connection().execute(select(weeks).where(weeks.c.week == MONDAY - WEEK))
    standing = [dict(row) for row in rows.mappings()]
    for back in range(COUNTED + 2, COUNTED + ROLLED + 2):
        moved = [
            row
            | {
                "week": MONDAY - back * WEEK, "speech": {}, "asked": [], "hours": [],
                "messages": round(row["messages"] * rng.lognormvariate(0, 0.1)),
            }
            for row in standing
        ]  # fmt: skip
        database.insert_rows(session, EngagementWeek, moved)
    first = MONDAY - (COUNTED + ROLLED + 1) * WEEK
    session.connection().execute(update(database.table(Rolled)).values(first_day=first))


def _orders(session: Session, rng: random.Random, rooms: int) -> None:
    lines: list[dict[str, object]] = []
    for n in range(1, rooms * ORDERS_A_ROOM + 1):
        at = NOW - dt.timedelta(seconds=rng.randrange(28 * 86_400))
        lines.append(
            {
                "id": n, "order_id": f"o{n}", "line_no": 1, "product_id": n % PRODUCTS + 1,
                "quantity": 1, "amount": 19_900, "refunded": 0, "paid_at": at,
                "status": OrderStatus.PAID, "sources": "bench", "updated_at": at,
            }
        )  # fmt: skip
    labels = [_label(n, rooms) for n in range(1, len(lines) + 1)]
    for model, rows in ((OrderLine, lines), (Attribution, labels)):
        for start in range(0, len(rows), ROWS):
            database.insert_rows(session, model, rows[start : start + ROWS])


def _label(line: int, rooms: int) -> dict[str, object]:
    label = LABELS[line % len(LABELS)]
    placed = label in (Label.ORGANIC, Label.PROMO)
    return {
        "order_line_id": line, "label": label, "room_id": line % rooms + 1 if placed else None,
        "possible": False, "final": True, "rule_version": RULE_VERSION,
        "inputs_hash": "", "computed_at": NOW,
    }  # fmt: skip
