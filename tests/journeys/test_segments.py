"""People get tags that can be checked, whoever chance invites is logged, and pairs are told."""

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database, membership_files
from bot.errors import InvalidInput
from bot.gateway import Said
from bot.insights import complements, customers, inviting, needs, reasons, segments
from bot.insights.segments import Candidates, Person
from bot.membership_files import MembershipRow
from bot.models import Arm, Audit, Invitation, NeedMention, OrderStatus, Profile, ProfileTag, Role
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows

SECRET = b"secret"
TODAY = dt.date(2026, 11, 30)
NOW = local("2026-11-30 09:00")
DAY = dt.timedelta(days=1)


def test_every_tag_says_why_in_figures_orders_and_messages(engine: Engine) -> None:
    a_shop(engine)
    members(engine, loyal="u1", chatty="u2", quiet="u3")
    buys(engine, "u1", "D1", 30_000, 5, 20, 40)
    buys(engine, "u3", "F1", 9_000, 60)
    buys(engine, "u3", "F1", 1_000, 100)
    buys(engine, "somebody else", "D1", 20_000, 10)
    talks(engine, "chatty", days=10, each=2)
    record(
        engine,
        *(
            member_says(
                "先看成分表再说吧", f"2026-11-{day} 10:00", sender="chatty", id=f"need{day}"
            )
            for day in (10, 12, 14)
        ),
    )
    refresh(engine)

    told = {each.contact: each for each in people_with(engine)}
    assert sentences(told["loyal"]) == {
        "高价值": "90 天 3 单,平均每单 300.00 元,高于全部订单的平均 238.00 元",
        "复购": "至今 3 单,共 900.00 元",
        "类目·纸尿裤": "一年里 3 单,3 单买了这一类",
    }
    assert sentences(told["chatty"]) == {
        "低消费": "90 天 0 单,共 0.00 元,低于买过的人的中位数 200.00 元",
        "成分党": "90 天里有 3 条消息说到(3 天),按词判断,点开消息核对",
        "高互动": "28 天里 13 天发言,有效消息 23 条,在发言的人里排前两成(23 条起)",
    }
    assert sentences(told["quiet"]).keys() == {"复购", "低消费", "类目·辅食"}
    (need,) = [tag for tag in told["chatty"].tags if tag.messages]
    evidence = {row.message_id for row in rows(engine, NeedMention)}
    assert set(need.messages) == evidence
    assert told["chatty"].rooms == (ROOM,)
    assert [each.contact for each in people_with(engine, "成分党", "高互动")] == ["chatty"]


def test_who_is_tied_to_no_buyer_is_no_low_spender_and_no_candidate(engine: Engine) -> None:
    a_shop(engine)
    members(engine, chatty="u2", stranger=None)
    buys(engine, "u9", "D1", 20_000, 10)
    talks(engine, "chatty", "stranger", days=10, each=2)
    refresh(engine)
    found = candidates(engine)
    assert [each.contact for each in found.people] == ["chatty"]
    assert (found.as_of, found.total, found.unknown) == (TODAY, 1, 1)


def test_an_operator_and_a_quarantined_person_have_no_tag_of_spend(engine: Engine) -> None:
    a_shop(engine)
    members(engine, boss="u1", twofold="u2")
    tell(engine, MembershipRow(ROOM, "boss", role=Role.OPERATOR))
    tell(engine, MembershipRow(ROOM, "twofold", unionid="u3"))
    for unionid in ("u1", "u2"):
        buys(engine, unionid, "D1", 20_000, 10, 20, 30)
    talks(engine, "boss", "twofold", days=10, each=2)
    refresh(engine)
    assert {each.contact: sentences(each).keys() for each in people_with(engine)} == {
        "twofold": {"高互动"}
    }


def test_refunds_cancellations_and_what_comes_later_do_not_count(engine: Engine) -> None:
    a_shop(engine)
    members(engine, loyal="u1")
    buys(engine, "u1", "D1", 30_000, 5, 20, 40)
    tell_orders(
        engine,
        OrderRow("u1-5", 1, "D1", 1, 30_000, NOW - 4 * DAY, OrderStatus.REFUNDED),
        OrderRow("later", 1, "D1", 1, 30_000, local("2026-11-30 00:00"), unionid="u1"),
    )
    refresh(engine)
    (one,) = rows(engine, Profile)
    assert (one.orders, one.net, one.orders_90) == (2, 60_000, 2)


def test_making_profiles_again_gives_the_same_rows_and_a_recall_takes_its_need(
    engine: Engine,
) -> None:
    a_shop(engine)
    members(engine, chatty="u2")
    record(
        engine,
        *(
            member_says("成分怎么样呢", f"2026-11-{day} 10:00", sender="chatty", id=f"need{day}")
            for day in (10, 12, 14)
        ),
    )
    assert refresh(engine) == 3
    before = rows(engine, Profile), rows(engine, ProfileTag), rows(engine, NeedMention)
    assert refresh(engine) == 0
    assert before == (rows(engine, Profile), rows(engine, ProfileTag), rows(engine, NeedMention))
    back = member_says(None, "2026-11-14 10:01", sender="chatty", type="recall", recalls="need14")
    record(engine, back)
    assert refresh(engine) == 1
    assert len(rows(engine, NeedMention)) == 2
    assert not people_with(engine, "成分党")


def test_chance_invites_and_is_logged_and_its_effect_is_told_by_arm(engine: Engine) -> None:
    a_shop(engine)
    names = [f"chatty{number:02}" for number in range(40)]
    members(engine, **{name: f"u-{name}" for name in names})
    buys(engine, "big", "D1", 90_000, 10)
    talks(engine, *names, days=8, each=1)
    refresh(engine)
    with database.transaction(engine) as session:
        drawn = inviting.invite(session, "体验官", 0.5, 7, "小林", NOW)
    assert (drawn.invited, drawn.control, drawn.before) == (20, 20, 0)
    invited = {row.contact_id for row in rows(engine, Invitation) if row.arm == Arm.INVITED}
    assert [row.action for row in rows(engine, Audit)] == ["invitation.draw"]
    with database.transaction(engine) as session:
        again = inviting.invite(session, "体验官", 0.5, 8, "小林", NOW)
        assert (again.invited, again.control, again.before) == (0, 0, 40)
        told = segments.candidates(session, limit=100).people
    tell_orders(
        engine,
        *(
            OrderRow(
                f"{each.contact}", 1, "F1", 1, 5_000, NOW + 3 * DAY, unionid=f"u-{each.contact}"
            )
            for each in told
            if each.profile.contact_id in invited
        ),
    )
    with database.reading(engine) as session:
        early = inviting.effect(session, "体验官", NOW + 10 * DAY)
        found = inviting.effect(session, "体验官", NOW + 31 * DAY)
    assert (early.waiting, early.orders) == (40, None)
    assert {arm: (each.people, each.orders) for arm, each in found.groups.items()} == {
        Arm.INVITED: (20, 20), Arm.CONTROL: (20, 0),
    }  # fmt: skip
    assert found.orders is not None
    assert found.orders.value == pytest.approx(1)
    assert found.net is not None
    assert found.net.interval.low == pytest.approx(5_000)
    assert found.net.interval.high == pytest.approx(5_000)


def test_a_draw_that_leaves_nobody_to_compare_with_is_refused(engine: Engine) -> None:
    with database.transaction(engine) as session, pytest.raises(InvalidInput, match="两边都有人"):
        inviting.invite(session, "体验官", 1.0, 7, "小林", NOW)


def test_what_the_same_people_buy_is_told_in_the_order_in_which_they_buy_it(
    engine: Engine,
) -> None:
    a_shop(engine)
    tell_orders(
        engine,
        *(bought(f"parent{number}", "D1", 10_000, 60) for number in range(40)),
        *(bought(f"parent{number}", "F1", 5_000, 30) for number in range(30)),
        *(bought(f"other{number}", "T1", 5_000, 30) for number in range(60)),
    )
    with database.reading(engine) as session:
        found = complements.gather(session, NOW)
        assert not complements.gather(session, NOW, floor=31).suggestions
    (one,) = found.suggestions
    assert (one.first, one.then, one.both, one.in_order, one.open_to) == ("D1", "F1", 30, 30, 10)
    assert (found.buyers, found.pairs) == (100, 3)
    assert one.lift == pytest.approx(30 * 100 / (40 * 30))


def test_buyers_are_followed_from_their_first_month_and_unresolved_ones_are_counted(
    engine: Engine,
) -> None:
    a_shop(engine)
    tell_orders(
        engine,
        *(bought(f"u{number}", "D1", 10_000, 130) for number in range(10)),
        *(bought(f"u{number}", "F1", 20_000, 100) for number in range(4)),
        OrderRow("nobody", 1, "D1", 1, 60_000, NOW - 3 * DAY),
    )
    with database.reading(engine) as session:
        found = customers.gather(session, NOW, SHANGHAI)
    assert (found.orders, found.buyers, found.unresolved) == (15, 10, 1)
    assert found.basket is not None
    assert found.basket.value == (10 * 10_000 + 4 * 20_000 + 60_000) / 15
    assert found.again is not None
    assert (found.again.count, found.again.of) == (4, 10)
    (cohort,) = found.cohorts
    assert (cohort.month, cohort.buyers) == (dt.date(2026, 7, 1), 10)
    assert [each.count for each in cohort.returned] == [4, 0, 0]


def test_the_commands_print_what_the_readers_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    run("migrate")
    asked_early = CliRunner().invoke(cli.app, ["segments", "summary"])
    assert isinstance(asked_early.exception, InvalidInput)
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    a_shop(engine)
    members(engine, loyal="u1", chatty="u2")
    buys(engine, "u1", "D1", 30_000, 5, 20, 40)
    buys(engine, "u9", "D1", 20_000, 10)
    talks(engine, "chatty", days=10, each=2)
    engine.dispose()
    assert "3 人" in run("segments", "refresh", "--as-of", str(TODAY))
    counted = json.loads(run("segments", "summary", "--json"))
    assert {"dimension": "spend", "tag": "high_value", "people": 1} in counted["tags"]
    assert "高价值" in run("segments", "list", "--tag", "高价值")
    (one,) = map(json.loads, run("segments", "candidates", "--json").splitlines())
    assert one["contact"] == "chatty"
    out = tmp_path / "people.csv"
    run("segments", "export", "--out", str(out))
    assert out.read_text("utf-8-sig").startswith("contact,name,rooms,identified,orders,net")
    assert "邀请 0,对照 1" in run("segments", "invite", "体验官", "--share", "0.3")
    assert json.loads(run("segments", "effect", "体验官", "--json"))["waiting"] == 1
    assert "不作估计" in run("segments", "effect", "体验官")
    assert "客单价 275.00 元" in run("segments", "customers", "--as-of", str(TODAY))
    assert json.loads(run("segments", "pairs", "--json"))["suggestions"] == []


def run(*words: str) -> str:
    done = CliRunner().invoke(cli.app, list(words))
    assert done.exit_code == 0, f"{words}: {done.output}{done.exception!r}"
    return done.stdout


def a_shop(engine: Engine) -> None:
    with database.transaction(engine) as session:
        catalogue.record_products(
            session,
            [
                ProductRow("D1", "小熊纸尿裤", category="纸尿裤"),
                ProductRow("F1", "米粉", category="辅食"),
                ProductRow("T1", "积木", category="玩具"),
            ],
        )


def members(engine: Engine, **unionids: str | None) -> None:
    tell(engine, *(MembershipRow(ROOM, name, unionid=each) for name, each in unionids.items()))


def tell(engine: Engine, *told: MembershipRow) -> None:
    with database.transaction(engine) as session:
        membership_files.record(session, told, SECRET, NOW)
        people.resolve(session)


def buys(engine: Engine, unionid: str, sku: str, amount: int, *days_ago: int) -> None:
    """One order of one SKU on each of these days."""
    tell_orders(engine, *(bought(unionid, sku, amount, days) for days in days_ago))


def bought(unionid: str, sku: str, amount: int, days_ago: int) -> OrderRow:
    paid_at = NOW - days_ago * DAY
    return OrderRow(f"{unionid}-{days_ago}", 1, sku, 1, amount, paid_at, unionid=unionid)


def tell_orders(engine: Engine, *orders: OrderRow) -> None:
    with database.transaction(engine) as session:
        assert not intake.record(session, orders, "shop", SECRET, NOW).faults


def talks(engine: Engine, *senders: str, days: int, each: int) -> None:
    """What counts as effective, in the mornings of the days before today."""
    said: list[Said] = []
    for day in range(1, days + 1):
        date = (NOW - day * DAY).astimezone(SHANGHAI).date()
        said += [
            # Shorter than what counts as a near-duplicate of a neighbour.
            member_says(f"{sender}{day}{number}", f"{date} 08:{number:02}", sender=sender)
            for sender in senders
            for number in range(each)
        ]
    record(engine, *said)


def refresh(engine: Engine) -> int:
    """The number of days whose needs were read."""
    read = needs.refresh(engine, TODAY - 90 * DAY)
    with database.transaction(engine) as session:
        segments.refresh(session, TODAY, SHANGHAI)
    return read


def people_with(engine: Engine, *tags: str) -> Sequence[Person]:
    with database.reading(engine) as session:
        return segments.listed(session, tags).people


def candidates(engine: Engine) -> Candidates:
    with database.reading(engine) as session:
        return segments.candidates(session)


def sentences(person: Person) -> dict[str, str]:
    return {
        segments.named(tag.name): reasons.why(tag.name, tag.why, SHANGHAI) for tag in person.tags
    }
