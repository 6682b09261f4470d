"""The audit's list: cut by the server, narrowed by its filters, never wider than it says."""

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import bot
from bot import database
from bot.console import auditing, labels, paging
from bot.models import OperatorRole
from bot.orders import shop_events
from tests.console.conftest import Desk

ADMIN = OperatorRole.ADMIN
# What writes the audit, or hands an action on to it.
WRITES = {"note", "_note", "_audit", "_move", "_put", "Audit"}
SHAPE = re.compile(r"[a-z]+[. ][a-z_]+")


def written(desk: Desk, number: int) -> None:
    with database.transaction(desk.engine) as session:
        for place in range(number):
            at = desk.now - dt.timedelta(days=number - place)
            by = "小林" if place % 2 else "阿原"
            auditing.note(
                session, at, by, "room.tags", f"room:r{place}@chatroom", None, {"n": place}
            )


def rows(page: str) -> list[str]:
    return re.findall(r"room:r(\d+)@chatroom", page)


def actions() -> Iterator[str]:
    """Every action of two words that the code writes down as it stands there."""
    root = Path(bot.__file__).parents[1]
    for path in (*root.glob("bot/**/*.py"), *root.glob("content_calendar/*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            named = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if named not in WRITES:
                continue
            for given in (*call.args, *(each.value for each in call.keywords)):
                if isinstance(given, ast.Constant) and SHAPE.fullmatch(str(given.value)):
                    yield str(given.value)


def test_every_action_that_the_code_writes_down_has_a_name() -> None:
    written = set(actions())
    assert {"digest comment", "goal set", "privacy.opt_out", "link.add", "faq.add"} <= written
    assert (written | {shop_events.REFUSED}) - labels.ACTIONS.keys() == set()


async def test_it_is_read_a_page_at_a_time_the_latest_first(desk: Desk) -> None:
    written(desk, 120)
    async with desk.signed_in("管理", ADMIN) as browser:
        first = await browser.get("/audit?action=room.tags")
        assert rows(first.text) == [str(place) for place in range(119, 69, -1)]
        following = re.search(r'rel="next" href="([^"]+)"', first.text)
        assert following
        second = await browser.get(following[1].replace("&amp;", "&"))
        assert rows(second.text) == [str(place) for place in range(69, 19, -1)]
        last = await browser.get("/audit?action=room.tags&number=999")
        assert rows(last.text) == [str(place) for place in range(19, -1, -1)]
        assert "第 101–120 条，共 120 条" in last.text


async def test_filters_narrow_it_and_take_nothing_for_a_pattern(desk: Desk) -> None:
    written(desk, 10)
    async with desk.signed_in("管理", ADMIN) as browser:
        assert len(rows((await browser.get("/audit?by=阿原")).text)) == 5
        assert rows((await browser.get("/audit?object=r3@")).text) == ["3"]
        assert rows((await browser.get("/audit?object=r%25@")).text) == []
        day = (desk.now - dt.timedelta(days=4)).date()
        assert rows((await browser.get(f"/audit?since={day}&until={day}")).text) == ["6"]
        assert "没有符合的记录" in (await browser.get("/audit?by=nobody")).text
        assert (await browser.get("/audit?since=yesterday")).status_code == 200


def test_a_link_to_another_page_keeps_the_filters() -> None:
    listing = paging.Listing((), 200, 2, 50, "/audit", (("by", "小林"),))
    assert listing.link(3) == "/audit?by=%E5%B0%8F%E6%9E%97&number=3"
    assert (listing.first, listing.last, listing.pages) == (51, 100, 4)
