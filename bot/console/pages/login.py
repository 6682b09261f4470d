"""登录: sign in and out; the choice of language."""

from typing import Annotated

from fastapi import Form
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from bot import database
from bot.console import catalogue, credentials, operators, sessions, throttling
from bot.console.page import Guest, Page, Writer
from bot.console.roles import VIEWER
from bot.console.routes import Route


def show(page: Guest, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if page.operator is not None:
        return page.to(_inside(next))
    return _form(page, next)


def sign_in(
    page: Guest,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Check a password, unless too many were wrong of late."""
    name, address = name.strip(), _address(page)
    engine, now = page.console.engine, page.now
    with database.transaction(engine) as session:
        waiting = throttling.attempt(session, name, address, now)
    if waiting is not None:
        minutes = max(1, round(waiting.total_seconds() / 60))
        problem = page.tr("错的次数太多了，请等 {n} 分钟再试", n=minutes)
        return _form(page, next, name, problem, 429)
    operator = operators.find(page.session, name)
    stored = operator.password_hash if operator and operator.disabled_at is None else None
    # Slow on purpose, so outside of any transaction that writes.
    if not credentials.is_password(stored, password) or operator is None or operator.id is None:
        return _form(page, next, name, page.tr("名字或密码不对"), 401)
    with database.transaction(engine) as session:
        throttling.succeeded(session, name, address)
        token = start(session, page, operator.id)
    return with_cookie(page, page.to(_inside(next)), token)


def sign_out(page: Writer) -> Response:
    """End this browser's session."""
    token = page.request.cookies.get(page.console.cookie)
    if token:
        sessions.end(page.session, token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(
        page.console.cookie, path="/", secure=page.settings.console_tls, httponly=True
    )
    # Nothing of what was seen stays behind on a shared machine.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def choose_language(page: Writer, language: Annotated[str, Form()]) -> Response:
    """Keep the operator's choice of language."""
    operator = page.someone
    if language in catalogue.LANGUAGES:
        operator.language = language
        page.session.add(operator)
    return page.to(page.back())


def start(session: Session, page: Page, operator_id: int) -> str:
    """Sign this browser in, and out of whatever it was signed into."""
    before = page.request.cookies.get(page.console.cookie)
    browser = page.request.headers.get("user-agent", "")
    return sessions.start(session, operator_id, _address(page), browser, before, page.now)


def with_cookie(page: Page, answer: Response, token: str) -> Response:
    """An answer that hands the browser its session."""
    answer.set_cookie(
        page.console.cookie, token, max_age=int(sessions.LASTS.total_seconds()), path="/",
        httponly=True, samesite="lax", secure=page.settings.console_tls,
    )  # fmt: skip
    return answer


def _form(page: Page, next: str, name: str = "", problem: str = "", status: int = 200) -> Response:
    first = operators.none_yet(page.session)
    values = {"next": _inside(next), "name": name, "problem": problem, "first": first}
    return page.render("login.html", status, **values)


def _address(page: Page) -> str:
    client = page.request.client
    return client.host if client else ""


def _inside(path: str) -> str:
    """A path of ours: nobody is sent elsewhere after signing in."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


ROUTES = (
    Route("GET", "/login", show, None),
    Route("POST", "/login", sign_in, None),
    Route("POST", "/logout", sign_out, VIEWER),
    Route("POST", "/language", choose_language, VIEWER),
)
