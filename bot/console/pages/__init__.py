"""Every route of the console. A new page group: its file here, its ROUTES in this tuple."""

from bot.console.api import deliveries as api_deliveries
from bot.console.api import rooms as api_rooms
from bot.console.api import series as api_series
from bot.console.pages import (
    accounts,
    approvals,
    audit,
    calendar,
    data,
    deliveries,
    delivery,
    feeds,
    guide,
    links,
    login,
    operators,
    overview,
    pausing,
    programs,
    room,
    rooms,
    series,
    settings,
    setup,
    todo,
    tokens,
)
from bot.console.routes import Route

ROUTES: tuple[Route, ...] = (
    *login.ROUTES,
    *links.ROUTES,
    *setup.ROUTES,
    *overview.ROUTES,
    *pausing.ROUTES,
    *operators.ROUTES,
    *tokens.ROUTES,
    *audit.ROUTES,
    *guide.ROUTES,
    *programs.ROUTES,
    *rooms.ROUTES,
    *room.ROUTES,
    *deliveries.ROUTES,
    *delivery.ROUTES,
    *todo.ROUTES,
    *accounts.ROUTES,
    *api_rooms.ROUTES,
    *api_series.ROUTES,
    *api_deliveries.ROUTES,
    *calendar.ROUTES,
    *series.ROUTES,
    *approvals.ROUTES,
    *data.ROUTES,
    *feeds.ROUTES,
    *settings.ROUTES,
)
