"""What programs ask for: is it alive, is it ready, figures, the stream of changes, who am I."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from sqlalchemy import func, select

from bot import database
from bot.console import health
from bot.console.page import ApiReader, Console, Guest, Page, Reader
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.models import Account, Delivery, DeliveryState, Room


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
    return PlainTextResponse("".join(_metrics(page)), media_type="text/plain; version=0.0.4")


async def events(request: Request, _: Reader, seen: str = "") -> Response:
    """The stream of changes: names of topics, for as long as the page is open; `seen` is what the
    page says that it has seen, a browser that comes back says so in a header.
    """
    console: Console = request.app.state.console
    stands = request.headers.get("last-event-id", seen)
    return StreamingResponse(console.changes.stream(stands), media_type="text/event-stream")


def me(page: ApiReader) -> Response:
    """Whose token this is and what it may do."""
    operator = page.someone
    return JSONResponse(
        {
            "name": operator.name,
            "role": operator.role,
            "verticals": operator.verticals,
            "tags": operator.tags,
        }
    )


def api_docs(page: Reader) -> Response:
    """The documentation of /api/v1, served from here."""
    return page.render("api_docs.html")


def _metrics(page: Page) -> Iterator[str]:
    delivery, account, room = database.tables(Delivery, Account, Room)
    connection = page.session.connection()
    states = connection.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state))
    found = {row[0]: row[1] for row in states}
    yield "# HELP qunyun_deliveries Deliveries by state.\n# TYPE qunyun_deliveries gauge\n"
    for state in DeliveryState:
        yield f'qunyun_deliveries{{state="{state.value}"}} {found.get(state, 0)}\n'
    rows = connection.execute(select(account.c.id, account.c.online).order_by(account.c.id))
    yield "# HELP qunyun_account_online Whether an account is online.\n"
    yield "# TYPE qunyun_account_online gauge\n"
    for row in rows:
        yield f'qunyun_account_online{{account="{row.id}"}} {int(row.online)}\n'
    rooms = connection.scalar(select(func.count()).select_from(room))
    yield "# HELP qunyun_rooms Rooms known.\n# TYPE qunyun_rooms gauge\n"
    yield f"qunyun_rooms {rooms}\n"
    ticked = health.last_tick(page.session)
    if ticked is not None:
        yield "# HELP qunyun_last_tick_seconds When the planner last ticked.\n"
        yield "# TYPE qunyun_last_tick_seconds gauge\n"
        yield f"qunyun_last_tick_seconds {ticked.timestamp():.0f}\n"
    streams = len(page.console.changes.listeners)
    yield "# HELP qunyun_open_pages Open streams.\n# TYPE qunyun_open_pages gauge\n"
    yield f"qunyun_open_pages {streams}\n"


ROUTES = (
    Route("GET", "/healthz", healthz, None),
    Route("GET", "/readyz", readyz, None),
    Route("GET", "/metrics", metrics, None),
    Route("GET", "/events", events, VIEWER),
    Route("GET", "/api/v1/me", me, VIEWER, api=True),
    Route("GET", "/api/docs", api_docs, VIEWER),
)
