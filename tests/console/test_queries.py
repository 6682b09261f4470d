"""A page asks the database the same number of questions, however many rooms there are."""

import pytest

from bot.models import Digest, DigestScope, OperatorRole
from tests.console import kept_apart
from tests.console.conftest import Desk
from tests.saying import rows
from tests.statements import counted

# Every page that an operator looks at; a parameter stands for the first row.
PAGES = (
    "/", "/boards", "/setup", "/operators", "/operators/1", "/me", "/audit", "/help",
    "/rooms", "/rooms/1", "/people", "/people/candidates", "/orders", "/experiments", "/deliveries", "/todo",
    "/accounts", "/questions", "/questions?show=answered", "/questions/faq", "/questions/faq/new",
    "/complaints", "/complaints?show=closed", "/topics",
    "/digests",
    "/calendar", "/calendar/feed?start=2026-11-01&end=2026-12-01", "/calendar/conflicts",
    "/series", "/series/new", "/approvals", "/data", "/data/feeds", "/settings",
    "/settings/own-words", "/webhooks",
)  # fmt: skip
# Only for who sees every room.
OF_THE_WHOLE = (
    "/privacy", "/people/buyers", "/people/cohort?month=2026-11", "/people/drawn", "/orders/share", "/orders/identities", "/labels",
)  # fmt: skip
# What is about one thing, and lists behind a figure: of what `kept_apart` furnishes, where digests
# are told by their number, the fleet's first.
DETAILS = (
    "/digests/{fleet}", "/digests/{fleet}/page", "/digests/{fleet}/behind/messages",
    "/digests/{fleet}/list/joins", "/digests/{fleet}/list/complaints",
    "/digests/{room}", "/digests/{room}/behind/questions", "/boards", "/rooms/1",
    "/orders", "/orders/1", "/orders/funnel", "/orders/behind/mentions", "/orders/behind/clicks",
    "/experiments/1", "/people/1", "/people/candidates", "/people/buyers",
    "/questions/1", "/questions/faq/1", "/complaints/1", "/topics", "/topics/word/1",
    "/deliveries/1", "/series/ours-series", "/series/ours-series/run",
    "/calendar/ours-series/2026-11-24", "/privacy/people/contact-1",
)  # fmt: skip
# A page about one thing puts together what stands in many tables.
MOST = 20


@pytest.mark.parametrize("scope", [{}, {"verticals": ["宝妈育儿"]}], ids=["all", "some"])
async def test_the_number_of_queries_does_not_grow_with_the_rooms(
    desk: Desk, scope: dict[str, list[str]]
) -> None:
    paths = PAGES if scope else (*PAGES, *OF_THE_WHOLE)
    asked: dict[str, list[int]] = {path: [] for path in paths}
    desk.rooms(10)
    for more in (0, 990):
        if more:
            desk.rooms(more, "宝妈育儿更多")
        async with desk.signed_in("小林", OperatorRole.ADMIN, **scope) as browser:
            for path in paths:
                with counted(desk.engine) as statements:
                    answer = await browser.get(path)
                assert answer.status_code == 200, path
                asked[path].append(len(statements))
    for path, (few, many) in asked.items():
        assert few == many <= 15, f"{path}: {few}, then {many}"


async def test_what_is_about_one_thing_asks_the_same_among_many_rooms(desk: Desk) -> None:
    kept_apart.furnish(desk)
    ids = {row.scope: str(row.id) for row in rows(desk.engine, Digest)}
    named = {"fleet": ids[DigestScope.FLEET], "room": ids[DigestScope.ROOM]}
    paths = [path.format_map(named) for path in DETAILS]
    asked: dict[str, list[int]] = {path: [] for path in paths}
    for more in (10, 990):
        desk.rooms(more, f"宝妈育儿{more}")
        async with desk.signed_in("小林", OperatorRole.ADMIN) as browser:
            for path in paths:
                with counted(desk.engine) as statements:
                    answer = await browser.get(path)
                assert answer.status_code == 200, path
                asked[path].append(len(statements))
    for path, (few, many) in asked.items():
        assert few == many <= MOST, f"{path}: {few}, then {many}"
