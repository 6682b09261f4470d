"""/api/v1/me: whose token this is."""

from pydantic import BaseModel

from bot.console.page import ApiReader
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.models import OperatorRole


class Owner(BaseModel):
    """Whose token it is; `verticals` and `tags` narrow the rooms, null where nothing does."""

    name: str
    role: OperatorRole
    verticals: list[str] | None
    tags: list[str] | None


def me(page: ApiReader) -> Owner:
    """Whose token this is and what it may do."""
    operator = page.someone
    return Owner(
        name=operator.name,
        role=operator.role,
        verticals=operator.verticals,
        tags=operator.tags,
    )


ROUTES = (Route("GET", "/api/v1/me", me, VIEWER, api=True),)
