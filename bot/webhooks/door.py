"""One request to another program: signed, made once, following nobody elsewhere.

Its address is asked for again right before: an installation may have narrowed what it allows. As
with robots, httpx's transport is used without its client, which would log the address, follow
redirects and read proxies from the environment.
"""

import datetime as dt
import json
import time
from collections.abc import Collection
from dataclasses import dataclass

import httpx
import standardwebhooks

from bot.webhooks import registry
from bot.webhooks.calls import Answer, Call

SECONDS = 15.0
LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """The way out. `secret` is the installation's, `allowed` its origins. Safe among threads."""

    secret: bytes
    allowed: Collection[str]
    transport: httpx.BaseTransport


def opened(secret: bytes, allowed: Collection[str]) -> Door:
    """A door to the world."""
    # A kept connection may be closed under a request: each has its own.
    limits = httpx.Limits(max_keepalive_connections=0)
    return Door(secret, allowed, httpx.HTTPTransport(trust_env=False, limits=limits))


def post(door: Door, call: Call, now: dt.datetime) -> Answer:
    """Make a call, once; whatever comes of it is an answer."""
    if not registry.may_call(call.url, door.allowed):
        return Answer(None, "这个地址已经不在 QUNYUN_WEBHOOK_ORIGINS 里")
    until = time.monotonic() + SECONDS
    try:
        response = door.transport.handle_request(request(door, call, now))
        try:
            size = 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > LARGEST_ANSWER or time.monotonic() > until:
                    break
        finally:
            response.close()
    except (httpx.RequestError, OSError) as error:
        return Answer(None, f"没有答复({type(error).__name__})")
    return Answer(response.status_code, "", _after(response.headers.get("retry-after", "")))


def request(door: Door, call: Call, now: dt.datetime) -> httpx.Request:
    """The request of a call: JSON, with the three headers of Standard Webhooks."""
    body = json.dumps(
        {"type": call.event, "timestamp": call.happened_at.isoformat(), "data": call.data},
        ensure_ascii=False,
    )
    signing = standardwebhooks.Webhook(registry.signing_secret(door.secret, call.nonce))
    stamp = now.replace(microsecond=0)
    return httpx.Request(
        "POST",
        call.url,
        headers={
            "Accept-Encoding": "identity",
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Qunyun-Webhooks/1",
            "webhook-id": call.id,
            "webhook-timestamp": str(int(stamp.timestamp())),
            "webhook-signature": signing.sign(call.id, stamp, body),
        },
        content=body.encode(),
        extensions={"timeout": httpx.Timeout(SECONDS).as_dict()},
    )


def _after(text: str) -> dt.timedelta:
    """The seconds of a Retry-After header; dates and nonsense say nothing."""
    digits = text.strip()
    seconds = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 7 else 0
    return dt.timedelta(seconds=seconds)
