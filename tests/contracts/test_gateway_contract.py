"""What every gateway promises, each one run through the same sentences."""

from __future__ import annotations

import asyncio

import pytest

from bot import errors, gateway
from tests.contracts.conftest import ROOM, Community


@pytest.fixture(params=["simulated", "wechat"])
def community(request: pytest.FixtureRequest) -> Community:
    """Every implementation in turn, logged in."""
    found: Community = request.getfixturevalue(request.param)
    return found


async def test_the_stream_opens_with_the_account_that_is_logged_in(community: Community) -> None:
    [opened] = [event for event in community.reader.seen if isinstance(event, gateway.LoggedIn)]
    assert opened.me == gateway.Person(community.me, "群运助手")
    assert opened.at.tzinfo is not None


async def test_rooms_are_listed_with_topic_and_owner(community: Community) -> None:
    rooms = await community.account.rooms()
    assert [room.id for room in rooms] == [f"room{number}@chatroom" for number in (1, 2, 3)]
    assert rooms[0] == gateway.RoomListing(ROOM, "测试 1 群", "wxid_1_1")


async def test_members_are_listed_with_names_and_ourselves(community: Community) -> None:
    members = await community.account.members(ROOM)
    assert members[0] == gateway.Person(community.me, "群运助手")
    assert members[1:] == [
        gateway.Person(f"wxid_1_{number}", f"成员1-{number}") for number in range(1, 6)
    ]


async def test_an_unknown_room_has_no_members(community: Community) -> None:
    assert await community.account.members("nowhere@chatroom") == []


async def test_what_people_say_arrives_in_order_as_they_said_it(community: Community) -> None:
    ids = [
        await community.say("wxid_1_1", "早上好"),
        await community.say("wxid_1_2", "@成员1-1\u2005你好", mentions=("wxid_1_1",)),
        await community.say("wxid_1_3", "", type="image"),
        await community.say("wxid_1_1", ""),
    ]
    heard = [await community.reader.until(gateway.Said) for _ in ids]
    assert [said.id for said in heard] == ids
    assert [said.type for said in heard] == ["text", "text", "image", "text"]
    assert [said.text for said in heard] == ["早上好", "@成员1-1\u2005你好", None, ""]
    assert [said.mentions for said in heard] == [(), ("wxid_1_1",), (), ()]
    first = heard[0]
    assert (first.room, first.topic, first.sender, first.name) == (
        ROOM,
        "测试 1 群",
        "wxid_1_1",
        "成员1-1",
    )
    assert first.account == community.account.account
    assert not first.own
    assert first.at.utcoffset() is not None
    assert first.at.microsecond == 0


async def test_people_come_and_go_and_rooms_are_renamed(community: Community) -> None:
    await community.join("wxid_new", "新成员")
    joined = await community.reader.until(gateway.Joined)
    assert (joined.room, joined.people) == (ROOM, (gateway.Person("wxid_new", "新成员"),))
    assert "wxid_new" in {person.id for person in await community.account.members(ROOM)}

    await community.leave("wxid_new")
    left = await community.reader.until(gateway.Left)
    assert (left.room, [person.id for person in left.people]) == (ROOM, ["wxid_new"])
    assert "wxid_new" not in {person.id for person in await community.account.members(ROOM)}

    await community.topic("新群名")
    renamed = await community.reader.until(gateway.TopicChanged)
    assert (renamed.room, renamed.topic) == (ROOM, "新群名")
    await community.say("wxid_1_1", "改名啦")
    assert (await community.reader.until(gateway.Said)).topic == "新群名"


async def test_a_post_returns_its_id_and_comes_back_as_our_own(community: Community) -> None:
    post = gateway.Post(ROOM, "明天见", mentions=("wxid_1_1", "wxid_1_2"))
    id = await community.account.send(post)
    echo = await community.reader.until(gateway.Said)
    assert id is not None
    assert (echo.id, echo.room, echo.sender, echo.own) == (id, ROOM, community.me, True)
    assert echo.text == "@成员1-1\u2005@成员1-2\u2005明天见"
    assert echo.mentions == ("wxid_1_1", "wxid_1_2")


async def test_a_picture_is_posted_byte_for_byte(community: Community) -> None:
    picture = gateway.Image("card.png", bytes(range(256)) * 4096)
    id = await community.account.send(gateway.Post(ROOM, image=picture))
    echo = await community.reader.until(gateway.Said)
    assert (echo.id, echo.type, echo.text, echo.own) == (id, "image", None, True)
    assert await community.images() == [len(picture.content)]


async def test_a_refusal_says_why(community: Community) -> None:
    await community.refuse("你已被移出群聊")
    with pytest.raises(errors.SendRefused, match="你已被移出群聊") as refused:
        await community.account.send(gateway.Post(ROOM, "在吗"))
    assert not refused.value.throttled


async def test_a_refusal_that_smells_of_risk_control_is_marked(community: Community) -> None:
    await community.refuse("操作过于频繁,请稍后再试")
    with pytest.raises(errors.SendRefused) as refused:
        await community.account.send(gateway.Post(ROOM, "在吗"))
    assert refused.value.throttled


async def test_a_send_without_an_answer_is_uncertain(community: Community) -> None:
    await community.silence()
    with pytest.raises(errors.SendUncertain):
        await community.account.send(gateway.Post(ROOM, "在吗"))


async def test_a_post_can_be_taken_back_once(community: Community) -> None:
    id = await community.account.send(gateway.Post(ROOM, "说错了"))
    assert id is not None
    await community.reader.until(gateway.Said)
    assert await community.account.recall(ROOM, id)
    recall = await community.reader.until(gateway.Said)
    assert (recall.type, recall.recalls, recall.text) == ("recall", id, None)
    assert not await community.account.recall(ROOM, id)
    assert not await community.account.recall(ROOM, "unknown")


async def test_a_logout_shows_as_a_gap_and_nothing_is_handed_over_in_it(
    community: Community,
) -> None:
    await community.log_out("在别处登录")
    out = await community.reader.until(gateway.LoggedOut)
    assert "在别处登录" in out.reason
    with pytest.raises(errors.GatewayUnavailable):
        await community.account.send(gateway.Post(ROOM, "在吗"))
    await community.log_in()
    back = await community.reader.until(gateway.LoggedIn)
    assert back.me.id == community.me
    assert await community.account.send(gateway.Post(ROOM, "回来了")) is not None


async def test_a_reader_that_stops_waiting_loses_nothing(community: Community) -> None:
    events = community.account.events()
    waiting = asyncio.ensure_future(anext(aiter(events)))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    await asyncio.wait([waiting])
    id = await community.say("wxid_1_1", "还在吗")
    assert (await community.reader.until(gateway.Said)).id == id


async def test_close_ends_the_stream_and_can_be_repeated(community: Community) -> None:
    await community.account.close()
    await community.account.close()
    with pytest.raises(StopAsyncIteration):
        await anext(aiter(community.account.events()))
    with pytest.raises(errors.GatewayUnavailable):
        await community.account.send(gateway.Post(ROOM, "在吗"))
    current = asyncio.current_task()
    assert [task for task in asyncio.all_tasks() if task is not current] == []
