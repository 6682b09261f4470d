"""帮助: how to, which keys, and whether the installation is well."""

from fastapi.responses import Response

from bot.console import health
from bot.console.page import Reader
from bot.console.roles import VIEWER
from bot.console.routes import Route


def show(page: Reader) -> Response:
    """Health first: whoever comes here may be in trouble."""
    findings = health.look(page.session, page.settings, page.now)
    return page.render("help.html", findings=findings)


ROUTES = (Route("GET", "/help", show, VIEWER),)
