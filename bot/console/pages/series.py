"""栏目: the list, and a series' life: submitted, tried, paused, ended."""

from typing import Annotated

from fastapi import Form as FormField
from fastapi.responses import Response

from bot.console import reach, wording
from bot.console.page import Reader, Writer
from bot.console.pages import series_form
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from content_calendar import audience, contact, definition, editing, lifecycle


def listed(page: Reader, search: str = "", state: str = "") -> Response:
    """Every series that the operator may see."""
    found = [
        each
        for each in definition.stored(page.session)
        if search.lower() in f"{each.definition.name} {each.definition.key}".lower()
        and state in ("", each.state.value)
    ]
    reached = reach.of(page, found)
    rows = [
        (each, reached[each.definition.audience],
         wording.rule(page.tr, each.definition.schedule.rule),
         wording.audience(page.tr, each.definition.audience))
        for each in found
        if reached[each.definition.audience].visible
    ]  # fmt: skip
    return page.render("series.html", rows=rows, search=search, state=state)


def submit(page: Writer, key: str, version: Annotated[int, FormField()]) -> Response:
    """Ask for approval."""
    reach.changeable(page, key)
    lifecycle.submit(page.session, key, page.by, page.now, version=version)
    return page.to(series_form.path(key), page.tr("已提交，等别人批准"))


def test(
    page: Writer, key: str, step: Annotated[str, FormField()], room: Annotated[str, FormField()]
) -> Response:
    """Send one step to a test room, now."""
    reach.one(page, key)
    reach.must_cover(page, audience.Audience(rooms=(room,)))
    rules = contact.rules(page.settings)
    editing.post_test(page.session, key, step, room, page.by, page.now, rules)
    return page.to(series_form.path(key), page.tr("已排进发送队列，很快会发到测试群"))


def pause(page: Writer, key: str, reason: Annotated[str, FormField()] = "") -> Response:
    """Hold an approved series back."""
    reach.changeable(page, key)
    lifecycle.pause(page.session, key, _reason(reason), page.by, page.now)
    return page.to(series_form.path(key), page.tr("已暂停"), undo=f"{series_form.path(key)}/resume")


def resume(page: Writer, key: str, reason: Annotated[str, FormField()] = "") -> Response:
    """Let it go on."""
    reach.changeable(page, key)
    lifecycle.resume(page.session, key, reason, page.by, page.now)
    return page.to(series_form.path(key), page.tr("已恢复"))


def end(page: Writer, key: str, reason: Annotated[str, FormField()] = "") -> Response:
    """End it for good."""
    reach.changeable(page, key)
    taken = lifecycle.end(page.session, key, _reason(reason), page.by, page.now)
    return page.to(
        series_form.path(key), page.tr("已结束，收回 {n} 条待发", n=taken), kind="warning"
    )


def _reason(text: str) -> str:
    if not text.strip():
        raise lifecycle.refuse("reason", "没有写原因", "写一句原因，同事会看到")
    return text.strip()


ROUTES = (
    Route("GET", "/series", listed, VIEWER),
    Route("POST", "/series/{key}/submit", submit, OPERATOR),
    Route("POST", "/series/{key}/test", test, OPERATOR),
    Route("POST", "/series/{key}/pause", pause, OPERATOR),
    Route("POST", "/series/{key}/resume", resume, OPERATOR),
    Route("POST", "/series/{key}/end", end, OPERATOR),
)
