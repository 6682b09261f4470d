"""What every request passes first: size, host, where it comes from; and what every answer carries.

A request that may change something must come from our own pages (Sec-Fetch-Site, else Origin).
Programs are let through where no cookie speaks for them: under /api/ and /webhooks/orders/.
"""

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import errors

log = logging.getLogger(__name__)

SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
# No session counts there: programs sign what they send, or carry a token.
FOR_PROGRAMS = ("/api/", "/webhooks/orders/")
# Measured where it is read, and written down.
MEASURES_ITSELF = "/webhooks/orders/"
LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # `no-referrer` would also empty the Origin that the check of where a request comes from reads.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
TOO_LARGE = ("上传的内容太大", "分成几次上传，或请管理员改 QUNYUN_CONSOLE_UPLOAD_MB")
BROKEN = (500, "出错了，什么都没有改动", "再试一次；还是不行，请把时间告诉工程师，日志里有原因")
HTTPS_ONLY = "max-age=31536000"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Guard:
    """The outermost layer of the console. `refuse` writes the page of a refusal."""

    app: ASGIApp
    refuse: Callable[[Scope, int, str, str], ASGIApp]
    largest: int
    tls: bool
    loopback: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a refusal."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                _dress(scope, message, tls=self.tls)
            await send(message)

        refused = self._fault(scope)
        app = self.app if refused is None else self.refuse(scope, *refused)
        taken = 0

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.largest:
                raise HTTPException(413)
            return message

        try:
            await app(scope, receiving, sending)
        except Exception as error:  # noqa: BLE001  # the supervisor of a request: others go on
            # Not its own words, which may quote a member, nor the path, which may hold a link.
            route = getattr(scope.get("route"), "path", "")
            log.error("%s %s failed: %s", scope["method"], route, errors.where(error))  # noqa: TRY400
            if not begun:
                await self.refuse(scope, *BROKEN)(scope, receive, sending)

    def _fault(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        if self.loopback and _host(headers.get("host", "")) not in LOOPBACK:
            # A foreign name that points here: some page is trying to reach this machine.
            return 421, "这个地址不是本机的名字", "用 http://127.0.0.1 打开"
        is_measured = scope["path"].startswith(MEASURES_ITSELF)
        if not is_measured and int(headers.get("content-length") or 0) > self.largest:
            return 413, *TOO_LARGE
        if scope["method"] in SAFE or scope["path"].startswith(FOR_PROGRAMS):
            return None
        if not is_ours(headers):
            return 403, "这个请求不是从运营后台的页面发出的", "回到页面，刷新后再操作一次"
        return None


def is_ours(headers: Headers) -> bool:
    """Whether a request comes from a page of ours, by what browsers say and pages cannot forge."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _host(value: str) -> str:
    return value if value.endswith("]") else value.rpartition(":")[0] or value


def _dress(scope: Scope, message: MutableMapping[str, Any], *, tls: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if tls:
        headers.setdefault("strict-transport-security", HTTPS_ONLY)
    is_versioned = scope["path"].startswith("/static/") and b"v=" in scope["query_string"]
    headers.setdefault("cache-control", FOR_EVER if is_versioned else "no-store")
