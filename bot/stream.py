"""A NATS JetStream between gateways and the log, so that they scale and fail apart.

    spool.head → publish (a lot per shard, named for deduplication) → stored: spool.drop
    lots(shard) → recorded → done

A room belongs to one shard, and a shard hands out its oldest lot alone, to one of however many
workers. Who holds it holds the shard, and may read what comes after it: so what is said in a room
is recorded in order, what piled up is recorded together, and what a worker held that died comes
again. Recording knows what it has, so a lot that comes twice changes nothing. Accepted is what the
gateway's own spool holds, and then what the stream stored.
"""

import asyncio
import hashlib
import json
import logging
import zlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from bot import event_codec, waking
from bot.errors import GatewayUnavailable
from bot.gateway import Event, LoggedIn, LoggedOut

log = logging.getLogger(__name__)

NAME = "QUNYUN"
SAID = "qunyun.said"
REPLIES = "qunyun.replies"
# More shards let more workers record side by side; a room keeps its shard.
SHARDS = 4
# How long a worker may be silent about a lot before another one gets it.
SILENCE_SECONDS = 10.0
# How long the server knows a lot by its name, so that publishing it again adds nothing.
NAMED_SECONDS = 600.0
# So many events are enough to be recorded together, and more would take too long.
LARGEST = 2_000
REPLY_SECONDS = 5.0
AGAIN_SECONDS = 1.0
# Room for a lot's subject and name beside its payload, in bytes.
HEADROOM = 1_000
AWAY = (NatsError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Lots:
    """The oldest lots of one shard: the events of each account, in order, by its name.

    `_oldest` is the message that holds the shard, `_last` the sequence of the last one read.
    """

    heard: Mapping[str, Sequence[Event]]
    _context: JetStreamContext
    _oldest: Msg
    _last: int

    async def done(self) -> None:
        """Say that all of it is recorded; the shard goes on. Raises GatewayUnavailable where nobody
        hears it: then it comes again.
        """
        try:
            if self._last == self._oldest.metadata.sequence.stream:
                await self._oldest.ack_sync(REPLY_SECONDS)
            else:
                # The one that holds the shard is taken away with the others, and holds it no more.
                await self._context.purge_stream(
                    NAME, seq=self._last + 1, subject=self._oldest.subject
                )
        except AWAY as error:
            raise _unavailable(error) from error

    async def still_busy(self) -> None:
        """Ask for more time, before the worker counts as silent."""
        try:
            await self._oldest.in_progress()
        except AWAY as error:
            log.warning("stream: %s", type(error).__name__)


@dataclass(slots=True)
class Stream:
    """The stream at a URL; connects when it is first needed, and again by itself.

    A worker that is silent about a lot for `silence` seconds loses it to another one.
    """

    url: str
    silence: float = SILENCE_SECONDS
    _client: Client | None = None
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def publish(self, account: str, events: Sequence[Event]) -> None:
        """Publish one account's events, each room's in order; stored by the server on return.

        Publishing the same events again adds nothing. Raises GatewayUnavailable where the stream
        does not answer or is full: some of the shards may have got theirs.
        """
        shards: dict[int, list[Event]] = defaultdict(list)
        for event in events:
            shards[shard_of(event)].append(event)
        try:
            client = await self._connected()
            await asyncio.gather(
                *(_publish(client, account, shard, theirs) for shard, theirs in shards.items())
            )
        except AWAY as error:
            raise _unavailable(error) from error

    async def lots(self, shard: int, stop: asyncio.Event) -> AsyncGenerator[Lots]:
        """What a shard holds, some at a time, until `stop`; the next come after the last are done,
        and what is not done comes again. A server that is away is waited for.
        """
        while not stop.is_set():
            try:
                async for lots in self._lots(shard, stop):
                    yield lots
            except AWAY as error:
                log.warning("shard %d: %s", shard, type(error).__name__)
                await waking.woken(stop, AGAIN_SECONDS)

    async def _lots(self, shard: int, stop: asyncio.Event) -> AsyncGenerator[Lots]:
        context = _context(await self._connected())
        waiting = await context.pull_subscribe(
            f"{SAID}.{shard}",
            durable=f"record-{shard}",
            stream=NAME,
            config=ConsumerConfig(
                ack_policy=AckPolicy.EXPLICIT, ack_wait=self.silence, max_ack_pending=1
            ),
        )
        try:
            while not stop.is_set():
                try:
                    messages = await waiting.fetch(1, timeout=REPLY_SECONDS)
                except TimeoutError:
                    continue
                for message in messages:
                    yield await _read(context, message)
        finally:
            await waiting.unsubscribe()

    async def tell_replies(self) -> None:
        """Tell the processes that hold gateways that replies are planned; they look by themselves
        every now and then, so nobody who does not hear it is lost.
        """
        try:
            await (await self._connected()).publish(REPLIES)
        except AWAY as error:
            log.warning("stream: %s", type(error).__name__)

    async def on_replies(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when replies are planned elsewhere. Raises GatewayUnavailable."""

        async def told(_: Msg) -> None:
            wake()

        try:
            await (await self._connected()).subscribe(REPLIES, cb=told)
        except AWAY as error:
            raise _unavailable(error) from error

    async def waiting(self) -> Mapping[int, int]:
        """How many lots each shard holds that are not done. Raises GatewayUnavailable."""
        try:
            context = _context(await self._connected())
            state = await context.stream_info(NAME, subjects_filter=f"{SAID}.>")
        except AWAY as error:
            raise _unavailable(error) from error
        subjects = state.state.subjects or {}
        return {shard: subjects.get(f"{SAID}.{shard}", 0) for shard in range(SHARDS)}

    async def close(self) -> None:
        """End the connection. Safe to repeat."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> Client:
        async with self._connecting:
            if self._client is None:
                async with asyncio.timeout(REPLY_SECONDS):
                    client = await _connect(self.url)
                self._client = client
            return self._client


async def _connect(url: str) -> Client:
    async def failed(error: Exception) -> None:
        log.warning("stream: %s", type(error).__name__)

    client = await nats.connect(
        url, max_reconnect_attempts=-1, reconnect_time_wait=1, error_cb=failed
    )
    await _context(client).add_stream(
        StreamConfig(
            name=NAME,
            subjects=[f"{SAID}.*"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            # A full stream refuses what is new: then the spools keep it.
            discard=DiscardPolicy.NEW,
            duplicate_window=NAMED_SECONDS,
        )
    )
    return client


def _context(client: Client) -> JetStreamContext:
    return client.jetstream(timeout=REPLY_SECONDS)


async def _publish(client: Client, account: str, shard: int, events: Sequence[Event]) -> None:
    for payload in _payloads(account, events, client.max_payload - HEADROOM):
        name = {"Nats-Msg-Id": hashlib.sha256(payload).hexdigest()}
        try:
            await _context(client).publish(f"{SAID}.{shard}", payload, headers=name)
        except MaxPayloadError:
            # It would never get through, and must not hold up what comes after it.
            log.error("shard %d: an event of %d bytes is refused", shard, len(payload))  # noqa: TRY400


def shard_of(event: Event) -> int:
    """The shard of an event's room; it depends on nothing but the room's platform id."""
    assert not isinstance(event, LoggedIn | LoggedOut)  # noqa: S101  # they go past the stream
    return zlib.crc32(event.room.encode("utf-8", "surrogatepass")) % SHARDS


def _payloads(account: str, events: Sequence[Event], largest: int) -> Iterator[bytes]:
    """Events as lots that the server takes: halved until they are small enough, or alone."""
    lines = b"\n".join([json.dumps(account).encode(), *map(event_codec.encode, events)])
    payload = zlib.compress(lines, 1)
    if len(payload) <= largest or len(events) == 1:
        yield payload
        return
    half = len(events) // 2
    yield from _payloads(account, events[:half], largest)
    yield from _payloads(account, events[half:], largest)


async def _read(context: JetStreamContext, oldest: Msg) -> Lots:
    """The lot that holds a shard, and what waits behind it up to LARGEST events."""
    heard: dict[str, list[Event]] = defaultdict(list)
    last, data = oldest.metadata.sequence.stream, oldest.data
    events = _take(heard, data)
    for _ in range(oldest.metadata.num_pending or 0):
        if events >= LARGEST:
            break
        try:
            following = await context.get_msg(NAME, seq=last + 1, subject=oldest.subject, next=True)
        except NotFoundError:
            # A worker that counted as dead was not, and is done with it.
            break
        assert following.seq is not None  # noqa: S101  # whatever is stored has one
        last = following.seq
        events += _take(heard, following.data or b"")
    return Lots(heard, context, oldest, last)


def _take(heard: dict[str, list[Event]], data: bytes) -> int:
    """Add a lot's events to its account's; how many there were."""
    try:
        account, *lines = zlib.decompress(data).split(b"\n")
        events = list(_decoded(lines))
        heard[json.loads(account)] += events
    except (ValueError, zlib.error) as error:
        # It must not hold up what comes after it.
        log.error("a lot of %d bytes: %s", len(data), type(error).__name__)  # noqa: TRY400
        return 0
    return len(events)


def _decoded(events: Iterable[bytes]) -> Iterator[Event]:
    """Those that can be read: one that cannot must not take its neighbours along."""
    for event in events:
        try:
            yield event_codec.decode(event)
        except ValueError as error:
            log.error("an event of %d bytes: %s", len(event), type(error).__name__)  # noqa: TRY400


def _unavailable(error: Exception) -> GatewayUnavailable:
    return GatewayUnavailable(f"消息流没有应答({type(error).__name__})")
