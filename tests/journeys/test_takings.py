"""Revenue of a week is compared with weeks of the same age, and a week without orders is no 0."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import database, membership_files
from bot.digest import card, compose, gather, render
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.insights import attributing, engagement, takings
from bot.membership_files import MembershipRow
from bot.models import DigestScope, OrderStatus, Product, Role
from bot.orders import intake, people, returns
from bot.orders.intake import OrderRow
from tests.saying import SHANGHAI, member_says, record

DAY, WEEK = dt.timedelta(days=1), dt.timedelta(weeks=1)
MONDAY = dt.date(2026, 11, 2)
NOON = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
# 09:30 on the Monday after.
NOW = dt.datetime(2026, 11, 9, 1, 30, tzinfo=dt.UTC)


def paid(ago: int, fen: int, *, name: str = "", at: dt.timedelta = DAY) -> OrderRow:
    """An order of so many weeks ago, by default of their Tuesday noon."""
    return OrderRow(f"{name or 'o'}{ago}", 1, "RICE", 1, fen, NOON - ago * WEEK + at)


def back(of: OrderRow, fen: int, after: dt.timedelta) -> OrderRow:
    at = of.paid_at + after
    return OrderRow(of.order_id, 1, "RICE", 1, fen, at, OrderStatus.REFUNDED, updated_at=at)


def told(engine: Engine, rows: Sequence[OrderRow], at: dt.datetime = NOW) -> None:
    with database.transaction(engine) as session:
        if session.scalars(select(Product)).first() is None:
            session.add(Product(sku="RICE", name="米粉"))
            session.flush()
        assert not intake.record(session, rows, "shop", b"s", at).faults
        attributing.attribute_all(session, at)


def fleet(engine: Engine, now: dt.datetime = NOW, subject: Subject = FLEET) -> Sheet:
    with database.reading(engine) as session:
        findings = Findings(gather.gather(session, MONDAY, now, SHANGHAI))
        (sheet,) = compose.sheets(session, findings, [subject])
    return sheet


def earlier(session: Session, now: dt.datetime = NOW) -> dict[dt.date, int]:
    views = engagement.rooms(session, SHANGHAI)
    found = takings.gather(session, views, MONDAY, now, SHANGHAI, weeks=24)
    return {week: taken.fen for week, taken in found.weeks.items()}


def test_what_came_back_after_a_week_was_as_old_as_this_one_is_not_taken_off(
    engine: Engine,
) -> None:
    last, gone = paid(1, 30_000), paid(1, 9_000, name="gone")
    rows = [paid(2, 20_000, at=-DAY), last, gone, paid(0, 40_000)]
    # Of last week's Tuesday: on Friday, and on the Thursday after Monday's digest.
    rows += [back(last, 5_000, 3 * DAY), back(last, 7_000, 9 * DAY - DAY / 2)]
    off = gone.paid_at + 8 * DAY
    rows.append(OrderRow("gone1", 1, "RICE", 1, 9_000, gone.paid_at, OrderStatus.CANCELLED,
                         updated_at=off))  # fmt: skip
    told(engine, rows)
    with database.reading(engine) as session:
        # What last week's digest could know.
        assert earlier(session)[MONDAY - WEEK] == 30_000 - 5_000 + 9_000
        # Three days later the digest is final, and so is what it is compared with.
        assert earlier(session, NOW + 3 * DAY)[MONDAY - WEEK] == 30_000 - 5_000 - 7_000
        steps = returns.of_orders(session, ["o1", "gone1"])
    assert [one.fen for one in steps["o1", 1]] == [5_000, 7_000]
    assert [one.fen for one in steps["gone1", 1]] == [9_000]


def test_a_gift_that_is_cancelled_later_changes_no_week(engine: Engine) -> None:
    gift = paid(1, 0, name="gift")
    off = replace(gift, status=OrderStatus.CANCELLED, updated_at=gift.paid_at + 8 * DAY)
    told(engine, [paid(2, 20_000, at=-DAY), paid(1, 30_000), gift, off, paid(0, 40_000)])
    with database.reading(engine) as session:
        assert earlier(session)[MONDAY - WEEK] == 30_000
    assert fleet(engine).figure("revenue_fen") is not None


@pytest.mark.parametrize("fate", ["kept", "cancelled", "refunded"])
def test_what_operators_bought_counts_in_no_week_whatever_became_of_it(
    engine: Engine, fate: str
) -> None:
    with database.transaction(engine) as session:
        staff = MembershipRow("r1@chatroom", "wxid_staff", unionid="u4", role=Role.OPERATOR)
        membership_files.record(session, [staff], b"s", NOW - 30 * DAY)
        people.resolve(session)
    own = replace(paid(1, 9_000, name="own"), unionid="u4")
    customers = replace(own, order_id="customers", unionid="u5", amount=700)
    later = {
        "kept": [],
        "cancelled": [
            replace(one, status=OrderStatus.CANCELLED, updated_at=one.paid_at + 8 * DAY)
            for one in (own, customers)
        ],
        "refunded": [back(one, one.amount, 8 * DAY) for one in (own, customers)],
    }[fate]
    told(engine, [paid(2, 20_000, at=-DAY), paid(1, 30_000), own, customers, *later, paid(0, 5)])
    with database.reading(engine) as session:
        assert earlier(session)[MONDAY - WEEK] == 30_000 + 700
        views = engagement.rooms(session, SHANGHAI)
        listed = [
            dict(zip(takings.TAKINGS, row, strict=True))
            for row in takings.rows(session, views, MONDAY - WEEK, MONDAY, SHANGHAI)
        ]
    assert {row["order_id"]: row["ours"] for row in listed} == {
        "o1": "false", "own1": "true", "customers": "false",
    }  # fmt: skip


def test_a_week_without_an_order_is_not_collected_and_never_0(engine: Engine) -> None:
    told(engine, [paid(ago, 10_000) for ago in (9, 8, 6, 5, 4, 3, 2, 1, 0)])
    with database.reading(engine) as session:
        # The week of the very first order is none that is known to be whole.
        assert sorted(earlier(session)) == [MONDAY - n * WEEK for n in (8, 6, 5, 4, 3, 2, 1)]
    page = render.markdown(fleet(engine))
    assert "早先 7 周 ¥100–¥100，不足 8 周不判断高低" in page
    assert "9/7 ¥100、9/14 未采集、9/21 ¥100" in page
    assert "有 1 个早先的周一行订单也没有，当作未采集，不当作 0。" in page


def test_this_week_without_an_order_is_not_collected_either(engine: Engine) -> None:
    told(engine, [paid(ago, 10_000) for ago in range(1, 12)])
    sheet = fleet(engine)
    revenue = sheet.figure("revenue_fen")
    assert revenue is not None
    assert (revenue.amount, revenue.text) == (None, "未采集")
    assert "¥0" not in render.markdown(sheet) + render.text(sheet) + render.html(sheet)
    assert card.png(sheet)


@pytest.mark.parametrize(
    ("fen", "words"), [(10_000, "和往常差不多"), (90_000, "高于往常"), (100, "低于往常")]
)
def test_eight_weeks_say_whether_it_is_more_than_noise(
    engine: Engine, fen: int, words: str
) -> None:
    told(engine, [paid(ago, 10_000 + 500 * (ago % 3)) for ago in range(1, 12)])
    told(engine, [paid(0, fen)])
    sheet = fleet(engine)
    for form in (render.markdown(sheet), render.html(sheet), render.text(sheet)):
        assert f"{words}（95% 区间 ¥" in form
    assert f"{words}（95% 区间" in render.card(sheet)
    note = next(note for note in sheet.notes if note.term == "收入和往常比")
    assert note.command == "qunyun export takings --since 2026-05-18 --until 2026-11-09"


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (0, "近 2 周的订单，那时都已收到"),
        (1, "近 2 周的订单有 1 / 6 行（17%）那时还没收到，本周可能也还差这么多"),
        (5, "近 2 周的订单多是事后导入的，看不出那时通常还差多少"),
    ],
)
def test_what_had_not_arrived_by_then_is_said(engine: Engine, late: int, words: str) -> None:
    rows = [paid(ago, 10_000, name=f"{n}-") for ago in (1, 2) for n in range(3)]
    first = paid(3, 10_000)
    for row in [first, *rows[late:]]:
        told(engine, [row], row.paid_at + DAY / 24)
    told(engine, [*rows[:late], paid(0, 10_000)])
    sheet = fleet(engine)
    assert words in render.markdown(sheet)
    # What could turn the verdict stands right before it, on the card too.
    assert ("订单可能还差 17%，早先 2 周" in render.card(sheet)) == (late == 1)


def test_a_room_is_not_compared_and_its_digest_says_why(engine: Engine) -> None:
    record(engine, member_says("在吗", "2026-11-03 20:00", room="a@chatroom"))
    told(engine, [paid(ago, 10_000) for ago in range(12)])
    page = render.markdown(fleet(engine, subject=Subject(DigestScope.ROOM, "a@chatroom")))
    assert "收入和早先各周的比较只在全体周报里：全额退款的订单不再指向任何群" in page
