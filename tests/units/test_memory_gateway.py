"""The community in memory misbehaves as it is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot import errors, gateway
from bot.gateways import memory

ROOM, OTHER = "room1@chatroom", "room2@chatroom"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def community() -> memory.MemoryGateway:
    """Two rooms, one person in the first."""
    made = memory.MemoryGateway("demo", clock=lambda: NOW)
    made.add_room(ROOM, "宝妈 1 群", [gateway.Person("wxid_a", "小雨妈")])
    made.add_room(OTHER, "宝妈 2 群")
    return made


async def heard(community: memory.MemoryGateway) -> list[gateway.Event]:
    """Everything in the stream, which ends it."""
    await community.close()
    return [event async for event in community.events()]


async def test_a_fault_can_be_limited_to_a_room_and_a_number_of_sends(
    community: memory.MemoryGateway,
) -> None:
    community.refuse("你已被移出群聊", room=ROOM, times=1)
    with pytest.raises(errors.SendRefused):
        await community.send(gateway.Post(ROOM, "早"))
    assert await community.send(gateway.Post(OTHER, "早")) == "m1"
    assert await community.send(gateway.Post(ROOM, "早")) == "m2"
    assert [sent.room for sent in community.sent] == [OTHER, ROOM]


async def test_an_unanswered_post_arrives_or_not_as_told(community: memory.MemoryGateway) -> None:
    community.time_out(arrives=False, times=1)
    community.time_out(times=1)
    for _ in range(2):
        with pytest.raises(errors.SendUncertain):
            await community.send(gateway.Post(ROOM, "早"))
    assert len(community.sent) == 1
    echoes = [event for event in await heard(community) if isinstance(event, gateway.Said)]
    assert [(echo.id, echo.own) for echo in echoes] == [("m1", True)]


async def test_out_of_reach_means_that_nothing_was_handed_over_until_recovery(
    community: memory.MemoryGateway,
) -> None:
    community.be_unavailable()
    with pytest.raises(errors.GatewayUnavailable):
        await community.send(gateway.Post(ROOM, "早"))
    assert community.sent == []
    community.recover()
    assert await community.send(gateway.Post(ROOM, "早")) == "m1"


async def test_what_was_posted_can_be_seen_whatever_it_was(
    community: memory.MemoryGateway,
) -> None:
    link = gateway.Link("双11会场", "https://example.com/11")
    program = gateway.MiniProgram("wx0123456789abcdef", "拼团")
    picture = gateway.Image("card.png", b"png")
    await community.send(gateway.Post(ROOM, "早", mentions=("wxid_a",), mention_all=True))
    await community.send(gateway.Post(ROOM, image=picture, mention_all=True))
    await community.send(gateway.Post(ROOM, link=link))
    await community.send(gateway.Post(ROOM, mini_program=program))
    assert [sent.type for sent in community.sent] == ["text", "image", "link", "mini_program"]
    assert [sent.text for sent in community.sent] == [
        "@所有人\u2005@小雨妈\u2005早",
        "",
        "",
        "",
    ]
    # Everyone is called by a text alone.
    assert [sent.mention_all for sent in community.sent] == [True, False, False, False]
    assert [(sent.image, sent.link, sent.mini_program) for sent in community.sent[1:]] == [
        (picture, None, None),
        (None, link, None),
        (None, None, program),
    ]
    echoes = [event for event in await heard(community) if isinstance(event, gateway.Said)]
    assert [echo.type for echo in echoes] == ["text", "image", "link", "mini_program"]


def test_capabilities_survive_being_stored() -> None:
    for capabilities in (
        memory.EVERYTHING,
        gateway.Capabilities(gateway.Read.ARCHIVE, gateway.Posting.CONFIRM),
        gateway.Capabilities(
            gateway.Read.ALL,
            gateway.Posting.DIRECT,
            replay=True,
            largest_image=2_000_000,
            posts_per_room_month=30,
        ),
    ):
        stored = json.dumps(gateway.capabilities_as_json(capabilities))
        assert gateway.capabilities_from_json(json.loads(stored)) == capabilities


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"read": "telepathy", "post": None, "links": "yes", "holograms": True},
        {"read": ["all"], "largest_image": True, "posts_per_room_month": "30"},
    ],
)
def test_stored_capabilities_that_are_missing_or_unreadable_promise_least(
    raw: dict[str, object],
) -> None:
    assert gateway.capabilities_from_json(raw) == gateway.Capabilities(
        gateway.Read.NONE, gateway.Posting.CONFIRM
    )


async def test_echoes_can_be_dropped(community: memory.MemoryGateway) -> None:
    community.echoes = False
    await community.send(gateway.Post(ROOM, "早"))
    assert [type(event) for event in await heard(community)] == [gateway.LoggedIn]


async def test_what_is_said_while_the_account_is_out_is_never_heard(
    community: memory.MemoryGateway,
) -> None:
    community.log_out("在别处登录")
    community.say(ROOM, "wxid_a", "有人吗")
    community.log_in()
    kinds = [type(event) for event in await heard(community)]
    assert kinds == [gateway.LoggedIn, gateway.LoggedOut, gateway.LoggedIn]


async def test_a_room_we_are_removed_from_is_gone(community: memory.MemoryGateway) -> None:
    community.leave(ROOM, community.me)
    assert [room.id for room in await community.rooms()] == [OTHER]
    with pytest.raises(errors.SendRefused):
        await community.send(gateway.Post(ROOM, "早"))


async def test_a_restarted_community_goes_on_counting() -> None:
    again = memory.MemoryGateway("demo", clock=lambda: NOW, first=100)
    again.add_room(ROOM, "宝妈 1 群")
    assert again.say(ROOM, "wxid_a", "早").id == "m100"
