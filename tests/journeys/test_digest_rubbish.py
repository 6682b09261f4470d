"""Whatever the rooms are called and however little or much there is: a digest that reads well."""

import datetime as dt
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import openpyxl
import pytest
from PIL import Image
from sqlalchemy import Engine

from bot import database
from bot.digest import card, compose, gather, publish, render, workbook
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.gateway import Said
from bot.models import DigestScope, Room
from tests.saying import SHANGHAI, local, record

MONDAY = dt.date(2026, 11, 2)
NOW = dt.datetime(2026, 11, 9, 1, 30, tzinfo=dt.UTC)
NAMES = {
    "sixty": "很长的垂类名字" * 8 + "共六十字",
    "emoji": "🍼👶🏻👨‍👩‍👧 宝妈 🇨🇳",
    "html": "<script>alert(1)</script><b>美妆</b> & \"穿搭\" 'x'",
    "markdown": "# **宝妈** | [点](http://x) `码` ~~删~~",
    "path": "../../etc/passwd",
    "marks": "=1+1\t换\n行\r\u202e倒",
    "long": "垂" * 200,
    "odd": "\x07\x1b[31m 零",
    "blank": "　 ",
}
CALLED = {
    "sixty": "很长的垂类名字很长的垂类名字…",
    "long": "垂" * 14 + "…",
    "blank": "群",
    "marks": "=1+1 换 行 倒群",
    "odd": "[31m 零群",
    "path": "../../etc/passwd群",
    "emoji": "🍼👶🏻👨‍👩‍👧 宝妈 🇨🇳群",
    "html": "<script>alert(1)</script…",
    "markdown": "# **宝妈** | [点](http://…",
}
TITLES = {"blank": "未命名", "marks": "=1+1 换 行 倒", "odd": "[31m 零"}


def fleet(engine: Engine, verticals: Sequence[str], said: Sequence[Said] = ()) -> None:
    """A room of each vertical, six members who spoke in it."""
    with database.transaction(engine) as session:
        session.add_all(
            Room(platform_id=f"r{n}", topic=f"{name}群", vertical=name)
            for n, name in enumerate(verticals)
        )
    record(
        engine,
        *(
            Said(f"m{n}-{k}", f"r{n}", f"p{n}-{k}", local("2026-11-03 20:00"), "text", "在吗?")
            for n in range(len(verticals))
            for k in range(6)
        ),
        *said,
    )


def sheets(engine: Engine, *subjects: Subject) -> list[Sheet]:
    with database.reading(engine) as session:
        findings = Findings(gather.gather(session, MONDAY, NOW, SHANGHAI))
        return compose.sheets(session, findings, subjects)


class Page(HTMLParser):
    """The elements of a page, each closed."""

    void = frozenset(("meta", "br"))

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def readable(sheet: Sheet) -> str:
    """The Markdown, once every form is found to be whole."""
    page = Page()
    page.feed(render.html(sheet))
    assert page.open == []
    assert not page.tags & {"script", "img", "iframe"}
    short = render.text(sheet)
    assert len(short.encode()) <= render.LONGEST_TEXT
    picture = Image.open(io.BytesIO(card.png(sheet)))
    assert picture.width == card.PIXELS
    assert picture.height <= card.HIGHEST
    book = openpyxl.load_workbook(io.BytesIO(workbook.xlsx(sheet)))
    cells = [cell for each in book for row in each.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type in "fe"]
    text = render.markdown(sheet)
    for form in (text, short, render.html(sheet)):
        assert "None" not in form
    return text


@pytest.mark.parametrize("name", NAMES)
def test_a_vertical_may_be_called_anything(engine: Engine, name: str) -> None:
    fleet(engine, [NAMES[name], "美妆"])
    (room,) = sheets(engine, Subject(DigestScope.ROOM, "r0"))
    every = sheets(engine, FLEET, Subject(DigestScope.VERTICAL, NAMES[name]))
    for sheet in (room, *every):
        assert len(f"{publish.filename(sheet.scope, sheet.target)}.html".encode()) <= 255
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", readable(sheet) + render.html(sheet))
    assert every[1].amounts()["messages_per_room_day"] == 1
    # The room is called by what is seen of its name, and no name hides what is said of it.
    why = every[0].actions[0].why.text
    assert f"本周 12 个提问没人回应，{CALLED[name]}占 6 个。" in why
    assert every[1].title == f"{TITLES.get(name, NAMES[name])} · 1 个群"


def test_a_thousand_verticals_fit_into_one_digest(engine: Engine) -> None:
    fleet(engine, [f"垂类{n}" for n in range(1_000)])
    whole, one = sheets(engine, FLEET, Subject(DigestScope.VERTICAL, "垂类7"))
    assert "全部 1,000 个群" in readable(whole)
    assert whole.amounts()["messages_per_room_day"] == 1
    assert "垂类7 · 1 个群" in readable(one)


def test_one_silent_room_has_a_digest(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add(Room(platform_id="r0", topic="", vertical=""))
    for sheet in sheets(engine, FLEET, Subject(DigestScope.ROOM, "r0")):
        text = readable(sheet)
        assert "还没有收到过任何消息，所以没有数字" in text
        assert "还没有接入订单，本周的成交情况未知" in text
        assert not sheet.actions


def test_one_message_is_one_message(engine: Engine) -> None:
    record(engine, Said("m", "r0", "p", local("2026-11-08 23:59"), "text", "在吗?"))
    whole, room = sheets(engine, FLEET, Subject(DigestScope.ROOM, "r0"))
    for sheet in (whole, room):
        assert "成员提了 1 个问题，没有人回应。" in readable(sheet)
