"""What shops push: `/webhooks/orders/NAME`. No session counts here; the shop signs what it sends.

size → signature → words → replay → one row, 200; anything else 413, 401, 400, 409 and an audit
"""

import datetime as dt
import logging
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from bot import database
from bot.console.page import Console
from bot.console.routes import Route
from bot.orders import shop_events, shops
from bot.orders.shops.shop import Connection, Refused
from bot.orders.shops.shop import Request as Sent

log = logging.getLogger(__name__)

PATH = "/webhooks/orders/"
# No order is as large; an upload may be.
LARGEST = 1024 * 1024

Answer = TypeVar("Answer")


async def deliver(source: str, request: Request) -> Response:
    """Take one event in; the work on it comes later."""
    console: Console = request.app.state.console
    connection = shops.connections(console.settings.shops).get(source)
    if connection is None:
        return _refusal(404, shop_events.NOBODY)
    now = console.clock()
    try:
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent = Sent(headers, dict(request.query_params), await _body(request))
        taken = await run_in_threadpool(_take_in, console, connection, sent, now)
    except Refused as error:
        status, reason = error.status, str(error)
        log.warning("shop %s: refused with %d", source, status)
        await run_in_threadpool(_write_down, console, source, status, reason, now)
        return _refusal(status, reason)
    done = None if taken.id is None else BackgroundTask(_answered, console, taken.id)
    media = "application/json" if taken.answer.startswith("{") else "text/plain"
    return Response(taken.answer, media_type=media, background=done)


def greet(source: str, request: Request) -> Response:
    """Answer a platform's test of the address."""
    console: Console = request.app.state.console
    connection = shops.connections(console.settings.shops).get(source)
    greeting = None if connection is None else shops.KINDS[connection.kind].greet
    if connection is None or greeting is None:
        return _refusal(404, shop_events.NOBODY)
    try:
        return PlainTextResponse(greeting(dict(request.query_params), connection))
    except Refused as error:
        _write_down(console, source, error.status, str(error), console.clock())
        return _refusal(error.status, str(error))


async def _body(request: Request) -> bytes:
    """What was sent. Raises Refused, and reads no more of it, where it is too much."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Refused(413, shop_events.TOO_LARGE)
    return bytes(body)


def _take_in(
    console: Console, connection: Connection, sent: Sent, now: dt.datetime
) -> shop_events.Taken:
    with database.transaction(console.engine) as session:
        return shop_events.take_in(session, connection, sent, now)


def _answered(console: Console, event_id: int) -> None:
    with database.transaction(console.engine) as session:
        shop_events.answered(session, event_id)


def _write_down(console: Console, source: str, status: int, reason: str, now: dt.datetime) -> None:
    with database.transaction(console.engine) as session:
        shop_events.refused(session, source, status, reason, now)


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": HTTPStatus(status).phrase, "detail": reason}, status)


ROUTES = (
    Route("POST", f"{PATH}{{source}}", deliver, None),
    Route("GET", f"{PATH}{{source}}", greet, None),
)
