"""API 令牌: everybody's own page: password, browsers, tokens for programs that act for them."""

import datetime as dt
from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import select

from bot import database
from bot.console import roles, sessions, tokens
from bot.console.page import Reader, Writer
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.models import ApiToken, OperatorSession


def show(page: Reader) -> Response:
    """My account."""
    session, token = database.tables(OperatorSession, ApiToken)
    mine = page.someone.id
    browsers = page.session.connection().execute(
        select(session.c.created_at, session.c.seen_at, session.c.address, session.c.browser)
        .where(session.c.operator_id == mine, session.c.expires_at > page.now)
        .order_by(session.c.seen_at.desc())
    )
    owned = page.session.connection().execute(
        select(token).where(token.c.operator_id == mine).order_by(token.c.id.desc())
    )
    return page.render("me.html", browsers=browsers.all(), tokens=owned.all(), scopes=tokens.SCOPES)


def add(
    page: Writer,
    name: Annotated[str, Form(max_length=60)] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Annotated[int, Form()] = 90,
) -> Response:
    """A new token, shown this once."""
    lasts = dt.timedelta(days=max(0, min(days, 10_000)))
    token = tokens.add(page.session, page.someone, name, scopes or (), lasts, page.by, page.now)
    return page.render("token.html", token=token, name=name)


def revoke(page: Writer, token_id: int) -> Response:
    """End a token: one's own, or as an admin anybody's."""
    token = page.session.get(ApiToken, token_id)
    if token is None or not (token.operator_id == page.someone.id or page.may(roles.ADMIN)):
        raise HTTPException(404)
    tokens.revoke(page.session, token_id, page.by, page.now)
    return page.to(page.back(), page.tr("令牌已作废，用它的程序从现在起会被拒绝"))


def sign_out_everywhere(page: Writer) -> Response:
    """End every session of one's own, this one too."""
    sessions.end_all(page.session, page.someone.id or 0)
    page.note("operator.sign_out", f"operator:{page.by}")
    return page.to("/login", page.tr("已在所有浏览器退出"))


ROUTES = (
    Route("GET", "/me", show, VIEWER),
    Route("POST", "/me/tokens", add, VIEWER),
    Route("POST", "/me/tokens/{token_id}/revoke", revoke, VIEWER),
    Route("POST", "/me/sign-out", sign_out_everywhere, VIEWER),
)
