"""One request to one official address: made once, never repeated, its address never logged.

    connection refused, no such host, TLS refused, slow to connect   GatewayUnavailable
    connection lost or no answer in time after that                  SendUncertain
    an answer                                                        `answers.check` decides

An address is a password here. httpx's client logs the URL of every request; its transport, which
is used without it, logs none, and besides follows no redirect, reads no proxy from the environment
and keeps no cookies.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import httpx

from bot import errors, gateway
from bot.gateways import contents
from bot.gateways.robots import answers

OFFICIAL = frozenset(
    {
        "https://qyapi.weixin.qq.com",
        "https://open.feishu.cn",
        "https://oapi.dingtalk.com",
    }
)

# An answer is a code and a sentence; more than this is not one.
_LARGEST_ANSWER = 64 * 1024
_UNCONNECTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Key:
    """What a robot is reached by: the key of its webhook, and its signing secret or empty."""

    key: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One post in a platform's words. Path and query hold the key."""

    path: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status and body, as they are."""

    status: int
    body: bytes = field(repr=False)


Pack = Callable[[Key, contents.Content, bool, datetime], Request]


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that has group robots.

    `pack(key, content, mention_all, now)` puts a post into its words and raises SendRefused for
    what it would not take. `signs`: a robot may have a secret.
    """

    name: str
    title: str
    origin: str
    signs: bool
    capabilities: gateway.Capabilities
    dialect: answers.Dialect
    pack: Pack


class Door:
    """The way to one origin: an official one, or with `base` a loopback address for tests.

    `seconds` bounds a whole request. Raises ValueError for any other origin: none of them can
    come from settings.
    """

    def __init__(
        self, origin: str, *, seconds: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        if origin not in OFFICIAL and not _is_loopback(origin):
            raise ValueError("a robot posts to its platform's own address alone")
        self._origin = origin
        self._seconds = seconds
        # Connecting is two steps, TCP and TLS; both together end before the whole does, so that
        # the whole's end always means that something may have been written.
        self._timeout = httpx.Timeout(seconds, connect=seconds / 3, pool=seconds / 3).as_dict()
        # A kept connection may have been closed by the platform meanwhile, and whether a post got
        # into it cannot be known then: each post has its own.
        self._transport = transport or httpx.AsyncHTTPTransport(
            verify=True, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def post(self, request: Request) -> Answer:
        """Make the request, once. Raises GatewayUnavailable or SendUncertain."""
        host = urlsplit(self._origin).hostname
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(request)
        except _UNCONNECTED as error:
            raise errors.GatewayUnavailable(f"连不上 {host}") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise errors.SendUncertain(f"{host} 没有在时限内答复") from error
        except (httpx.RequestError, OSError) as error:
            raise errors.SendUncertain(f"{host} 没有答复就断开了") from error

    async def close(self) -> None:
        """Close every connection. Safe to repeat."""
        await self._transport.aclose()

    async def _exchange(self, request: Request) -> Answer:
        query = f"?{urlencode(request.query)}" if request.query else ""
        response = await self._transport.handle_async_request(
            httpx.Request(
                "POST",
                f"{self._origin}{request.path}{query}",
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "Content-Type": "application/json; charset=utf-8",
                },
                content=request.body,
                extensions={"timeout": self._timeout},
            )
        )
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER:
                    break
        finally:
            await response.aclose()
        return Answer(response.status_code, bytes(body))


def packed(message: Mapping[str, object]) -> bytes:
    """A message as JSON in UTF-8, Chinese as it is: what is measured is what is sent."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _is_loopback(origin: str) -> bool:
    """Whether an origin is a loopback address in figures; a name could lead anywhere."""
    parts = urlsplit(origin)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and address.is_loopback
