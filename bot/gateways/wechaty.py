"""WeChat through a wechaty puppet-service gateway, supervised.

    _supervise      connect, live, wait, again       (one Link per connection)
      _live         until the stream ends or the gateway stops answering
        _read       event stream → Stream of at most IN_FLIGHT loads, in order
        _watch      ping, while the puppet is started

A gateway that is down, killed, frozen or taken by another client ends `_live` with a reason;
the reader of `events` sees LoggedOut … LoggedIn. The protocol has no replay: what is said in
between is gone (docs/decisions/0002-wechaty-skin.md).
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot import errors, gateway
from bot.gateways import (
    contents,
    mentions,
    stream,
    wechaty_link,
    wechaty_messages,
    wechaty_names,
    wechaty_signals,
)

log = logging.getLogger(__name__)

IN_FLIGHT = 32

# What tests/contracts shows against a real puppet-service gateway with a simulated WeChat behind
# it. No real puppet was at hand, and puppets differ: for one that does less, say less.
CAPABILITIES = gateway.Capabilities(
    read=gateway.Read.ALL,
    post=gateway.Posting.DIRECT,
    recall=True,
    images=True,
    links=True,
    mini_programs=True,
    members=True,
    # The protocol has no word for it: what a puppet makes of "@所有人" was never confirmed against
    # a real one, so such a post goes out as plain text.
    mention_all=False,
    largest_image=wechaty_link.LARGEST_IMAGE,
)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits and waits, in seconds."""

    request: float = 5
    send: float = 15
    start: float = 20
    ping_every: float = 5
    last: float = 2
    retry_first: float = 0.5
    retry_most: float = 60
    retry_taken: float = 4


class WechatyGateway:
    """One account behind one puppet-service gateway. Connects when `events` is first called.

    `capabilities` can say less, for a puppet that does less. `unread` counts messages that the
    gateway announced and then could not give.
    """

    def __init__(
        self,
        token: str,
        host: str,
        port: int,
        *,
        clock: Callable[[], datetime],
        rng: random.Random,
        patience: Patience | None = None,
        capabilities: gateway.Capabilities = CAPABILITIES,
    ) -> None:
        self.unread = 0
        self._capabilities = capabilities
        self._token = token
        self._host = host
        self._port = port
        self._clock = clock
        self._rng = rng
        self._patience = patience or Patience()
        self._stream = stream.Stream(IN_FLIGHT - 1)
        self._loads: set[asyncio.Task[gateway.Event | None]] = set()
        self._names = wechaty_names.Names()
        self._supervisor: asyncio.Task[None] | None = None
        # Set while the account is logged in: nothing is handed over without it.
        self._link: wechaty_link.Link | None = None
        self._me = ""
        self._closed = False
        self._failures = 0
        self._told_out: str | None = ""

    @property
    def account(self) -> str:
        """HOST:PORT of the gateway; never its token."""
        return f"{self._host}:{self._port}"

    @property
    def capabilities(self) -> gateway.Capabilities:
        """What the Python client can do with today's servers, unless it was told less."""
        return self._capabilities

    def events(self) -> stream.Stream:
        """The account's events; the first call connects."""
        if self._supervisor is None and not self._closed:
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise())
        return self._stream

    async def send(self, post: gateway.Post) -> str | None:
        """Hand over one post with exactly one request; never repeats it."""
        link = self._require_login()
        content = contents.only(post, self._capabilities)
        if isinstance(content, str):
            packed = await self._addressed(link, post)
        else:
            packed = wechaty_messages.packed(content)
        if len(packed.encode()) > wechaty_link.LARGEST_REQUEST:
            raise errors.SendRefused("内容超过通道的 4 MB 上限,请压缩后再发")
        seconds = self._patience.send
        try:
            match content:
                case gateway.Image():
                    return await link.send_file(post.room, packed, seconds)
                case gateway.Link():
                    return await link.send_url(post.room, packed, seconds)
                case gateway.MiniProgram():
                    return await link.send_mini_program(post.room, packed, seconds)
                case _:
                    return await link.send_text(post.room, packed, list(post.mentions), seconds)
        except wechaty_link.Unreachable as error:
            raise errors.GatewayUnavailable("通道连不上") from error
        except wechaty_link.Unanswered as error:
            raise errors.SendUncertain("通道没有在时限内答复") from error
        except wechaty_link.Refused as error:
            raise wechaty_messages.refusal(error.status, error.reason) from error

    async def recall(self, room: str, message: str) -> bool:
        """Take a post back; the platform decides by age and sender."""
        link = self._require_login()
        try:
            return await self._answered(link.recall(message))
        except wechaty_link.Refused:
            return False

    async def rooms(self) -> list[gateway.RoomListing]:
        """Every room of the account, with its topic and owner."""
        link = self._require_login()
        ids = await self._answered(link.room_ids())
        return await _each(ids, lambda room: self._answered(self._names.listing(link, room)))

    async def members(self, room: str) -> list[gateway.Person]:
        """The people of a room, called what they are called there; empty for an unknown room."""
        link = self._require_login()
        try:
            ids = await self._answered(link.member_ids(room))
        except wechaty_link.Refused:
            return []
        return await _each(ids, lambda person: self._answered(self._person(link, room, person)))

    async def close(self) -> None:
        """End the stream, after what was announced and can be loaded at once, and the connection.
        Safe to repeat.
        """
        self._closed = True
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        for load in self._loads:
            load.cancel()
        if self._loads:
            await asyncio.wait(self._loads)
        self._stream.end()

    async def _addressed(self, link: wechaty_link.Link, post: gateway.Post) -> str:
        """The text of a post with those it mentions in front, by name."""
        names = [
            await self._answered(self._names.person(link, post.room, id)) for id in post.mentions
        ]
        return mentions.prefixed(post.text, [name for name in names if name])

    async def _supervise(self) -> None:
        while True:
            self._failures += 1
            try:
                reason = await self._live()
            except Exception as error:  # noqa: BLE001  # whatever one dies of, open the next
                reason = wechaty_messages.why_out(error)
                self._log_bug(error)
            await self._tell_out(reason)
            # Half of the wait is drawn, so that accounts do not come back all at once.
            await asyncio.sleep(self._wait(reason) * (0.5 + self._rng.random() / 2))

    def _wait(self, reason: str) -> float:
        """Seconds, at most, until the next attempt after one that ended for `reason`."""
        longest: float = self._patience.retry_first * 2 ** min(self._failures - 1, 16)
        if reason == wechaty_messages.TAKEN:
            # Whoever holds the account may die at any time, and nobody else posts then.
            return min(longest, self._patience.retry_taken)
        return min(longest, self._patience.retry_most)

    async def _live(self) -> str:
        """Hold one connection until it ends; says why, for a person."""
        link = wechaty_link.Link(
            self._token, self._host, self._port, seconds=self._patience.request
        )
        loop = asyncio.get_running_loop()
        parts = (self._read(link), self._watch(link), link.start(self._patience.start))
        tasks = [loop.create_task(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            error = next(task.exception() for task in tasks if task.done() and task.exception())
        finally:
            self._link = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._closed and self._loads:
                # Whoever stops on purpose still hears what was announced.
                await asyncio.wait(self._loads, timeout=self._patience.last)
            await link.close()
        if error is not None and not isinstance(error, wechaty_link.FAILURES):
            raise error
        return wechaty_messages.why_out(error)

    async def _watch(self, link: wechaty_link.Link) -> None:
        """Ends with an error when the gateway no longer answers."""
        while True:
            await link.ping()
            await asyncio.sleep(self._patience.ping_every)

    async def _read(self, link: wechaty_link.Link) -> None:
        """Ends with an error when the event stream ends."""
        async with aclosing(link.entries()) as entries:
            async for entry in entries:
                signal = wechaty_signals.read(entry)
                if signal is not None:
                    await self._take(link, signal)
        raise wechaty_link.Unanswered("the event stream ended")

    async def _take(self, link: wechaty_link.Link, signal: wechaty_signals.Signal) -> None:
        """Put what a signal announces into the stream; waits while the reader is behind."""
        match signal:
            case wechaty_signals.Message(id) if id:
                await self._load(self._said(link, id))
            case wechaty_signals.Moved():
                await self._load(self._moved(link, signal))
            case wechaty_signals.Topic(room, topic, at):
                self._names.rename(room, topic)
                changed = gateway.TopicChanged(room, topic, wechaty_messages.at(at, self._now()))
                await self._stream.put(changed)
            case wechaty_signals.Dirty(room, person):
                self._names.forget(room=room, person=person)
            case wechaty_signals.LoggedIn(me) if self._link is None or self._me != me:
                self._me, self._link = me, link
                self._failures, self._told_out = 0, None
                # What changed during the gap was not told.
                self._names = wechaty_names.Names()
                await self._load(self._logged_in(link, me))
            case wechaty_signals.LoggedOut(reason):
                self._link = None
                await self._tell_out(reason)
            case wechaty_signals.Scan(code):
                await self._tell_out(f"请用手机微信扫码登录:{code}")

    async def _load(self, event: Coroutine[None, None, gateway.Event | None]) -> None:
        load = asyncio.get_running_loop().create_task(event)
        self._loads.add(load)
        load.add_done_callback(self._loads.discard)
        await self._stream.put(load)

    async def _said(self, link: wechaty_link.Link, id: str) -> gateway.Said | None:
        """Load one message; None for a private chat and for what the gateway will not give."""
        try:
            try:
                payload = await link.message(id)
            except wechaty_link.Unanswered:
                payload = await link.message(id)
            if not payload.room:
                return None
            return wechaty_messages.said(
                payload,
                text=await self._card(link, payload),
                topic=await self._names.topic(link, payload.room),
                name=await self._names.person(link, payload.room, payload.talker),
                me=self._me,
                account=self.account,
                now=self._now(),
            )
        except wechaty_link.FAILURES as error:
            self.unread += 1
            log.warning("account %s: message %s unread: %s", self.account, id, type(error).__name__)
            return None

    async def _card(self, link: wechaty_link.Link, payload: wechaty_link.Payload) -> str | None:
        """A link's title and address, which its payload does not hold."""
        if wechaty_messages.type_name(payload.type) != "link":
            return None
        try:
            return await link.card(payload.id) or None
        except wechaty_link.Refused:
            return None

    async def _moved(
        self, link: wechaty_link.Link, moved: wechaty_signals.Moved
    ) -> gateway.Joined | gateway.Left:
        """A join or leave with names, or without where the connection breaks meanwhile."""
        try:
            people = [await self._person(link, moved.room, id) for id in moved.people]
        except wechaty_link.FAILURES:
            people = [gateway.Person(id) for id in moved.people]
        happened = gateway.Joined if moved.joined else gateway.Left
        return happened(moved.room, tuple(people), wechaty_messages.at(moved.at, self._now()))

    async def _logged_in(self, link: wechaty_link.Link, me: str) -> gateway.LoggedIn:
        try:
            name = await link.contact_name(me)
        except wechaty_link.FAILURES:
            name = ""
        return gateway.LoggedIn(gateway.Person(me, name), self._now())

    async def _person(self, link: wechaty_link.Link, room: str, id: str) -> gateway.Person:
        return gateway.Person(id, await self._names.person(link, room, id) or "")

    async def _tell_out(self, reason: str) -> None:
        """Tell of an outage once, and again where the reason changes."""
        if reason != self._told_out:
            self._told_out = reason
            log.warning("account %s is out", self.account)
            await self._stream.put(gateway.LoggedOut(reason, self._now()))

    def _log_bug(self, error: Exception) -> None:
        """Where it happened, without the exception's text: that may quote what was said."""
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("account %s: %s in a connection\n%s", self.account, type(error).__name__, where)

    def _require_login(self) -> wechaty_link.Link:
        if self._link is None:
            raise errors.GatewayUnavailable(self._told_out or "账号未登录")
        return self._link

    async def _answered(self, request: Awaitable[Answer]) -> Answer:
        """A request that changes nothing: without an answer it may simply be asked again."""
        try:
            return await request
        except (wechaty_link.Unreachable, wechaty_link.Unanswered) as error:
            raise errors.GatewayUnavailable("通道没有答复") from error

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)


async def _each(ids: Sequence[str], ask: Callable[[str], Awaitable[Answer]]) -> list[Answer]:
    """Ask for every id, at most IN_FLIGHT at a time, answers in order."""
    answers: list[Answer] = []
    for start in range(0, len(ids), IN_FLIGHT):
        asked = (ask(id) for id in ids[start : start + IN_FLIGHT])
        answers.extend(await asyncio.gather(*asked))
    return answers
