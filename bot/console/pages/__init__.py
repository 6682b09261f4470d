"""Every route of the console. A new page group: its file here, its ROUTES in this tuple."""

from bot.console.api import deliveries as api_deliveries
from bot.console.api import engagement as api_engagement
from bot.console.api import me as api_me
from bot.console.api import orders as api_orders
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
    labels,
    links,
    login,
    operators,
    orders,
    overview,
    own_words,
    pausing,
    people,
    pictures,
    programs,
    room,
    rooms,
    series,
    settings,
    setup,
    shop_hooks,
    todo,
    tokens,
    webhooks,
)
from bot.console.routes import Route

ROUTES: tuple[Route, ...] = (
    # Before others of the same beginning.
    *shop_hooks.ROUTES,
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
    *people.ROUTES,
    *orders.ROUTES,
    *labels.ROUTES,
    *deliveries.ROUTES,
    *delivery.ROUTES,
    *todo.ROUTES,
    *accounts.ROUTES,
    *api_me.ROUTES,
    *api_rooms.ROUTES,
    *api_series.ROUTES,
    *api_deliveries.ROUTES,
    *api_engagement.ROUTES,
    *api_orders.ROUTES,
    *calendar.ROUTES,
    *series.ROUTES,
    *pictures.ROUTES,
    *approvals.ROUTES,
    *data.ROUTES,
    *feeds.ROUTES,
    *settings.ROUTES,
    *own_words.ROUTES,
    *webhooks.ROUTES,
)
