"""Communities for the gateway contract: the same few verbs over memory and over a real gateway."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import pytest

from bot import gateway
from bot.bench import node_gateway
from bot.gateways import memory, wechaty
from tests import parts

ROOM = "room1@chatroom"
PATIENT = 20
# Comes back at once, but forgives a machine that is busy with other things.
CALM = wechaty.Patience(request=10, send=2, retry_first=0.05, retry_most=0.2)
# A gateway that reads and posts text, and nothing else.
TEXT_ONLY = gateway.Capabilities(read=gateway.Read.ALL, post=gateway.Posting.DIRECT)
# Notices a frozen gateway soon.
HASTY = replace(CALM, request=1, ping_every=0.1)

Seen = TypeVar("Seen", bound=gateway.Event)


def now() -> datetime:
    """The clock of these tests; nothing in them depends on the date."""
    return datetime.now(UTC)


class Reader:
    """Reads a gateway's events until one of the wanted kind comes; keeps all of them."""

    def __init__(self, account: gateway.Gateway) -> None:
        self._events = aiter(account.events())
        self.seen: list[gateway.Event] = []

    async def until(
        self, kind: type[Seen], matches: Callable[[Seen], bool] = lambda _: True
    ) -> Seen:
        """The next event of a kind; fails after a generous time."""
        while True:
            event = await asyncio.wait_for(anext(self._events), PATIENT)
            self.seen.append(event)
            if isinstance(event, kind) and matches(event):
                return event


class Community(Protocol):
    """What the platform's side can be made to do. ROOM exists, with people wxid_1_1 …"""

    account: gateway.Gateway
    reader: Reader
    me: str

    async def say(
        self, sender: str, text: str, *, type: str = "text", mentions: tuple[str, ...] = ()
    ) -> str: ...
    async def join(self, id: str, name: str) -> None: ...
    async def leave(self, id: str) -> None: ...
    async def topic(self, topic: str) -> None: ...
    async def refuse(self, reason: str) -> None: ...
    async def silence(self) -> None:
        """Leave sends without an answer."""

    async def log_out(self, reason: str) -> None: ...
    async def log_in(self) -> None: ...
    async def images(self) -> list[int]:
        """Sizes of the pictures that reached the room."""

    async def cards(self) -> list[gateway.Link | gateway.MiniProgram]:
        """The links and mini programs that reached the room."""

    async def texts(self) -> list[str]:
        """The texts that reached the room, as it saw them."""


class MemoryCommunity:
    """Driven by method calls."""

    def __init__(self, capabilities: gateway.Capabilities = memory.EVERYTHING) -> None:
        self._memory = memory.MemoryGateway("contract", clock=now, capabilities=capabilities)
        people = [gateway.Person(f"wxid_1_{number}", f"成员1-{number}") for number in range(1, 6)]
        self._memory.add_room(ROOM, "测试 1 群", people, owner="wxid_1_1")
        self._memory.add_room("room2@chatroom", "测试 2 群")
        self._memory.add_room("room3@chatroom", "测试 3 群")
        self.account: gateway.Gateway = self._memory
        self.reader = Reader(self.account)
        self.me = self._memory.me.id

    async def say(
        self, sender: str, text: str, *, type: str = "text", mentions: tuple[str, ...] = ()
    ) -> str:
        return self._memory.say(
            ROOM, sender, text if type == "text" else None, type=type, mentions=mentions
        ).id

    async def join(self, id: str, name: str) -> None:
        self._memory.join(ROOM, gateway.Person(id, name))

    async def leave(self, id: str) -> None:
        self._memory.leave(ROOM, gateway.Person(id))

    async def topic(self, topic: str) -> None:
        self._memory.change_topic(ROOM, topic)

    async def refuse(self, reason: str) -> None:
        self._memory.refuse(reason, throttled="频繁" in reason)

    async def silence(self) -> None:
        self._memory.time_out()

    async def log_out(self, reason: str) -> None:
        self._memory.log_out(reason)

    async def log_in(self) -> None:
        self._memory.log_in()

    async def images(self) -> list[int]:
        return [len(sent.image.content) for sent in self._memory.sent if sent.image]

    async def cards(self) -> list[gateway.Link | gateway.MiniProgram]:
        cards = (sent.link or sent.mini_program for sent in self._memory.sent)
        return [card for card in cards if card]

    async def texts(self) -> list[str]:
        return [sent.text for sent in self._memory.sent if sent.text]


class NodeCommunity:
    """Driven over the control port of a real puppet-service gateway."""

    def __init__(
        self,
        node: node_gateway.NodeGateway,
        patience: wechaty.Patience = CALM,
        capabilities: gateway.Capabilities = wechaty.CAPABILITIES,
    ) -> None:
        self.node = node
        self.wechaty = wechaty.WechatyGateway(
            *node.address,
            clock=now,
            rng=random.Random(7),
            patience=patience,
            capabilities=capabilities,
        )
        self.account: gateway.Gateway = self.wechaty
        self.reader = Reader(self.account)
        self.me = "wxid_bot"

    async def say(
        self, sender: str, text: str, *, type: str = "text", mentions: tuple[str, ...] = ()
    ) -> str:
        answer = await self.node.ask(
            "say", room=ROOM, sender=sender, text=text, type=type.title(), mentions=mentions
        )
        return str(answer["id"])

    async def join(self, id: str, name: str) -> None:
        await self.node.ask("join", room=ROOM, people=[{"id": id, "name": name}])

    async def leave(self, id: str) -> None:
        await self.node.ask("leave", room=ROOM, people=[{"id": id}])

    async def topic(self, topic: str) -> None:
        await self.node.ask("topic", room=ROOM, topic=topic)

    async def refuse(self, reason: str) -> None:
        await self.node.ask("behave", refuse=reason)

    async def silence(self) -> None:
        await self.node.ask("behave", slow=3600)

    async def log_out(self, reason: str) -> None:
        await self.node.ask("logout", reason=reason)

    async def log_in(self) -> None:
        await self.node.ask("login")

    async def images(self) -> list[int]:
        return [post["image"]["size"] for post in await self._sent() if "image" in post]

    async def cards(self) -> list[gateway.Link | gateway.MiniProgram]:
        return [
            _link(post["link"]) if "link" in post else _mini_program(post["mini_program"])
            for post in await self._sent()
            if "link" in post or "mini_program" in post
        ]

    async def texts(self) -> list[str]:
        return [post["text"] for post in await self._sent() if post["text"]]

    async def _sent(self) -> list[dict[str, Any]]:
        sent = (await self.node.ask("sent"))["list"]
        assert isinstance(sent, list)
        return sent


def _link(payload: dict[str, str]) -> gateway.Link:
    """A wechaty-puppet UrlLinkPayload (schemas/url-link.ts); fails on a name that is not there."""
    assert payload.keys() <= {"title", "url", "description", "thumbnailUrl"}
    return gateway.Link(
        payload["title"],
        payload["url"],
        payload.get("description", ""),
        payload.get("thumbnailUrl", ""),
    )


def _mini_program(payload: dict[str, str]) -> gateway.MiniProgram:
    """A wechaty-puppet MiniProgramPayload (schemas/mini-program.ts); fails on unknown names."""
    assert payload.keys() <= {"appid", "username", "title", "pagePath", "thumbUrl"}
    return gateway.MiniProgram(
        payload.get("appid") or payload["username"],
        payload["title"],
        payload.get("pagePath", ""),
        payload.get("thumbUrl", ""),
    )


@pytest.fixture(scope="session")
def shared_node() -> Iterator[node_gateway.NodeGateway]:
    """One node gateway with three rooms for all tests that do it no harm."""
    require_node()
    running = node_gateway.NodeGateway(rooms=3, members=5)
    running.launch()
    yield running
    running.kill()


@pytest.fixture
async def node(shared_node: node_gateway.NodeGateway) -> node_gateway.NodeGateway:
    """The shared node gateway, its community as it was at the start."""
    await shared_node.ask("reset")
    return shared_node


@pytest.fixture
def own_node() -> Iterator[node_gateway.NodeGateway]:
    """A node gateway to kill and to freeze."""
    require_node()
    running = node_gateway.NodeGateway(rooms=3, members=5)
    running.launch()
    yield running
    running.kill()


@pytest.fixture
async def wechat(node: node_gateway.NodeGateway) -> AsyncIterator[NodeCommunity]:
    """WechatyGateway in front of the shared node gateway, logged in."""
    community = NodeCommunity(node)
    await community.reader.until(gateway.LoggedIn)
    yield community
    await community.account.close()


@pytest.fixture
async def own_wechat(own_node: node_gateway.NodeGateway) -> AsyncIterator[NodeCommunity]:
    """WechatyGateway in front of a node gateway to kill and to freeze, logged in."""
    community = NodeCommunity(own_node, HASTY)
    await community.reader.until(gateway.LoggedIn)
    yield community
    await community.account.close()


@pytest.fixture
async def simulated() -> AsyncIterator[MemoryCommunity]:
    """MemoryGateway, logged in."""
    community = MemoryCommunity()
    await community.reader.until(gateway.LoggedIn)
    yield community
    await community.account.close()


@pytest.fixture
async def text_only_wechat(node: node_gateway.NodeGateway) -> AsyncIterator[NodeCommunity]:
    """WechatyGateway in front of a puppet that is known to post text alone, logged in."""
    community = NodeCommunity(node, capabilities=TEXT_ONLY)
    await community.reader.until(gateway.LoggedIn)
    yield community
    await community.account.close()


@pytest.fixture
async def text_only_simulated() -> AsyncIterator[MemoryCommunity]:
    """MemoryGateway that posts text alone, logged in."""
    community = MemoryCommunity(TEXT_ONLY)
    await community.reader.until(gateway.LoggedIn)
    yield community
    await community.account.close()


def require_node() -> None:
    """Skip where the node gateway cannot run; fail where QUNYUN_REQUIRE says that it must."""
    missing = node_gateway.missing()
    parts.require("node", missing is None, f"{missing}; run `make install`")
