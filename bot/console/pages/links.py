"""One-time links: set a password, once, and be signed in; the very first makes the first admin."""

from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response

from bot import database
from bot.console import credentials, operators
from bot.console.page import Guest
from bot.console.pages import login
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.errors import InvalidInput


def show(page: Guest, token: str) -> Response:
    """The form to choose a password; looking at it does not spend the link."""
    holds, operator = operators.linked(page.session, token, page.now)
    name = operator.name if operator else ""
    return page.render(
        "link.html", 200 if holds else 404, holds=holds, name=name, first=operator is None,
        problem=None,
    )  # fmt: skip


def set_password(
    page: Guest,
    token: str,
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Spend the link: the password is set and the browser signed in."""
    holds, operator = operators.linked(page.session, token, page.now)
    if not holds:
        raise HTTPException(404)
    name = operator.name if operator else name.strip()
    try:
        hashed = credentials.hash_password(operators.same(password, again), name)
        with database.transaction(page.console.engine) as session:
            if not operators.use_link(session, token, page.now):
                raise HTTPException(404)
            whose = (
                operators.existing(session, name)
                if operator
                else operators.add(session, name, ADMIN, name, page.now)
            )
            operators.set_password(session, whose, hashed, name, page.now)
            started = login.start(session, page, whose.id or 0)
    except InvalidInput as error:
        return page.render(
            "link.html", 422, holds=True, name=name, first=operator is None, problem=error.faults[0]
        )
    target = "/setup" if operator is None else "/"
    return login.with_cookie(page, page.to(target), started)


ROUTES = (
    Route("GET", "/link/{token}", show, None),
    Route("POST", "/link/{token}", set_password, None),
)
