"""Real Chromium on a real console; nothing may leave the host, and no page may complain."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from sqlalchemy import Engine

from bot import database
from bot import settings as settings_module
from bot.models import OperatorRole
from tests import parts
from tests.browser.desk import PASSWORD, Desk, opened
from tests.saying import local

CHROMIUM = "/usr/bin/chromium"
# A browser that asks nobody anything of its own accord.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE_MS = 20_000
# A Tuesday, ten minutes before a Q&A day begins.
NOW = local("2026-11-24 19:50")

# A phone as many have it: what is meant for phones must fit into it.
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True,
    "device_scale_factor": 2,
}  # fmt: skip


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all journeys; each person has a profile of their own in it."""
    remedy = "apt-get install chromium fonts-noto-cjk"
    parts.require("chromium", Path(CHROMIUM).exists(), remedy)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """An empty database at head: pages look the same on both kinds, so one will do."""
    path = tmp_path / "qunyun.db"
    shutil.copy(sqlite_template, path)
    connected = database.connect(f"sqlite:///{path}")
    yield connected
    connected.dispose()


@pytest.fixture
def given() -> dict[str, object]:
    """Two pairs of eyes for fewer rooms than usual, and posts that take seconds, not hours."""
    return {
        "four_eyes_rooms": 100, "random_gap_seconds": "0-0", "room_gap_seconds": 0,
        "posts_per_minute": 100_000, "send_timeout_seconds": 60,
    }  # fmt: skip


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, given: dict[str, object]) -> Iterator[Desk]:
    """A console with nobody in it."""
    settings = settings_module.load(_env_file=None, home=tmp_path, console_port=0, **given)
    with opened(engine, settings, NOW) as served:
        yield served


@dataclass(slots=True)
class People:
    """Who sits at the desk: each has a browser, and what went wrong in it."""

    chromium: Browser
    desk: Desk
    wrong: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    profiles: list[BrowserContext] = field(default_factory=list)

    def arrives(self, **profile: Any) -> Page:
        """A page of somebody who is signed in nowhere."""
        given: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN"}
        context = self.chromium.new_context(**given | profile)
        context.set_default_timeout(PATIENCE_MS)
        self.profiles.append(context)
        ours = re.escape(self.desk.address)
        context.route(re.compile(rf"^(?!{ours}/|data:|blob:)"), lambda route: route.abort())
        context.on("request", lambda request: self._left(request.url))
        context.on("console", lambda said: self._complained(said.type, said.text))
        context.on("weberror", lambda error: self.wrong.append(f"error: {error.error}"))
        return context.new_page()

    def signs_in(
        self,
        name: str,
        role: OperatorRole,
        verticals: Sequence[str] | None = None,
        **profile: Any,
    ) -> Page:
        """A page of somebody who has just signed in, by the form."""
        self.desk.add(name, role, verticals)
        page = self.arrives(**profile)
        page.goto(f"{self.desk.address}/login")
        page.get_by_label("名字").fill(name)
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        page.wait_for_url(f"{self.desk.address}/")
        return page

    def expects(self, status: int) -> None:
        """From here on an answer with this status is part of the story."""
        self.refused.add(f"the server responded with a status of {status}")

    def _left(self, url: str) -> None:
        if not url.startswith((f"{self.desk.address}/", "data:", "blob:")):
            self.wrong.append(f"left the host: {url}")

    def _complained(self, type: str, text: str) -> None:
        if type in ("error", "warning") and not any(each in text for each in self.refused):
            self.wrong.append(f"{type}: {text}")


@pytest.fixture
def people(chromium: Browser, desk: Desk) -> Iterator[People]:
    """People at the desk; the test fails where a page complained or asked another host."""
    found = People(chromium, desk)
    yield found
    for context in found.profiles:
        context.close()
    assert not found.wrong, "\n".join(found.wrong)


def toast(page: Page) -> Locator:
    """What the page says of what was just done."""
    return page.locator("#toasts")


def fits(page: Page) -> bool:
    """Whether nothing of the page is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
