"""A real puppet-service gateway that is down, killed, frozen, taken or flooded."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from bot import errors, gateway, gateways
from bot.bench import node_gateway
from bot.gateways import wechaty, wechaty_link
from tests.contracts.conftest import CALM, ROOM, NodeCommunity, Reader, now, require_node


async def test_a_gateway_that_is_down_at_the_start_is_waited_for(
    own_node: node_gateway.NodeGateway,
) -> None:
    own_node.kill()
    community = NodeCommunity(own_node)
    out = await community.reader.until(gateway.LoggedOut)
    assert out.reason == "通道连不上"
    with pytest.raises(errors.GatewayUnavailable):
        await community.account.send(gateway.Post(ROOM, "在吗"))
    await own_node.start()
    await community.reader.until(gateway.LoggedIn)
    assert await community.account.send(gateway.Post(ROOM, "在的")) is not None
    await community.account.close()


async def test_an_outage_is_told_once_however_often_we_try(
    own_node: node_gateway.NodeGateway,
) -> None:
    own_node.kill()
    async with _hanging_up(own_node) as callers:
        community = NodeCommunity(own_node)
        community.account.events()
        for _ in range(4):
            await asyncio.wait_for(callers.get(), 20)
    await own_node.start()
    await community.reader.until(gateway.LoggedIn)
    reasons = [e.reason for e in community.reader.seen if isinstance(e, gateway.LoggedOut)]
    assert all(reason != before for before, reason in pairwise(reasons))
    assert 1 <= len(reasons) < 4
    await community.account.close()


async def test_a_killed_gateway_shows_as_a_gap_and_comes_back(own_wechat: NodeCommunity) -> None:
    before = await own_wechat.say("wxid_1_1", "之前")
    await own_wechat.reader.until(gateway.Said)
    own_wechat.node.kill()
    await own_wechat.reader.until(gateway.LoggedOut)
    with pytest.raises(errors.GatewayUnavailable):
        await own_wechat.account.send(gateway.Post(ROOM, "在吗"))
    await own_wechat.node.start(first=100)
    await own_wechat.reader.until(gateway.LoggedIn)
    after = await own_wechat.say("wxid_1_1", "之后")
    assert (await own_wechat.reader.until(gateway.Said)).id == after == "m100"
    assert before == "m1"


async def test_a_frozen_gateway_is_noticed_and_rejoined(own_wechat: NodeCommunity) -> None:
    own_wechat.node.freeze()
    await own_wechat.reader.until(gateway.LoggedOut)
    own_wechat.node.thaw()
    await own_wechat.reader.until(gateway.LoggedIn)
    assert await own_wechat.account.send(gateway.Post(ROOM, "醒了")) is not None


async def test_a_send_into_a_freeze_is_uncertain(own_node: node_gateway.NodeGateway) -> None:
    # Pings are rarer than the send's limit here, so that the send meets the freeze first.
    account = wechaty.WechatyGateway(*own_node.address, clock=now, rng=_rng(), patience=CALM)
    await Reader(account).until(gateway.LoggedIn)
    own_node.freeze()
    with pytest.raises(errors.SendUncertain):
        await account.send(gateway.Post(ROOM, "在吗"))
    own_node.thaw()
    await account.close()


async def test_a_kill_during_a_send_is_uncertain(own_wechat: NodeCommunity) -> None:
    account = wechaty.WechatyGateway(
        *own_wechat.node.address, clock=now, rng=_rng(), patience=replace(CALM, send=60)
    )
    await own_wechat.account.close()
    await Reader(account).until(gateway.LoggedIn)
    await own_wechat.silence()
    sending = asyncio.ensure_future(account.send(gateway.Post(ROOM, "在吗")))
    while not (await own_wechat.node.ask("sent"))["list"]:
        pass
    own_wechat.node.kill()
    with pytest.raises(errors.SendUncertain):
        await sending
    await account.close()


async def test_a_slow_send_is_uncertain_and_its_echo_still_comes(wechat: NodeCommunity) -> None:
    await wechat.node.ask("behave", slow=4)
    with pytest.raises(errors.SendUncertain):
        await wechat.account.send(gateway.Post(ROOM, "慢慢来"))
    echo = await wechat.reader.until(gateway.Said)
    assert (echo.own, echo.text) == (True, "慢慢来")


async def test_a_refused_send_is_handed_over_exactly_once(wechat: NodeCommunity) -> None:
    await wechat.node.ask("behave", refuse="request timed out")
    with pytest.raises(errors.SendUncertain):
        await wechat.account.send(gateway.Post(ROOM, "在吗"))
    await wechat.node.ask("behave", refuse=None)
    assert (await wechat.node.ask("attempts")) == {"sends": 1}


async def test_what_is_too_large_is_refused_before_it_is_handed_over(
    wechat: NodeCommunity,
) -> None:
    for post in (
        gateway.Post(ROOM, "长" * 1_400_000),
        gateway.Post(ROOM, link=gateway.Link("长" * 1_400_000, "https://example.com")),
        gateway.Post(ROOM, image=gateway.Image("名" * 100_000, bytes(3_000_000))),
    ):
        with pytest.raises(errors.SendRefused, match="4 MB"):
            await wechat.account.send(post)
    with pytest.raises(errors.SendRefused, match="3 MB"):
        await wechat.account.send(
            gateway.Post(ROOM, image=gateway.Image("huge.png", bytes(3_000_001)))
        )
    assert (await wechat.node.ask("attempts")) == {"sends": 0}
    # With the longest name that a file system takes, the largest picture still fits.
    picture = gateway.Image("图" * 255, bytes(wechaty_link.LARGEST_IMAGE))
    assert await wechat.account.send(gateway.Post(ROOM, image=picture)) is not None


async def test_what_is_posted_is_on_disk_in_the_journal_with_its_content(tmp_path: Path) -> None:
    require_node()
    journal = tmp_path / "journal.jsonl"
    node = node_gateway.NodeGateway(rooms=1, members=1, journal=journal)
    await node.start()
    community = NodeCommunity(node)
    try:
        await community.reader.until(gateway.LoggedIn)
        link = gateway.Link("会场", "https://example.com")
        mini_program = gateway.MiniProgram("wx1", "拼团")
        ids = [
            await community.account.send(gateway.Post(ROOM, link=link)),
            await community.account.send(gateway.Post(ROOM, mini_program=mini_program)),
        ]
    finally:
        await community.account.close()
        node.kill()
    lines = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    posted = [line for line in lines if "sent" in line]
    assert [sorted(line) for line in posted] == [
        ["at", "link", "room", "sent"],
        ["at", "mini_program", "room", "sent"],
    ]
    assert [{key: line[key] for key in line if key != "at"} for line in posted] == [
        {"sent": ids[0], "room": ROOM, "link": {"title": "会场", "url": "https://example.com"}},
        {"sent": ids[1], "room": ROOM, "mini_program": {"appid": "wx1", "title": "拼团"}},
    ]


async def test_a_card_that_nobody_can_read_is_a_link_without_text(wechat: NodeCommunity) -> None:
    await wechat.node.ask("behave", cards=False)
    id = await wechat.account.send(
        gateway.Post(ROOM, link=gateway.Link("会场", "https://example.com"))
    )
    echo = await wechat.reader.until(gateway.Said)
    assert (echo.id, echo.type, echo.text, echo.own) == (id, "link", None, True)


async def test_a_second_client_waits_and_the_first_is_not_thrown_out(
    wechat: NodeCommunity,
) -> None:
    second = NodeCommunity(wechat.node)
    out = await second.reader.until(gateway.LoggedOut)
    assert "另一个程序" in out.reason
    id = await wechat.say("wxid_1_1", "还在")
    assert (await wechat.reader.until(gateway.Said)).id == id
    await wechat.account.close()
    await second.reader.until(gateway.LoggedIn)
    await second.account.close()


async def test_a_wrong_token_says_so_and_is_never_shown(
    node: node_gateway.NodeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    _, host, port = node.address
    account = wechaty.WechatyGateway(
        "a-secret-token", host, port, clock=now, rng=_rng(), patience=CALM
    )
    with caplog.at_level(logging.DEBUG):
        out = await Reader(account).until(gateway.LoggedOut)
    assert "令牌" in out.reason
    assert "a-secret-token" not in out.reason + account.account + caplog.text
    await account.close()


async def test_a_message_that_nobody_can_load_is_counted_and_costs_no_neighbour(
    wechat: NodeCommunity,
) -> None:
    await wechat.node.ask("say", room=ROOM, sender="wxid_1_1", text="丢了", stored=False)
    id = await wechat.say("wxid_1_1", "还在")
    assert (await wechat.reader.until(gateway.Said)).id == id
    assert wechat.wechaty.unread == 1


async def test_types_get_the_names_of_the_message_log(wechat: NodeCommunity) -> None:
    kinds = {
        "Emoticon": "emoticon",
        "MiniProgram": "mini_program",
        "RedEnvelope": "red_packet",
        "Attachment": "file",
        "Video": "video",
        "Audio": "voice",
        "Post": "post",
        "Location": "location",
    }
    for wechaty_name, ours in kinds.items():
        await wechat.node.ask("say", room=ROOM, sender="wxid_1_1", type=wechaty_name, text="<xml/>")
        said = await wechat.reader.until(gateway.Said)
        assert (said.type, said.text) == (ours, None)
    await wechat.node.ask("say", room=ROOM, sender="wxid_1_1", type="Url", text="双11会场")
    link = await wechat.reader.until(gateway.Said)
    assert (link.type, link.text) == ("link", f"双11会场\nhttps://example.com/{link.id}")


async def test_a_scan_is_asked_for_and_a_private_chat_is_not_a_room(
    wechat: NodeCommunity,
) -> None:
    await wechat.node.ask("say", room="", sender="wxid_1_1", text="私聊")
    id = await wechat.say("wxid_1_1", "群聊")
    assert (await wechat.reader.until(gateway.Said)).id == id
    await wechat.log_out("过期")
    await wechat.reader.until(gateway.LoggedOut)
    await wechat.node.ask("scan", qrcode="https://example.com/scan")
    assert "https://example.com/scan" in (await wechat.reader.until(gateway.LoggedOut)).reason


async def test_a_burst_arrives_complete_and_in_order_inside_every_room(
    node: node_gateway.NodeGateway,
) -> None:
    account = wechaty.WechatyGateway(*node.address, clock=now, rng=_rng())
    reader = Reader(account)
    await reader.until(gateway.LoggedIn)
    await node.ask("burst", messages=5000, rooms=3)
    turns = defaultdict(list)
    for _ in range(5000):
        said = await reader.until(gateway.Said)
        turns[said.room].append(int(said.text or -1))
    assert {room: heard == list(range(len(heard))) for room, heard in turns.items()} == {
        f"room{number}@chatroom": True for number in (1, 2, 3)
    }
    assert account.unread == 0
    await account.close()


async def test_a_reader_that_stands_still_keeps_few_messages_in_memory_and_the_account_in(
    wechat: NodeCommunity,
) -> None:
    await wechat.node.ask("burst", messages=2000, rooms=3)
    # The account goes on sending while nobody reads: the loads held back do not block it.
    for number in range(20):
        assert await wechat.account.send(gateway.Post(ROOM, str(number))) is not None
    loading = [task for task in asyncio.all_tasks() if "_said" in repr(task.get_coro())]
    assert len(loading) <= wechaty.IN_FLIGHT
    for _ in range(2000):
        await wechat.reader.until(gateway.Said, lambda said: not said.own)
    assert not [e for e in wechat.reader.seen if isinstance(e, gateway.LoggedOut)]


async def test_a_kill_in_the_middle_of_a_burst_keeps_the_order_of_what_came(
    own_wechat: NodeCommunity,
) -> None:
    await own_wechat.node.ask("burst", messages=3000, rooms=1)
    await own_wechat.reader.until(gateway.Said, lambda said: said.text == "200")
    own_wechat.node.kill()
    await own_wechat.reader.until(gateway.LoggedOut)
    heard = [int(e.text or -1) for e in own_wechat.reader.seen if isinstance(e, gateway.Said)]
    assert heard[:201] == list(range(201))
    assert heard == sorted(heard)
    await own_wechat.node.start(first=5000)
    await own_wechat.reader.until(gateway.LoggedIn)
    id = await own_wechat.say("wxid_1_1", "回来了")
    assert (await own_wechat.reader.until(gateway.Said)).id == id


async def test_closing_in_the_middle_of_a_burst_leaves_nothing_running(
    wechat: NodeCommunity,
) -> None:
    await wechat.node.ask("burst", messages=500, rooms=3)
    await wechat.reader.until(gateway.Said)
    await wechat.account.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_keeps_what_was_announced_and_not_read_yet(wechat: NodeCommunity) -> None:
    burst = wechaty.IN_FLIGHT // 2
    await wechat.node.ask("burst", messages=burst, rooms=1)
    await wechat.reader.until(gateway.Said)
    # The stream is in order: what was said before the answer to this was announced before it.
    await wechat.account.send(gateway.Post(ROOM, "最后一条"))
    await wechat.account.close()
    heard = [await wechat.reader.until(gateway.Said) for _ in range(burst - 1)]
    assert [said.text for said in heard] == [str(number) for number in range(1, burst)]


async def test_nothing_is_left_behind(
    node: node_gateway.NodeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process = psutil.Process()
    before = _sockets(process)
    community = NodeCommunity(node)
    await community.reader.until(gateway.LoggedIn)
    await community.account.send(gateway.Post(ROOM, "在吗"))
    assert not [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
    await community.account.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (pathlib would block the loop, says ruff)
    assert _sockets(process) == before


async def test_the_raw_event_stream_can_be_left_at_any_time(
    node: node_gateway.NodeGateway,
) -> None:
    link = wechaty_link.Link(*node.address, seconds=5)
    async with aclosing(link.entries()) as entries:
        assert (await anext(entries)).kind == 1
    await link.close()
    await link.close()


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("manual://", "manual://NAME"),
        ("wechaty://127.0.0.1:8788", "TOKEN@HOST:PORT"),
        ("wechaty://secret@127.0.0.1", "TOKEN@HOST:PORT"),
        ("wechaty://secret@127.0.0.1:port", "TOKEN@HOST:PORT"),
        ("padlocal://secret", "memory://NAME"),
        ("memory://", "memory://NAME"),
    ],
)
def test_a_wrong_url_is_refused_with_a_remedy_and_without_its_token(url: str, remedy: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        gateways.open_gateway(url, clock=now, rng=_rng())
    assert remedy in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_urls_name_accounts_without_their_tokens() -> None:
    memory = gateways.open_gateway("memory://demo", clock=now, rng=_rng())
    real = gateways.open_gateway("wechaty://secret@127.0.0.1:8788", clock=now, rng=_rng())
    assert (memory.account, real.account) == ("demo", "127.0.0.1:8788")
    await memory.close()
    await real.close()


@asynccontextmanager
async def _hanging_up(node: node_gateway.NodeGateway) -> AsyncIterator[asyncio.Queue[None]]:
    """A server at the gateway's address that hangs up on everybody; counts them."""
    callers: asyncio.Queue[None] = asyncio.Queue()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.put_nowait(None)
        writer.close()

    _, host, port = node.address
    async with await asyncio.start_server(hang_up, host, port):
        yield callers


def _rng() -> random.Random:
    return random.Random(7)


def _sockets(process: psutil.Process) -> set[tuple[str, int]]:
    """The TCP ends that this process holds open."""
    return {
        (connection.status, connection.laddr.port)
        for connection in process.net_connections("tcp")
        if connection.laddr
    }
