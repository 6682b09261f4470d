"""What programs ask for: is it alive, is it ready, figures, the stream of changes; its page."""

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST

from bot.console import health, reference
from bot.console import metrics as figures
from bot.console.page import Console, Guest, Reader
from bot.console.roles import VIEWER
from bot.console.routes import Route


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
    open_pages = len(page.console.changes.listeners)
    return Response(
        figures.text(page.session, open_pages, page.now), media_type=CONTENT_TYPE_LATEST
    )


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


ROUTES = (
    Route("GET", "/healthz", healthz, None),
    Route("GET", "/readyz", readyz, None),
    Route("GET", "/metrics", metrics, None),
    Route("GET", "/events", events, VIEWER),
    Route("GET", "/api/docs", api_docs, VIEWER),
)
