"""Whoever has a short link is led on at once, to what an operator stored and nowhere else."""

import httpx
import pytest

from bot import database, links
from bot.models import Click, ClickKind, ShortLink
from bot.orders import short_links
from bot.orders.short_links import LISTED_A_MINUTE
from tests.console.conftest import NOW, Desk
from tests.saying import rows

TARGET = "https://shop.example.com/p/1"
PHONE = "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"


@pytest.fixture
def code(desk: Desk) -> str:
    with database.transaction(desk.engine) as session:
        return short_links.add(session, TARGET, "小李", NOW)


async def follow(desk: Desk, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """A member's phone, which comes from a chat and has no cookie."""
    async with desk.client(**{"sec-fetch-site": "none", "user-agent": PHONE} | headers) as phone:
        return await phone.request(method, path)


async def test_a_link_leads_to_its_target_and_the_click_is_written_down(
    desk: Desk, code: str
) -> None:
    answer = await follow(desk, f"/l/{code}")
    assert (answer.status_code, answer.headers["location"]) == (302, f"{TARGET}?qy={code}")
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    seen = await follow(desk, f"/l/{code.upper()}", "HEAD")
    assert (seen.status_code, seen.headers["location"]) == (302, f"{TARGET}?qy={code}")
    assert [(row.code, row.at, row.kind) for row in rows(desk.engine, Click)] == [
        (code, NOW, ClickKind.PERSON), (code, NOW, ClickKind.PREVIEW),
    ]  # fmt: skip
    (row,) = rows(desk.engine, ShortLink)
    assert (row.people, row.previews, row.unlogged) == (1, 1, 0)


def test_of_a_click_nothing_but_code_moment_and_kind_is_kept() -> None:
    assert set(database.table(Click).c.keys()) == {"id", "code", "at", "kind"}


@pytest.mark.parametrize(
    "path",
    [
        "/l/aaaaa-aaaaaaaaaa", "/l/x", "/l/%00", "/l/https:%2F%2Fevil.example",
        "/l/aaaaa-aaaaaaaaaa?to=https://evil.example",
    ],
)  # fmt: skip
async def test_what_nobody_stored_leads_nowhere(desk: Desk, code: str, path: str) -> None:
    answer = await follow(desk, path)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert not rows(desk.engine, Click)


async def test_a_question_mark_behind_a_link_changes_nothing(desk: Desk, code: str) -> None:
    answer = await follow(desk, f"/l/{code}?to=https://evil.example&qy=other")
    assert answer.headers["location"] == f"{TARGET}?qy={code}"


async def test_a_stopped_link_leads_nowhere(desk: Desk, code: str) -> None:
    with database.transaction(desk.engine) as session:
        short_links.stop(session, code, "小李", NOW)
    assert (await follow(desk, f"/l/{code}")).status_code == 404
    assert not rows(desk.engine, Click)


async def test_a_flood_is_led_on_and_counted_but_not_listed(desk: Desk, code: str) -> None:
    console = desk.app.state.console
    for _ in range(LISTED_A_MINUTE):
        assert console.clicks.admits(code, NOW)
    assert (await follow(desk, f"/l/{code}")).status_code == 302
    assert not rows(desk.engine, Click)
    (row,) = rows(desk.engine, ShortLink)
    assert (row.people, row.unlogged) == (1, 1)


async def test_a_link_answers_to_nothing_but_looking(desk: Desk, code: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await follow(desk, f"/l/{code}", method, **{"sec-fetch-site": "same-origin"})
        assert answer.status_code == 405
    assert links.normal(code) == code
