"""Whoever is held to one vertical is led to nothing of another, and finds nothing by asking."""

import re
from urllib.parse import unquote

from playwright.sync_api import Page

from bot.models import OperatorRole
from tests.browser.conftest import People
from tests.console import conftest as consoles
from tests.console import kept_apart
from tests.console.kept_apart import MARKS, OURS

# They end the session that asks, or never end.
NOT_ASKED = re.compile(r"/(logout|events|language)|/me/")
# In what these say, whoever sees everything finds the mark.
BEAR_IT = {"/series", "/rooms", "/people", "/orders", "/questions", "/topics", "/deliveries"}
EXPORTS = ("rooms", "deliveries", "engagement", "orders", "attribution", "messages")


def test_a_viewer_of_one_vertical_sees_nothing_else_in_pages_programs_exports_and_pictures(
    people: People,
) -> None:
    kept_apart.furnish(consoles.Desk(people.desk.engine, people.desk.settings.home))
    everything = walked(people.signs_in("小林", OperatorRole.ADMIN))
    # Had the furniture no mark, the rest would say nothing.
    assert {path for path, said in everything if marked(said)} >= BEAR_IT
    viewer = people.signs_in("小丽", OperatorRole.VIEWER, [OURS])
    seen = list(walked(viewer))
    assert any("咱们" in said for _, said in seen), "nor did they see what is theirs"
    assert not [path for path, said in seen if marked(said)]
    # What somebody else was led to, and every file there is, asked for by its address.
    led = {path for path, _ in everything} - {path for path, _ in seen}
    files = [f"/data/export/{each}" for each in EXPORTS] + ["/pictures/anji.png"]
    asked = [(path, fetched(viewer, path)) for path in sorted(led) + files]
    assert len(asked) > 20
    assert not [path for path, said in asked if marked(without_names(said, path))]
    program = token(viewer)
    lists = [(path, fetched(viewer, path, program)) for path in programs(viewer)]
    assert any("ours@chatroom" in said for _, said in lists)
    assert not [path for path, said in lists if marked(said)]


def walked(page: Page) -> list[tuple[str, str]]:
    """(address, everything it says) of each page in the menu, as drawn, and of all they lead to."""
    home = page.url.rstrip("/")
    menu = hrefs(page, home, "aside a")
    told, further = list[tuple[str, str]](), set[str]()
    for path in menu:
        page.goto(home + path)
        page.wait_for_load_state("networkidle")
        told.append((path, page.locator("body").inner_text()))
        further |= hrefs(page, home, "main a, main img")
    told += [(path, fetched(page, path)) for path in sorted(further - menu)]
    return told


def hrefs(page: Page, home: str, where: str) -> set[str]:
    """The addresses of ours that parts of a page lead to."""
    found = page.locator(where).evaluate_all(
        "all => all.map(each => each.getAttribute('href') ?? each.getAttribute('src') ?? '')"
        ".map(named => new URL(named, location).href)"
    )
    paths = {each.removeprefix(home).partition("#")[0] for each in found if each.startswith(home)}
    return {path for path in paths if path and not NOT_ASKED.match(path)}


def fetched(page: Page, path: str, token: str = "") -> str:
    """What an address answers to whoever looks at the page, or to their program."""
    home = re.match(r"https?://[^/]+", page.url)
    assert home is not None
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = page.request.get(home[0] + path, headers=headers)
    assert answer.status < 500, path
    return " ".join(
        [answer.headers.get("content-disposition", ""), *kept_apart.read(answer.body())]
    )


def token(page: Page) -> str:
    """A program's way in, made on one's own page."""
    page.goto(re.sub(r"(//[^/]+).*", r"\1/me", page.url))
    page.get_by_role("button", name="新令牌").click()
    dialog = page.locator("#add")
    dialog.get_by_label("用途").fill("报表")
    dialog.get_by_role("button", name="生成").click()
    return page.get_by_label("令牌").input_value()


def programs(page: Page) -> list[str]:
    """Every list that programs may read."""
    page.goto(re.sub(r"(//[^/]+).*", r"\1/api/docs", page.url))
    said = page.locator("main").inner_text()
    return re.findall(r"GET\s+(/api/v1/[\w/-]+)(?![\w/{-])", said)


def without_names(said: str, path: str) -> str:
    """An answer without what its asker named: they are told that again."""
    for name in re.findall(r"[\w.-]+", unquote(path)):
        if marked(name):
            said = said.replace(name, "")
    return said


def marked(said: str) -> bool:
    """Whether something bears the mark of the other vertical."""
    return any(mark in said for mark in MARKS)
