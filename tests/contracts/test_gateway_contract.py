"""What every gateway promises, each one run through the same sentences."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot import errors, gateway
from tests.contracts.conftest import ROOM, Community


@pytest.fixture(params=["simulated", "wechat"])
def community(request: pytest.FixtureRequest) -> Community:
    """Every implementation in turn, logged in."""
    found: Community = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["text_only_simulated", "text_only_wechat"])
def text_only(request: pytest.FixtureRequest) -> Community:
    """Every implementation in turn, able to post text alone, logged in."""
    found: Community = request.getfixturevalue(request.param)
    return found


LINK = gateway.Link(
    "双11会场", "https://shop.example.com/11?a=1&b=2", "今晚八点开抢", "https://example.com/11.png"
)
MINI_PROGRAM = gateway.MiniProgram(
    "wx0123456789abcdef", "拼团小程序", "pages/group/index?id=7", "https://example.com/mini.png"
)
PICTURE = gateway.Image("card.png", b"\x89PNG")
EVERY_KIND = (
    gateway.Post(ROOM, "在吗"),
    gateway.Post(ROOM, image=PICTURE),
    gateway.Post(ROOM, link=LINK),
    gateway.Post(ROOM, mini_program=MINI_PROGRAM),
)


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


async def test_a_picture_above_the_limit_is_refused_before_it_is_handed_over(
    community: Community,
) -> None:
    largest = community.account.capabilities.largest_image
    assert largest is not None
    picture = gateway.Image("huge.png", bytes(largest + 1))
    with pytest.raises(errors.SendRefused, match=r"图片有 3\.1 MB,超过通道的 3 MB 上限"):
        await community.account.send(gateway.Post(ROOM, image=picture))
    assert await community.images() == []
    picture = replace(picture, content=bytes(largest))
    assert await community.account.send(gateway.Post(ROOM, image=picture)) is not None
    assert await community.images() == [largest]


@pytest.mark.parametrize(
    "link", [LINK, gateway.Link("会场", "https://example.com")], ids=["full", "bare"]
)
async def test_a_link_is_posted_whole_and_comes_back_with_title_and_address(
    community: Community, link: gateway.Link
) -> None:
    id = await community.account.send(gateway.Post(ROOM, link=link))
    echo = await community.reader.until(gateway.Said)
    assert id is not None
    assert (echo.id, echo.room, echo.type, echo.own) == (id, ROOM, "link", True)
    assert echo.text == f"{link.title}\n{link.url}"
    assert await community.cards() == [link]


@pytest.mark.parametrize(
    "mini_program",
    [MINI_PROGRAM, gateway.MiniProgram("gh_0123456789ab@app", "拼团")],
    ids=["by appid", "by user name"],
)
async def test_a_mini_program_is_posted_whole_and_comes_back_as_our_own(
    community: Community, mini_program: gateway.MiniProgram
) -> None:
    id = await community.account.send(gateway.Post(ROOM, mini_program=mini_program))
    echo = await community.reader.until(gateway.Said)
    assert id is not None
    assert (echo.id, echo.type, echo.text, echo.own) == (id, "mini_program", None, True)
    assert await community.cards() == [mini_program]


async def test_the_stream_goes_on_after_the_echo_of_every_kind(community: Community) -> None:
    ids = [await community.account.send(post) for post in EVERY_KIND]
    ids.append(await community.say("wxid_1_1", "看到啦"))
    heard = [await community.reader.until(gateway.Said) for _ in ids]
    assert [said.id for said in heard] == ids
    types = ["text", "image", "link", "mini_program", "text"]
    assert [said.type for said in heard] == types
    assert [said.own for said in heard] == [True] * 4 + [False]


async def test_everyone_is_called_where_the_gateway_can_and_the_text_goes_out_anyway(
    community: Community,
) -> None:
    called = "@所有人\u2005" if community.account.capabilities.mention_all else ""
    await _posts_to_everyone(community, f"{called}@成员1-1\u2005明天见")


async def test_everyone_is_not_called_where_the_gateway_cannot(text_only: Community) -> None:
    await _posts_to_everyone(text_only, "@成员1-1\u2005明天见")


async def _posts_to_everyone(community: Community, seen: str) -> None:
    post = gateway.Post(ROOM, "明天见", mentions=("wxid_1_1",), mention_all=True)
    id = await community.account.send(post)
    echo = await community.reader.until(gateway.Said)
    assert (echo.id, echo.text, echo.mentions) == (id, seen, ("wxid_1_1",))
    assert await community.texts() == [seen]


async def test_what_the_gateway_cannot_send_is_refused_before_it_is_handed_over(
    text_only: Community,
) -> None:
    text, *others = EVERY_KIND
    for post, kind in zip(others, ("图片", "链接卡片", "小程序卡片"), strict=True):
        with pytest.raises(errors.SendRefused, match=f"不能发{kind}"):
            await text_only.account.send(post)
    assert await text_only.images() == []
    assert await text_only.cards() == []
    assert await text_only.account.send(text) is not None


async def test_a_post_with_several_things_or_with_none_is_refused(community: Community) -> None:
    for post, problem in (
        (gateway.Post(ROOM, "看图", image=PICTURE), "不止一样内容"),
        (gateway.Post(ROOM, link=LINK, mini_program=MINI_PROGRAM), "不止一样内容"),
        (gateway.Post(ROOM, mentions=("wxid_1_1",), mention_all=True), "消息是空的"),
    ):
        with pytest.raises(errors.SendRefused, match=problem):
            await community.account.send(post)
    assert await community.texts() == []
    assert await community.images() == []
    assert await community.cards() == []


async def test_a_refusal_says_why_whatever_was_posted(community: Community) -> None:
    await community.refuse("你已被移出群聊")
    for post in EVERY_KIND:
        with pytest.raises(errors.SendRefused, match="你已被移出群聊") as refused:
            await community.account.send(post)
        assert not refused.value.throttled


async def test_a_refusal_that_smells_of_risk_control_is_marked(community: Community) -> None:
    await community.refuse("操作过于频繁,请稍后再试")
    with pytest.raises(errors.SendRefused) as refused:
        await community.account.send(gateway.Post(ROOM, "在吗"))
    assert refused.value.throttled


async def test_a_send_without_an_answer_is_uncertain_whatever_was_posted(
    community: Community,
) -> None:
    await community.silence()
    # All at once, so that the time limit is waited for once.
    sending = [community.account.send(post) for post in EVERY_KIND]
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(answer) for answer in answers] == [errors.SendUncertain] * 4


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
