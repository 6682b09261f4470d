"""Rendering: a sheet reads the same as yesterday, and nothing a member says becomes markup."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.digest import phrasing, publish, render
from bot.digest import sheet as sheets
from bot.digest.quoting import quotable
from bot.models import DigestScope
from tests.sheets import a_sheet

# Written by hand; a change of the template is a change of this file, looked at line by line.
GOLDEN = Path(__file__).parent.parent / "fixtures" / "digest.md"


class _Page(HTMLParser):
    """What a browser would load or run, and which tags stand open."""

    void = frozenset("meta link br img input hr".split())

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "data") or (tag == "link" and name == "href"):
                self.fetched.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if tag == "a" and name == "href":
                self.anchors.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag


def read(page: str) -> _Page:
    found = _Page()
    found.feed(page)
    found.close()
    return found


def test_the_markdown_is_the_golden_one() -> None:
    assert render.markdown(a_sheet()) == GOLDEN.read_text(encoding="utf-8")


def test_the_short_text_is_the_golden_one() -> None:
    assert render.text(a_sheet()) + "\n" == GOLDEN.with_suffix(".txt").read_text(encoding="utf-8")


@given(some.integers(0, 3000), some.text(max_size=30))
def test_the_short_text_keeps_its_limit_and_its_lines_whole(limit: int, topic: str) -> None:
    sheet = a_sheet(topic=topic)
    short = render.text(sheet, limit)
    assert len(short.encode()) <= limit
    assert render.text(sheet, 10_000).startswith(short)


def test_the_page_loads_nothing_and_closes_what_it_opens() -> None:
    page = render.html(a_sheet())
    found = read(page)
    assert found.open == []
    assert found.fetched == []
    assert "script" not in found.tags
    assert "url(" not in page
    assert "@import" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_every_footnote_leads_to_its_definition() -> None:
    found = read(render.html(a_sheet()))
    assert found.anchors
    assert {anchor.removeprefix("#") for anchor in found.anchors} <= set(found.ids)
    text = render.markdown(a_sheet())
    for number in (1, 2):
        assert f"[^{number}]: " in text


def test_words_of_members_never_become_markup() -> None:
    words = "<script>alert(1)</script> [点我](x) **粗** | 表 `码`"
    sheet = a_sheet(topic="<b>群</b>", words=words)
    page = read(render.html(sheet))
    assert "script" not in page.tags
    text = render.markdown(sheet)
    assert "<script>" not in text.replace("\\<", "")
    assert "\\[点我\\]" in text
    assert "\\*\\*粗\\*\\*" in text
    assert "\\|" in text


@given(some.text(max_size=80))
def test_markdown_takes_any_text_word_for_word(text: str) -> None:
    plain = render.plain(text)
    assert "\n" not in plain
    assert plain.replace("\\", "").split() == " ".join(text.split()).replace("\\", "").split()


def test_a_sheet_comes_back_from_its_json() -> None:
    assert sheets.unpack(sheets.pack(a_sheet())) == a_sheet()


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("加我 13812345678 看看", "加我 看看"),
        ("电话138-1234-5678哦", "电话 哦"),
        ("打 +86 138 1234 5678", "打"),
        ("座机 010-12345678", "座机"),
        ("QQ 1234567890", "QQ"),
        ("\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", ""),
        ("看 https://a.cn/x?y=1,真便宜", "看 真便宜"),
        ("看https://a.cn/x真便宜", "看 真便宜"),
        ("www.example.com/buy 来", "来"),
        ("逛 shop.example.cn/p1 吧", "逛 吧"),
        ("@所有人 集合啦", "集合啦"),
        ("@小雨妈\u2005谢谢你", "谢谢你"),
        ("第一行\n\n第二行\t尾", "第一行 第二行 尾"),
        ("1\u200b38\u200b12345678", ""),
        ("花了 1299 元,2026 年买的", "花了 1299 元,2026 年买的"),
        ("要 2.5 斤,6-12 个月", "要 2.5 斤,6-12 个月"),
        ("[微笑] 好用", "[微笑] 好用"),
    ],
)
def test_links_numbers_and_mentions_are_taken_out_of_quotes(said: str, quoted: str) -> None:
    assert quotable(said) == quoted


def test_long_words_are_cut_with_an_ellipsis() -> None:
    assert quotable("好" * 200, 10) == "好" * 9 + "…"


@given(some.text())
def test_a_quote_is_one_line_and_never_too_long(text: str) -> None:
    found = quotable(text)
    assert "\n" not in found
    assert len(found) <= 90


@pytest.mark.parametrize(
    ("scope", "target", "name"),
    [
        (DigestScope.FLEET, "", "fleet"),
        (DigestScope.VERTICAL, "宝妈育儿", "vertical-宝妈育儿"),
        (DigestScope.ROOM, "123@chatroom", "room-123@chatroom"),
        (DigestScope.ROOM, "../../etc/passwd", "room-etc_passwd"),
        (DigestScope.ROOM, "..", "room-unnamed"),
        (DigestScope.VERTICAL, "a/b\\c:d\0e", "vertical-a_b_c_d_e"),
    ],
)
def test_file_names_are_safe(scope: DigestScope, target: str, name: str) -> None:
    assert publish.filename(scope, target) == name


def test_two_targets_of_one_name_keep_a_file_each(tmp_path: Path) -> None:
    twins = [a_sheet(), a_sheet()]
    paths = publish.write(twins, tmp_path, ["md"])
    folder = tmp_path / "2026-W45"
    names = ["room-room1@chatroom.md", "room-room1@chatroom-2.md"]
    assert paths == [[folder / name] for name in names]


def test_numbers_read_as_people_write_them() -> None:
    assert phrasing.rate(None) == "—"
    assert phrasing.rate(12.345) == "12.3"
    assert phrasing.rate(1234.5) == "1,234"
    assert phrasing.signed(-3.2) == "−3.2"
    assert phrasing.percent(0.305) == "30%"
    assert phrasing.yuan(1250) == "¥12.50"
    assert phrasing.yuan(12345678) == "¥123,457"
    assert phrasing.duration(30) == "30 秒"
    assert phrasing.duration(1500) == "25 分钟"
    assert phrasing.duration(3 * 3600) == "3.0 小时"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("90 天 1 单,共 79.00 元", "90 天 1 单，共 79.00 元"),
        ("排前两成(14 条起)", "排前两成（14 条起）"),
        ("按先验计入:请运行 qunyun label", "按先验计入：请运行 qunyun label"),
        ("周三 20:06,1,234 条", "周三 20:06,1,234 条"),
        ("a (b): c, d", "a (b): c, d"),
    ],
)
def test_a_chinese_sentence_has_the_marks_of_one(written: str, read: str) -> None:
    assert phrasing.punctuated(written) == read


def test_some_is_never_nothing_and_not_all_is_never_all() -> None:
    shares = (0, 0.001, 0.0051, 0.5, 0.9949, 0.999, 1)
    shown = ["0%", "<1%", "1%", "50%", "99%", ">99%", "100%"]
    assert [phrasing.percent(share) for share in shares] == shown
