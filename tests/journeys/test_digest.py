"""A week becomes a digest: its figures are counted again here from what was said, another way."""

import datetime as dt
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import typer
from sqlalchemy import Engine, func, select
from sqlmodel import Session
from typer.testing import CliRunner

from bot import database, deriving, ingest
from bot.commands import digest as command
from bot.digest import compose, gather, render, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.errors import InvalidInput
from bot.gateway import Event, Joined, Left, Person, Said
from bot.insights import rolling
from bot.models import (
    Account,
    Attribution,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestScope,
    DigestState,
    Label,
    Membership,
    Occurrence,
    OrderEvent,
    OrderLine,
    OrderStatus,
    Product,
    ProductAlias,
    Role,
    Room,
    RoomWeek,
    Series,
    SeriesKind,
)
from tests.statements import counted

ZONE = ZoneInfo("Asia/Shanghai")
PARIS = ZoneInfo("Europe/Paris")
MONDAY = dt.date(2026, 11, 2)
FIRST_DAY = dt.date(2026, 10, 5)
# 09:30 on the Monday after: the week is over, its late answers are not.
NOW = dt.datetime(2026, 11, 9, 1, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
ROOMS = {"a@chatroom": ZONE, "b@chatroom": ZONE, "c@chatroom": PARIS}
VERTICALS = {"a@chatroom": "宝妈育儿", "b@chatroom": "宝妈育儿", "c@chatroom": "职场穿搭"}
CHAT = ("今天降温了", "娃终于睡了整觉", "路上堵车", "公园人不多", "快递到了", "这顿饭真香")


def midnight(asked: Said) -> dt.datetime:
    """The end of the week where something was asked."""
    return dt.datetime.combine(MONDAY + 7 * DAY, dt.time(), ROOMS[asked.room])


@dataclass
class Community:
    """What was said in the rooms, kept in plain Python beside the database."""

    said: list[Said] = field(default_factory=list)
    recalled: set[str] = field(default_factory=set)
    answers: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))

    def of_members(self, room: str) -> list[Said]:
        """What counts: no operator, no bot, nothing recalled, no system message."""
        return [
            one
            for one in self.said
            if one.room == room
            and one.sender not in ("operator", "bot")
            and one.type not in ("system", "recall")
            and one.id not in self.recalled
        ]

    def known(self, asked: Said) -> list[Said]:
        """The answers that a digest of Monday morning knows: those before the room's midnight."""
        return [reply for reply in self.answers[asked.id] if reply.at < midnight(asked)]

    def of_week(self, room: str, days: int = 7) -> list[Said]:
        until = MONDAY + 7 * DAY
        return [
            one
            for one in self.of_members(room)
            if until - days * DAY <= one.at.astimezone(ROOMS[room]).date() < until
        ]


def community(seed: int = 11) -> Community:
    """Five weeks of talk in three rooms: questions end in ?, answers quote them."""
    rng = Random(seed)
    found = Community()
    for room, zone in ROOMS.items():
        for n in range(35 * 7):
            at = dt.datetime.combine(FIRST_DAY, dt.time(), zone) + dt.timedelta(
                days=n // 7, seconds=rng.randrange(86_400)
            )
            _say(found, rng, room, f"{room}-{n:04}", at.astimezone(dt.UTC))
    found.said.sort(key=lambda one: (one.at, one.id))
    return found


def _say(found: Community, rng: Random, room: str, id: str, at: dt.datetime) -> None:
    sender = rng.choice([*(f"{room[0]}{n}" for n in range(8)), "everywhere", "operator", "bot"])
    kind = rng.random()
    text: str = rng.choice(CHAT) + "啊" * rng.randrange(4)
    if kind < 0.2 and sender not in ("operator", "bot"):
        text = f"第{id[-4:]}个问题怎么办?"
        asked = Said(id=id, room=room, sender=sender, at=at, type="text", text=text)
        found.said.append(asked)
        _answer(found, rng, asked)
        return
    if kind < 0.25:
        text = f"分享一下我的第{id[-4:]}份辅食记录,铁铁粉冲得稠一点,娃更爱吃"
    own = sender == "bot"
    type = "system" if kind > 0.97 else "text"
    found.said.append(Said(id=id, room=room, sender=sender, at=at, type=type, text=text, own=own))
    if 0.9 < kind < 0.93:
        found.recalled.add(id)
        found.said.append(
            Said(
                id=f"{id}-recall",
                room=room,
                sender=sender,
                at=at + dt.timedelta(minutes=1),
                type="recall",
                text=None,
                recalls=id,
                own=own,
            )
        )


def _answer(found: Community, rng: Random, asked: Said) -> None:
    for n in range(rng.randrange(3)):
        sender = rng.choice(["operator", "helper", "bot"])
        reply = Said(
            id=f"{asked.id}-answer{n}",
            room=asked.room,
            sender=sender,
            at=asked.at + dt.timedelta(minutes=rng.randrange(1, 1300)),
            type="text",
            text=f"可以的,试过{asked.id[-4:]}{n}次",
            quote=asked.id,
            own=sender == "bot",
        )
        # What is said after the digest is computed is not known to it.
        if reply.at < NOW:
            found.said.append(reply)
            if sender != "bot":
                found.answers[asked.id].append(reply)


def settle(session: Session, told: Community) -> None:
    """Rooms, roles and products, then the talk through the one way in."""
    session.add(Account(name="demo", gateway="memory"))
    session.add(Account(name="mute", gateway="manual"))
    session.flush()
    for room, zone in ROOMS.items():
        named = None if zone is ZONE else zone.key
        session.add(
            Room(
                platform_id=room,
                topic=f"{VERTICALS[room]} {room[0]} 群",
                account_id=1,
                vertical=VERTICALS[room],
                zone=named,
            )
        )
    session.add(
        Room(platform_id="mute@chatroom", topic="读不到", vertical="宝妈育儿", account_id=2)
    )
    session.add(
        Room(platform_id="new@chatroom", topic="没说过话", vertical="宝妈育儿", account_id=1)
    )
    product = Product(sku="RICE", name="高铁米粉")
    session.add_all([product, Contact(platform_id="operator"), Contact(platform_id="bot")])
    session.flush()
    assert product.id is not None
    session.add(ProductAlias(alias="铁铁粉", product_id=product.id))
    for id in range(1, 4):
        session.add(Membership(room_id=id, contact_id=1, role=Role.OPERATOR))
        session.add(Membership(room_id=id, contact_id=2, role=Role.BOT))
    session.flush()
    rules = deriving.load_rules(session, ZONE)
    joined = dt.datetime(2026, 11, 4, 4, tzinfo=dt.UTC)
    moves: list[Event] = [
        Joined("a@chatroom", (Person("new1"), Person("new2"), Person("gone")), joined),
        Left("a@chatroom", (Person("gone"),), joined + DAY),
    ]
    ingest.record(session, [*told.said, *moves], rules)


def digest_of(engine: Engine, subject: Subject = FLEET, now: dt.datetime = NOW) -> Sheet:
    with database.transaction(engine) as session:
        week = gather.gather(session, MONDAY, now, ZONE)
        (kept,) = storing.keep(session, week, compose.sheets(session, Findings(week), [subject]))
        return kept


@pytest.fixture
def told(engine: Engine) -> Community:
    found = community()
    with database.transaction(engine) as session:
        settle(session, found)
    return found


def test_the_fleets_messages_are_those_that_were_said(engine: Engine, told: Community) -> None:
    amounts = digest_of(engine).amounts()
    week = [one for room in ROOMS for one in told.of_week(room)]
    assert amounts["messages_per_room_day"] == pytest.approx(len(week) / 21)
    speaker_days = {
        (one.room, one.sender, one.at.astimezone(ROOMS[one.room]).date()) for one in week
    }
    assert amounts["messages_per_speaker_day"] == pytest.approx(len(week) / len(speaker_days))


def test_the_people_of_the_week_are_counted_once_per_room(engine: Engine, told: Community) -> None:
    amounts = digest_of(engine).amounts()
    week = [one for room in ROOMS for one in told.of_week(room)]
    seats = {(one.room, one.sender) for one in week}
    # Nobody else ever joined but the three of room a, and one of them left again.
    members = seats | {("a@chatroom", "new1"), ("a@chatroom", "new2")}
    assert amounts["wau"] == len({one.sender for one in week})
    assert amounts["participation"] == pytest.approx(len(seats) / len(members))
    assert (amounts["joins"], amounts["leaves"]) == (3, 1)
    month = {(one.room, one.sender) for room in ROOMS for one in told.of_week(room, 28)}
    there = month | members
    assert amounts["silent_ratio"] == pytest.approx(1 - len(month) / len(there))


def test_questions_and_their_answers_are_those_that_were_said(
    engine: Engine, told: Community
) -> None:
    amounts = digest_of(engine).amounts()
    asked = [
        one for room in ROOMS for one in told.of_week(room) if one.text and one.text.endswith("?")
    ]
    old = [one for one in asked if one.at + DAY <= midnight(one)]
    assert amounts["questions"] == len(asked)
    assert amounts["unanswered"] == sum(not told.known(one) for one in asked)
    by_anyone = sum(bool(told.known(one)) for one in old)
    by_members = sum(any(reply.sender == "helper" for reply in told.known(one)) for one in old)
    assert amounts["response_rate"] == pytest.approx(by_anyone / len(old))
    assert amounts["member_response_rate"] == pytest.approx(by_members / len(old))
    assert amounts["median_wait"] == median_by_product_limit(told, asked)


def median_by_product_limit(told: Community, asked: list[Said]) -> float | None:
    """Kaplan–Meier written from its definition, over distinct times."""
    ends: Counter[float] = Counter()
    leaves: list[float] = []
    for one in asked:
        replies = told.known(one)
        if replies:
            wait = (min(reply.at for reply in replies) - one.at).total_seconds()
            ends[wait] += 1
        else:
            wait = min((midnight(one) - one.at).total_seconds(), 86_400.0)
        leaves.append(wait)
    survival = 1.0
    for time in sorted(ends):
        survival *= 1 - ends[time] / sum(leave >= time for leave in leaves)
        if survival <= 0.5 + 1e-9:
            return time
    return None


def test_a_room_quotes_its_own_members_and_nobody_elses(engine: Engine, told: Community) -> None:
    room = digest_of(engine, Subject(DigestScope.ROOM, "a@chatroom"))
    text = render.markdown(room)
    assert "个问题怎么办" in text
    mine = {one.text for one in told.of_members("a@chatroom")}
    shown = {
        quote.text
        for section in room.sections
        for quotes in section.quotes
        for quote in quotes.quotes
    }
    assert shown
    assert shown <= mine
    answerers = [
        int(quote.by.split(" · ")[-1].split()[0])
        for section in room.sections
        for quotes in section.quotes
        for quote in quotes.quotes
        if quotes.title == "回应最多的提问"
    ]
    assert answerers == sorted(answerers, reverse=True)
    for scope in (FLEET, Subject(DigestScope.VERTICAL, "宝妈育儿")):
        page = render.html(digest_of(engine, scope))
        assert "个问题怎么办" not in page
        assert "辅食记录" not in page


def test_products_named_are_counted_once_a_message(engine: Engine, told: Community) -> None:
    room = digest_of(engine, Subject(DigestScope.ROOM, "a@chatroom"))
    (table,) = next(section.tables for section in room.sections if section.key == "said")
    named = [one for one in told.of_week("a@chatroom") if one.text and "铁铁粉" in one.text]
    people = {one.sender for one in named}
    assert 0 < len(people) < 5
    assert table.rows == (("高铁米粉", str(len(named)), str(len(people))),)


def test_what_fewer_than_five_members_named_is_not_shown_outside_their_room(
    engine: Engine, told: Community
) -> None:
    for scope in (FLEET, Subject(DigestScope.VERTICAL, "职场穿搭")):
        sheet = digest_of(engine, scope)
        (said,) = (section for section in sheet.sections if section.key == "said")
        named = [
            one
            for room, vertical in VERTICALS.items()
            if scope.target in ("", vertical)
            for one in told.of_week(room)
            if one.text and "铁铁粉" in one.text
        ]
        assert bool(said.tables) == (len({(one.room, one.sender) for one in named}) >= 5)


def test_a_vertical_of_fewer_than_five_members_is_told_of_in_its_own_room_alone(
    engine: Engine, told: Community
) -> None:
    with database.transaction(engine) as session:
        session.add(Room(platform_id="few@chatroom", topic="小群", vertical="新垂类", account_id=1))
        session.flush()
        rules = deriving.load_rules(session, ZONE)
        at = dt.datetime(2026, 11, 3, 4, tzinfo=dt.UTC)
        said = [
            Said(id=f"few{n}", room="few@chatroom", sender=f"few{n % 4}", at=at + n * DAY / 30,
                 type="text", text=f"第{n}个问题怎么办?")
            for n in range(60)
        ]  # fmt: skip
        ingest.record(session, said, rules)
    wide = digest_of(engine, Subject(DigestScope.VERTICAL, "新垂类"))
    assert "成员不足 5 人" in render.markdown(wide)
    assert wide.amounts().keys() == {"deliveries_unsent", "rooms_unread", "rooms_unseen"}
    assert wide.actions == ()
    own = digest_of(engine, Subject(DigestScope.ROOM, "few@chatroom"))
    assert own.amounts()["questions"] == 60


def test_a_room_that_cannot_be_read_is_not_called_silent(engine: Engine, told: Community) -> None:
    room = digest_of(engine, Subject(DigestScope.ROOM, "mute@chatroom"))
    assert "未采集" in render.markdown(room)
    assert "messages_per_room_day" not in room.amounts()
    assert digest_of(engine).amounts()["rooms_unread"] == 1
    new = digest_of(engine, Subject(DigestScope.ROOM, "new@chatroom"))
    assert "还没有收到过任何消息" in render.markdown(new)


def test_an_empty_installation_has_a_digest_that_says_so(engine: Engine) -> None:
    fleet = digest_of(engine)
    for text in (render.markdown(fleet), render.html(fleet)):
        assert "nan" not in text.lower().replace("finance", "")
        assert "还没有群" in text
        assert "还没有登记任何群" in text
        assert "还没有接入订单" in text


def test_a_room_that_was_never_heard_is_not_praised_for_it(engine: Engine, told: Community) -> None:
    new = digest_of(engine, Subject(DigestScope.ROOM, "new@chatroom"))
    assert "数据健康" not in render.text(new)
    # What the headline says is no section of its own.
    assert "## 消息" not in render.markdown(new)
    assert "## 数据健康" in render.markdown(new)


def test_a_first_week_is_compared_with_nothing(engine: Engine) -> None:
    with database.transaction(engine) as session:
        rules = deriving.load_rules(session, ZONE)
        at = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
        said = Said(id="1", room="r", sender="s", at=at, type="text", text="第一句话")
        ingest.record(session, [said], rules)
    text = render.markdown(digest_of(engine))
    assert "这是第一周" in text
    assert "日志不足 28 天" in text


def test_weeks_before_the_log_stand_in_the_band_and_are_marked(
    engine: Engine, told: Community
) -> None:
    with database.transaction(engine) as session:
        for room in (1, 2, 3):
            for n in range(1, 21):
                session.add(
                    RoomWeek(
                        week=FIRST_DAY - n * 7 * DAY,
                        room_id=room,
                        messages=14 + 7 * n,
                        effective_messages=7,
                        speakers=3,
                        members=9,
                        questions=1,
                        shares=1,
                        origin="simulated",
                    )
                )
    fleet = digest_of(engine)
    text = render.markdown(fleet)
    assert "其中 20 周来自模拟" in text
    # The earlier weeks of the log itself count too.
    assert "24 周，其中 20 周" in text


@pytest.mark.tampers
def test_orders_are_summed_by_label_net_of_refunds(engine: Engine, told: Community) -> None:
    labels = [Label.ORGANIC, Label.ORGANIC, Label.PROMO, Label.DIRECT, Label.OUT, Label.UNKNOWN]
    with database.transaction(engine) as session:
        for n, label in enumerate(labels):
            _order(session, f"o{n}", label, MONDAY + n * DAY)
        _order(session, "before", Label.ORGANIC, MONDAY - DAY)
        _order(session, "after", Label.ORGANIC, MONDAY + 7 * DAY)
    fleet = digest_of(engine)
    assert fleet.amounts()["order_lines"] == 5
    assert fleet.amounts()["revenue_fen"] == 5 * 8_000
    assert fleet.amounts()["unresolved_buyers"] == 1
    text = render.markdown(fleet)
    assert "群聊带来 2 行 · 40%" in text
    assert "弱证据" in text
    room = digest_of(engine, Subject(DigestScope.ROOM, "a@chatroom"))
    assert room.amounts()["order_lines"] == 3


def _order(session: Session, id: str, label: Label, day: dt.date) -> None:
    at = dt.datetime.combine(day, dt.time(0, 30), ZONE).astimezone(dt.UTC)
    line = OrderLine(
        order_id=id,
        line_no=1,
        product_id=1,
        quantity=1,
        amount=10_000,
        refunded=2_000,
        paid_at=at,
        status=OrderStatus.PAID,
        sources="test",
        updated_at=at,
    )
    session.add(line)
    session.flush()
    assert line.id is not None
    placed = label in (Label.ORGANIC, Label.PROMO)
    session.add(
        Attribution(
            order_line_id=line.id,
            label=label,
            room_id=1 if placed else None,
            rule_version=1,
            inputs_hash="",
            computed_at=at,
        )
    )


def test_posts_that_were_not_sent_are_listed_with_their_reason(
    engine: Engine, told: Community
) -> None:
    with database.transaction(engine) as session:
        _qa_day(session, room=1, day=MONDAY + 2 * DAY, state=DeliveryState.SENT)
        _qa_day(session, room=2, day=MONDAY + 2 * DAY, state=DeliveryState.FAILED)
    fleet = digest_of(engine)
    assert fleet.amounts()["deliveries_unsent"] == 1
    assert "失败 | 机器人不在群里 | 1" in render.markdown(fleet)


def test_a_lift_compares_with_rooms_that_held_none_that_day(
    engine: Engine, told: Community
) -> None:
    with database.transaction(engine) as session:
        _qa_day(session, room=1, day=MONDAY + 2 * DAY, state=DeliveryState.SENT)
    amount = digest_of(engine).amounts()["lift_qa_day"]
    wednesday = MONDAY + 2 * DAY
    contrasts = {}
    for room, zone in ROOMS.items():
        days = Counter(one.at.astimezone(zone).date() for one in told.of_week(room, 28))
        others = sum(days.values()) - days[wednesday]
        contrasts[room] = days[wednesday] - others / 27
    beside = (contrasts["b@chatroom"] + contrasts["c@chatroom"]) / 2
    assert amount == pytest.approx(contrasts["a@chatroom"] - beside)


def test_without_a_room_to_compare_with_a_lift_says_so(engine: Engine, told: Community) -> None:
    with database.transaction(engine) as session:
        for room in (1, 2, 3):
            _qa_day(session, room=room, day=MONDAY + 2 * DAY, state=DeliveryState.SENT)
    assert digest_of(engine).amounts()["lift_qa_day"] is None
    assert "无对照" in render.markdown(digest_of(engine))


def _qa_day(session: Session, room: int, day: dt.date, state: DeliveryState) -> None:
    series = session.scalars(select(Series)).first() or Series(
        key="qa",
        name="问题解答日",
        kind=SeriesKind.QA_DAY,
        starts=day,
        ends=day,
        recurrence={},
        at=dt.time(20),
        audience={},
    )
    session.add(series)
    session.flush()
    assert series.id is not None
    occurrence = session.scalars(select(Occurrence)).first() or Occurrence(
        series_id=series.id, original_date=day, date=day
    )
    session.add(occurrence)
    session.flush()
    at = dt.datetime.combine(day, dt.time(20), ZONE).astimezone(dt.UTC)
    sent = state is DeliveryState.SENT
    session.add(
        Delivery(
            key=f"post:qa:{day}:open:{room}",
            kind=DeliveryKind.POST,
            state=state,
            series_id=series.id,
            occurrence_id=occurrence.id,
            room_id=room,
            planned_at=at,
            due_at=at,
            expires_at=at,
            sent_at=at if sent else None,
            reason=None if sent else "机器人不在群里",
        )
    )


@pytest.mark.tampers
def test_a_week_later_the_digest_says_what_late_data_changed(
    engine: Engine, told: Community
) -> None:
    with database.transaction(engine) as session:
        _order(session, "early", Label.ORGANIC, MONDAY)
    first = digest_of(engine)
    assert not first.final
    late = Said("late", "a@chatroom", "a0", NOW - 2 * DAY, "text", "迟到的问题怎么办?")
    with database.transaction(engine) as session:
        ingest.record(session, [late], deriving.load_rules(session, ZONE))
        _order(session, "late", Label.ORGANIC, MONDAY)
        session.add(
            OrderEvent(
                digest="d", order_id="late", line_no=1, source="test", received_at=NOW + DAY,
                content={},
            )
        )  # fmt: skip
    with database.transaction(engine) as session:
        week = gather.gather(session, MONDAY + 7 * DAY, NOW + 7 * DAY, ZONE)
        (next_week,) = compose.sheets(session, Findings(week), [FLEET])
    (part,) = (part for part in next_week.sections if part.key == "corrections")
    (table,) = part.tables
    changed = {row[0]: row[1:] for row in table.rows}
    assert changed["订单行"] == ("1", "2", "1 条后到的订单或退款")
    assert changed["收入（已减退款）"] == ("¥80", "¥160", "1 条后到的订单或退款")
    asked = sum((one.text or "").endswith("?") for room in ROOMS for one in told.of_week(room))
    assert changed["提问"][:2] == (f"{asked}", f"{asked + 1}")
    assert "后到或撤回的消息" in changed["提问"][2]
    text = render.text(next_week)
    assert f"订单行 1 → 2；收入（已减退款） ¥80 → ¥160 等 {len(changed)} 个" in text
    # The week before is not judged by what is as of today.
    assert "复购率（90 天）" not in changed


def test_without_anything_late_there_is_nothing_to_correct(engine: Engine, told: Community) -> None:
    digest_of(engine, now=NOW + 4 * DAY)
    with database.transaction(engine) as session:
        week = gather.gather(session, MONDAY + 7 * DAY, NOW + 7 * DAY, ZONE)
        (settled,) = compose.sheets(session, Findings(week), [FLEET])
    # Last week's digest was final: late data had settled when it was computed.
    assert all(part.key != "corrections" for part in settled.sections)


def test_drafting_again_replaces_a_draft_and_leaves_an_approved_one(
    engine: Engine, told: Community
) -> None:
    first = digest_of(engine)
    assert digest_of(engine) == first
    later = NOW + 4 * DAY
    assert digest_of(engine, now=later).final
    with database.transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Digest)) == 1
        stored = session.scalars(select(Digest)).one()
        stored.state = DigestState.APPROVED
    assert digest_of(engine, now=later + DAY).status.startswith("2026年11月13日")


def test_the_number_of_queries_does_not_grow_with_rooms(engine: Engine, told: Community) -> None:
    rolling.catch_up(engine, ZONE, NOW)
    with counted(engine) as few, database.reading(engine) as session:
        gather.gather(session, MONDAY, NOW, ZONE)
    with database.transaction(engine) as session:
        session.add_all(Room(platform_id=f"more{n}", vertical="美妆") for n in range(40))
    rolling.catch_up(engine, ZONE, NOW)
    with counted(engine) as many, database.reading(engine) as session:
        gather.gather(session, MONDAY, NOW, ZONE)
    assert len(few) == len(many)


def test_a_week_that_has_not_begun_and_an_unknown_room_are_refused(
    engine: Engine, told: Community
) -> None:
    with database.reading(engine) as session, pytest.raises(InvalidInput, match="over yet"):
        gather.gather(session, MONDAY + 7 * DAY, NOW, ZONE)
    with pytest.raises(InvalidInput, match="no room 'nowhere'"):
        digest_of(engine, Subject(DigestScope.ROOM, "nowhere"))
    with pytest.raises(InvalidInput, match="2026-W45"):
        gather.monday("2026-45")
    assert gather.monday("2026-W45") == MONDAY


def test_a_week_that_is_not_over_counts_whole_days_only(engine: Engine, told: Community) -> None:
    thursday_noon = dt.datetime(2026, 11, 5, 4, tzinfo=dt.UTC)
    room = digest_of(engine, Subject(DigestScope.ROOM, "b@chatroom"), now=thursday_noon)
    week = [
        one
        for one in told.of_week("b@chatroom")
        if one.at.astimezone(ZONE).date() < thursday_noon.date()
    ]
    assert room.amounts()["messages_per_room_day"] == pytest.approx(len(week) / 3)
    assert "还没过完" in render.markdown(room)


def test_the_command_writes_a_file_for_every_scope(
    engine: Engine,
    told: Community,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(command.digest)
    line = ["--week", "2026-W45", "--all", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(app, line, catch_exceptions=False)
    assert result.exit_code == 0
    written = json.loads(result.stdout)
    assert [(one["scope"], one["target"]) for one in written["digests"][:3]] == [
        ("fleet", ""),
        ("vertical", "宝妈育儿"),
        ("vertical", "职场穿搭"),
    ]
    assert len(written["digests"]) == 1 + 2 + 5
    files = sorted(path.name for path in (tmp_path / "out" / "2026-W45").iterdir())
    assert len(files) == 16
    assert "fleet.html" in files
    assert "vertical-宝妈育儿.md" in files
    assert "room-a@chatroom.html" in files
    with pytest.raises(InvalidInput, match="use some of md,html,txt,png,xlsx"):
        CliRunner().invoke(app, ["--week", "2026-W45", "--formats", "doc"], catch_exceptions=False)
    line = ["--week", "2026-W45", "--out", str(tmp_path / "out"), "--formats", "txt,png,xlsx"]
    assert CliRunner().invoke(app, line, catch_exceptions=False).exit_code == 0
    assert (tmp_path / "out" / "2026-W45" / "fleet.png").read_bytes().startswith(b"\x89PNG")
