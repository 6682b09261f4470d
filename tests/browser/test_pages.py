"""Every page in a real browser: nobody is shut out, nothing leaves the host, nothing complains."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from bot import complaints, database, faq, membership_files
from bot import desk as questions
from bot.console import pages
from bot.digest import compose, gather, goals, storing
from bot.digest.findings import Findings
from bot.gateways.manual import ManualGateway
from bot.gateways.memory import MemoryGateway
from bot.insights import attributing, inviting, segments
from bot.membership_files import MembershipRow
from bot.models import (
    Delivery,
    DeliveryState,
    DigestScope,
    ExperimentKind,
    Message,
    OperatorRole,
    Topic,
    TopicKind,
)
from bot.orders import catalogue, intake
from bot.orders import people as identities
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from bot.webhooks import happenings, registry
from content_calendar import lifecycle, withholding
from content_calendar.withholding import Wanted
from tests.browser import calendars
from tests.browser.conftest import PHONE, People, fits
from tests.browser.desk import Desk, at_work
from tests.saying import SHANGHAI, local, member_says, record, rows

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
# What a browser shows of every route that shows something; a parameter stands for a real row.
SEEN: Mapping[str, str] = {
    "/": "/",
    "/boards": "/boards",
    "/setup": "/setup",
    "/operators": "/operators",
    "/operators/{operator_id}": "/operators/2",
    "/me": "/me",
    "/audit": "/audit",
    "/help": "/help",
    "/api/docs": "/api/docs",
    "/rooms": "/rooms",
    "/rooms/{room_id}": "/rooms/1",
    "/orders": "/orders",
    "/orders/share": "/orders/share",
    "/orders/funnel": "/orders/funnel",
    "/orders/behind/{ahead}": "/orders/behind/mentions",
    "/orders/identities": "/orders/identities",
    "/orders/{line_id}": "/orders/1",
    "/experiments": "/experiments",
    "/experiments/{experiment_id}": "/experiments/1",
    "/labels": "/labels",
    "/questions": "/questions",
    "/questions/{question_id}": "/questions/1",
    "/questions/faq": "/questions/faq",
    "/questions/faq/new": "/questions/faq/new",
    "/questions/faq/{faq_id}": "/questions/faq/1",
    "/topics": "/topics",
    "/topics/{kind}/{rank}": "/topics/question/1",
    "/complaints": "/complaints",
    "/complaints/{case_id}": "/complaints/1",
    "/people": "/people",
    "/people/candidates": "/people/candidates",
    "/people/drawn": "/people/drawn",
    "/people/buyers": "/people/buyers",
    "/people/cohort": "/people/cohort?month=2026-11",
    "/people/{contact_id}": "/people/1",
    "/digests": "/digests",
    "/digests/{digest_id}": "/digests/1",
    "/digests/{digest_id}/page": "/digests/1/page",
    "/digests/{digest_id}/behind/{what}": "/digests/1/behind/messages",
    "/digests/{digest_id}/list/{listed}": "/digests/1/list/joins",
    "/deliveries": "/deliveries",
    "/deliveries/{delivery_id}": "/deliveries/1",
    "/todo": "/todo",
    "/accounts": "/accounts",
    "/calendar": "/calendar",
    "/calendar/conflicts": "/calendar/conflicts",
    "/calendar/{key}/{day}": "/calendar/qa/2026-11-24",
    "/series": "/series",
    "/series/new": "/series/new",
    "/series/{key}": "/series/draft",
    "/series/{key}/run": "/series/waiting/run",
    "/approvals": "/approvals",
    "/data": "/data",
    "/data/feeds": "/data/feeds",
    "/settings": "/settings",
    "/settings/own-words": "/settings/own-words?fresh=成分表&listed=alias",
    "/privacy": "/privacy",
    "/privacy/people/{whom}": "/privacy/people/contact-1",
    "/webhooks": "/webhooks",
    "/webhooks/{webhook_id}": "/webhooks/1",
}
# The same page, drawn another way.
VIEWS = ("/calendar?view=week", "/calendar?view=list")
# These stand outside of a session.
OUTSIDE = {"/login", "/link/{token}"}
# For programs, for the pages' own scripts, or to be saved.
NO_PAGES = {
    "/digests/{digest_id}/file/{form}",
    "/pictures/{name}", "/healthz", "/readyz", "/metrics", "/events", "/calendar/feed", "/deliveries/{delivery_id}/image",
    "/data/export/calendar/{form}", "/data/export/{subject}", "/feeds/{token}",
    "/webhooks/orders/{source}", "/l/{code}", "/privacy/people/{whom}/export",
}  # fmt: skip
# Who works with a phone in the hand: the to-do list, and what cannot wait.
ON_PHONES = (
    "/", "/todo", "/approvals", "/deliveries", "/deliveries/{delivery_id}",
    "/digests", "/digests/{digest_id}", "/digests/{digest_id}/page",
    "/questions", "/questions/{question_id}", "/complaints", "/complaints/{case_id}",
)  # fmt: skip
# Of the rules of accessibility, those that a change of colours can break.
OF_COLOUR = {"runOnly": ["color-contrast", "link-in-text-block"]}
SERIOUS = ("serious", "critical")


def test_every_route_that_shows_something_is_looked_at() -> None:
    shown = {route.path for route in pages.ROUTES if route.method == "GET" and not route.api}
    assert {*SEEN, *OUTSIDE, *NO_PAGES} == shown


def test_no_page_shuts_anybody_out_by_day(people: People) -> None:
    with something_of_everything(people.desk):
        page = people.signs_in("小林", OperatorRole.ADMIN)
        no_faults(people, page, [*SEEN.values(), *VIEWS], dialogs=True)


def test_no_page_shuts_anybody_out_in_the_dark(people: People) -> None:
    with something_of_everything(people.desk):
        page = people.signs_in("小林", OperatorRole.ADMIN, color_scheme="dark")
        no_faults(people, page, SEEN.values(), OF_COLOUR)


def test_what_is_meant_for_phones_fits_into_one(people: People) -> None:
    with something_of_everything(people.desk):
        page = people.signs_in("小林", OperatorRole.ADMIN, **PHONE)
        shown = [SEEN[path] for path in ON_PHONES]
        no_faults(people, page, shown, narrow=True)


def test_whoever_starts_with_nothing_is_not_shut_out(people: People) -> None:
    stranger = people.arrives()
    link = people.desk.first_link().removeprefix(people.desk.address)
    no_faults(people, stranger, ["/login", link])
    page = people.signs_in("小林", OperatorRole.ADMIN)
    empty = [path for path, shown in SEEN.items() if path == shown]
    no_faults(people, page, empty)


@contextmanager
def something_of_everything(desk: Desk) -> Iterator[None]:
    """Rooms, posts in most states, a to-do, series of every kind; the app stays at work."""
    robot = MemoryGateway("bot", clock=desk.clock)
    robot.echoes = False
    topics = [f"宝妈育儿 {number} 群" for number in range(12)]
    desk.rooms("bot", topics, "宝妈育儿", "北京")
    desk.rooms("wechat", ["老客户 1 群", "老客户 2 群"], "老客户", "测试", kind="manual")
    somebody_with_tags(desk)
    something_to_answer(desk)
    for number, topic in enumerate(topics):
        robot.add_room(f"宝妈育儿{number}@chatroom", topic)
    robot.time_out(arrives=False, room="宝妈育儿1@chatroom", times=1)
    robot.refuse("机器人被移出了群", room="宝妈育儿2@chatroom", times=1)
    something_to_read(desk)
    calendars.take_in(desk, "qa", "宝妈育儿")
    calendars.take_in(desk, "by-hand", "老客户", name="老客户分享日", kind="用户分享日")
    calendars.take_in(desk, "draft", "宝妈育儿", name="双十二预告", kind="促销", approved=False)
    calendars.take_in(desk, "waiting", "宝妈育儿", name="宝妈夜谈", kind="公告", approved=False)
    with database.transaction(desk.engine) as session:
        lifecycle.submit(session, "waiting", "阿原", desk.clock())
        origin = "https://hooks.example.com"
        registry.add(
            session, "值班", f"{origin}/a", list(happenings.Event), [origin], "小林", desk.clock()
        )
    look_back(desk)
    desk.add("晓雯", OperatorRole.APPROVER)
    desk.add("阿原", OperatorRole.OPERATOR)
    with at_work(desk, [robot, ManualGateway("wechat", clock=desk.clock)]) as work:
        desk.clock.move(local("2026-11-24 20:00:01"))
        work.tick()
        work.until(lambda: sum(
            each.state in (DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.FAILED)
            for each in rows(desk.engine, Delivery)
        ) == len(topics))  # fmt: skip
        with database.transaction(desk.engine) as session:
            wanted = Wanted(
                "停发-12", ExperimentKind.HOLDOUT, "qa", dt.date(2026, 11, 30), 6, 0.5, "D1"
            )
            withholding.propose(session, wanted, "Asia/Shanghai", "小林", desk.clock())
        yield


def look_back(desk: Desk) -> None:
    """Last week's digests are stored, and a goal is set."""
    now = desk.clock()
    monday = dt.date(2026, 11, 16)
    with database.transaction(desk.engine) as session:
        week = gather.gather(session, monday, now, SHANGHAI)
        storing.keep(
            session, week, compose.sheets(session, Findings(week), storing.everything(week))
        )
        goals.set_goal(
            session, "participation", 20, "宝妈育儿", dt.date(2026, 12, 31), "季度末", "小林", now,
            monday,
        )  # fmt: skip


def somebody_with_tags(desk: Desk) -> None:
    """The first contact: talks of what goes into things, and has bought twice."""
    room, now = "宝妈育儿0@chatroom", desk.clock()
    said = [
        member_says(f"{day} 号先看成分表再说", f"2026-11-{day} 10:00", room=room)
        for day in (10, 12, 14)
    ]
    record(desk.engine, *said)
    with database.transaction(desk.engine) as session:
        catalogue.record_products(session, [ProductRow("D1", "纸尿裤", category="纸尿裤")])
        membership_files.record(
            session, [MembershipRow(room, said[0].sender, unionid="u1")], b"secret", now
        )
        orders = [
            OrderRow(f"u1-{days}", 1, "D1", 1, 9_900, now - dt.timedelta(days=days), unionid="u1")
            for days in (10, 40)
        ]
        intake.record(session, orders, "shop", b"secret", now)
        identities.resolve(session)
        attributing.attribute_all(session, now)
    for _ in segments.steps(desk.engine, now.astimezone(SHANGHAI).date(), SHANGHAI):
        pass
    with database.transaction(desk.engine) as session:
        inviting.invite(session, "体验官", 0.5, 7, "小林", now)


def something_to_read(desk: Desk) -> None:
    """The digest of the week before, of all rooms."""
    monday = dt.date(2026, 11, 16)
    with database.transaction(desk.engine) as session:
        week = gather.gather(session, monday, desk.clock(), SHANGHAI)
        sheets = compose.sheets(session, Findings(week), [storing.FLEET])
        storing.store(session, monday, sheets, desk.clock())


def something_to_answer(desk: Desk) -> None:
    """A question and a complaint that wait, and an answer that the bot gives."""
    room = "宝妈育儿0@chatroom"
    record(desk.engine, *(
        member_says(text, "2026-11-24 10:00", room=room, sender=f"wxid_{text}", name="糖糖妈")
        for text in ("红屁屁怎么办", "收到就是破损的")
    ))  # fmt: skip
    asked, heard = sorted(rows(desk.engine, Message), key=lambda each: int(each.id))[-2:]
    with database.transaction(desk.engine) as session:
        whose = (asked.id, asked.room_id, asked.contact_id, asked.at)
        questions.ask(session, [questions.Asked(*whose)])
        whose = (heard.id, heard.room_id, heard.contact_id, heard.at)
        complaints.open_cases(session, [complaints.Heard(*whose, 2, "defect")])
        faq.add(session, faq.FaqRow("多久发货", "48 小时内"), "小林", desk.clock())
        risen = {
            "week": dt.date(2026, 11, 16), "scope": DigestScope.FLEET, "target": "",
            "kind": TopicKind.QUESTION, "rank": 1, "day": asked.day, "room_id": asked.room_id,
            "message_id": asked.id, "messages": [asked.id], "score": 3.2, "count": 1,
            "before": 0.0, "members": 5, "rooms": 1, "rule_version": 2, "computed_at": desk.clock(),
        }  # fmt: skip
        database.insert_rows(session, Topic, [risen])


def no_faults(
    people: People,
    page: Page,
    paths: Iterable[str],
    rules: Mapping[str, Any] | None = None,
    *,
    dialogs: bool = False,
    narrow: bool = False,
) -> None:
    """Nothing serious is wrong with these pages, nor with the questions that they can ask."""
    page.context.add_init_script(path=AXE)
    found, asked = list[str](), set[str]()
    for path in paths:
        answer = page.goto(f"{people.desk.address}{path}")
        if answer is None or not answer.ok:
            found.append(f"{path}: {answer and answer.status}")
        # What a page asks for once it is there.
        expect(page.locator(".htmx-request")).to_have_count(0)
        found += broken(page, path, rules)
        if narrow and not fits(page):
            found.append(f"{path}: wider than the window")
        questions = page.locator("dialog[id]").evaluate_all("all => all.map(each => each.id)")
        for question in [each for each in questions if dialogs and each not in asked]:
            asked.add(question)
            page.evaluate("id => document.getElementById(id).showModal()", question)
            found += broken(page, f"{path}#{question}", rules, f"#{question}")
            page.evaluate("id => document.getElementById(id).close()", question)
    assert not found, "\n".join(found)


def broken(
    page: Page, where: str, rules: Mapping[str, Any] | None, part: str = "html"
) -> Iterator[str]:
    """The serious rules that a page breaks, with the element."""
    options = {"resultTypes": ["violations"], **(rules or {})}
    found = page.evaluate("given => axe.run(...given)", [{"include": [part]}, options])
    for rule in found["violations"]:
        if rule["impact"] in SERIOUS:
            for node in rule["nodes"][:3]:
                told = (node["any"] or node["all"] or node["none"] or [{"message": ""}])[0]
                html = json.dumps(node["html"][:160], ensure_ascii=False)
                yield f"{where}: {rule['id']}: {told['message']} {html}"
