"""Calendar feeds: read without signing in by whoever has the link, until it is revoked."""

import re

import httpx
from sqlalchemy import select

from bot import database
from bot.models import CalendarFeed, OperatorRole
from tests.console.conftest import Desk
from tests.console.test_api import SERIES, program

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


async def link_of(browser: httpx.AsyncClient, **narrowed: str) -> str:
    answer = await browser.post("/data/feeds", data={"name": "店长", **narrowed})
    found = re.search(r'value="(http[^"]+/feeds/[\w-]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def plan(desk: Desk) -> None:
    desk.rooms(2)
    async with program(desk) as client:
        answer = await client.put("/api/v1/series/qa", json={"series": SERIES})
        assert answer.status_code == 200, answer.text


async def test_a_link_shows_the_calendar_to_nobody_in_particular_until_it_is_revoked(
    desk: Desk,
) -> None:
    await plan(desk)
    async with desk.signed_in("小林", ADMIN) as browser, desk.client() as nobody:
        link = await link_of(browser)
        read = await nobody.get(link)
        assert read.headers["content-type"].startswith("text/calendar")
        assert "问题解答日" in read.text
        token = link.rpartition("/")[2]
        with database.reading(desk.engine) as session:
            rows = session.connection().execute(select(database.table(CalendarFeed))).all()
        assert token not in str(rows)
        assert rows[0].used_at == desk.now
        assert token not in (await browser.get("/data/feeds")).text
        assert (await browser.post(f"/data/feeds/{rows[0].id}/revoke")).status_code == 303
        assert (await nobody.get(link)).status_code == 404
        assert (await browser.post(f"/data/feeds/{rows[0].id}/revoke")).status_code == 404


async def test_a_link_shows_what_its_filter_and_its_operator_reach(desk: Desk) -> None:
    await plan(desk)
    async with desk.signed_in("小林", ADMIN) as browser, desk.client() as nobody:
        for narrowed, shown in (
            ({"vertical": "宝妈育儿"}, True),
            ({"vertical": "美妆"}, False),
            ({"tag": "北京"}, True),
            ({"tag": "上海"}, False),
            ({"room": "宝妈育儿0@chatroom"}, True),
        ):
            read = await nobody.get(await link_of(browser, **narrowed))
            assert ("问题解答日" in read.text) == shown, narrowed
    async with desk.signed_in("阿原", VIEWER, verticals=["美妆"]) as browser:
        async with desk.client() as nobody:
            assert "问题解答日" not in (await nobody.get(await link_of(browser))).text
        refused = await browser.post(
            "/data/feeds", data={"name": "别人的群", "room": "宝妈育儿0@chatroom"}
        )
        assert refused.status_code == 422


async def test_a_link_ends_with_its_operator_and_nobody_else_revokes_it(desk: Desk) -> None:
    await plan(desk)
    owner = desk.add("晓雯", OPERATOR)
    async with desk.signed_in("晓雯", OPERATOR) as browser, desk.client() as nobody:
        link = await link_of(browser)
        async with desk.signed_in("阿原", OPERATOR) as other:
            assert (await other.post("/data/feeds/1/revoke")).status_code == 404
        assert (await nobody.get(link)).status_code == 200
        async with desk.signed_in("小林", ADMIN) as admin:
            await admin.post(f"/operators/{owner}/disable")
        assert (await nobody.get(link)).status_code == 404
