"""An order of each label, as it comes from a shop and from a file: its page and the command tell
the same whole sentence.
"""

import datetime as dt
import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database, leases, links, outbox
from bot.gateway import Said
from bot.insights import attributing
from bot.models import (
    Account,
    Attribution,
    Delivery,
    Label,
    OperatorRole,
    OrderLine,
    Room,
    ShortLink,
)
from bot.orders import shop_events, shops, short_links
from bot.settings import Settings
from content_calendar import contact, lifecycle, planning
from tests import drafts
from tests import shops as they
from tests.console.conftest import NOW, Desk
from tests.saying import local, member_says, record, rows
from tests.shops import Push

OPERATOR = OperatorRole.OPERATOR
SECRET = b"secret"
NOON = local("2026-11-18 12:00")
TARGET = "https://shop.example.com/p/1"
CALENDAR = f"""\
version: 1
series:
  - key: promo
    name: 周三特价
    kind: 促销
    starts: 2026-11-16
    ends: 2027-01-31
    recurrence: {{weekly: [周三]}}
    at: "12:00"
    audience: {{all: true}}
    steps:
      - {{name: 开场, text: "纸尿裤今天特价,点这里:{{{{ link }}}}", target: "{TARGET}"}}
"""
FILES = {
    "rooms": "群,群名\nr1,宝妈 1 群\n",
    "memberships": "群,成员,unionid,角色\nr1,friend,,\nr1,answers,u1,\nr1,speaks,u2,\n"
    "r1,silent,u3,\nr1,staff,u4,operator\n",
    "products": "商品编码,商品名\nD1,纸尿裤\nD2,奶瓶\nD3,奶嘴\n",
    "campaigns": f"活动,商品编码,优惠码,链接,开始时间,结束时间\n双11,D1,D11,{TARGET},2026-11-01,2026-12-01\n",
}
NAMES = {"friend": "小雨妈"}
HEADER = (
    "订单号,行号,商品编码,数量,实付金额,支付时间,状态,买家ID,买家手机,unionid,优惠码,渠道,链接\n"
)


@pytest.fixture
def community(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A room in which our promotion was posted at noon and members talked; a shop that pushes."""
    monkeypatch.setenv("QUNYUN_DATABASE_URL", desk.engine.url.render_as_string(False))
    monkeypatch.setenv("QUNYUN_HOME", str(desk.home))
    for kind, content in FILES.items():
        take_in(tmp_path, kind, content)
    desk.restart(shops=they.URLS["signed"], links_url="https://q.example.com")
    post(desk.engine)
    record(
        desk.engine,
        says("纸尿裤我也买了", "13:30"),
        says("这个奶瓶不胀气", "20:14", id="talk"),
        says("真的吗", "20:30", sender="answers", quote="talk"),
        says("晚上好", "21:00", sender="speaks"),
    )
    return desk


async def test_an_order_of_each_label_says_on_its_page_and_by_command_where_it_came_from(
    community: Desk, tmp_path: Path
) -> None:
    desk, run = community, CliRunner()
    (code,) = (row.code for row in rows(desk.engine, ShortLink))
    await follow(desk, code)
    await shop_pushes(
        desk,
        an_order("by-link", "13:00", link=f"{TARGET}?qy={code}"),
        an_order("by-coupon", "13:00", coupon="D11", unionid="u3"),
        an_order("unknown", "23:14", "D2"),
        an_order("answered", "23:14", "D2", unionid="u1"),
        an_order("cancelled", "23:14", "D2", unionid="u1", status="cancelled"),
        an_order("alone", "23:14", "D3", unionid="u3"),
    )
    a_file = (
        "by-campaign-link,1,D1,1,99.00,2026-11-18 13:00,已支付,,,,,,https://shop.example.com/p/1?x=1\n"
        "by-post,1,D1,1,99.00,2026-11-18 13:00,已支付,,,u3,,,\n"
        "echoed,1,D1,1,99.00,2026-11-18 14:30,已支付,,,u3,,,\n"
        "spoke,1,D2,1,99.00,2026-11-18 23:14,已支付,,,u2,,,\n"
        "silent,1,D2,1,99.00,2026-11-18 23:14,已支付,,,u3,,,\n"
        "refunded,1,D2,1,99.00,2026-11-18 23:14,已支付,,,u1,,,\n"
        "refunded,1,D2,1,99.00,2026-11-19 10:00,已退款,,,u1,,,\n"
        "ours,1,D2,1,99.00,2026-11-18 23:14,已支付,,,u4,,,\n"
    )
    take_in(tmp_path, "orders", HEADER + a_file)
    with database.transaction(desk.engine) as session:
        attributing.attribute_all(session, NOW)
    told = expected(code)
    ids = {row.order_id: row.id for row in rows(desk.engine, OrderLine)}
    labelled = {row.order_line_id: row.label for row in rows(desk.engine, Attribution)}
    assert {order: labelled[ids[order]] for order in told} == {
        order: label for order, (label, _) in told.items()
    }
    assert ids.keys() == told.keys()
    async with desk.signed_in("小林", OPERATOR) as browser:
        for order, (_, sentence) in told.items():
            page = (await browser.get(f"/orders/{ids[order]}")).text
            (shown,) = re.findall(r'<p class="verdict">(.*?)</p>', page)
            assert html.unescape(shown) == sentence
            said = run.invoke(cli.app, ["orders", "explain", order])
            assert said.stdout == f"{order} 第 1 行\t{sentence}\n"
        page = (await browser.get(f"/orders/{ids['by-link']}")).text
        for part in (code, 'href="/series/promo"', 'href="/deliveries/1"', 'href="/rooms/1"'):
            assert part in page
    async with desk.signed_in("小王", OperatorRole.VIEWER) as browser:
        for order in ("answered", "echoed", "silent"):
            page = (await browser.get(f"/orders/{ids[order]}")).text
            assert "小雨妈" not in page
            assert html.escape(told[order][1].replace("小雨妈", "群友")) in page
    assert run.invoke(cli.app, ["orders", "explain", "nobody's"]).exit_code != 0
    assert {label for label, _ in told.values()} == set(Label)


async def test_of_a_link_for_a_room_out_of_scope_no_more_than_its_code_is_shown(
    community: Desk, tmp_path: Path
) -> None:
    """A line that is credited to the operator's room, and came by a link made for another one."""
    desk = community
    take_in(tmp_path, "rooms", "群,群名,垂类\nr1,宝妈 1 群,宝妈育儿\nr2,别人的群,职场穿搭\n")
    (code,) = (row.code for row in rows(desk.engine, ShortLink))
    with database.transaction(desk.engine) as session:
        note, by = "门店海报", "小李"
        own = short_links.add(session, TARGET, by, NOON, room="r2", note=note)
    link = f"{TARGET}?qy={own}"
    await shop_pushes(desk, an_order("elsewhere", "13:00", link=link, unionid="u3"))
    with database.transaction(desk.engine) as session:
        attributing.attribute_all(session, NOW)
    (line,) = (row.id for row in rows(desk.engine, OrderLine))
    every = (note, by, "别人的群", 'href="/rooms/2"')
    async with desk.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(f"/orders/{line}")).text
        assert all(part in page for part in (own, *every))
    async with desk.signed_in("小周", OPERATOR, verticals=["宝妈育儿"]) as browser:
        page = (await browser.get(f"/orders/{line}")).text
        assert f"从短链接 {own}下单,没有点开的记录,算促销带来" in page
        assert not [part for part in every if part in page]
    with database.transaction(desk.engine) as session:
        room, known = database.tables(Room, ShortLink)
        elsewhere = session.connection().scalar(
            room.select().with_only_columns(room.c.id).where(room.c.platform_id == "r2")
        )
        # The same for the link of a post: which series it was of is not the operator's either.
        session.connection().execute(
            known.update().where(known.c.code == code).values(room_id=elsewhere)
        )
    await shop_pushes(desk, an_order("post", "13:00", link=f"{TARGET}?qy={code}", unionid="u3"))
    with database.transaction(desk.engine) as session:
        attributing.attribute_all(session, NOW)
    (line,) = (row.id for row in rows(desk.engine, OrderLine) if row.order_id == "post")
    async with desk.signed_in("小周", OPERATOR, verticals=["宝妈育儿"]) as browser:
        page = (await browser.get(f"/orders/{line}")).text
        assert f"从短链接 {code}下单," in page
        verdict = page.partition('id="verdict-title"')[2].partition("</section>")[0]
        assert not [part for part in ("周三特价", "别人的群", "/deliveries/") if part in verdict]


def expected(code: str) -> dict[str, tuple[Label, str]]:
    """The label of each order and the whole sentence that tells of it."""
    gone = "已全额退款、已取消或是运营自己买的,不计入归因。"
    return {
        "by-link": (Label.PROMO, f"这笔订单(纸尿裤):从短链接 {code}(栏目“周三特价”11-18 12:00 发到“宝妈 1 群”的那一条)下单,"
                    "付款前最后一次有人点开是 11-18 12:40,20 分钟后付款,算促销带来,约八成把握。"),
        "by-coupon": (Label.PROMO, "这笔订单(纸尿裤):用了活动的优惠码 D11,算促销带来,约八成把握。"),
        "by-campaign-link": (Label.PROMO, "这笔订单(纸尿裤):从活动的链接下单,算促销带来,约八成把握。"),
        "by-post": (Label.PROMO, "这笔订单(纸尿裤):11-18 12:00 在“宝妈 1 群”里发过促销(栏目“周三特价”),"
                    "买家 1 小时后下单,算促销带来,约五成把握。"),
        "echoed": (Label.PROMO, "这笔订单(纸尿裤):小雨妈 11-18 13:30 在“宝妈 1 群”里跟着促销提到它,"
                   "买家 1 小时后下单,算促销带来,约五成把握。"),
        "answered": (Label.ORGANIC, "这笔订单(奶瓶):小雨妈 11-18 20:14 在“宝妈 1 群”里提到它,"
                     "买家接了话,3 小时后下单,算群友带来,约六成把握。"),
        "spoke": (Label.ORGANIC, "这笔订单(奶瓶):小雨妈 11-18 20:14 在“宝妈 1 群”里提到它,"
                  "买家之后在群里说过话,3 小时后下单,算群友带来,约四成把握。"),
        "silent": (Label.DIRECT, "这笔订单(奶瓶):小雨妈 11-18 20:14 在“宝妈 1 群”里提到它,"
                   "买家当时在群里没说话,3 小时后下单,也许有关,仍算自然购买,约九成把握。"),
        "alone": (Label.DIRECT, "这笔订单(奶嘴):下单前群里没人提到它,算自然购买,约九成把握。"),
        "unknown": (Label.UNKNOWN, "这笔订单(奶瓶):认不出买家是群里的谁,不作判断。"),
        "cancelled": (Label.OUT, f"这笔订单(奶瓶):{gone}"),
        "refunded": (Label.OUT, f"这笔订单(奶瓶):{gone}"),
        "ours": (Label.OUT, f"这笔订单(奶瓶):{gone}"),
    }  # fmt: skip


def take_in(folder: Path, kind: str, content: str) -> None:
    """A file of this kind, as an operator imports it."""
    path = folder / f"{kind}.csv"
    path.write_text(content, "utf-8")
    done = CliRunner().invoke(cli.app, [kind, "import", str(path)])
    assert done.exit_code == 0, done.output


def says(text: str, at: str, *, sender: str = "friend", **rest: str) -> Said:
    return member_says(
        text, f"2026-11-18 {at}", sender=sender, room="r1", name=NAMES.get(sender), **rest
    )


def post(engine: Engine) -> None:
    """The promotion of Wednesday noon, from the calendar to the room."""
    rules = contact.rules(Settings(_env_file=None, links_url="https://q.example.com"))
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        room = database.table(Room)
        session.connection().execute(room.update().values(account_id=1))
        drafts.take_in(session, CALENDAR, NOON)
        lifecycle.approve(session, ["promo"], "小李", NOON, rules)
        planning.plan_due(session, NOON, rules)
        epoch = leases.take(session, 1, "here:1", NOON)
    assert epoch is not None
    for row in rows(engine, Delivery):
        with database.transaction(engine) as session:
            outbox.claim(session, 1, epoch, NOON, limit=1)
        with database.transaction(engine) as session:
            assert outbox.begin(session, row.id, epoch, NOON)
            assert outbox.sent(session, row.id, "posted", NOON)


async def follow(desk: Desk, code: str) -> None:
    """Somebody's phone follows the link twice: before the payment, and long after it."""
    agent = {"sec-fetch-site": "none", "user-agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}
    for minutes in (40, 300):
        desk.now = NOON + dt.timedelta(minutes=minutes)
        async with desk.client(**agent) as phone:
            assert (await phone.get(f"{links.PATH}{code}")).status_code == 302
    desk.now = NOW


def an_order(name: str, at: str, sku: str = "D1", **told: str) -> dict[str, Any]:
    moment = f"2026-11-18T{at}:00+08:00"
    line = {"line_no": 1, "sku": sku, "quantity": 1, "amount": "99.00"}
    plain = {"order_id": name, "paid_at": moment, "updated_at": moment, "buyer_phone": None}
    return they.an_order(**plain | {"lines": [line]} | told)


async def shop_pushes(desk: Desk, *orders: dict[str, Any]) -> None:
    """The shop pushes these orders, and the work on them is done."""
    async with desk.client(**{"sec-fetch-site": "cross-site"}) as shop:
        for order in orders:
            told: Push = they.signed(order, at=int(NOW.timestamp()), id=order["data"]["order_id"])
            answer = await shop.post(
                f"/webhooks/orders/{told.name}", content=told.body, headers=told.headers
            )
            assert answer.status_code == 200
    known = shops.connections([they.URLS["signed"]])
    with database.transaction(desk.engine) as session:
        waiting: Sequence[int] = shop_events.claim(session, desk.now)
    with database.transaction(desk.engine) as session:
        shop_events.work(session, waiting, known, SECRET, desk.now)
