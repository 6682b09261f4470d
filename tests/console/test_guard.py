"""What every request passes and every answer carries."""

from collections.abc import AsyncIterator

import pytest

from bot import settings as settings_module
from bot.console import guard, serving
from bot.errors import InvalidInput
from bot.models import OperatorRole
from tests.console.conftest import HOST, Desk
from tests.console.test_access import ROLES, filled

ADMIN = OperatorRole.ADMIN
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what is tested is that it is refused


async def test_every_route_answers_with_a_strict_policy_and_is_not_kept(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        for method, path in ROLES:
            if path in {"/logout", "/me/sign-out"}:
                continue
            answer = await browser.request(method, filled(path))
            for name, value in guard.HEADERS.items():
                assert answer.headers[name] == value, f"{method} {path}: {name}"
            assert answer.headers["cache-control"] == "no-store", path
        missing = await browser.get("/nothing-here")
        assert missing.status_code == 404
        assert missing.headers["content-security-policy"] == guard.POLICY
    assert "unsafe" not in guard.POLICY


async def test_a_refused_page_does_not_ask_for_itself_again(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        assert "data-events" in (await browser.get("/")).text
        for path in ("/nothing-here", "/rooms/99999"):
            assert "data-events" not in (await browser.get(path)).text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
async def test_a_change_that_comes_from_elsewhere_is_refused(
    desk: Desk, headers: dict[str, str]
) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        del browser.headers["sec-fetch-site"]
        answer = await browser.post("/pause", data={"reason": "x"}, headers=headers)
        assert answer.status_code == 403
        assert "已全部暂停" not in (await browser.get("/")).text


async def test_without_sec_fetch_an_origin_of_ours_is_enough(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        del browser.headers["sec-fetch-site"]
        answer = await browser.post("/pause", data={"reason": "x"}, headers={"origin": HOST})
        assert answer.status_code == 303


async def test_a_foreign_name_that_points_to_this_machine_is_refused(desk: Desk) -> None:
    async with desk.client("http://evil.example:8080") as browser:
        assert (await browser.get("/login")).status_code == 421


async def test_more_than_may_be_uploaded_is_refused_whether_or_not_it_says_so(desk: Desk) -> None:
    desk.restart(console_upload_mb=1)
    large = b"name=" + b"x" * (1024 * 1024)

    async def in_pieces() -> AsyncIterator[bytes]:
        for place in range(0, len(large), 100_000):
            yield large[place : place + 100_000]

    form = {"content-type": "application/x-www-form-urlencoded"}
    async with desk.client() as browser:
        assert (await browser.post("/login", content=large, headers=form)).status_code == 413
        assert (await browser.post("/login", content=in_pieces(), headers=form)).status_code == 413


@pytest.mark.parametrize(
    ("settings", "starts"),
    [
        ({"console_host": "127.0.0.1"}, True),
        ({"console_host": "::1"}, True),
        ({"console_host": "127.1.2.3"}, True),
        ({"console_host": EVERYWHERE}, False),
        ({"console_host": "console.example"}, False),
        ({"console_host": EVERYWHERE, "console_tls": True}, True),
        ({"console_host": EVERYWHERE, "console_without_tls": True}, True),
    ],
)
def test_it_starts_beyond_this_machine_only_behind_tls_or_when_told_so(
    settings: dict[str, object], starts: bool
) -> None:
    loaded = settings_module.load(_env_file=None, **settings)
    if starts:
        serving.check(loaded)
    else:
        with pytest.raises(InvalidInput, match="QUNYUN_CONSOLE_TLS"):
            serving.check(loaded)


async def test_a_refusal_says_the_remedy_in_the_shell_or_as_a_toast(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        page = await browser.post("/pause", data={"reason": " "})
        part = await browser.post("/pause", data={"reason": " "}, headers={"hx-request": "true"})
    assert page.status_code == part.status_code == 422
    assert "没有写暂停的原因" in page.text
    assert "同事会看到" in page.text
    assert part.headers["hx-reswap"] == "none"
    assert "toast" in part.headers["hx-trigger"]
