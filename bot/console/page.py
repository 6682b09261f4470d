"""What an endpoint is given: who asks, one transaction, the clock, the words, the templates.

A GET takes a `Reader` (one consistent view), a change a `Writer` (one transaction, committed
before the answer leaves, rolled back on any error), a page that is open to all a `Guest`. Who may
come in is said by the route (`routes.Route.role`) and checked here, in the same transaction.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import ColumnElement, Engine, Table
from sqlmodel import Session
from starlette.routing import Match

from bot import database
from bot.console import auditing, catalogue, live, rendering, roles, sessions, shell, tokens
from bot.models import ApiToken, Operator, OperatorRole, OperatorSession
from bot.orders.short_links import Meter
from bot.settings import Settings
from bot.translation import Translate

TOAST = "qunyun_toast"
TOAST_SECONDS = 60


class SignIn(Exception):
    """Somebody must sign in first."""


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages share: the real things, and the role that each route asks for."""

    engine: Engine
    settings: Settings
    clock: Callable[[], dt.datetime]
    roles: Mapping[tuple[str, str], OperatorRole | None]
    changes: live.Changes
    clicks: Meter = field(default_factory=Meter)

    @property
    def cookie(self) -> str:
        """The name of the session cookie: behind TLS no other host can set it."""
        return "__Host-qunyun_sid" if self.settings.console_tls else "qunyun_sid"


@dataclass(slots=True)
class Page:
    """One request, answered. `by` is the name that audits and plans carry; `seen` is the look at
    the database (`live`) after which its figures were read.
    """

    console: Console
    request: Request
    session: Session
    now: dt.datetime
    operator: Operator | None
    language: str
    seen: str = ""

    @property
    def by(self) -> str:
        """The operator's name."""
        return self.someone.name

    @property
    def someone(self) -> Operator:
        """The operator, on a route that asks for a role."""
        if self.operator is None:
            raise SignIn
        return self.operator

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.console.settings

    @property
    def tr(self) -> Translate:
        """From a Chinese text and its values to what the reader sees."""
        return catalogue.translator(self.language)

    def may(self, role: OperatorRole) -> bool:
        """Whether the operator may do what asks for `role`."""
        return self.operator is not None and roles.allows(self.operator.role, role)

    def in_scope(self, room: Table) -> ColumnElement[bool]:
        """The SQL condition on the room table (or an alias) for what the operator may see."""
        return roles.in_scope(self.someone, room)

    def must_see(self, *room_ids: int) -> None:
        """404 where a room does not exist or is out of the operator's scope: both look alike."""
        if not roles.sees(self.session, self.someone, room_ids):
            raise HTTPException(404)

    def must_see_all(self) -> None:
        """403 to who sees some rooms only, where what is told is of all of them."""
        if not roles.sees_all(self.someone):
            raise HTTPException(403)

    def note(
        self,
        action: str,
        subject: str,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        """Write a change down in the audit (`auditing.note`)."""
        auditing.note(self.session, self.now, self.by, action, subject, before, after)

    def render(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A template in the shell; clears the toast that it shows."""
        toast = _toast(self.request)
        frame = shell.gather(self.session, self.operator, self.now)
        text = rendering.render(template, self, frame, toast, values)
        answer = HTMLResponse(text, status)
        if toast is not None:
            answer.delete_cookie(TOAST, path="/")
        return answer

    def back(self) -> str:
        """The page of ours that a form was sent from."""
        return back(self.request)

    def to(self, path: str, toast: str = "", *, kind: str = "done", undo: str = "") -> Response:
        """After a change: go to `path` and say there what was done.

        `undo` is the path that takes the change back when posted to. `kind`: done, warning.
        """
        answer: Response
        if "hx-request" in self.request.headers:
            answer = Response(status_code=204, headers={"HX-Redirect": path})
        else:
            answer = RedirectResponse(path, 303)
        if toast:
            packed = quote(json.dumps({"text": toast, "kind": kind, "undo": undo}))
            answer.set_cookie(
                TOAST, packed, max_age=TOAST_SECONDS, httponly=True, samesite="lax",
                secure=self.settings.console_tls,
            )  # fmt: skip
        return answer


def reader(request: Request) -> Iterator[Page]:
    """One consistent view of the database, for a signed-in operator."""
    console: Console = request.app.state.console
    seen = console.changes.seen()
    with database.reading(console.engine) as session:
        page, opened = _open(console, request, session)
        page.seen = seen
        yield page
    if opened is not None and page.now - opened.seen_at > sessions.FRESH:
        with database.transaction(console.engine) as session:
            sessions.see(session, opened, page.now)


def writer(request: Request) -> Iterator[Page]:
    """One transaction, for a signed-in operator."""
    console: Console = request.app.state.console
    with database.transaction(console.engine) as session:
        page, opened = _open(console, request, session)
        yield page
        if opened is not None and page.now - opened.seen_at > sessions.FRESH:
            sessions.see(session, opened, page.now)


def api_reader(request: Request) -> Iterator[Page]:
    """One consistent view, for a program with a token whose scopes hold `read`."""
    console: Console = request.app.state.console
    with database.reading(console.engine) as session:
        page, token = _open_api(console, request, session, "read")
        yield page
    if token.used_at is None or page.now - token.used_at > tokens.FRESH:
        with database.transaction(console.engine) as session:
            tokens.see(session, token, page.now)


def api_writer(request: Request) -> Iterator[Page]:
    """One transaction, for a program with a token whose scopes hold `write`."""
    console: Console = request.app.state.console
    with database.transaction(console.engine) as session:
        page, token = _open_api(console, request, session, "write")
        tokens.see(session, token, page.now)
        yield page


def back(request: Request) -> str:
    """The page of ours that a request was sent from, else the overview."""
    # The browser sends the whole address to its own host alone.
    _, found, path = request.headers.get("referer", "").partition(
        f"//{request.headers.get('host', '')}"
    )
    ours = found and path.startswith("/") and not path.startswith("//")
    return path if ours and _opens(request, path) else "/"


def _opens(request: Request, path: str) -> bool:
    """Whether an address can be asked for: what only answers a form cannot."""
    asked = {"type": "http", "method": "GET", "path": path.partition("?")[0], "root_path": ""}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


Reader = Annotated[Page, Depends(reader, scope="function")]
Writer = Annotated[Page, Depends(writer, scope="function")]
# The same as a Reader; a route without a role leaves `operator` None where nobody is signed in.
Guest = Annotated[Page, Depends(reader, scope="function")]
ApiReader = Annotated[Page, Depends(api_reader, scope="function")]
ApiWriter = Annotated[Page, Depends(api_writer, scope="function")]


def _open(
    console: Console, request: Request, session: Session
) -> tuple[Page, OperatorSession | None]:
    now = console.clock()
    wanted = _wanted(console, request)
    token = request.cookies.get(console.cookie)
    found = sessions.signed_in(session, token, now) if token else None
    if found is None and wanted is not None:
        raise SignIn
    operator, opened = found or (None, None)
    page = _page(console, request, session, now, operator)
    if wanted is not None and not page.may(wanted):
        raise HTTPException(403)
    return page, opened


def _open_api(
    console: Console, request: Request, session: Session, scope: str
) -> tuple[Page, ApiToken]:
    now = console.clock()
    wanted = _wanted(console, request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = tokens.owner(session, token, now) if scheme.lower() == "bearer" else None
    if found is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    operator, row = found
    page = _page(console, request, session, now, operator)
    if scope not in row.scopes or wanted is None or not page.may(wanted):
        raise HTTPException(403)
    return page, row


def _page(
    console: Console,
    request: Request,
    session: Session,
    now: dt.datetime,
    operator: Operator | None,
) -> Page:
    chosen = operator.language if operator is not None else None
    language = catalogue.language_for(chosen, request.headers.get("accept-language", ""))
    page = Page(console, request, session, now, operator, language)
    # For the page that says what went wrong, should something go wrong.
    request.state.page = page
    return page


def _wanted(console: Console, request: Request) -> OperatorRole | None:
    return console.roles[request.method, request.scope["route"].path]


def _toast(request: Request) -> dict[str, str] | None:
    packed = request.cookies.get(TOAST)
    if not packed:
        return None
    try:
        found = json.loads(unquote(packed))
        return {name: str(found[name]) for name in ("text", "kind", "undo")}
    except (ValueError, KeyError, TypeError):
        # Nobody but us writes this cookie: an older version of ours may have.
        return None
