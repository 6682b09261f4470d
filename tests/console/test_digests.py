"""周报 on pages: read, commented, let out, sent once, and followed down to what was said."""

import datetime as dt
import io
import re
from dataclasses import replace

import openpyxl
import pytest
from PIL import Image
from sqlalchemy import select, update

from bot import database, membership_files
from bot.console import digesting
from bot.console.pages import digests
from bot.digest import at_once, compose, gather, storing
from bot.digest.behind import Listed
from bot.digest.findings import Findings
from bot.digest.sheet import Action, Evidence, Line, Section, Subject, Table
from bot.errors import InvalidInput
from bot.insights import attributing, rolling
from bot.insights.behind import What
from bot.membership_files import MembershipRow
from bot.models import (
    Account,
    Audit,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestScope,
    DigestState,
    OperatorRole,
    OrderLine,
    OrderStatus,
    Role,
    Room,
)
from bot.orders import intake
from bot.orders.intake import OrderRow
from tests.console.conftest import NOW, Desk
from tests.console.test_orders import shop
from tests.console.test_tokens import token_of
from tests.journeys.test_digest_proof import figures
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
MONDAY = dt.date(2026, 11, 16)
OURS, THEIRS, DESK_ROOM = "a@chatroom", "b@chatroom", "ops@chatroom"
SCOPES_OF = {"": DigestScope.FLEET, ROOM: DigestScope.ROOM}
LEADS = re.compile(r'<a class="lead-to" href="([^"]+)"')
SAID = "宝宝红屁屁反复发作怎么办?"

assert shop  # the fixture, which pytest finds here


@pytest.fixture
def weekly(desk: Desk) -> Desk:
    """Two rooms of two verticals talked for a week; the digests of the week are drafts."""
    with database.transaction(desk.engine) as session:
        session.add(Account(name="demo", gateway="memory", online=True))
        session.flush()
        for name, vertical in ((OURS, "宝妈育儿"), (THEIRS, "职场穿搭"), (DESK_ROOM, "内部")):
            session.add(
                Room(platform_id=name, topic=f"{vertical}群", vertical=vertical, account_id=1)
            )
    said = [
        member_says(f"{SAID[:-1]}{n}?", f"2026-11-1{6 + n % 4} 20:{n:02}", sender=f"w{n}",
                    id=f"q{n}", room=OURS)
        for n in range(6)
    ]  # fmt: skip
    said += [
        member_says("用护臀膏", "2026-11-16 21:00", sender="w9", id="re", room=OURS, quote="q0"),
        member_says(
            "分享一下我的通勤穿搭，西装裤配平底鞋", "2026-11-17 09:00", id="s", room=THEIRS
        ),
        member_says("撤回的话", "2026-11-17 09:01", id="gone", room=OURS),
        member_says(None, "2026-11-17 09:02", type="recall", recalls="gone", room=OURS),
    ]
    record(desk.engine, *said)
    rolling.catch_up(desk.engine, SHANGHAI, NOW)
    draft(desk, NOW)
    desk.restart(digest_rooms=[DESK_ROOM], digest_approval=True, timezone="Asia/Shanghai")
    return desk


def draft(desk: Desk, now: dt.datetime) -> None:
    """Compute and store every digest of the week."""
    with database.transaction(desk.engine) as session:
        findings = Findings(gather.gather(session, MONDAY, now, SHANGHAI))
        fresh = compose.sheets(session, findings, storing.everything(findings.week))
        storing.store(session, MONDAY, fresh, now)


def digest(desk: Desk, target: str) -> int:
    """Our id of the digest about a target."""
    (found,) = [row.id for row in rows(desk.engine, Digest) if row.target == target]
    return int(found)


async def test_an_empty_page_teaches(desk: Desk) -> None:
    async with desk.signed_in("小林", VIEWER) as browser:
        assert "还没有周报" in (await browser.get("/digests")).text


async def test_digests_are_found_by_week_scope_and_name(weekly: Desk) -> None:
    async with weekly.signed_in("小林", VIEWER) as browser:
        every = (await browser.get("/digests")).text
        assert "全部 3 个群" in every
        assert "宝妈育儿 · 1 个群" in every
        some = (await browser.get("/digests", params={"scope": "room", "search": "穿搭"})).text
        assert "职场穿搭群" in some
        assert "宝妈育儿群" not in some
        assert "没有符合的周报" in (await browser.get("/digests?search=%25")).text
        assert "宝妈育儿群" in (await browser.get("/digests?week=nonsense")).text


async def test_a_digest_is_shown_as_people_will_see_it_and_taken_along(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, OURS)}"
    async with weekly.signed_in("小林", OPERATOR) as browser:
        page = await browser.get(path)
        assert "群里看到的文字" in page.text
        framed = await browser.get(f"{path}/page")
        assert "frame-ancestors 'self'" in framed.headers["content-security-policy"]
        assert framed.headers["x-frame-options"] == "SAMEORIGIN"
        assert SAID[:-1] in framed.text
        image = Image.open(io.BytesIO((await browser.get(f"{path}/file/png")).content))
        assert image.width == 1080
        before = digests._card.cache_info().misses
        for _ in range(2):
            await browser.get(f"{path}/file/png")
        assert digests._card.cache_info().misses == before
        book = openpyxl.load_workbook(io.BytesIO((await browser.get(f"{path}/file/xlsx")).content))
        assert book.sheetnames[0] == "说明"
        assert (await browser.get(f"{path}/file/md")).text.startswith("# 宝妈育儿群")
        assert (await browser.get(f"{path}/file/exe")).status_code == 404
    async with weekly.signed_in("小王", VIEWER) as browser:
        # Members' words are for those who answer them.
        for form in ("page", "file/md", "file/html"):
            assert SAID[:-1] not in (await browser.get(f"{path}/{form}")).text
        assert SAID[:-1] not in (await browser.get(f"{path}/behind/questions")).text


async def test_a_digest_is_commented_approved_and_sent_once(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, '')}"
    async with weekly.signed_in("小林", APPROVER) as browser:
        early = await browser.post(f"{path}/send", data={"room": DESK_ROOM})
        assert "还没有批准" in early.text
        long = await browser.post(f"{path}/comment", data={"words": "看" * 301})
        assert long.status_code == 422
        assert f"{'看' * 301}</textarea>" in long.text
        ten = "\r\n".join(["看" * 29] * 10)
        assert (await browser.post(f"{path}/comment", data={"words": ten})).status_code == 303
        await browser.post(f"{path}/comment", data={"words": "先看投诉<b>"})
        assert "先看投诉&lt;b&gt;" in (await browser.get(f"{path}/page")).text
        assert (await browser.post(f"{path}/approve")).status_code == 303
        again = await browser.post(f"{path}/comment", data={"words": "改一下"})
        assert "现在不能这样改" in again.text
        assert "readonly>改一下</textarea>" in again.text
        draft(weekly, NOW + dt.timedelta(hours=1))
        assert "先看投诉" in (await browser.get(f"{path}/page")).text
        other = await browser.post(f"{path}/send", data={"room": OURS})
        assert "没有选发到哪个群" in other.text
        for _ in range(2):
            done = await browser.post(f"{path}/send", data={"room": DESK_ROOM})
            assert done.status_code == 303
        shown = (await browser.get(path)).text
        assert "已发出" in shown
        assert "/deliveries/" in shown
        assert "现在不能这样改" in (await browser.post(f"{path}/withdraw")).text
    posts = rows(weekly.engine, Delivery)
    assert [post.key for post in posts] == [
        f"digest:fleet:2026-W47:{DESK_ROOM}", f"digest:fleet:2026-W47:{DESK_ROOM}#card",
    ][: len(posts)]  # fmt: skip
    assert posts[0].state is DeliveryState.PENDING
    assert "先看投诉<b>" in posts[0].text
    actions = [row.action for row in rows(weekly.engine, Audit) if row.object.startswith("digest")]
    assert actions == ["digest comment", "digest comment", "digest approve", "digest send"]
    (row,) = [row for row in rows(weekly.engine, Digest) if row.target == ""]
    assert (row.state, row.approved_by) == (DigestState.SENT, "小林")


async def test_what_was_taken_back_while_its_card_was_drawn_does_not_go_out(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, '')}"
    async with weekly.signed_in("小林", APPROVER) as browser:
        await browser.post(f"{path}/approve")
        subject = Subject(DigestScope.FLEET)
        settings = weekly.app.state.console.settings
        with database.reading(weekly.engine) as session:
            sheet = storing.stored(session, MONDAY, [subject])[subject].sheet
            ready = at_once.prepare(session, settings, sheet, MONDAY, DESK_ROOM, NOW)
        await browser.post(f"{path}/withdraw")
    with (
        pytest.raises(InvalidInput, match="批准刚刚收回了"),
        database.transaction(weekly.engine) as session,
    ):
        at_once.send(session, settings, ready, NOW)
    assert rows(weekly.engine, Delivery) == []


async def test_a_digest_goes_to_no_room_out_of_scope(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, OURS)}"
    async with weekly.signed_in("小林", APPROVER) as browser:
        await browser.post(f"{path}/approve")
        assert "内部群" in (await browser.get(path)).text
    async with weekly.signed_in("小王", OPERATOR, verticals=["宝妈育儿"]) as browser:
        shown = (await browser.get(path)).text
        assert "内部" not in shown and DESK_ROOM not in shown
        refused = await browser.post(f"{path}/send", data={"room": DESK_ROOM})
        assert "没有选发到哪个群" in refused.text
    assert rows(weekly.engine, Delivery) == []


async def test_an_approval_is_taken_back_and_only_approvers_give_it(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, OURS)}"
    async with weekly.signed_in("小王", OPERATOR) as browser:
        assert (await browser.post(f"{path}/approve")).status_code == 403
    async with weekly.signed_in("小林", APPROVER) as browser:
        await browser.post(f"{path}/approve")
        await browser.post(f"{path}/withdraw")
        assert "草稿" in (await browser.get(path)).text


async def test_every_figure_leads_to_a_list_that_opens(weekly: Desk) -> None:
    fleet = digest(weekly, "")
    async with weekly.signed_in("小林", ADMIN) as browser:
        framed = (await browser.get(f"/digests/{fleet}/page")).text
        # Every figure that a digest can show has its list, on whatever page is built.
        built = {path for method, path in weekly.app.state.console.roles if method == "GET"}
        known = {*digesting.BEHIND, *digesting.ORDERS, *digesting.CASES, *digesting.UNLISTED}
        known |= {what.value for what in Listed}
        known |= {key for key, (path, _) in digesting.PAGES.items() if path in built}
        assert figures() - known <= {
            key for key, (path, _) in digesting.PAGES.items() if path not in built
        }
        led = set(LEADS.findall(framed))
        assert len(led) >= 5
        for path in led:
            answer = await browser.get(path.replace("&amp;", "&"))
            assert answer.status_code == 200, path


async def test_what_stands_behind_an_action_is_one_click_away(weekly: Desk) -> None:
    questions = rf'href="(/digests/{digest(weekly, OURS)}/behind/unanswered[^"]+)"'
    async with weekly.signed_in("小林", OPERATOR) as browser:
        framed = (await browser.get(f"/digests/{digest(weekly, OURS)}/page")).text
        evidence = re.findall(rf'<a class="lead-to" {questions} target="_top">(.+?)</a>', framed)
        assert len(evidence) == 3
        for address, told in evidence:
            path, _, anchor = address.replace("&amp;", "&").partition("#")
            page = (await browser.get(path)).text
            (row,) = re.findall(rf'<tr id="{anchor}">(.+?)</tr>', page, re.DOTALL)
            named = told.rpartition(" ")[2]
            assert f"{SAID[:-1]}{named.removeprefix('q')}?" in row


async def test_a_called_room_and_a_late_case_lead_to_their_pages(weekly: Desk) -> None:
    """The sheet is one that was stored, with what a quiet little community cannot have."""
    with database.transaction(weekly.engine) as session:
        (kept,) = storing.stored(session, MONDAY, [Subject(DigestScope.FLEET)]).values()
        table = Table("先去看看", ("群", "群日均"), (("宝妈育儿群", "1.0"),), 1, ("room:1",))
        late = Action(
            "先了结", Line("1 起", (1,)), (Evidence("消息 q1", key="case:5"),), key="room:2"
        )
        testers = Action("邀请", Line("1 位", (1,)), (Evidence("阿**", key="person:3"),))
        parts = (*kept.sheet.sections, Section("rooms", "值得看的群", tables=(table,)))
        full = replace(kept.sheet, sections=parts, actions=(late, testers))
        storing.store(session, MONDAY, [full], NOW)
    async with weekly.signed_in("小林", ADMIN) as browser:
        framed = (await browser.get(f"/digests/{digest(weekly, '')}/page")).text
        assert {"/rooms/1", "/rooms/2", "/complaints/5", "/people/3"} <= set(LEADS.findall(framed))


@pytest.mark.parametrize("what", list(What))
async def test_the_list_is_as_long_as_the_figure_says(weekly: Desk, what: What) -> None:
    target = THEIRS if what is What.SHARES else OURS
    with database.reading(weekly.engine) as session:
        amounts = storing.figures(session, MONDAY, Subject(DigestScope.ROOM, target))
    expected = {
        What.MESSAGES: round(7 * (amounts["messages_per_room_day"] or 0)),
        What.QUESTIONS: amounts.get("questions"),
        What.UNANSWERED: amounts.get("unanswered"),
        What.SHARES: amounts.get("shares"),
    }[what]
    async with weekly.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(f"/digests/{digest(weekly, target)}/behind/{what}")).text
    assert f"共 {expected:.0f} 条" in page
    assert "撤回的话" not in page


async def test_who_came_and_went_what_was_heard_and_not_sent_is_as_many_as_the_figure_says(
    weekly: Desk,
) -> None:
    came, gone = local("2026-11-17 09:00"), local("2026-11-19 09:00")
    with database.transaction(weekly.engine) as session:
        told = [
            MembershipRow(OURS, "new", joined_at=came, left_at=gone),
            MembershipRow(OURS, "staff", joined_at=came, role=Role.OPERATOR),
            MembershipRow(OURS, "later", joined_at=local("2026-11-23 00:10")),
            MembershipRow(THEIRS, "other", joined_at=came),
        ]
        membership_files.record(session, told, b"secret", NOW)
        account, room = database.tables(Account, Room)
        ours = session.connection().scalar(select(room.c.id).where(room.c.platform_id == OURS))
        bot = session.connection().scalar(select(account.c.id))
        assert ours and bot
        for key, state, at in (("a", "failed", came), ("b", "sent", came), ("c", "expired", NOW)):
            session.add(
                Delivery(key=key, kind=DeliveryKind.POST, state=DeliveryState(state), priority=1,
                         text="", mentions=[], planned_at=at, due_at=at, expires_at=NOW,
                         room_id=ours, account_id=bot)
            )  # fmt: skip
    record(
        weekly.engine, member_says("质量太差了,用两天就坏,要退货!", "2026-11-18 10:00", room=OURS)
    )
    rolling.catch_up(weekly.engine, SHANGHAI, NOW)
    draft(weekly, NOW)
    for target, expected in (("", (2, 1, 1, 1)), (OURS, (1, 1, 1, 1)), (THEIRS, (1, 0, 0, 0))):
        subject = Subject(SCOPES_OF.get(target, DigestScope.ROOM), target)
        with database.reading(weekly.engine) as session:
            amounts = storing.figures(session, MONDAY, subject)
        assert tuple(amounts.get(what) or 0 for what in Listed) == expected, target
        async with weekly.signed_in("小林", OPERATOR) as browser:
            for what, figure in zip(Listed, expected, strict=True):
                page = (await browser.get(f"/digests/{digest(weekly, target)}/list/{what}")).text
                assert (f"共 {figure} 条" in page) is (figure > 0), (target, what)
    async with weekly.signed_in("小王", VIEWER) as browser:
        page = (await browser.get(f"/digests/{digest(weekly, OURS)}/list/complaints")).text
        assert "质量太差了" not in page


@pytest.mark.parametrize("target", ["", "宝妈育儿", "其他垂类", ROOM])
async def test_the_orders_are_as_many_as_the_figure_says(shop: Desk, target: str) -> None:
    """What is not counted, and what points to no room or another one, is not in the list."""
    shop.restart(timezone="Asia/Shanghai")
    paid = local("2026-11-20 15:00")
    sold = [
        OrderRow("C300", 1, "D1", 1, 700, paid, status=OrderStatus.CANCELLED, unionid="u1"),
        OrderRow("D400", 1, "D1", 1, 900, local("2026-11-23 00:30"), unionid="u1"),
    ]
    with database.transaction(shop.engine) as session:
        session.add(Room(platform_id="other@chatroom", topic="另一群", vertical="其他垂类"))
        assert not intake.record(session, sold, "shop", b"secret", NOW).faults
        attributing.attribute_all(session, NOW)
    draft(shop, NOW)
    async with shop.signed_in("小林", OPERATOR) as browser:
        framed = (await browser.get(f"/digests/{digest(shop, target)}/page")).text
        with database.reading(shop.engine) as session:
            subject = Subject(SCOPES_OF.get(target, DigestScope.VERTICAL), target)
            figure = storing.figures(session, MONDAY, subject)["order_lines"]
        assert figure == {"": 2, "其他垂类": 0}.get(target, 1)
        (path,) = {each for each in LEADS.findall(framed) if "label=counted" in each}
        page = (await browser.get(path.replace("&amp;", "&"))).text
        ids = {row.id for row in rows(shop.engine, OrderLine)}
        assert sum(f'href="/orders/{id}"' in page for id in ids) == figure


async def test_the_fleet_s_figures_lead_to_rooms_and_these_to_what_was_said(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, '')}/behind/questions"
    async with weekly.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(path)).text
        (room,) = [row.id for row in rows(weekly.engine, Room) if row.platform_id == OURS]
        assert f"{path}?room={room}" in page
        # Messages, questions, those that nobody answered, shares: one of six was answered.
        assert re.findall(r'text-end">(\d+)</td>', page)[:4] == ["7", "6", "5", "0"]
        assert SAID[:-1] in (await browser.get(f"{path}?room={room}")).text
        assert (await browser.get(f"{path}?room=999")).status_code == 404
        assert (await browser.get(f"{path.replace('questions', 'none')}")).status_code == 404
        vertical = f"/digests/{digest(weekly, '职场穿搭')}/behind/questions"
        assert (await browser.get(f"{vertical}?room={room}")).status_code == 404


async def test_somebody_of_one_vertical_sees_its_digests_and_no_other_anywhere(
    weekly: Desk,
) -> None:
    async with weekly.signed_in("小王", ADMIN, verticals=["宝妈育儿"]) as browser:
        every = (await browser.get("/digests")).text
        assert "宝妈育儿群" in every
        assert "职场穿搭" not in every
        assert "全部 3 个群" not in every
        for target in ("", "职场穿搭", THEIRS):
            path = f"/digests/{digest(weekly, target)}"
            for part in ("", "/page", "/file/png", "/file/xlsx", "/file/md", "/behind/messages"):
                assert (await browser.get(path + part)).status_code == 404, part
            for change in ("comment", "approve", "withdraw", "send"):
                assert (await browser.post(f"{path}/{change}")).status_code == 404, change
        for target in ("宝妈育儿", OURS):
            assert (await browser.get(f"/digests/{digest(weekly, target)}")).status_code == 200
    async with weekly.signed_in("小周", ADMIN, tags=["北京"]) as browser:
        assert "宝妈育儿" not in (await browser.get("/digests")).text


async def test_pictures_of_other_digests_are_kept_from_who_sees_one_vertical(weekly: Desk) -> None:
    path = f"/digests/{digest(weekly, '')}"
    with database.transaction(weekly.engine) as session:
        account = database.table(Account)
        session.connection().execute(update(account).values(capabilities={"images": True}))
    async with weekly.signed_in("小林", APPROVER) as browser:
        await browser.post(f"{path}/approve")
        await browser.post(f"{path}/send", data={"room": DESK_ROOM})
        card = next(post.image for post in rows(weekly.engine, Delivery) if post.image)
        assert (await browser.get(f"/pictures/{card}")).status_code == 200
    async with weekly.signed_in("小王", ADMIN, verticals=["宝妈育儿"]) as browser:
        assert (await browser.get(f"/pictures/{card}")).status_code == 404


async def test_programs_read_digests_of_their_scope_with_figures_that_lead_on(weekly: Desk) -> None:
    async with weekly.signed_in("小王", ADMIN, verticals=["宝妈育儿"]) as browser:
        token = await token_of(browser)
    async with weekly.client(authorization=f"Bearer {token}") as program:
        listed = (await program.get("/api/v1/digests")).json()["items"]
        assert {one["target"] for one in listed} == {"宝妈育儿", OURS}
        assert {one["week"] for one in listed} == {"2026-W47"}
        page = (await program.get("/api/v1/digests", params={"limit": 1})).json()
        rest = (await program.get("/api/v1/digests", params={"cursor": page["next"]})).json()
        assert [one["id"] for one in [*page["items"], *rest["items"]]] == [
            one["id"] for one in listed
        ]
        assert (await program.get("/api/v1/digests", params={"week": "x"})).status_code == 422
        one = await program.get(f"/api/v1/digests/{digest(weekly, OURS)}")
        told = {figure["key"]: figure for figure in one.json()["figures"]}
        assert told["questions"]["amount"] == 6
        assert told["questions"]["lists"].endswith("/behind/questions")
        assert SAID[:-1] not in one.text
        assert (await program.get(f"/api/v1/digests/{digest(weekly, THEIRS)}")).status_code == 404
