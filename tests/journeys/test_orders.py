"""Orders come in by file, are put down to who bought and what was said, and leave as CSV."""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlmodel
from sqlalchemy import Engine, inspect, select
from sqlmodel import Session, SQLModel

from bot import database, deriving, ingest, membership_files
from bot.gateway import Said
from bot.insights import attributing, explanation, shares
from bot.insights.attributing import attribute_all, attribution_rows
from bot.membership_files import MembershipRow
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    HolidayPolicy,
    Identity,
    Label,
    OrderEvent,
    OrderLine,
    OrderStatus,
    Person,
    Role,
    Room,
    Series,
    SeriesKind,
    SeriesState,
)
from bot.orders import catalogue, intake, lines, people
from bot.orders.catalogue import CampaignRow, ProductRow
from bot.orders.intake import OrderRow
from tests.saying import contents
from tests.statements import counted

Model = TypeVar("Model", bound=SQLModel)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
TALK = dt.datetime(2026, 11, 3, 12, 14, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECRET = b"secret"
DIAPER, BOTTLE, TEAT = "小熊纸尿裤", "奶瓶", "奶嘴"

HEADER = "订单号,行号,商品编码,数量,实付金额,支付时间,状态,买家ID,买家手机,unionid,优惠码,渠道,更新时间\n"


def test_the_same_file_twice_changes_nothing_and_holds_no_phone(
    engine: Engine, tmp_path: Path
) -> None:
    a_community(engine)
    path = tmp_path / "orders.csv"
    path.write_text(
        HEADER
        + "O1,1,A1,2,99.50,2026-11-03 20:00,已支付,b1,13800138000,,,有赞,\n"
        + "O1,1,A1,2,9.50,2026-11-05 20:00,已退款,b1,13800138000,,,有赞,\n"
        + "O2,1,A9,1,10.00,2026-11-03 20:00,已支付,b1,,,,有赞,\n",
        "gb18030",
    )
    rows = intake.read_rows(path, SHANGHAI).rows
    with database.transaction(engine) as session:
        done = intake.record(session, rows, "有赞", SECRET, NOW)
    assert (done.created, [(fault.line, fault.column) for fault in done.faults]) == (
        2,
        [(4, "sku")],
    )
    before = contents(engine, OrderEvent, OrderLine, Person, Identity)
    with database.transaction(engine) as session:
        assert intake.record(session, rows, "有赞", SECRET, NOW).unchanged == 2
        assert intake.rebuild(session) == 0
    assert contents(engine, OrderEvent, OrderLine, Person, Identity) == before
    assert "13800138000" not in repr(before)
    with database.reading(engine) as session:
        (row,) = lines.order_rows(session, TALK - 24 * HOUR, NOW, NOW, SHANGHAI)
    assert dict(zip(lines.EXPORT, row, strict=True)) == {
        "order_id": "O1", "line_no": 1, "sku": "A1", "quantity": 2, "amount": "99.50",
        "refunded": "9.50", "paid_at": "2026-11-03T20:00:00+08:00", "status": "refunded",
        "sources": "有赞", "final": "true",
    }  # fmt: skip


def test_any_order_of_files_gives_the_same_lines(engine: Engine) -> None:
    a_community(engine)
    told = [
        an_order("O1", amount=9_900, updated_at=TALK),
        an_order("O1", amount=8_900, updated_at=TALK + HOUR, buyer_phone="13800138000"),
        an_order("O1", amount=1_000, status=OrderStatus.REFUNDED, paid_at=TALK + 9 * HOUR),
        an_order("O1", amount=2_000, status=OrderStatus.REFUNDED, paid_at=TALK + 5 * HOUR),
        an_order("O2", status=OrderStatus.CANCELLED),
        an_order("O2", unionid="u1"),
    ]
    chance = random.Random(7)
    seen = []
    for _ in range(4):
        chance.shuffle(told)
        with database.transaction(engine) as session:
            for row in told:
                intake.record(session, [row], "有赞", SECRET, NOW)
        seen.append({row[1:-1] for row in contents(engine, OrderLine)[0]})
        with database.transaction(engine) as session:
            for model in (OrderLine, OrderEvent):
                session.connection().execute(database.table(model).delete())
    assert len(seen[0]) == 2
    assert seen[1:] == [seen[0]] * 3


def test_evidence_that_comes_later_resolves_the_buyer_and_keeps_persons(engine: Engine) -> None:
    a_community(engine)
    record(engine, [an_order("O1", buyer_phone="13800138000"), an_order("O2", buyer_id="b9")])
    by_phone, by_shop = (row.person_id for row in rows_of(engine, OrderLine))
    assert None not in (by_phone, by_shop)
    assert by_phone != by_shop
    tell(engine, MembershipRow("r1", "wxid_buyer", phone="+86 138 0013 8000"))
    person, still = (row.person_id for row in rows_of(engine, OrderLine))
    assert still == by_shop
    record(engine, [an_order("O2", buyer_id="b9", buyer_phone="13800138000")])
    assert [row.person_id for row in rows_of(engine, OrderLine)] == [person, person]
    record(engine, [an_order("O3", buyer_phone="13800138000", unionid="u8"),
                    an_order("O4", buyer_phone="13800138000", unionid="u9")])  # fmt: skip
    reasons = [person.quarantined for person in rows_of(engine, Person) if person.quarantined]
    assert reasons == ["3 个 unionid 连成一人"]
    attribute(engine)
    assert {label for label, _ in labels(engine).values()} == {Label.UNKNOWN}


def test_every_label_comes_with_its_explanation(engine: Engine) -> None:
    a_community(engine)
    say(engine, "m1", "wxid_friend", TALK, f"{DIAPER}真的不漏")
    say(engine, "m2", "wxid_buyer", TALK + HOUR, "这个好用吗", quote="m1")
    say(engine, "m3", "wxid_friend", TALK, f"{BOTTLE}不胀气")
    promote(engine, TALK, f"{TEAT}买一送一,点 https://s.example/t")
    paid_at = TALK + 3 * HOUR
    record(
        engine,
        [
            an_order("out", status=OrderStatus.CANCELLED),
            an_order("coupon", coupon="d11"),
            an_order("unknown"),
            an_order("answered", unionid="u1"),
            an_order("spoke", sku="A2", unionid="u1"),
            an_order("promoted", sku="A3", unionid="u1"),
            an_order("silent", sku="A2", unionid="u2"),
            an_order("late", sku="A2", unionid="u1", paid_at=paid_at + 72 * HOUR),
        ],
    )
    attribute(engine)
    told = labels(engine)
    assert told == {
        "answered": (Label.ORGANIC, "这笔订单(小熊纸尿裤):小雨妈 11-03 20:14 在“宝妈 1 群”里提到它,"
                     "买家接了话,3 小时后下单,算群友带来,约六成把握。"),
        "coupon": (Label.PROMO, "这笔订单(小熊纸尿裤):用了活动的优惠码 d11,算促销带来,约八成把握。"),
        "late": (Label.DIRECT, "这笔订单(奶瓶):下单前群里没人提到它,算自然购买,约九成把握。"),
        "out": (Label.OUT, "这笔订单(小熊纸尿裤):已全额退款、已取消或是运营自己买的,不计入归因。"),
        "promoted": (Label.PROMO, "这笔订单(奶嘴):11-03 20:14 在“宝妈 1 群”里发过促销(栏目“促销”),"
                     "买家 3 小时后下单,算促销带来,约四成把握。"),
        "silent": (Label.DIRECT, "这笔订单(奶瓶):小雨妈 11-03 20:14 在“宝妈 1 群”里提到它,"
                   "买家当时在群里没说话,3 小时后下单,也许有关,仍算自然购买,约九成把握。"),
        "spoke": (Label.ORGANIC, "这笔订单(奶瓶):小雨妈 11-03 20:14 在“宝妈 1 群”里提到它,"
                  "买家之后在群里说过话,3 小时后下单,算群友带来,约四成把握。"),
        "unknown": (Label.UNKNOWN, "这笔订单(小熊纸尿裤):认不出买家是群里的谁,不作判断。"),
    }  # fmt: skip


def test_attributing_again_changes_nothing_until_something_is_new(engine: Engine) -> None:
    a_community(engine)
    say(engine, "m1", "wxid_friend", TALK, f"{DIAPER}真的不漏")
    record(engine, [an_order("O1", unionid="u1"), an_order("O2", unionid="u2")])
    early = attribute(engine, TALK + 4 * HOUR)
    assert (early.lines, early.changed, early.possible) == (2, 2, 2)
    before = contents(engine, Attribution, AttributionEvidence)
    assert attribute(engine, TALK + 5 * HOUR).changed == 0
    assert contents(engine, Attribution, AttributionEvidence) == before
    say(engine, "m2", "wxid_buyer", TALK + HOUR, "好的")
    assert attribute(engine, TALK + 6 * HOUR).changed == 1
    assert attribute(engine).changed == 2
    assert {row.final for row in rows_of(engine, Attribution)} == {True}


def test_the_export_names_messages_by_platform_id_and_sums_to_one_million(engine: Engine) -> None:
    a_community(engine)
    say(engine, "m1", "wxid_friend", TALK, f"{DIAPER}真的不漏")
    record(engine, [an_order("O2", unionid="u1"), an_order("O10", unionid="u1"), an_order("O1")])
    summary = attribute(engine)
    with database.reading(engine) as session:
        rows = list(attribution_rows(session, TALK, NOW, SHANGHAI))
    told = [dict(zip(attributing.EXPORT, row, strict=True)) for row in rows]
    assert [row["order_id"] for row in told] == ["O1", "O10", "O2"]
    assert told[0]["ppm_base"] is None
    assert (told[1]["room"], told[1]["message_id"], told[1]["grade"]) == ("r1", "m1", "C")
    assert sum(row for row in rows[1][9:12] if isinstance(row, int)) == 1_000_000
    told_object = attributing.as_object(summary)
    assert told_object["labels"] == {
        "out": 0, "promo": 0, "organic": 0, "unknown": 1, "direct": 2,
    }  # fmt: skip
    with database.reading(engine) as session:
        estimated = shares.as_object(shares.share(session))
    assert estimated["share"] == {"organic": None, "promo": None, "base": None}
    assert estimated["warnings"][0] == shares.TOO_FEW  # type: ignore[index]  # a list


def test_orders_and_touches_outside_the_buyers_stay_do_not_meet(engine: Engine) -> None:
    a_community(engine)
    say(engine, "m1", "wxid_friend", TALK, f"{DIAPER}真的不漏")
    tell(engine, MembershipRow("r1", "wxid_late", unionid="u3", joined_at=TALK + HOUR))
    tell(engine, MembershipRow("r1", "wxid_staff", unionid="u4", role=Role.OPERATOR))
    record(engine, [an_order("late", unionid="u3"), an_order("staff", unionid="u4")])
    attribute(engine)
    rows = {row.label: row.possible for row in rows_of(engine, Attribution)}
    assert rows == {Label.DIRECT: False, Label.OUT: False}


def test_the_number_of_statements_does_not_grow_with_the_orders(engine: Engine) -> None:
    a_community(engine)
    say(engine, "m1", "wxid_friend", TALK, f"{DIAPER}真的不漏")
    say(engine, "m2", "wxid_buyer", TALK + HOUR, "好", quote="m1")
    record(engine, [an_order("first", unionid="u1")])
    attribute(engine)
    record(engine, [an_order("second", unionid="u1")])
    with counted(engine) as few:
        attribute(engine)
    record(engine, [an_order(f"O{number}", unionid="u1") for number in range(300)])
    with counted(engine) as many:
        assert attribute(engine).changed == 300
    assert len(many) == len(few)


def a_community(engine: Engine) -> None:
    """A room with a buyer (u1), a silent one (u2) and a friend; three products, one campaign."""
    with database.transaction(engine) as session:
        catalogue.record_products(
            session,
            [ProductRow("A1", DIAPER), ProductRow("A2", BOTTLE), ProductRow("A3", TEAT)],
        )
        catalogue.record_campaigns(
            session,
            [
                CampaignRow("双11", "A1", "D11", None, TALK, NOW),
                CampaignRow("奶嘴节", "A3", None, "https://s.example/t", TALK, NOW),
            ],
        )
    tell(
        engine,
        MembershipRow("r1", "wxid_friend"),
        MembershipRow("r1", "wxid_buyer", unionid="u1"),
        MembershipRow("r1", "wxid_silent", unionid="u2"),
    )
    with database.transaction(engine) as session:
        for model, names in ((Room, {"r1": "宝妈 1 群"}), (Contact, {"wxid_friend": "小雨妈"})):
            target = database.table(model)
            column = "topic" if model is Room else "name"
            for platform_id, name in names.items():
                session.connection().execute(
                    target.update()
                    .where(target.c.platform_id == platform_id)
                    .values({column: name})
                )


def an_order(order_id: str, **told: object) -> OrderRow:
    plain = OrderRow(order_id, 1, "A1", 1, 9_900, TALK + 3 * HOUR)
    return replace(plain, **told)  # type: ignore[arg-type]  # fields by name


def record(engine: Engine, rows: Sequence[OrderRow]) -> None:
    with database.transaction(engine) as session:
        assert intake.record(session, rows, "shop", SECRET, NOW).faults == ()


def tell(engine: Engine, *rows: MembershipRow) -> None:
    with database.transaction(engine) as session:
        membership_files.record(session, rows, SECRET, NOW)
        people.resolve(session)


def attribute(engine: Engine, now: dt.datetime = NOW) -> attributing.Summary:
    with database.transaction(engine) as session:
        return attribute_all(session, now)


def say(
    engine: Engine, name: str, sender: str, at: dt.datetime, text: str, *,
    quote: str | None = None, room: str = "r1",
) -> None:  # fmt: skip
    """A message of the room."""
    with database.transaction(engine) as session:
        rules = deriving.load_rules(session, SHANGHAI)
        ingest.record(session, [Said(name, room, sender, at, "text", text, quote=quote)], rules)


def promote(engine: Engine, at: dt.datetime, text: str) -> None:
    """A promo post that was sent to the room."""
    with database.transaction(engine) as session:
        series = Series(
            key="promo", name="促销", kind=SeriesKind.PROMO, state=SeriesState.APPROVED,
            starts=at.date(), ends=at.date(), recurrence={}, at=dt.time(20),
            holidays=HolidayPolicy.KEEP, audience={},
        )  # fmt: skip
        session.add(series)
        session.flush()
        session.add(
            Delivery(
                key="post:promo", kind=DeliveryKind.POST, state=DeliveryState.SENT,
                series_id=series.id, room_id=_id(session, Room, "platform_id", "r1"), text=text,
                planned_at=at, due_at=at, expires_at=at, sent_at=at,
            )
        )  # fmt: skip


def labels(engine: Engine) -> dict[str, tuple[Label, str]]:
    with database.reading(engine) as session:
        ids = session.connection().scalars(select(database.table(OrderLine).c.id)).all()
        return {
            story.order_id: (story.label, explanation.explain(story, SHANGHAI))
            for story in explanation.stories(session, ids)
        }


def rows_of(engine: Engine, model: type[Model]) -> Sequence[Model]:
    with database.reading(engine) as session:
        rows = session.exec(sqlmodel.select(model).order_by(*inspect(model).primary_key)).all()
        session.expunge_all()
        return rows


def _id(session: Session, model: type[SQLModel], column: str, value: str) -> int:
    target = database.table(model)
    found = session.connection().scalar(select(target.c.id).where(target.c[column] == value))
    assert isinstance(found, int)
    return found
