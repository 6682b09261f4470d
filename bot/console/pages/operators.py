"""操作员与角色: add, give a role and a scope, reset, disable; who is signed in where."""

from typing import Annotated

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import func, select

from bot import database
from bot.console import operators, roles, sessions
from bot.console.page import Page, Reader, Writer
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.models import (
    ApiToken,
    Operator,
    OperatorRole,
    OperatorSession,
    Room,
    RoomTag,
)


def listed(page: Reader) -> Response:
    """Everybody who may sign in, the disabled last."""
    operator, session, token = database.tables(Operator, OperatorSession, ApiToken)
    signed_in = (
        select(func.count(), func.max(session.c.seen_at))
        .where(session.c.operator_id == operator.c.id, session.c.expires_at > page.now)
        .correlate(operator)
    )
    rows = page.session.connection().execute(
        select(
            operator,
            signed_in.with_only_columns(func.count()).scalar_subquery().label("browsers"),
            signed_in.with_only_columns(func.max(session.c.seen_at))
            .scalar_subquery()
            .label("seen_at"),
            select(func.count())
            .where(
                token.c.operator_id == operator.c.id,
                token.c.revoked_at.is_(None),
                token.c.expires_at > page.now,
            )
            .correlate(operator)
            .scalar_subquery()
            .label("tokens"),
        ).order_by(operator.c.disabled_at.is_not(None), operator.c.name)
    )
    return page.render("operators.html", rows=rows.all())


def show(page: Reader, operator_id: int) -> Response:
    """One operator: role, scope, browsers, tokens."""
    operator = _found(page, operator_id)
    session, token = database.tables(OperatorSession, ApiToken)
    browsers = page.session.connection().execute(
        select(session.c.created_at, session.c.seen_at, session.c.address, session.c.browser)
        .where(session.c.operator_id == operator_id, session.c.expires_at > page.now)
        .order_by(session.c.seen_at.desc())
    )
    tokens = page.session.connection().execute(
        select(token).where(token.c.operator_id == operator_id).order_by(token.c.id.desc())
    )
    verticals, tags = _known(page)
    return page.render(
        "operator.html", operator=operator, browsers=browsers.all(), tokens=tokens.all(),
        verticals=verticals, tags=tags,
    )  # fmt: skip


def add(
    page: Writer,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[OperatorRole, Form()] = roles.OPERATOR,
) -> Response:
    """A new operator, with a one-time link to hand over."""
    operator = operators.add(page.session, name, role, page.by, page.now)
    return _with_link(page, operator)


def change(
    page: Writer,
    operator_id: int,
    role: Annotated[OperatorRole, Form()],
    verticals: Annotated[list[str] | None, Form()] = None,
    tags: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Another role or scope; nothing ticked means every room."""
    operator = _found(page, operator_id)
    operators.change(page.session, operator, role, verticals, tags, page.by, page.now)
    return page.to(f"/operators/{operator_id}", page.tr("已保存，下一次操作就按新的来"))


def reset(page: Writer, operator_id: int) -> Response:
    """A one-time link to set a new password; the old password holds until it is used."""
    return _with_link(page, _found(page, operator_id))


def disable(page: Writer, operator_id: int) -> Response:
    """Shut somebody out at once."""
    operator = _found(page, operator_id)
    operators.disable(page.session, operator, page.by, page.now)
    undo = f"/operators/{operator_id}/enable"
    return page.to("/operators", page.tr("已停用 {name}", name=operator.name), undo=undo)


def enable(page: Writer, operator_id: int) -> Response:
    """Let somebody in again."""
    operator = _found(page, operator_id)
    operators.enable(page.session, operator, page.by, page.now)
    return page.to(f"/operators/{operator_id}", page.tr("已启用 {name}", name=operator.name))


def end_sessions(page: Writer, operator_id: int) -> Response:
    """Sign somebody out everywhere."""
    operator = _found(page, operator_id)
    ended = sessions.end_all(page.session, operator_id)
    page.note("operator.sign_out", f"operator:{operator.name}", None, {"browsers": ended})
    return page.to(f"/operators/{operator_id}", page.tr("已退出 {n} 个浏览器", n=ended))


def _found(page: Page, operator_id: int) -> Operator:
    operator = page.session.get(Operator, operator_id)
    if operator is None:
        raise HTTPException(404)
    return operator


def _with_link(page: Page, operator: Operator) -> Response:
    # Shown on the answer itself: a secret belongs in no cookie and no address bar but its own.
    token = operators.link(page.session, operator, page.by, page.now)
    base = str(page.request.base_url).rstrip("/")
    if page.settings.console_tls:
        base = base.replace("http://", "https://", 1)
    return page.render("operator_link.html", operator=operator, link=f"{base}/link/{token}")


def _known(page: Page) -> tuple[list[str], list[str]]:
    room, tag = database.tables(Room, RoomTag)
    connection = page.session.connection()
    verticals = connection.scalars(
        select(room.c.vertical).where(room.c.vertical != "").distinct().order_by(room.c.vertical)
    )
    return list(verticals), list(
        connection.scalars(select(tag.c.tag).distinct().order_by(tag.c.tag))
    )


ROUTES = (
    Route("GET", "/operators", listed, ADMIN),
    Route("POST", "/operators", add, ADMIN),
    Route("GET", "/operators/{operator_id}", show, ADMIN),
    Route("POST", "/operators/{operator_id}", change, ADMIN),
    Route("POST", "/operators/{operator_id}/reset", reset, ADMIN),
    Route("POST", "/operators/{operator_id}/disable", disable, ADMIN),
    Route("POST", "/operators/{operator_id}/enable", enable, ADMIN),
    Route("POST", "/operators/{operator_id}/sign-out", end_sessions, ADMIN),
)
