"""首次设置向导: what is in place already, and what comes next."""

from fastapi.responses import Response
from sqlalchemy import func, select

from bot import database
from bot.console.page import Reader
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.models import Account, Room, Series


def show(page: Reader) -> Response:
    """Each step with what was found, so that nothing needs to be ticked off by hand."""
    room, account, series = database.tables(Room, Account, Series)
    counts = (
        page.session.connection()
        .execute(
            select(
                select(func.count()).select_from(room).scalar_subquery().label("rooms"),
                select(func.count())
                .select_from(room)
                .where(room.c.vertical != "")
                .scalar_subquery()
                .label("sorted"),
                select(func.count()).select_from(series).scalar_subquery().label("series"),
            )
        )
        .one()
    )
    accounts = (
        page.session.connection()
        .execute(
            select(account.c.name, account.c.online, account.c.posting).order_by(account.c.name)
        )
        .all()
    )
    return page.render("setup.html", counts=counts, accounts=accounts)


ROUTES = (Route("GET", "/setup", show, ADMIN),)
