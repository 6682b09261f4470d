"""A community of twelve rooms and eleven weeks, kept in plain Python beside the database, for tests
that count a digest's numbers again another way. No name has a digit in it, so that every digit
of a digest is one of its numbers.
"""

import csv
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from bot import complaints, database, deriving, holding, ingest, membership_files
from bot.gateway import Event, Joined, Left, Person, Said
from bot.insights import attributing, segments, topics
from bot.membership_files import MembershipRow
from bot.models import (
    Account,
    ComplaintOutcome,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Goal,
    Membership,
    Occurrence,
    Product,
    ProductAlias,
    Role,
    Room,
    RoomWeek,
    Series,
    SeriesKind,
    Signal,
    SignalKind,
    Topic,
)
from bot.orders import intake, people

ZONE, PARIS = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Paris")
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
MONDAY = dt.date(2026, 11, 2)
UNTIL = MONDAY + WEEK
WEEKS = 10
FIRST = MONDAY - WEEKS * WEEK
# 09:30 on the Monday after, in Shanghai; in Paris the week is over too.
NOW = dt.datetime(2026, 11, 9, 1, 30, tzinfo=dt.UTC)
LETTERS = "abcdefghijkl"
STAFF = ("operator", "bot")
QA, SHARING = SeriesKind.QA_DAY, SeriesKind.SHARING_DAY
CHAT = ("路上堵车", "公园人不多", "快递到了", "这顿饭真香", "娃终于睡了整觉", "楼下的猫又来了")
GRIEVANCES = ("客服态度太差退款也不给退", "奶粉罐漏了太差了我要投诉")
HEADER = (
    "订单号,行号,商品编码,数量,实付金额,支付时间,状态,买家ID,买家手机,unionid,优惠码,渠道,更新时间"
)


@dataclass(frozen=True)
class Place:
    """A room as the files tell it."""

    letter: str
    zone: ZoneInfo
    vertical: str
    owner: str

    @property
    def id(self) -> str:
        return f"{self.letter}@chatroom"

    @property
    def topic(self) -> str:
        return f"{self.vertical}{self.letter}群"


PLACES = {
    place.id: place
    for place in (
        Place(
            letter,
            PARIS if letter in "cl" else ZONE,
            "宝妈育儿" if letter <= "h" else "职场穿搭",
            "小李" if letter in "abci" else "小王",
        )
        for letter in LETTERS
    )
}


@dataclass
class Stay:
    """What we were told of somebody's stay."""

    room: str
    person: str
    joined: dt.datetime
    left: dt.datetime | None = None


@dataclass
class Post:
    """One delivery of a Q&A or sharing day, or of nothing special."""

    kind: SeriesKind
    room: str
    day: dt.date
    state: DeliveryState
    reason: str | None = None


@dataclass
class Told:
    """Everything that happened."""

    said: list[Said] = field(default_factory=list)
    recalled: set[str] = field(default_factory=set)
    grievances: list[Said] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    orders: str = ""
    elsewhere: dict[tuple[str, dt.date], int] = field(default_factory=dict)

    @property
    def listed(self) -> list[tuple[str, str]]:
        """(room, person) of the members' file: they have been there for ever, and buy."""
        return [(room, f"{room[0]}{name}") for room in PLACES for name in "甲乙丙丁"]

    def order_lines(self) -> list[dict[str, str]]:
        """The rows of the order file, as Python reads them."""
        return list(csv.DictReader(io.StringIO(self.orders)))


def happen(seed: int = 5) -> Told:
    """Eleven weeks of talk, stays, posts and orders."""
    rng, told = Random(seed), Told()
    for place in PLACES.values():
        _talk(told, rng, place)
    _moves(told)
    _posts(told)
    told.orders = "\n".join((HEADER, *_orders(rng))) + "\n"
    for room in PLACES:
        for n in range(1, 4):
            told.elsewhere[room, FIRST - n * WEEK] = 18 + n
    told.said.sort(key=lambda one: (one.at, one.id))
    return told


def _talk(told: Told, rng: Random, place: Place) -> None:
    people = [f"{place.letter}{name}" for name in "甲乙丙丁戊己庚"]
    for n in range((WEEKS + 1) * 7):
        day = FIRST + n * DAY
        for spoken in range(_busy(rng, place, day)):
            second = rng.choice([rng.randrange(86_400), rng.randrange(300), 86_399])
            midnight = dt.datetime.combine(day, dt.time(), place.zone)
            at = (midnight + dt.timedelta(seconds=second)).astimezone(dt.UTC)
            # The first of them say most: some are busy, some hardly speak.
            sender = rng.choice([*people, *people[:2] * 2, "everywhere", *STAFF])
            _say(told, rng, Said(f"{place.letter}-{n}-{spoken}", place.id, sender, at, "text", ""))
    _flood(told, place)


def _busy(rng: Random, place: Place, day: dt.date) -> int:
    """How much is said: more in room b this week, next to nothing in room j."""
    usual = rng.randrange(2, 6)
    if day >= MONDAY and place.letter in "bj":
        return 4 * usual if place.letter == "b" else int(day.weekday() == 0)
    return usual + 4 * (place.letter in "abcdef" and day == MONDAY + 2 * DAY)


def _flood(told: Told, place: Place) -> None:
    """One member says nine things within a minute."""
    noon = dt.datetime.combine(MONDAY + DAY, dt.time(12), place.zone).astimezone(dt.UTC)
    for n, mark in enumerate("风花雪月山川湖海云"):
        at = noon + dt.timedelta(seconds=4 * n)
        text = f"{mark}{mark}景色{place.letter}"
        told.said.append(_of(place.id, f"{place.letter}-flood-{n}", f"{place.letter}甲", at, text))


def _of(room: str, id: str, sender: str, at: dt.datetime, text: str | None, **rest: object) -> Said:
    own = {"own": sender == "bot", "type": "text" if text else "image"}
    # Who is spoken to is named, so that nothing is guessed to answer a question.
    plain: dict[str, object] = {"mentions": ("nobody",), **own, **rest}
    return Said(id=id, room=room, sender=sender, at=at, text=text, **plain)  # type: ignore[arg-type]  # by name


def _say(told: Told, rng: Random, one: Said) -> None:
    kind, member = rng.random(), one.sender not in STAFF
    week = one.at.astimezone(PLACES[one.room].zone).date() >= MONDAY
    text: str | None = rng.choice(CHAT) + "啊" * rng.randrange(3)
    kept: dict[str, object] = {}
    if kind < 0.22 and member:
        text = f"第{one.id}个问题怎么办?"
    elif kind < 0.27:
        text = f"分享一下我的第{one.id}份辅食记录铁铁粉冲得稠一点娃更爱吃"
    elif kind < 0.31:
        text = rng.choice(["打卡", "+1"])
    elif kind < 0.34:
        text = None
    elif kind < 0.36:
        kept = {"type": "emoticon"}
    elif kind < (0.55 if week else 0.38):
        text = f"今天降温{one.id}"
    elif kind < 0.58 and week and member:
        text = rng.choice(GRIEVANCES) + one.id
    said = _of(one.room, one.id, one.sender, one.at, text, **kept)
    told.said.append(said)
    if text and text.endswith("?"):
        _answer(told, rng, said)
    elif rng.random() < 0.05:
        told.recalled.add(one.id)
        at = one.at + dt.timedelta(minutes=1)
        back = _of(one.room, f"{one.id}-back", one.sender, at, None, type="recall", recalls=one.id)
        told.said.append(back)
    elif text and text.startswith(GRIEVANCES):
        told.grievances.append(said)


def _answer(told: Told, rng: Random, asked: Said) -> None:
    people = ("operator", "helper", f"{asked.room[0]}丙", "bot")
    for n in range(rng.randrange(3)):
        at = asked.at + dt.timedelta(seconds=rng.randrange(60, 80_000))
        sender = rng.choice([each for each in people if each != asked.sender])
        if at < NOW:
            id = f"{asked.id}-re{n}"
            told.said.append(_of(asked.room, id, sender, at, f"可以的{id}", quote=asked.id))


def _moves(told: Told) -> None:
    """In every room somebody came four weeks ago and left, and two came as the week was ten days
    off its end, of whom one speaks.
    """
    for place in PLACES.values():
        noon = dt.datetime.combine(UNTIL, dt.time(12), place.zone).astimezone(dt.UTC)
        came = [("gone", 28, MONDAY + DAY), ("new", 10, None), ("helper", 11, None)]
        for person, ago, left in came:
            out = dt.datetime.combine(left, dt.time(9), place.zone) if left else None
            told.stays.append(Stay(place.id, f"{place.letter}-{person}", noon - ago * DAY, out))
        told.stays.append(Stay(place.id, f"{place.letter}-fresh", noon - 3 * DAY))


def _posts(told: Told) -> None:
    for letter in "abcdef":
        told.posts.append(Post(QA, f"{letter}@chatroom", MONDAY + 2 * DAY, DeliveryState.SENT))
    told.posts.append(Post(SHARING, "g@chatroom", MONDAY + 3 * DAY, DeliveryState.SENT))
    for letter, why in (("h", "机器人不在群里"), ("i", "机器人不在群里"), ("a", "内容被退回")):
        failed = Post(QA, f"{letter}@chatroom", MONDAY + 4 * DAY, DeliveryState.FAILED, why)
        told.posts.append(failed)


def _orders(rng: Random) -> list[str]:
    """Lines of the shop's file: this week's, and some long ago whose buyers came back or did not."""
    rows = []

    def row(id: str, at: dt.datetime, fen: int, who: str, state: str = "已支付", sku: str = "RICE") -> None:  # fmt: skip
        local = at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
        rows.append(f"{id},1,{sku},1,{fen / 100:.2f},{local},{state},{who},,u-{who},,有赞,")

    start = dt.datetime.combine(MONDAY, dt.time(0, 20), ZONE)
    for n in range(60):
        at = start + dt.timedelta(hours=rng.randrange(-40, 190))
        who = f"{rng.choice(LETTERS)}{rng.choice('甲乙丙丁')}" if n % 3 else f"stranger{n}"
        row(f"O{n}", at, rng.randrange(1_000, 90_000), who)
        if n % 9 == 0:
            row(f"O{n}", at + 2 * DAY, 500, who, "已退款")
        if n % 17 == 0:
            row(f"C{n}", at, 7_700, who, "已取消")
    for n, letter in enumerate(LETTERS):
        early = start - (100 + n) * DAY
        row(f"E{n}", early, 4_000 + n, f"{letter}甲")
        if n % 3 == 0:
            row(f"F{n}", early + 20 * DAY, 3_000, f"{letter}甲")
    # Weeks before, one of them without any: what comes back in ten days comes after their digest.
    for ago in (1, 2, 3, 5, 6, 7, 8, 9):
        for n, back in enumerate((None, 1, 6)):
            at, id = start - ago * WEEK + 2 * n * DAY, f"W{ago}-{n}"
            row(id, at, 400_000 + 9_100 * ago + n, f"regular{ago}-{n}")
            if back:
                row(id, at + back * DAY, 30_300 * n, f"regular{ago}-{n}", "已退款")
    return rows


def settle(engine: Engine, told: Told, folder: Path) -> None:
    """Tell all of it to the system, through its ways in."""
    with database.transaction(engine) as session:
        _furnish(session, told)
    for start in range(0, len(told.said), 500):
        with database.transaction(engine) as session:
            rules = deriving.load_rules(session, ZONE)
            ingest.record(session, told.said[start : start + 500], rules)
    with database.transaction(engine) as session:
        ingest.record(session, _arrivals(told), deriving.load_rules(session, ZONE))
    path = folder / "orders.csv"
    path.write_text(told.orders, encoding="utf-8")
    known = [MembershipRow(room, person, unionid=f"u-{person}") for room, person in told.listed]
    with database.transaction(engine) as session:
        assert not intake.record(
            session, intake.read_rows(path, ZONE).rows, "有赞", b"s", NOW
        ).faults
        assert not membership_files.record(session, known, b"s", NOW).faults
        people.resolve(session)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, NOW)
        segments.refresh(session, UNTIL, ZONE)
        _complain(session)
    with database.reading(engine) as session:
        segmenter = deriving.load_rules(session, ZONE).segmenter
        rising = topics.compute(session, MONDAY, ZONE, segmenter, NOW)
    with database.transaction(engine) as session:
        database.insert_rows(session, Topic, rising)


def _furnish(session: Session, told: Told) -> None:
    session.add_all(
        [Account(name="demo", gateway="memory"), Account(name="mute", gateway="manual")]
    )
    session.flush()
    for place in PLACES.values():
        zone = None if place.zone is ZONE else place.zone.key
        session.add(
            Room(
                platform_id=place.id, topic=place.topic, account_id=1, vertical=place.vertical,
                owner=place.owner, zone=zone,
            )
        )  # fmt: skip
        session.flush()
    for id, account in (("mute@chatroom", 2), ("new@chatroom", 1)):
        session.add(Room(platform_id=id, topic=id, vertical="宝妈育儿", account_id=account))
    session.add_all([Contact(platform_id="operator"), Contact(platform_id="bot")])
    product = Product(sku="RICE", name="高铁米粉")
    session.add(product)
    session.flush()
    assert product.id is not None
    session.add(ProductAlias(alias="铁铁粉", product_id=product.id))
    for number in range(1, len(PLACES) + 1):
        session.add(Membership(room_id=number, contact_id=1, role=Role.OPERATOR))
        session.add(Membership(room_id=number, contact_id=2, role=Role.BOT))
    for (room, monday), messages in told.elsewhere.items():
        session.add(_earlier(list(PLACES).index(room) + 1, monday, messages))
    for vertical, metric, value, base in (
        ("", "messages_per_room_day", 8, 3.0), ("宝妈育儿", "response_rate", 0.5, 0.9),
    ):  # fmt: skip
        session.add(
            Goal(
                metric=metric, vertical=vertical, value=value, since=MONDAY - 10 * DAY,
                until=dt.date(2026, 12, 31), baseline=base, baseline_week=MONDAY - WEEK,
                set_by="小王", set_at=NOW,
            )
        )  # fmt: skip
    for number, post in enumerate(told.posts):
        session.add(_delivery(session, number, post))


def _earlier(room_id: int, monday: dt.date, messages: int) -> RoomWeek:
    return RoomWeek(
        week=monday, room_id=room_id, messages=messages, effective_messages=messages, speakers=3,
        members=9, questions=1, shares=1, origin="simulated",
    )  # fmt: skip


def _delivery(session: Session, number: int, post: Post) -> Delivery:
    series = Series(
        key=f"{post.kind}-{number}", name=post.kind, kind=post.kind, starts=post.day, ends=post.day,
        recurrence={}, at=dt.time(20), audience={},
    )  # fmt: skip
    session.add(series)
    session.flush()
    occurrence = Occurrence(series_id=series.id or 0, original_date=post.day, date=post.day)
    session.add(occurrence)
    session.flush()
    zone = PLACES[post.room].zone
    at = dt.datetime.combine(post.day, dt.time(20), zone).astimezone(dt.UTC)
    return Delivery(
        key=f"post:{series.key}:{post.day}:open:{post.room}", kind=DeliveryKind.POST,
        state=post.state, series_id=series.id, occurrence_id=occurrence.id,
        room_id=list(PLACES).index(post.room) + 1, planned_at=at, due_at=at, expires_at=at,
        sent_at=at if post.state is DeliveryState.SENT else None, reason=post.reason,
    )  # fmt: skip


def _arrivals(told: Told) -> Sequence[Event]:
    events: list[Event] = []
    for stay in told.stays:
        events.append(Joined(stay.room, (Person(stay.person),), stay.joined))
        if stay.left:
            events.append(Left(stay.room, (Person(stay.person),), stay.left))
    return events


def _complain(session: Session) -> None:
    """What the rules heard becomes cases, and every third of them is closed."""
    signal = database.table(Signal)
    heard = session.connection().execute(
        signal.select().where(signal.c.kind == SignalKind.COMPLAINT).order_by(signal.c.message_id)
    )
    found = [
        complaints.Heard(
            row.message_id, row.room_id, row.contact_id, row.at, row.severity or 1, row.rule
        )
        for row in heard
    ]
    complaints.open_cases(session, found)
    for case in complaints.standing_cases(session, most=1_000):
        if case.id % 3 == 0:
            at = case.at + dt.timedelta(hours=1 + case.id % 40)
            outcome = ComplaintOutcome.NONE if case.id % 2 else ComplaintOutcome.SOLVED
            assert holding.claim(session, complaints.WORK, case.id, "小王", at)
            assert complaints.close(session, case.id, outcome, "", "小王", at)
