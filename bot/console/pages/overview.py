"""总览: today's posts on a time line, how far they are, the accounts, what waits for a person."""

from fastapi.responses import Response

from bot.console import health, today
from bot.console.page import Reader
from bot.console.roles import VIEWER
from bot.console.routes import Route


def show(page: Reader) -> Response:
    """Today in the installation's zone."""
    seen = today.gather(page.session, page.someone, page.now, page.settings.zone)
    line = today.draw(seen.posts, page.now, seen.since)
    planner = health.planner(page.session, page.now)
    return page.render("overview.html", today=seen, line=line, planner=planner)


ROUTES = (Route("GET", "/", show, VIEWER),)
