"""Short links: `/l/CODE`, followed by whoever has one; no session counts and nobody is asked for.

Leads to what an operator stored, and nowhere else. The click is written down after the answer.
"""

import datetime as dt

from fastapi import Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from bot import database, links
from bot.console import catalogue
from bot.console.page import Console
from bot.console.routes import Route
from bot.models import ClickKind
from bot.orders import short_links

GONE = "这个链接不存在，或者已经停用。"


def follow(code: str, request: Request) -> Response:
    """Send whoever asks to the target."""
    console: Console = request.app.state.console
    wanted, now = links.normal(code), console.clock()
    with database.reading(console.engine) as session:
        target = short_links.target(session, wanted) if wanted else None
    if wanted is None or target is None:
        language = catalogue.language_for(None, request.headers.get("accept-language", ""))
        return PlainTextResponse(catalogue.translator(language)(GONE), 404)
    who = short_links.kind(request.method, request.headers)
    listed = console.clicks.admits(wanted, now)
    done = BackgroundTask(_write_down, console, wanted, who, now, listed)
    return RedirectResponse(links.destination(target, wanted), 302, background=done)


def _write_down(
    console: Console, code: str, who: ClickKind, now: dt.datetime, listed: bool
) -> None:
    with database.transaction(console.engine) as session:
        short_links.click(session, code, who, now, listed=listed)


ROUTES = (Route("GET", f"{links.PATH}{{code}}", follow, None, head=True),)
