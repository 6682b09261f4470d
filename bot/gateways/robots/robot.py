"""One group robot as a gateway: an account with a single room, which it posts to, never reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import SplitResult, parse_qsl

import httpx

from bot import errors, gateway
from bot.gateways import contents, stream
from bot.gateways.robots import answers, dingtalk, feishu, webhook, wecom

PLATFORMS = {
    f"{platform.name}-robot": platform
    for platform in (wecom.PLATFORM, feishu.PLATFORM, dingtalk.PLATFORM)
}

_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SECRET = re.compile(r"[!-~]+")


class RobotGateway:
    """The Gateway protocol over one webhook. `account` and room are named by a hash of the key.

    There is nothing to log in to: it is in from the start, and who was mentioned by contact id is
    left out, since a robot knows no contacts.
    """

    def __init__(
        self,
        platform: webhook.Platform,
        key: webhook.Key,
        door: webhook.Door,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._platform = platform
        self._key = key
        self._door = door
        self._clock = clock
        self._mark = hashlib.sha256(key.key.encode()).hexdigest()[:6]
        self._stream = stream.Stream()
        self._closed = False
        me = gateway.Person(self.account, platform.title)
        self._stream.put_now(gateway.LoggedIn(me, clock().replace(microsecond=0)))

    @property
    def account(self) -> str:
        """The platform and six figures of the key's hash: the same after a restart, no secret."""
        return f"{self._platform.name}-robot-{self._mark}"

    @property
    def capabilities(self) -> gateway.Capabilities:
        """What the platform lets a robot do."""
        return self._platform.capabilities

    def events(self) -> stream.Stream:
        """The login, and then nothing until `close`: a robot hears nothing."""
        return self._stream

    async def send(self, post: gateway.Post) -> None:
        """Post once. No platform names the message, so there is no id to return."""
        if self._closed:
            raise errors.GatewayUnavailable("账号未登录")
        content = contents.only(post, self.capabilities)
        if post.room != self._room:
            raise errors.SendRefused("机器人不在这个群里")
        request = self._platform.pack(self._key, content, post.mention_all, self._clock())
        answer = await self._door.post(request)
        secrets = (self._key.key, self._key.secret)
        answers.check(self._platform.dialect, answer.status, answer.body, secrets)

    async def recall(self, room: str, message: str) -> bool:
        """Never: robots cannot take a post back."""
        return False

    async def rooms(self) -> list[gateway.RoomListing]:
        """The room that the robot was added to, whose real name no platform tells it."""
        return [gateway.RoomListing(self._room, f"{self._platform.title} {self._mark}")]

    async def members(self, room: str) -> list[gateway.Person]:
        """Nobody: robots see no members."""
        return []

    async def close(self) -> None:
        """End the stream and every connection. Safe to repeat."""
        self._closed = True
        self._stream.end()
        await self._door.close()

    @property
    def _room(self) -> str:
        return f"robot:{self._platform.name}:{self._mark}"


def open_robot(
    parts: SplitResult,
    *,
    clock: Callable[[], datetime],
    send_timeout: float = 15,
    transport: httpx.AsyncBaseTransport | None = None,
    base: str | None = None,
) -> RobotGateway:
    """The robot that one URL of QUNYUN_GATEWAYS names. `send_timeout` is in seconds.

    `transport` and `base`, a loopback origin, are for tests. Raises InvalidInput, which never
    repeats the URL, for one that names no robot.
    """
    platform = PLATFORMS.get(parts.scheme)
    if platform is None:
        raise _invalid(f"不认识的机器人 {parts.scheme}", f"从 {'、'.join(PLATFORMS)} 里选")
    key = _key(parts, platform)
    door = webhook.Door(base or platform.origin, seconds=send_timeout, transport=transport)
    return RobotGateway(platform, key, door, clock=clock)


def _key(parts: SplitResult, platform: webhook.Platform) -> webhook.Key:
    # `netloc`, because `hostname` makes everything lower case.
    if not _KEY.fullmatch(parts.netloc) or parts.path or parts.fragment:
        raise _invalid(
            f"{parts.scheme}:// 后面不是机器人的密钥",
            f"只写 Webhook 地址里的密钥,例如 {parts.scheme}://KEY,不要写整个网址",
        )
    # A plus sign is a plus sign: secrets hold no blanks.
    asked = parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True)
    if not asked:
        return webhook.Key(parts.netloc)
    if not platform.signs:
        raise _invalid(f"{parts.scheme}:// 不能带参数", f"写成 {parts.scheme}://KEY")
    [(name, secret), *others] = asked
    if name != "secret" or others or not _SECRET.fullmatch(secret):
        raise _invalid(
            f"{parts.scheme}:// 的参数只能是一个 secret", f"写成 {parts.scheme}://KEY?secret=SECRET"
        )
    return webhook.Key(parts.netloc, secret)


def _invalid(problem: str, remedy: str) -> errors.InvalidInput:
    return errors.InvalidInput(errors.Fault("QUNYUN_GATEWAYS", 0, "", problem, remedy))
