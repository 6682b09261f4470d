"""The board: a week of the fleet and of verticals as their digests have it, and goals to set."""

import html
import re

import pytest

from bot import database, membership_files
from bot.digest import compose, gather, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Subject
from bot.insights import topics
from bot.membership_files import MembershipRow
from bot.models import (
    Digest,
    DigestScope,
    Goal,
    MessageIdentity,
    OperatorRole,
    Room,
    Topic,
    TopicKind,
)
from tests.console.conftest import NOW, Desk
from tests.console.kept_apart import LAST_WEEK, OURS
from tests.console.test_orders import shop
from tests.saying import ROOM, SHANGHAI, local, rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
GOAL = {"metric": "participation", "value": "20", "until": "2026-12-31"}
assert shop  # the fixture, which pytest finds here


@pytest.fixture
def looked_back(shop: Desk) -> Desk:
    """Last week's digests are stored; there are members enough for a vertical to be told of."""
    silent = [
        MembershipRow(ROOM, f"silent{n}", joined_at=local("2026-11-01 00:00"))
        for n in range(topics.FEWEST_MEMBERS)
    ]
    with database.transaction(shop.engine) as session:
        membership_files.record(session, silent, b"secret", NOW)
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
    (digest,) = [row.id for row in rows(looked_back.engine, Digest) if not row.target]
    assert f'href="/digests/{digest}/behind/unanswered"' in page
    # A vertical's own figures lead to the lists of its own digest.
    (own,) = [row.id for row in rows(looked_back.engine, Digest) if row.target == OURS]
    cells = re.findall(r'<td class="text-end text-nowrap"><a href="([^"]+)">([^<]+)</a>', page)
    assert f"/digests/{own}/behind/unanswered" in dict(cells)
    orders, lines = next(each for each in cells if each[0].startswith("/orders?"))
    async with looked_back.signed_in("小林", VIEWER) as browser:
        listed = (await browser.get(html.unescape(orders))).text
    assert f"共 {lines} 条" in listed


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


async def test_a_room_tells_of_its_last_week_as_its_digest_does(looked_back: Desk) -> None:
    (room,) = [each for each in rows(looked_back.engine, Room) if each.platform_id == ROOM]
    with database.transaction(looked_back.engine) as session:
        for kind, rank, text in ((TopicKind.WORD, 1, "防漏"), (TopicKind.QUESTION, 1, None)):
            asked = next(each for each in rows(looked_back.engine, MessageIdentity))
            session.add(
                Topic(week=LAST_WEEK, scope=DigestScope.ROOM, target=ROOM, kind=kind, rank=rank,
                      text=text, day=asked.day, room_id=room.id, message_id=asked.id, score=5.0,
                      count=9, before=1.5, members=6, rooms=1, rule_version=1, computed_at=NOW)
            )  # fmt: skip
    subject = Subject(DigestScope.ROOM, ROOM)
    with database.reading(looked_back.engine) as session:
        sheet = storing.stored(session, LAST_WEEK, [subject])[subject].sheet
    told = {each.key: each.text for part in sheet.sections for each in part.figures}
    for role, reads in ((VIEWER, False), (OPERATOR, True)):
        async with looked_back.signed_in(role, role) as browser:
            page = (await browser.get(f"/rooms/{room.id}")).text
            (digest,) = [row.id for row in rows(looked_back.engine, Digest) if row.target == ROOM]
            figures = page[page.index('class="room-figures"') :]
            lead = f"/digests/{digest}/behind/messages"
            assert f'<a href="{lead}">{told["messages_per_room_day"]}</a>' in figures
            assert f"/orders?since={LAST_WEEK}" in figures[: figures.index("</dl>")]
        assert "2026-W47 这一周" in page
        assert told["messages_per_room_day"] in page
        assert "防漏" in page
        # Members' words are for those who may answer them.
        assert ("纸尿裤有推荐吗" in page) is reads


async def test_a_room_without_a_week_says_so(desk: Desk) -> None:
    desk.rooms(1)
    async with desk.signed_in("小林", VIEWER) as browser:
        page = (await browser.get("/rooms/1")).text
    assert "还没有算过一周" in page
    assert 'id="week"' not in page
