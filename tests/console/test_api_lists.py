"""Lists for programs: engagement, orders and attribution say the same as the exports."""

from typing import Any

import httpx
import pytest

from bot import database, exports
from bot.insights import attributing
from bot.models import OperatorRole
from bot.orders import lines
from tests.console.conftest import NOW, Desk
from tests.console.test_api import program
from tests.console.test_orders import shop
from tests.saying import SHANGHAI, local

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
SINCE = {"since": "2026-11-01T00:00:00Z"}
EVER = (local("2026-01-01 00:00"), local("2027-01-01 00:00"))
LISTS = ("/api/v1/engagement", "/api/v1/orders", "/api/v1/attribution")
assert shop  # the fixture, which pytest finds here


async def everything(client: httpx.AsyncClient, path: str, **given: Any) -> list[dict[str, Any]]:
    """Every row of a list, one a page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(path, params={"limit": 1, "cursor": cursor, **given})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next"]
    return found


async def test_engagement_says_what_the_export_says(shop: Desk) -> None:
    with database.reading(shop.engine) as session:
        wanted = [tuple(row) for row in exports.engagement(session, None, None)]
    async with program(shop) as client:
        found = await everything(client, "/api/v1/engagement")
    assert len(wanted) > 1
    cells = [tuple(str(row[name]) for name in exports.ENGAGEMENT) for row in found]
    assert sorted(cells) == sorted(tuple(map(str, row)) for row in wanted)


async def test_orders_say_what_the_export_says(shop: Desk) -> None:
    with database.reading(shop.engine) as session:
        wanted = list(lines.order_rows(session, *EVER, NOW, SHANGHAI))
    async with program(shop) as client:
        found = await everything(client, "/api/v1/orders", **SINCE)
        assert await everything(client, "/api/v1/orders", until="2026-11-01T00:00:00Z") == []
        (one,) = await everything(client, "/api/v1/orders", order_id="A100")
    assert one["amount"] == 123_456
    assert [row["order_id"] for row in found] == ["B200", "A100"]
    assert {(row["order_id"], row["sku"], row["final"]) for row in found} == {
        (row[0], row[2], row[-1] == "true") for row in wanted
    }


async def test_attribution_says_what_the_export_says(shop: Desk) -> None:
    with database.reading(shop.engine) as session:
        wanted = list(attributing.attribution_rows(session, *EVER, SHANGHAI))
    names = ("order_id", "label", "message_id", "ppm_organic", "ppm_promo", "ppm_base")
    places = [attributing.EXPORT.index(name) for name in names]
    async with program(shop) as client:
        found = await everything(client, "/api/v1/attribution", **SINCE)
        organic = await everything(client, "/api/v1/attribution", label="organic", **SINCE)
    assert {tuple(row[name] or "" for name in names) for row in found} == {
        tuple(row[place] or "" for place in places) for row in wanted
    }
    assert [row["order_id"] for row in organic] == ["A100"]
    assert organic[0]["room"]


@pytest.mark.parametrize(("vertical", "orders"), [("宝妈育儿", ["A100"]), ("美妆", [])])
async def test_a_token_for_some_rooms_reads_what_belongs_to_these(
    shop: Desk, vertical: str, orders: list[str]
) -> None:
    async with program(shop, OPERATOR, "阿原", verticals=[vertical]) as client:
        for path in LISTS[1:]:
            assert [row["order_id"] for row in await everything(client, path, **SINCE)] == orders
        assert bool(await everything(client, LISTS[0])) is bool(orders)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "given",
    [
        {"cursor": "x"},
        {"since": "yesterday"},
        {"since": "0001-01-01"},
        {"limit": "0"},
        {"until": "9999-12-31T23:59:59+00:00"},
    ],
)
async def test_odd_questions_are_refused(desk: Desk, path: str, given: dict[str, str]) -> None:
    async with program(desk) as client:
        answer = await client.get(path, params=given)
    assert answer.status_code == 422
    assert answer.json()["detail"]
