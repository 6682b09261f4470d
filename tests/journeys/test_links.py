"""A link in a post has a code for each room and post, and an order that carries it names both."""

import datetime as dt

import pytest
from sqlalchemy import Engine, func, select
from typer.testing import CliRunner

from bot import cli, database, links, rebuilding, retention
from bot.insights import attributing, funnel
from bot.models import (
    Account,
    Attribution,
    Click,
    ClickHour,
    ClickKind,
    Delivery,
    Label,
    Mention,
    OrderLine,
    Room,
    ShortLink,
    Touch,
)
from bot.orders import catalogue, intake, short_links
from bot.orders.catalogue import CampaignRow, ProductRow
from bot.orders.intake import OrderRow
from bot.orders.short_links import LISTED_A_DAY
from bot.settings import Settings
from content_calendar import contact, lifecycle, planning
from content_calendar.contact import Rules
from content_calendar.preview import preview
from tests import drafts
from tests.saying import SHANGHAI, local, member_says, record, rows, rules

BASE = "https://q.example.com"
TARGET = "https://shop.example.com/p/1"
OF_RULES: Rules = contact.rules(Settings(_env_file=None, links_url=BASE))
UNTRACKED: Rules = contact.rules(Settings(_env_file=None))
BEFORE, NOON = local("2026-11-10 09:00"), local("2026-11-11 12:00")
CALENDAR = f"""\
version: 1
series:
  - key: promo
    name: 周三特价
    kind: 促销
    starts: 2026-11-02
    ends: 2027-01-31
    recurrence: {{weekly: [周三]}}
    at: "12:00"
    audience: {{all: true}}
    steps:
      - {{name: 开场, text: "今天特价,点这里:{{{{ link }}}}", target: "{TARGET}"}}
"""


@pytest.fixture
def community(engine: Engine) -> Engine:
    """Three rooms, a product with a campaign, and its promotion, approved."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for n in range(1, 4):
            session.add(Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", account_id=1))
        catalogue.record_products(session, [ProductRow("D1", "纸尿裤", (), "母婴", 9_900)])
        session.flush()
        campaign = CampaignRow("双11", "D1", None, TARGET, BEFORE, NOON + dt.timedelta(days=30))
        catalogue.record_campaigns(session, [campaign])
        drafts.take_in(session, CALENDAR, BEFORE)
        lifecycle.approve(session, ["promo"], "小李", BEFORE, OF_RULES)
    return engine


def planned(engine: Engine, rules: Rules = OF_RULES) -> dict[str, str]:
    """The texts of Wednesday noon, by room."""
    with database.transaction(engine) as session:
        planning.plan_due(session, NOON, rules)
    return {row.key.rpartition(":")[2]: row.text for row in rows(engine, Delivery)}


def test_each_room_reads_a_link_of_its_own_that_names_post_and_room(community: Engine) -> None:
    texts = planned(community)
    made = rows(community, ShortLink)
    assert {row.url for row in made} == {TARGET}
    assert texts == {
        row.delivery_key.rpartition(":")[2]: f"今天特价,点这里:{links.address(BASE, row.code)}"
        for row in made
    }
    assert {(row.room_id, row.delivery_key) for row in made} == {
        (n, f"post:promo:2026-11-11:开场:r{n}") for n in (1, 2, 3)
    }
    # A second tick, and another process: nothing twice.
    assert planned(community) == texts
    assert rows(community, ShortLink) == made


def test_a_preview_shows_one_sample_as_long_as_every_link_and_makes_none(community: Engine) -> None:
    written = drafts.written(CALENDAR)
    with database.reading(community) as session:
        day = dt.date(2026, 11, 11)
        (shown,) = preview(session, written, day, day + dt.timedelta(days=1), OF_RULES)
    assert len(shown.rooms) == 3
    assert not rows(community, ShortLink)
    assert {len(text) for text in planned(community).values()} == {len(shown.text)}


def test_without_a_public_address_the_text_holds_the_target_itself(community: Engine) -> None:
    assert set(planned(community, UNTRACKED).values()) == {f"今天特价,点这里:{TARGET}"}
    assert not rows(community, ShortLink)


def test_a_text_that_grows_too_long_with_its_link_is_not_posted(community: Engine) -> None:
    long = CALENDAR.replace("今天特价", "今" * 1_950)
    with database.transaction(community) as session:
        drafts.take_in(session, long, BEFORE)
        far = contact.rules(Settings(_env_file=None, links_url="https://a-long-name.example.com/x"))
        lifecycle.approve(session, ["promo"], "小李", BEFORE, far)
    planned(community, far)
    assert all("个字" in row.reason for row in rows(community, Delivery))
    assert not rows(community, ShortLink)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f', target: "{TARGET}"', "", "没有写它通到哪里"),
        ("{{ link }}", "店里", "target 没有用到"),
        (TARGET, "javascript:alert(1)", "不是网址"),
    ],
)
def test_a_link_needs_a_target_and_a_target_a_link(old: str, new: str, problem: str) -> None:
    with pytest.raises(Exception, match=problem):
        drafts.written(CALENDAR.replace(old, new))


def test_whoever_passes_a_campaigns_link_on_promotes_its_product(community: Engine) -> None:
    said = planned(community)["r1"].partition(":")[2]
    record(community, member_says(f"看这个 {said}", "2026-11-11 13:00", room="r2", sender="wxid_a"))
    other = links.address(BASE, links.of_own("x", "https://example.com/other"))
    record(community, member_says(f"还有 {other}", "2026-11-11 13:01", room="r2", sender="wxid_a"))
    with database.transaction(community) as session:
        attributing.attribute_all(session, NOON + dt.timedelta(days=1))
    assert [row.touch for row in rows(community, Mention)] == [Touch.PROMO]


def test_an_order_that_carries_a_short_link_is_a_promotions_whoever_bought(
    community: Engine,
) -> None:
    planned(community)
    (code, *_) = [row.code for row in rows(community, ShortLink)]
    own = added(community, "https://example.com/other")
    told = {"post": code, "own": own, "forged": code[:-1] + ("a" if code[-1] != "a" else "b")}
    paid = NOON + dt.timedelta(hours=2)
    with database.transaction(community) as session:
        orders = [
            OrderRow(name, 1, "D1", 1, 9_900, paid, link=links.mark(each), updated_at=paid)
            for name, each in told.items()
        ]
        intake.record(session, orders, "shop", b"secret", paid)
        attributing.attribute_all(session, paid + dt.timedelta(days=4))
    assert labelled(community) == {
        "post": Label.PROMO, "own": Label.PROMO, "forged": Label.UNKNOWN
    }  # fmt: skip
    found = rebuilding.check(community, rules(community), paid + dt.timedelta(days=4))
    assert [each.table for each in found if not each.agrees] == []


def test_clicks_go_with_the_messages_and_their_sums_stay(community: Engine) -> None:
    code = added(community, TARGET)
    with database.transaction(community) as session:
        for days in (0, 1, 40):
            at = NOON + dt.timedelta(days=days)
            short_links.click(session, code, ClickKind.PERSON, at, listed=True)
        short_links.click(session, code, ClickKind.PREVIEW, NOON, listed=False)
    for _ in retention.steps(community, SHANGHAI, 30, NOON + dt.timedelta(days=41)):
        pass
    assert [row.at for row in rows(community, Click)] == [NOON + dt.timedelta(days=40)]
    (row,) = rows(community, ShortLink)
    assert (row.people, row.previews, row.unlogged) == (3, 1, 1)


def test_what_a_link_may_write_in_a_day_is_bounded_and_every_click_counts(
    community: Engine,
) -> None:
    code, other = added(community, TARGET), added(community, "https://example.com/other")
    midnight = dt.datetime(2026, 11, 11, tzinfo=dt.UTC)
    moments = [midnight + dt.timedelta(seconds=7 * n) for n in range(LISTED_A_DAY + 300)]
    with database.transaction(community) as session:
        for at in moments:
            short_links.click(session, code, ClickKind.PERSON, at, listed=True)
        short_links.click(session, code, ClickKind.PREVIEW, moments[-1], listed=True)
        short_links.click(session, other, ClickKind.PERSON, moments[-1], listed=True)
        tomorrow = midnight + dt.timedelta(days=1)
        short_links.click(session, code, ClickKind.PERSON, tomorrow, listed=True)
    listed = [(row.code, row.kind) for row in rows(community, Click)]
    assert listed.count((code, ClickKind.PERSON)) == LISTED_A_DAY + 1
    assert listed.count((code, ClickKind.PREVIEW)) == listed.count((other, ClickKind.PERSON)) == 1
    # Two hours have what is beyond it, a row each.
    beyond = moments[LISTED_A_DAY:]
    assert {
        (row.code, row.hour): (row.clicks, row.last_at) for row in rows(community, ClickHour)
    } == {
        (code, hour): (len(those), max(those))
        for hour in {at.replace(minute=0, second=0) for at in beyond}
        if (those := [at for at in beyond if at.replace(minute=0, second=0) == hour])
    }
    made = {row.code: row for row in rows(community, ShortLink)}
    assert (made[code].people, made[code].previews, made[code].unlogged) == (1_301, 1, 300)
    with database.reading(community) as session:
        (clicks,) = (
            session.connection()
            .execute(
                select(func.count()).select_from(funnel.clicks(midnight, tomorrow, None).subquery())
            )
            .one()
        )
        assert clicks + funnel.summed(session, midnight, tomorrow, None) == 1_301
    with database.transaction(community) as session:
        short_links.forget_clicks(session, tomorrow + dt.timedelta(days=30))
    assert not rows(community, Click)
    assert not rows(community, ClickHour)


def test_an_operator_makes_lists_and_stops_links(
    community: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", community.url.render_as_string(False))
    run = CliRunner()
    assert run.invoke(cli.app, ["links", "add", TARGET]).exit_code != 0
    monkeypatch.setenv("QUNYUN_LINKS_URL", BASE)
    made = run.invoke(cli.app, ["links", "add", TARGET, "--room", "r2", "--note", "海报"])
    code = made.stdout.strip().removeprefix(f"{BASE}/l/")
    listed = run.invoke(cli.app, ["links", "list"])
    assert f"{code}\t2 群\t-\t0 次点击(另有预览 0)\t{TARGET}" in listed.stdout
    assert run.invoke(cli.app, ["links", "stop", code]).exit_code == 0
    assert "已停用" in run.invoke(cli.app, ["links", "list"]).stdout
    for wrong in (["add", "javascript:x"], ["add", TARGET, "--room", "r9"], ["stop", code]):
        assert run.invoke(cli.app, ["links", *wrong]).exit_code != 0


def added(engine: Engine, target: str) -> str:
    with database.transaction(engine) as session:
        return short_links.add(session, target, "小李", BEFORE)


def labelled(engine: Engine) -> dict[str, Label]:
    told, line = database.tables(Attribution, OrderLine)
    with database.reading(engine) as session:
        found = session.connection().execute(
            select(line.c.order_id, told.c.label).join(told, told.c.order_line_id == line.c.id)
        )
        return {row[0]: row[1] for row in found}
