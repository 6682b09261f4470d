"""An experiment is proposed with what it can show, started by who may, and its result is read."""

import datetime as dt

import pytest

from bot.models import Assignment, Audit, Experiment, ExperimentState, OperatorRole
from tests.console.conftest import Desk
from tests.journeys.test_experiments import (
    BEFORE,
    OVER,
    STARTS,
    WEEKS,
    a_community,
    a_week_goes_out,
    members_buy,
)
from tests.saying import local, rows

VIEWER, OPERATOR, APPROVER, _ADMIN = OperatorRole
WANTED = {
    "name": "停发-11", "kind": "holdout", "series": "promo", "starts": str(STARTS),
    "weeks": str(WEEKS), "share": "30", "sku": "D1",
}  # fmt: skip


@pytest.fixture
def shop(desk: Desk) -> Desk:
    a_community(desk.engine)
    desk.now = BEFORE
    return desk


async def proposed(desk: Desk) -> str:
    """The path of an experiment that an operator has proposed."""
    async with desk.signed_in("阿原", OPERATOR) as browser:
        answer = await browser.post("/experiments", data=WANTED)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_a_proposal_tells_its_power_and_changes_nothing(shop: Desk) -> None:
    path = await proposed(shop)
    (row,) = rows(shop.engine, Experiment)
    assert (row.state, row.share) == (ExperimentState.PROPOSED, 0.3)
    assert len(rows(shop.engine, Assignment)) == 40 * WEEKS
    async with shop.signed_in("小周", VIEWER) as browser:
        page = (await browser.get(path)).text
    assert "估不出能看清多大的差别" in page
    assert "还没有满一周" in page
    assert "批准并开始" not in page


async def test_it_is_started_by_an_approver_and_read_to_its_end(shop: Desk) -> None:
    path = await proposed(shop)
    async with shop.signed_in("阿原", OPERATOR) as browser:
        assert (await browser.post(f"{path}/start")).status_code == 403
    async with shop.signed_in("晓雯", APPROVER) as browser:
        assert "批准并开始" in (await browser.get(path)).text
        assert (await browser.post(f"{path}/start")).status_code == 303
    for n in range(WEEKS):
        a_week_goes_out(shop.engine, STARTS + n * dt.timedelta(days=7))
    members_buy(shop.engine, effect=0.3)
    for now, early, seen in ((local("2026-11-27 09:00"), True, "2 / 4 周"), (OVER, False, "4 / 4")):
        shop.now = now
        async with shop.signed_in("小周", VIEWER) as browser:
            page = (await browser.get(path)).text
        assert ("还没到计划的终点" in page) is early
        assert seen in page
        assert "推广停发组比照发组平均每群每周 -" in page
    assert "看得出差别" in page
    assert [row.action for row in rows(shop.engine, Audit) if "experiment" in row.action] == [
        "experiment.propose", "experiment.start",
    ]  # fmt: skip


async def test_a_stop_needs_a_reason_and_is_shown_with_it(shop: Desk) -> None:
    path = await proposed(shop)
    async with shop.signed_in("阿原", OPERATOR) as browser:
        assert (await browser.post(f"{path}/stop", data={"reason": " "})).status_code == 422
        stopped = await browser.post(f"{path}/stop", data={"reason": "大促提前"})
        assert stopped.status_code == 303
        page = (await browser.get(path)).text
    assert "阿原 停的：大促提前" in page
    assert "停掉这个实验" not in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "), ("kind", "x"), ("kind", "topic"), ("series", "none"), ("starts", "2026-11-10"),
        ("weeks", "0"), ("share", "100"), ("sku", "D9"), ("starts", "x"),
    ],
)  # fmt: skip
async def test_what_cannot_be_an_experiment_is_refused_and_nothing_is_written(
    shop: Desk, field: str, value: str
) -> None:
    async with shop.signed_in("阿原", OPERATOR) as browser:
        answer = await browser.post("/experiments", data=WANTED | {field: value})
    assert answer.status_code == 422
    assert not rows(shop.engine, Experiment)


async def test_who_sees_some_rooms_is_told_what_runs_there_and_no_result(shop: Desk) -> None:
    path = await proposed(shop)
    async with shop.signed_in("晓雯", APPROVER) as browser:
        await browser.post(f"{path}/start")
    shop.now = local("2026-11-11 13:00")
    for verticals, shown in ((["美妆"], False), ([""], True)):
        async with shop.signed_in("小周", APPROVER, verticals=verticals) as browser:
            page = (await browser.get("/experiments")).text
            assert ("停发-11" in page) is shown
            assert (await browser.get(path)).status_code == 403
            assert (await browser.post("/experiments", data=WANTED)).status_code == 403
            for act in ("start", "stop"):
                answer = await browser.post(f"{path}/{act}", data={"reason": "x"})
                assert answer.status_code == 403
