"""What programs ask for: is it alive, is it ready, figures, the stream of changes; its page."""

import datetime as dt

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    generate_latest,
)
from sqlalchemy import func, select

from bot import database, heartbeats
from bot.console import health, reference, shell
from bot.console.page import Console, Guest, Page, Reader
from bot.console.roles import ADMIN, VIEWER
from bot.console.routes import Route
from bot.models import Account, Delivery, DeliveryState, Operator, Room, WebhookCall

DAY = dt.timedelta(days=1)


def healthz() -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


def readyz(page: Guest) -> Response:
    """The database answers and is at head; 503 where it is not."""
    found = health.at_head(page.session)
    return PlainTextResponse(
        "ready\n" if found.holds else "not at head\n", 200 if found.holds else 503
    )


def metrics(page: Guest) -> Response:
    """Figures in the text format of Prometheus; never a name, never a word of a member."""
    return Response(_figures(page), media_type=CONTENT_TYPE_LATEST)


async def events(request: Request, _: Reader, seen: str = "") -> Response:
    """The stream of changes: names of topics, for as long as the page is open; `seen` is what the
    page says that it has seen, a browser that comes back says so in a header.
    """
    console: Console = request.app.state.console
    stands = request.headers.get("last-event-id", seen)
    return StreamingResponse(console.changes.stream(stands), media_type="text/event-stream")


def api_docs(page: Reader) -> Response:
    """The documentation of /api/v1, served from here."""
    app: FastAPI = page.request.app
    base = str(page.request.base_url).rstrip("/")
    return page.render("api_docs.html", nouns=reference.operations(app.openapi(), base))


def _figures(page: Page) -> bytes:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    connection = page.session.connection()
    delivery, account, room, call = database.tables(Delivery, Account, Room, WebhookCall)
    due = _gauge(registry, "deliveries", "Deliveries of the last 24 hours, by state.", "state")
    lately = delivery.c.due_at > page.now - DAY, delivery.c.due_at <= page.now
    # Every state by name: the index leads with it.
    states = (
        select(delivery.c.state, func.count())
        .where(delivery.c.state.in_(list(DeliveryState)), *lately)
        .group_by(delivery.c.state)
    )
    counts = {row[0]: row[1] for row in connection.execute(states)}
    for state in DeliveryState:
        due.labels(state.value).set(counts.get(state, 0))
    waiting = _gauge(
        registry, "waiting_for_people", "What waits for a person, by what it is.", "what"
    )
    admin = Operator(name="metrics", role=ADMIN, created_at=page.now)
    for what, number in shell.waiting(page.session, admin, page.now).items():
        waiting.labels(what).set(number)
    online = _gauge(registry, "account_online", "Whether an account is online.", "account")
    spooled = _gauge(registry, "spooled_events", "Heard, not in the log yet.", "account")
    lag = _gauge(registry, "spool_lag_seconds", "Age of the oldest such event.", "account")
    columns = account.c.id, account.c.online, account.c.spooled, account.c.spooled_since
    for row in connection.execute(select(*columns)):
        online.labels(str(row.id)).set(row.online)
        spooled.labels(str(row.id)).set(row.spooled)
        since = row.spooled_since or page.now
        lag.labels(str(row.id)).set((page.now - since).total_seconds())
    calls = _gauge(registry, "webhook_calls", "Calls of webhooks of 30 days, by state.", "state")
    states = select(call.c.state, func.count()).group_by(call.c.state)
    for state, number in connection.execute(states):
        calls.labels(state.value).set(number)
    rooms = connection.scalar(select(func.count()).select_from(room)) or 0
    _gauge(registry, "rooms", "Rooms known.").set(rooms)
    beats = _gauge(
        registry, "last_round_timestamp_seconds", "When a part last did its round.", "part"
    )
    for part, beat in heartbeats.last(page.session).items():
        beats.labels(part).set(beat.at.timestamp())
    streams = len(page.console.changes.listeners)
    _gauge(registry, "open_pages", "Open streams of changes.").set(streams)
    return generate_latest(registry)


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"qunyun_{name}", about, labels, registry=registry)


ROUTES = (
    Route("GET", "/healthz", healthz, None),
    Route("GET", "/readyz", readyz, None),
    Route("GET", "/metrics", metrics, None),
    Route("GET", "/events", events, VIEWER),
    Route("GET", "/api/docs", api_docs, VIEWER),
)
