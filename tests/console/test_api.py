"""The HTTP interface: what programs read and change, page by page, in the scope of their token."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from sqlalchemy import select

from bot import database
from bot.models import Delivery, DeliveryKind, DeliveryState, OperatorRole, Room
from tests.console.conftest import Desk
from tests.console.test_tokens import token_of

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
SERIES = {
    "name": "问题解答日",
    "kind": "问题解答日",
    "starts": "2026-11-24",
    "ends": "2026-12-30",
    "recurrence": {"weekly": ["wed"]},
    "at": "20:00",
    "audience": {"verticals": ["宝妈育儿"]},
    "steps": [{"name": "开场", "text": "今晚八点，老师在群里答疑"}],
}


@asynccontextmanager
async def program(
    desk: Desk, role: OperatorRole = ADMIN, name: str = "小林", **scope: list[str]
) -> AsyncIterator[httpx.AsyncClient]:
    """A program with a token to read and write as somebody."""
    async with desk.signed_in(name, role, **scope) as browser:
        token = await token_of(browser, scopes="write")
        answer = await browser.post(
            "/me/tokens", data={"name": "程序", "scopes": ["read", "write"], "days": "30"}
        )
        token = answer.text.split('value="qy_')[1].split('"')[0]
    async with desk.client(authorization=f"Bearer qy_{token}") as client:
        yield client


async def test_pages_of_rooms_neither_lose_nor_repeat_one(desk: Desk) -> None:
    desk.rooms(7)
    async with program(desk) as client:
        seen: list[int] = []
        cursor: str | None = ""
        for _ in range(4):
            answer = (
                await client.get("/api/v1/rooms", params={"limit": 2, "cursor": cursor})
            ).json()
            seen += [room["id"] for room in answer["items"]]
            cursor = answer["next"]
        assert cursor is None
    assert len(seen) == len(set(seen)) == 7


async def test_a_room_takes_exactly_the_tags_that_are_given(desk: Desk) -> None:
    desk.rooms(1)
    async with program(desk) as client:
        room = (await client.get("/api/v1/rooms")).json()["items"][0]
        for _ in range(2):
            changed = await client.patch(
                f"/api/v1/rooms/{room['id']}", json={"tags": ["上海", "试点"], "vertical": "美妆"}
            )
            assert changed.status_code == 200, changed.text
            assert changed.json()["tags"] == sorted(["上海", "试点"])
            assert changed.json()["vertical"] == "美妆"


async def test_what_is_out_of_scope_is_not_there(desk: Desk) -> None:
    desk.rooms(1)
    async with program(desk, OPERATOR, "阿原", verticals=["美妆"]) as client:
        assert (await client.get("/api/v1/rooms")).json()["items"] == []
        assert (await client.get("/api/v1/rooms/1")).status_code == 404
        assert (await client.patch("/api/v1/rooms/1", json={"tags": []})).status_code == 404
        assert (await client.put("/api/v1/series/qa", json={"series": SERIES})).status_code == 403


async def test_a_series_is_put_submitted_and_approved_by_its_version(desk: Desk) -> None:
    desk.rooms(2)
    async with program(desk) as client:
        made = await client.put("/api/v1/series/qa", json={"series": SERIES})
        assert made.status_code == 200, made.text
        assert made.json()["state"] == "draft"
        version = made.json()["version"]
        again = await client.put("/api/v1/series/qa", json={"series": made.json()["series"]})
        assert again.json()["version"] == version, "the same again changes nothing"
        other = {**SERIES, "name": "答疑日"}
        changed = await client.put("/api/v1/series/qa", json={"series": other, "version": version})
        assert changed.status_code == 200, changed.text
        late = await client.put("/api/v1/series/qa", json={"series": SERIES, "version": version})
        assert late.status_code == 409
        asked = await client.post("/api/v1/series/qa/submit")
        assert asked.json()["state"] == "in_review"
        version = asked.json()["version"]
    async with program(desk, APPROVER, "晓雯") as client:
        done = await client.post("/api/v1/series/qa/approve", json={"version": version})
        assert done.status_code == 200, done.text
        assert done.json()["state"] == "approved"
        assert done.json()["approved_by"] == "晓雯"


async def test_a_wrong_series_is_told_with_a_remedy(desk: Desk) -> None:
    async with program(desk) as client:
        answer = await client.put("/api/v1/series/qa", json={"series": {"name": "缺很多"}})
    assert answer.status_code == 422
    assert "remedy" in answer.text


async def test_a_cursor_of_somebody_else_is_refused(desk: Desk) -> None:
    async with program(desk) as client:
        for path in ("rooms", "series", "deliveries"):
            for cursor in ("x", "W10", "WzFd!", "WyJhIiwtMV0", "WzEuNV0"):
                answer = await client.get(f"/api/v1/{path}", params={"cursor": cursor})
                assert answer.status_code in {200, 422}, f"{path} {cursor}"
            assert (await client.get(f"/api/v1/{path}?cursor=!!")).status_code == 422


async def test_odd_input_is_refused_and_never_breaks(desk: Desk) -> None:
    async with program(desk) as client:
        for path in (
            "/api/v1/rooms?search=%00",
            "/api/v1/rooms/99999999999999999999",
            "/api/v1/deliveries?since=0001-01-01T00:00:00%2B14:00",
            "/api/v1/deliveries?series=%00",
            "/api/v1/deliveries?room_id=-1",
            "/api/v1/series/%00",
            "/api/v1/deliveries?limit=0",
        ):
            assert (await client.get(path)).status_code in {404, 422}, path


def put_deliveries(desk: Desk, *states: DeliveryState) -> None:
    """One delivery a state, all due at one moment."""
    room = database.table(Room)
    with database.transaction(desk.engine) as session:
        first = session.connection().scalar(select(room.c.id).limit(1)) or 0
        for number, state in enumerate(states):
            session.add(
                Delivery(
                    key=f"post:{number}", kind=DeliveryKind.POST, state=state, room_id=first,
                    text="今晚答疑", planned_at=desk.now, due_at=desk.now,
                    expires_at=desk.now + dt.timedelta(hours=2), sending_at=desk.now,
                )
            )  # fmt: skip


async def test_pages_of_deliveries_neither_lose_nor_repeat_what_is_due_at_once(desk: Desk) -> None:
    desk.rooms(1)
    put_deliveries(desk, *[DeliveryState.PENDING] * 5)
    async with program(desk) as client:
        seen: list[int] = []
        cursor: str | None = ""
        for _ in range(3):
            params: dict[str, str | int | None] = {"limit": 2, "cursor": cursor}
            answer = (await client.get("/api/v1/deliveries", params=params)).json()
            seen += [each["id"] for each in answer["items"]]
            cursor = answer["next"]
        assert cursor is None
        late = {"since": (desk.now + dt.timedelta(seconds=1)).isoformat()}
        assert (await client.get("/api/v1/deliveries", params=late)).json()["items"] == []
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5


async def test_deliveries_are_settled_cancelled_and_taken_back_by_the_outbox(desk: Desk) -> None:
    desk.rooms(1)
    put_deliveries(desk, DeliveryState.UNCERTAIN, DeliveryState.PENDING, DeliveryState.SENT)
    async with program(desk) as client:
        items = (await client.get("/api/v1/deliveries")).json()["items"]
        sent, pending, uncertain = (f"/api/v1/deliveries/{each['id']}" for each in items)
        settled = await client.post(f"{uncertain}/settle", json={"decision": "sent"})
        assert settled.json()["state"] == "sent"
        assert settled.json()["text"] == "今晚答疑"
        again = await client.post(f"{uncertain}/settle", json={"decision": "sent"})
        assert again.status_code == 409
        assert (await client.post(f"{pending}/cancel")).json()["state"] == "cancelled"
        assert (await client.post(f"{pending}/cancel")).status_code == 409
        # The platform gave no number for it.
        assert (await client.post(f"{sent}/recall")).status_code == 422


async def test_deliveries_out_of_scope_are_not_there(desk: Desk) -> None:
    desk.rooms(1)
    put_deliveries(desk, DeliveryState.UNCERTAIN)
    async with program(desk, OPERATOR, "阿原", verticals=["美妆"]) as client:
        assert (await client.get("/api/v1/deliveries")).json()["items"] == []
        assert (await client.get("/api/v1/deliveries/1")).status_code == 404
        settled = await client.post("/api/v1/deliveries/1/settle", json={"decision": "sent"})
        assert settled.status_code == 404
