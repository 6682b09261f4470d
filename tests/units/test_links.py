"""Short links: what a code says, where it leads, and what may be a target."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import links
from bot.errors import InvalidInput
from bot.models import ClickKind
from bot.orders import short_links
from bot.orders.short_links import ALL_A_MINUTE, LISTED_A_MINUTE, Meter
from tests.saying import local

TARGET = "https://shop.example.com/p/1?from=群#top".replace("群", "%E7%BE%A4")
CODE = links.of_post(7, "post:promo:2026-11-11:开场:r1", TARGET)


def test_a_code_is_the_same_for_one_post_and_another_for_every_other() -> None:
    assert links.of_post(7, "post:promo:2026-11-11:开场:r1", TARGET) == CODE
    others = {
        links.of_post(8, "post:promo:2026-11-11:开场:r1", TARGET),
        links.of_post(7, "post:promo:2026-11-18:开场:r1", TARGET),
        links.of_post(7, "post:promo:2026-11-11:开场:r2", TARGET),
        links.of_post(7, "post:promo:2026-11-11:开场:r1", "https://shop.example.com/p/2"),
    }
    assert len(others | {CODE}) == 5


def test_a_code_says_which_target_it_leads_to() -> None:
    for each in (CODE, links.of_own("x", TARGET), links.sample(TARGET)):
        assert links.opening(TARGET) in links.address("https://q.example.com/", each)
    other = links.address("https://q.example.com", links.of_own("x", "https://example.com/"))
    assert links.opening(TARGET) not in other


def test_the_target_is_told_the_code_and_loses_nothing() -> None:
    led = urlsplit(links.destination(TARGET, CODE))
    assert (led.netloc, led.path, led.fragment) == ("shop.example.com", "/p/1", "top")
    assert parse_qs(led.query) == {"from": ["群"], "qy": [CODE]}
    assert links.mark(links.code(led.geturl())) == f"qy:{CODE}"
    short = links.address("https://q.example.com", CODE)
    assert {links.marked(each) for each in (f"qy:{CODE}", led.geturl(), short)} == {CODE}
    assert {links.marked(each) for each in ("", "qy:x", TARGET, "https://[::1", "/l/x")} == {None}
    again = links.destination(led.geturl(), "other-code")
    assert parse_qs(urlsplit(again).query)["qy"] == ["other-code"]


def test_the_targets_query_stays_as_it_is_written() -> None:
    gbk = "https://shop.example.com/search?q=%C4%E3%BA%C3&x=a%20b&flag&qy=old#top"
    assert links.destination(gbk, CODE) == (
        f"https://shop.example.com/search?q=%C4%E3%BA%C3&x=a%20b&flag&qy={CODE}#top"
    )
    assert links.destination("https://example.com/", CODE) == f"https://example.com/?qy={CODE}"


@pytest.mark.parametrize("typed", [CODE.upper(), f" {CODE}\n"])
def test_a_code_is_read_however_it_was_typed(typed: str) -> None:
    assert links.normal(typed) == CODE


@given(st.text(max_size=40))
def test_what_is_no_code_is_none_and_never_an_error(typed: str) -> None:
    assert links.normal(typed) in {None, typed.strip().lower()}
    assert links.marked(typed) is None


@pytest.mark.parametrize(
    "target",
    [
        "", "javascript:alert(1)", "//shop.example.com", "ftp://shop.example.com", "https://",
        "https://user:secret@shop.example.com", "https://shop.example.com/a b", "https://例子.cn/",
        "https://shop.example.com\\@evil.example", "https://[::1", "https://a.example:99999/",
        "https://shop.example.com/\nLocation: x", "https://a.example/" + "x" * links.LONGEST,
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_no_target(target: str) -> None:
    with pytest.raises(InvalidInput):
        links.check(target)


def test_what_rooms_read_is_the_same_text_without_their_links() -> None:
    said = "纸尿裤特价 {} 今天为止"
    texts = {
        said.format(links.address("https://q.example.com/x", links.of_own(n, TARGET))) for n in "12"
    }
    assert len(texts) == 2
    assert {links.without(text) for text in texts} == {said.format("")}
    assert links.without("见 https://example.com/l/abc") == "见 https://example.com/l/abc"


@pytest.mark.parametrize(
    ("method", "headers", "who"),
    [
        ("GET", {"user-agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}, ClickKind.PERSON),
        ("HEAD", {"user-agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}, ClickKind.PREVIEW),
        ("GET", {"user-agent": "Mozilla/5.0", "sec-purpose": "prefetch"}, ClickKind.PREVIEW),
        ("GET", {"user-agent": "facebookexternalhit/1.1"}, ClickKind.PREVIEW),
        ("GET", {"user-agent": "Mozilla/5.0 (compatible; Baiduspider/2.0)"}, ClickKind.PREVIEW),
        ("GET", {"user-agent": "Mozilla/5.0 (Linux; Android 13; CUBOT X50)"}, ClickKind.PERSON),
        ("GET", {"user-agent": "curl/8.5"}, ClickKind.PREVIEW),
        ("GET", {}, ClickKind.PREVIEW),
    ],
)
def test_programs_that_look_ahead_are_told_from_people(
    method: str, headers: dict[str, str], who: ClickKind
) -> None:
    assert short_links.kind(method, headers) is who


def test_so_many_clicks_are_listed_a_minute_and_no_more() -> None:
    meter, now = Meter(), local("2026-11-11 20:00")
    listed = sum(meter.admits(CODE, now) for _ in range(LISTED_A_MINUTE + 50))
    assert listed == LISTED_A_MINUTE
    others = sum(meter.admits(f"{n}", now) for n in range(ALL_A_MINUTE))
    assert listed + others == ALL_A_MINUTE
    assert meter.admits(CODE, local("2026-11-11 20:01"))
    assert len(meter.of_link) == 1
