"""API tokens: shown once, kept as a hash, narrowed by scope and role, ended by a day or a person."""

import datetime as dt
import re

import httpx
import pytest

from bot import database
from bot.models import ApiToken, OperatorRole
from tests.console.conftest import Desk

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


async def token_of(browser: httpx.AsyncClient, scopes: str = "read", days: int = 30) -> str:
    given = {"name": "库存同步", "scopes": scopes, "days": str(days)}
    answer = await browser.post("/me/tokens", data=given)
    found = re.search(r'value="(qy_[\w-]+)"', answer.text)
    assert found, answer.text
    return found[1]


async def asked(desk: Desk, token: str) -> int:
    async with desk.client() as program:
        headers = {"authorization": f"Bearer {token}"}
        return (await program.get("/api/v1/me", headers=headers)).status_code


async def test_a_token_speaks_for_its_operator_and_only_its_hash_is_kept(desk: Desk) -> None:
    async with desk.signed_in("阿原", OPERATOR, verticals=["美妆"]) as browser:
        token = await token_of(browser)
        mine = (await browser.get("/me")).text
        assert "库存同步" in mine
        assert token not in mine
    async with desk.signed_in("小林", ADMIN) as admin:
        theirs = desk.add("阿原", OPERATOR, verticals=["美妆"])
        assert "库存同步" in (await admin.get(f"/operators/{theirs}")).text
    async with desk.client() as program:
        answer = await program.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
    assert answer.json() == {
        "name": "阿原", "role": "operator", "verticals": ["美妆"], "tags": None
    }  # fmt: skip
    with database.reading(desk.engine) as session:
        kept = session.connection().execute(database.table(ApiToken).select()).all()
    assert token not in str(kept)


async def test_neither_a_cookie_nor_a_wrong_token_opens_the_api(desk: Desk) -> None:
    async with desk.signed_in("阿原", OPERATOR) as browser:
        assert (await browser.get("/api/v1/me")).status_code == 401
    assert await asked(desk, "qy_wrong") == 401
    assert await asked(desk, "") == 401


async def test_a_token_without_the_scope_is_refused(desk: Desk) -> None:
    async with desk.signed_in("阿原", OPERATOR) as browser:
        assert await asked(desk, await token_of(browser, scopes="write")) == 403


async def test_a_token_ends_by_its_day(desk: Desk) -> None:
    async with desk.signed_in("阿原", OPERATOR) as browser:
        token = await token_of(browser, days=30)
    desk.now += dt.timedelta(days=29)
    assert await asked(desk, token) == 200
    desk.now += dt.timedelta(days=1)
    assert await asked(desk, token) == 401


async def test_its_owner_and_an_admin_revoke_a_token_and_nobody_else(desk: Desk) -> None:
    async with (
        desk.signed_in("阿原", OPERATOR) as owner,
        desk.signed_in("别人", APPROVER) as other,
        desk.signed_in("小林", ADMIN) as admin,
    ):
        first, second = await token_of(owner), await token_of(owner)
        assert (await other.post("/me/tokens/1/revoke")).status_code == 404
        assert (await owner.post("/me/tokens/1/revoke")).status_code == 303
        assert (await admin.post("/me/tokens/2/revoke")).status_code == 303
    assert [await asked(desk, each) for each in (first, second)] == [401, 401]


@pytest.mark.parametrize(
    "given", [{"name": ""}, {"scopes": "all"}, {"scopes": []}, {"days": "0"}, {"days": "367"}]
)
async def test_a_token_without_purpose_scope_or_end_is_refused(
    desk: Desk, given: dict[str, str]
) -> None:
    whole = {"name": "同步", "scopes": "read", "days": "30"}
    async with desk.signed_in("阿原", OPERATOR) as browser:
        answer = await browser.post("/me/tokens", data=whole | given)
    assert answer.status_code == 422
