"""Templates: what they may use, and how a page stands in its shell."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from bot.console import catalogue, labels, navigation, roles
from bot.console.shell import Frame

if TYPE_CHECKING:
    from bot.console.page import Page

STATIC = Path(__file__).parent / "static"
# A browser that follows another in this list also names it in its header.
BROWSERS = {
    "MicroMessenger": "WeChat", "Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome",
    "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows",
    "Mac OS X": "macOS", "Linux": "Linux",
}  # fmt: skip
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


def render(
    template: str,
    page: "Page",
    frame: Frame,
    toast: Mapping[str, str] | None,
    values: Mapping[str, object],
) -> str:
    """The text of a page."""
    return _templates().get_template(template).render(
        page=page, frame=frame, toast=toast, menu=_menu(page), _=page.tr,
        language=page.language, languages=catalogue.LANGUAGES, path=page.request.url.path,
        local=Local(page), here=_here(page), **values,
    )  # fmt: skip


class Local:
    """Times as the reader's wall clock shows them, in the installation's zone."""

    __slots__ = ("_page", "_zone")

    def __init__(self, page: "Page") -> None:
        self._page = page
        self._zone = page.settings.zone

    def clock(self, at: dt.datetime) -> str:
        """14:05."""
        return f"{at.astimezone(self._zone):%H:%M}"

    def day(self, day: dt.date) -> str:
        """11-24 周二; a date stays as it is, a time becomes the local date."""
        if isinstance(day, dt.datetime):
            day = day.astimezone(self._zone).date()
        return f"{day:%m-%d} {self._page.tr(WEEKDAYS[day.weekday()])}"

    def moment(self, at: dt.datetime) -> str:
        """11-24 14:05."""
        return f"{at.astimezone(self._zone):%m-%d %H:%M}"

    def exact(self, at: dt.datetime) -> str:
        """2026-11-24 14:05:09 +08:00."""
        return at.astimezone(self._zone).isoformat(" ", "seconds")


def browser(agent: str) -> str:
    """What a User-Agent header tells a person, like `Chrome · Android`."""
    shown = [
        next((name for mark, name in known.items() if mark in agent), "")
        for known in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(name for name in shown if name) or agent[:30]


def static(name: str) -> str:
    """The address of a static file, which changes with its content so that it may be kept."""
    return f"/static/{name}?v={_version(name)}"


@cache
def _version(name: str) -> str:
    path = STATIC / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "0"


def _menu(page: "Page") -> list[tuple[str, list[navigation.Entry]]]:
    if page.operator is None:
        return []
    built = {path for method, path in page.console.roles if method == "GET"}
    groups = [
        (title, [each for each in entries if each.path in built and page.may(each.role)])
        for title, entries in navigation.MENU
    ]
    return [(title, entries) for title, entries in groups if entries]


def _here(page: "Page") -> str:
    """The address that shows this page again; what answers a form was sent from another one."""
    if page.request.method != "GET":
        return page.back()
    url = page.request.url
    return f"{url.path}?{url.query}" if url.query else url.path


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("bot.console"), jinja2.PackageLoader("bot.charts")]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    # Chinese is read, not escaped.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["browser"] = browser
    environment.globals |= {"static": static, "labels": labels, "roles": roles}
    return environment
