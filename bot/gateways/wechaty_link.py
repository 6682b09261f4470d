"""One connection to a puppet-service gateway, typed: requests with a time limit, and its events.

The puppet of a `Wechaty` carries every request. Its run loop is not used (docs/decisions/0002):
the event stream is read here, at the pace of the reader.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from grpclib.client import Channel
from grpclib.config import Configuration
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from wechaty_grpc.wechaty import PuppetStub
from wechaty_grpc.wechaty.puppet import EventRequest, EventResponse

from bot import gateway
from bot.gateways import wechaty_shim

# What gRPC takes in one message, less what the request needs around its content.
LARGEST_REQUEST = 4 * 1024 * 1024 - 1024
# A picture travels as base64, a third longer; what is left is for its name and its room.
LARGEST_IMAGE = 3_000_000

# Events that wait unread in our buffers. Small, so that one read of the socket never holds so
# many that unpacking them blocks the loop; the gateway keeps the others.
EVENT_WINDOW = 64 * 1024
CONNECTION_WINDOW = 8 * 1024 * 1024
# One read of the socket is unpacked in one go, and the loop waits for it: a burst comes in pieces.
READ_AT_ONCE = 8 * 1024

Answer = TypeVar("Answer")


class Unreachable(Exception):
    """No connection: nothing was handed over."""


class Unanswered(Exception):
    """Something was handed over and the time limit passed, or the connection broke."""


class Refused(Exception):
    """The gateway answered no. `status` is gRPC's name, `reason` the gateway's own words."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


# How a request may fail.
FAILURES = (Unreachable, Unanswered, Refused)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the event stream: gRPC's event number and its JSON payload."""

    kind: int
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as the gateway gives it: `type` by wechaty-puppet's numbers, `at` in s or ms."""

    id: str
    room: str
    talker: str
    type: int
    text: str
    at: int
    mentions: tuple[str, ...]


class Link:
    """A connection that is opened by its first request and never used again after `close`."""

    def __init__(self, token: str, host: str, port: int, *, seconds: float) -> None:
        options = wechaty_shim.PuppetOptions(token=token, end_point=f"{host}:{port}")
        # A scheduler of its own, never started, or wechaty opens a job store on disk.
        bot = wechaty_shim.Wechaty(
            wechaty_shim.WechatyOptions(puppet_options=options, scheduler=AsyncIOScheduler())
        )
        self._puppet = bot.puppet
        self._channel = Channel(
            host=host,
            port=port,
            config=Configuration(
                http2_stream_window_size=EVENT_WINDOW,
                http2_connection_window_size=CONNECTION_WINDOW,
            ),
        )
        _pace(self._channel)
        # The gateway reads the token from the authority; grpclib has no public way to set it.
        self._channel._authority = token
        # What the puppet's own start would do, less its blocking probe of the port.
        self._puppet.channel = self._channel
        self._puppet._puppet_stub = PuppetStub(self._channel)
        self._seconds = seconds
        self._closed = False

    async def start(self, seconds: float) -> None:
        """Ask the gateway to start its puppet; one that runs already answers at once."""
        await self._ask(self._puppet.puppet_stub.start(), seconds)

    async def ping(self) -> None:
        """Ask for the version: the smallest request there is."""
        await self._ask(self._puppet.puppet_stub.version())

    async def entries(self) -> AsyncGenerator[Entry, None]:
        """The event stream until it ends. Reading slowly makes the gateway keep the rest."""
        async with self._channel.request(
            "/wechaty.Puppet/Event", Cardinality.UNARY_STREAM, EventRequest, EventResponse
        ) as stream:
            await self._ask(stream.send_message(EventRequest(), end=True))
            while (response := await self._ask(stream.recv_message(), None)) is not None:
                yield Entry(int(response.type), _object(response.payload))

    async def message(self, id: str) -> Payload:
        """Load a message. Not through the puppet, whose type table ends before type 16."""
        raw = await self._ask(self._puppet.puppet_stub.message_payload(id=id))
        return Payload(
            id=str(raw.id or id),
            room=str(raw.room_id),
            talker=str(raw.from_id),
            type=int(raw.type),
            text=str(raw.text),
            at=int(raw.timestamp),
            mentions=tuple(str(id) for id in raw.mention_ids),
        )

    async def card(self, id: str) -> str:
        """Title and address of a link message, a line each."""
        # Not through the puppet, which raises over a card that is empty or no JSON.
        raw = await self._ask(self._puppet.puppet_stub.message_url(id=id))
        return card_text(str(raw.url_link))

    async def room_ids(self) -> list[str]:
        """The rooms the account is in."""
        return [str(id) for id in await self._ask(self._puppet.room_list())]

    async def room(self, id: str) -> gateway.RoomListing:
        """A room's topic and owner."""
        raw = await self._ask(self._puppet.room_payload(id))
        return gateway.RoomListing(id, str(raw.topic), str(raw.owner_id) or None)

    async def member_ids(self, room: str) -> list[str]:
        """The people of a room."""
        return [str(id) for id in await self._ask(self._puppet.room_members(room))]

    async def member_name(self, room: str, id: str) -> str:
        """What a person is called in a room: the room alias, else the person's own name."""
        raw = await self._ask(self._puppet.room_member_payload(room, id))
        return str(raw.room_alias or raw.name)

    async def contact_name(self, id: str) -> str:
        """What a person is called."""
        raw = await self._ask(self._puppet.contact_payload(id))
        return str(raw.name)

    async def send_text(
        self, room: str, text: str, mentions: list[str], seconds: float
    ) -> str | None:
        """Post text, once. `mentions` are contact ids."""
        id = await self._ask(
            self._puppet.message_send_text(
                conversation_id=room, message=text, mention_ids=mentions
            ),
            seconds,
        )
        return str(id) if id else None

    async def send_file(self, room: str, packed: str, seconds: float) -> str | None:
        """Post a packed picture, once."""
        answer = await self._ask(
            self._puppet.puppet_stub.message_send_file(conversation_id=room, filebox=packed),
            seconds,
        )
        return str(answer.id) if answer.id else None

    async def send_url(self, room: str, packed: str, seconds: float) -> str | None:
        """Post a packed link card, once."""
        answer = await self._ask(
            self._puppet.puppet_stub.message_send_url(conversation_id=room, url_link=packed),
            seconds,
        )
        return str(answer.id) if answer.id else None

    async def send_mini_program(self, room: str, packed: str, seconds: float) -> str | None:
        """Post a packed mini-program card, once."""
        answer = await self._ask(
            self._puppet.puppet_stub.message_send_mini_program(
                conversation_id=room, mini_program=packed
            ),
            seconds,
        )
        return str(answer.id) if answer.id else None

    async def recall(self, id: str) -> bool:
        """Take a message back."""
        return bool(await self._ask(self._puppet.message_recall(id)))

    async def close(self) -> None:
        """Break the connection; requests under way end as unanswered. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._channel.close()
            # The socket is closed in the next round of the loop; nobody may find it open.
            await asyncio.sleep(0)

    async def _ask(
        self, request: Coroutine[None, None, Answer], seconds: float | None = -1
    ) -> Answer:
        """Await one step of a request, with this module's errors. None: no time limit."""
        limit = self._seconds if seconds == -1 else seconds
        if self._closed:
            # grpclib would open the connection again, and nobody would close it.
            request.close()
            raise Unreachable("closed")
        try:
            async with asyncio.timeout(limit):
                return await request
        except GRPCError as error:
            raise Refused(Status(error.status).name, _spoken(error.message or "")) from error
        except (TimeoutError, StreamTerminatedError, ProtocolError, AssertionError) as error:
            # betterproto asserts that an answer came; none comes when the connection breaks.
            raise Unanswered(type(error).__name__) from error
        except OSError as error:
            # grpclib raises these while it connects, before it writes anything.
            raise Unreachable(type(error).__name__) from error


def card_text(packed: str) -> str:
    """Title and address of a link card in JSON, a line each; empty for what is no card."""
    card = _object(packed)
    return "\n".join(str(card[part]) for part in ("title", "url") if card.get(part))


def _spoken(message: str) -> str:
    """The first line of an answer: node appends its stack."""
    return message.partition("\n")[0].removeprefix("Error: ")[:200]


def _object(text: str) -> dict[str, object]:
    """The JSON object of an event; empty for what is none, so that one bad event costs itself."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Gathered:
    """A transport that writes what one turn of the loop has to say in one go.

    grpclib hands over the head and the body of each request, and each acknowledgement, by
    itself; every write costs a call of the system, and in a burst most of the time went there.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._unwritten: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write at the end of this turn of the loop."""
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write)
        self._unwritten.append(data)

    def is_closing(self) -> bool:
        """Whether the transport is closed or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close after what is unwritten."""
        self._write()
        self._transport.close()

    def get_extra_info(self, name: str) -> object:
        """What the transport knows by that name."""
        return self._transport.get_extra_info(name)

    def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        if unwritten and not self._transport.is_closing():
            self._transport.write(b"".join(unwritten))


def _pace(channel: Channel) -> None:
    """Let every connection of the channel hand over at most READ_AT_ONCE bytes a turn, and take
    what is written in a turn at its end.
    """
    connect = channel._create_connection

    async def connected() -> object:
        protocol = await connect()
        transport = protocol.connection._transport
        transport.max_size = READ_AT_ONCE
        protocol.connection._transport = Gathered(transport)
        return protocol

    channel._create_connection = connected
