"""Signing in and out: passwords, sessions, throttling, one-time links."""

import datetime as dt
import re

import httpx
import pytest
from sqlalchemy import select

from bot import database
from bot.console import operators, sessions
from bot.models import Audit, LoginFailure, Operator, OperatorLink, OperatorRole, OperatorSession
from tests.console.conftest import PASSWORD, Desk, sign_in

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
ANOTHER = "battery staple correct"


async def test_the_right_password_lets_in_and_leads_to_where_one_was_going(desk: Desk) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser:
        answer = await sign_in(browser, "小林", next="/help?a=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/help?a=1"
        assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
async def test_nobody_is_sent_off_the_console_after_signing_in(desk: Desk, elsewhere: str) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser:
        assert (await sign_in(browser, "小林", next=elsewhere)).headers["location"] == "/"


@pytest.mark.parametrize(("name", "password"), [("小林", "wrong password"), ("谁", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    desk: Desk, name: str, password: str
) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser:
        answer = await sign_in(browser, name, password)
    assert answer.status_code == 401
    assert "名字或密码不对" in answer.text
    assert "set-cookie" not in answer.headers


async def test_too_many_wrong_passwords_make_even_the_right_one_wait(desk: Desk) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser:
        for _ in range(5):
            assert (await sign_in(browser, "小林", "wrong password")).status_code == 401
        assert (await sign_in(browser, "小林")).status_code == 429
        desk.now += dt.timedelta(minutes=16)
        assert (await sign_in(browser, "小林")).status_code == 303
    with database.reading(desk.engine) as session:
        assert not session.connection().scalars(select(LoginFailure.subject)).all()  # type: ignore[call-overload]  # a column of a model


async def test_a_colleague_elsewhere_is_not_locked_out_by_somebody_else(desk: Desk) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as stranger:
        for _ in range(6):
            await sign_in(stranger, "小林", "wrong password")
    transport = httpx.ASGITransport(desk.app, client=("127.0.0.2", 50000))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080",
        headers={"sec-fetch-site": "same-origin"},
    ) as colleague:  # fmt: skip
        assert (await sign_in(colleague, "小林")).status_code == 303


async def test_the_cookie_is_ours_alone_and_only_its_hash_is_kept(desk: Desk) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser:
        cookie = (await sign_in(browser, "小林")).headers["set-cookie"]
        token = browser.cookies["qunyun_sid"]
    assert re.match(r"qunyun_sid=\S+; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax$", cookie)
    with database.reading(desk.engine) as session:
        kept = session.connection().execute(database.table(OperatorSession).select()).one()
    assert token not in str(kept)


async def test_behind_tls_the_cookie_is_bound_to_the_host(desk: Desk) -> None:
    desk.restart(console_tls=True)
    desk.add("小林", VIEWER)
    async with desk.client("https://console.example") as browser:
        answer = await sign_in(browser, "小林")
        assert re.match(r"__Host-qunyun_sid=\S+; HttpOnly; .*Secure", answer.headers["set-cookie"])
        assert "strict-transport-security" in answer.headers
        assert (await browser.get("/")).status_code == 200


async def test_signing_in_again_rotates_the_session(desk: Desk) -> None:
    desk.add("小林", VIEWER)
    async with desk.client() as browser, desk.client() as thief:
        await sign_in(browser, "小林")
        thief.cookies.set("qunyun_sid", browser.cookies["qunyun_sid"], domain="127.0.0.1")
        assert (await thief.get("/")).status_code == 200
        await sign_in(browser, "小林")
        assert (await browser.get("/")).status_code == 200
        assert (await thief.get("/")).status_code == 303


@pytest.mark.parametrize(
    ("steps", "step"),
    [(1, sessions.IDLE), (int(sessions.LASTS / dt.timedelta(hours=6)), dt.timedelta(hours=6))],
    ids=["idle", "at last"],
)
async def test_a_session_ends_when_it_rests_and_at_last_even_when_it_does_not(
    desk: Desk, steps: int, step: dt.timedelta
) -> None:
    async with desk.signed_in("小林", VIEWER) as browser:
        for _ in range(steps):
            assert (await browser.get("/help")).status_code == 200
            desk.now += step
        assert (await browser.get("/help")).status_code == 303


async def test_signing_out_ends_the_session_on_the_server(desk: Desk) -> None:
    async with desk.signed_in("小林", VIEWER) as browser:
        token = browser.cookies["qunyun_sid"]
        assert (await browser.post("/logout")).headers["location"] == "/login"
        browser.cookies.set("qunyun_sid", token, domain="127.0.0.1")
        assert (await browser.get("/")).status_code == 303


async def test_the_first_admin_comes_by_a_link_that_works_once(desk: Desk) -> None:
    with database.transaction(desk.engine) as session:
        token = operators.link(session, None, "", desk.now)
    given = {"name": "小林", "password": PASSWORD, "again": PASSWORD}
    async with desk.client() as browser, desk.client() as second:
        assert "还没有操作员" in (await browser.get("/login")).text
        assert "建立第一个管理员" in (await browser.get(f"/link/{token}")).text
        answer = await browser.post(f"/link/{token}", data=given)
        assert answer.headers["location"] == "/setup"
        assert (await browser.get("/setup")).status_code == 200
        assert (await second.get(f"/link/{token}")).status_code == 404
        again = await second.post(f"/link/{token}", data=given | {"name": "别人"})
        assert again.status_code == 404
    with database.reading(desk.engine) as session:
        rows = session.connection().execute(database.table(Operator).select()).all()
        kept = session.connection().execute(database.table(OperatorLink).select()).all()
    assert [(row.name, row.role) for row in rows] == [("小林", ADMIN)]
    assert token not in str(kept)


async def test_a_reset_link_sets_a_password_and_ends_every_session(desk: Desk) -> None:
    whose = desk.add("阿原", OPERATOR)
    async with (
        desk.signed_in("小林", ADMIN) as admin,
        desk.signed_in("阿原", OPERATOR) as before,
        desk.client() as browser,
    ):
        shown = await admin.post(f"/operators/{whose}/reset")
        link = re.search(r"/link/[\w-]+", shown.text)
        assert link
        given = {"password": ANOTHER, "again": ANOTHER}
        assert (await browser.post(link[0], data=given)).status_code == 303
        assert (await browser.get("/")).status_code == 200
        assert (await before.get("/")).status_code == 303
        assert (await sign_in(before, "阿原")).status_code == 401
        assert (await sign_in(before, "阿原", ANOTHER)).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "problem"),
    [
        ("short", "short", "10 到 200 个字符"),
        ("aaaaaaaaaaaa", "aaaaaaaaaaaa", "太好猜"),
        (PASSWORD, ANOTHER, "不一样"),
    ],
)
async def test_a_weak_password_is_refused_and_does_not_spend_the_link(
    desk: Desk, password: str, again: str, problem: str
) -> None:
    with database.transaction(desk.engine) as session:
        token = operators.link(session, None, "", desk.now)
    async with desk.client() as browser:
        given = {"name": "小林", "password": password, "again": again}
        answer = await browser.post(f"/link/{token}", data=given)
        assert answer.status_code == 422
        assert problem in answer.text
        assert (await browser.get(f"/link/{token}")).status_code == 200


async def test_a_link_holds_for_a_day_and_a_newer_one_ends_it(desk: Desk) -> None:
    with database.transaction(desk.engine) as session:
        old = operators.link(session, None, "", desk.now)
        new = operators.link(session, None, "", desk.now)
    async with desk.client() as browser:
        assert (await browser.get(f"/link/{old}")).status_code == 404
        assert (await browser.get(f"/link/{new}")).status_code == 200
        desk.now += operators.LINK_LASTS
        assert (await browser.get(f"/link/{new}")).status_code == 404


async def test_every_change_of_an_operator_is_audited_without_secrets(desk: Desk) -> None:
    whose = desk.add("阿原", OPERATOR)
    async with desk.signed_in("小林", ADMIN) as admin:
        await admin.post("/operators", data={"name": "新人", "role": "viewer"})
        await admin.post(
            f"/operators/{whose}", data={"role": "approver", "verticals": ["美妆", "宠物"]}
        )
        await admin.post(f"/operators/{whose}/disable")
        await admin.post(f"/operators/{whose}/enable")
        page = await admin.get("/audit?by=小林")
    with database.reading(desk.engine) as session:
        rows = session.connection().execute(database.table(Audit).select()).all()
    mine = [(row.action, row.object) for row in rows if row.by == "小林"]
    assert mine == [
        ("operator.add", "operator:新人"),
        ("operator.reset", "operator:新人"),
        ("operator.change", "operator:阿原"),
        ("operator.disable", "operator:阿原"),
        ("operator.enable", "operator:阿原"),
    ]
    changed = next(row for row in rows if row.action == "operator.change")
    assert changed.before == {"role": "operator", "verticals": None, "tags": None}
    assert changed.after == {"role": "approver", "verticals": ["美妆", "宠物"], "tags": None}
    assert "argon2" not in str(rows)
    assert all(action in page.text for action, _ in mine)
