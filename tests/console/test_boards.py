"""The board: a week of the fleet and of verticals as their digests have it, and goals to set."""

import pytest

from bot import database
from bot.digest import compose, gather, storing
from bot.digest.findings import Findings
from bot.models import Goal, OperatorRole
from tests.console.conftest import NOW, Desk
from tests.console.kept_apart import LAST_WEEK, OURS
from tests.console.test_orders import shop
from tests.saying import SHANGHAI, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
GOAL = {"metric": "participation", "value": "20", "until": "2026-12-31"}
assert shop  # the fixture, which pytest finds here


@pytest.fixture
def looked_back(shop: Desk) -> Desk:
    """Last week's digests are stored."""
    with database.transaction(shop.engine) as session:
        week = gather.gather(session, LAST_WEEK, NOW, SHANGHAI)
        sheets = compose.sheets(session, Findings(week), storing.everything(week))
        storing.keep(session, week, sheets)
    return shop


async def test_the_board_says_what_the_digest_says(looked_back: Desk) -> None:
    with database.reading(looked_back.engine) as session:
        (sheet,) = [
            one.sheet for one in storing.stored(session, LAST_WEEK, [storing.FLEET]).values()
        ]
    async with looked_back.signed_in("小林", VIEWER) as browser:
        page = (await browser.get("/boards")).text
    figures = {each.key: each for part in sheet.sections for each in part.figures}
    for key in ("messages_per_room_day", "participation", "order_lines"):
        assert figures[key].text in page, key
    for note in sheet.notes:
        assert f'id="n{note.number}"' in page
    assert OURS in page
    assert f"/orders?since={LAST_WEEK}" in page


async def test_a_goal_is_set_looked_at_and_dropped(looked_back: Desk) -> None:
    async with looked_back.signed_in("小林", OPERATOR) as browser:
        assert (await browser.post("/boards/goals", data=GOAL)).status_code == 303
        (goal,) = rows(looked_back.engine, Goal)
        assert (goal.value, goal.set_by) == (0.2, "小林")
        assert "路走了" in (await browser.get("/boards")).text
        for wrong in ({"value": "120"}, {"until": "2026-01-01"}, {"metric": "luck"}):
            assert (await browser.post("/boards/goals", data=GOAL | wrong)).status_code == 422
        dropped = await browser.post("/boards/goals/drop", data={"metric": "participation"})
        assert dropped.status_code == 303
    assert not rows(looked_back.engine, Goal)


async def test_who_sees_a_vertical_sets_goals_for_it_alone(looked_back: Desk) -> None:
    async with looked_back.signed_in("阿原", OPERATOR, verticals=[OURS]) as browser:
        assert (await browser.post("/boards/goals", data=GOAL)).status_code == 403
        other = await browser.post("/boards/goals", data=GOAL | {"vertical": "美妆"})
        assert other.status_code == 403
        own = await browser.post("/boards/goals", data=GOAL | {"vertical": OURS})
        assert own.status_code == 303
        page = (await browser.get("/boards")).text
    assert OURS in page
    assert 'href="/boards?week=2026-W47"' not in page


@pytest.mark.parametrize(
    "scope", [{}, {"verticals": [OURS]}, {"tags": ["北京"]}, {"verticals": []}]
)
async def test_without_a_week_the_board_says_so(desk: Desk, scope: dict[str, list[str]]) -> None:
    desk.rooms(2)
    async with desk.signed_in("小林", VIEWER, **scope) as browser:
        for query in ("", "?week=2026-W47", "?week=x&vertical=美妆"):
            answer = await browser.get(f"/boards{query}")
            assert answer.status_code == 200
            assert "empty-title" in answer.text
