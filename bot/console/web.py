"""The console as an ASGI app: routes, refusals, the layers around them."""

import datetime as dt
import functools
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPBearer
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError
from starlette.exceptions import HTTPException as RoutingError
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from bot import errors
from bot.console import guard, live, pages, refusals, rendering, typed
from bot.console.api import given
from bot.console.guard import Guard
from bot.console.page import Console, SignIn
from bot.console.routes import Route
from bot.console.turns import Turns
from bot.errors import InvalidInput
from bot.settings import Settings

log = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
# Says in the OpenAPI how programs sign in; who may come in is looked up in the page's transaction.
BEARER = HTTPBearer(auto_error=False, description="A token of /me.")
REFUSED = {
    401: "No token, or one that is over.",
    403: "The role or the scopes of the token do not reach so far.",
    404: "There is none, or it is out of the token's scope: both look alike.",
    409: "Somebody changed it meanwhile: read it again first.",
    422: "Something in the request is wrong; `detail` says what, and how to mend it.",
}


FILL_IN, TOO_LONG = "填写后再试一次", "写得太长了：删短一些再试一次"

NO_SCHEMA: Mapping[str, Any] = {"include_in_schema": False, "response_model": None}


def build(engine: Engine, settings: Settings, clock: Callable[[], dt.datetime]) -> FastAPI:
    """The console on a database at head. `app.state.console.changes.stop()` ends open streams."""
    console = Console(
        engine,
        settings,
        clock,
        {(route.method, route.path): route.role for route in pages.ROUTES},
        live.Changes(engine, clock),
    )
    app = FastAPI(
        title="群运 Qunyun",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        middleware=[
            Middleware(
                Guard,
                refuse=_refusing(console),
                largest=settings.console_upload_mb * MEGABYTE,
                tls=settings.console_tls,
                loopback=settings.console_host in guard.LOOPBACK and not settings.console_tls,
            ),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6),
            Middleware(Turns),
        ],
    )
    app.state.console = console
    app.router.routes += _routes()
    app.router.routes.append(Mount("/static", StaticFiles(directory=rendering.STATIC)))
    _add_handlers(app)
    return app


@functools.cache
def _routes() -> tuple[BaseRoute, ...]:
    """The pages as FastAPI reads them: the same for every app, and slow to read."""
    router = APIRouter()
    for route in pages.ROUTES:
        router.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method, "HEAD"] if route.head else [route.method],
            **(_described(route) if route.api else NO_SCHEMA),
        )
    return tuple(router.routes)


def _described(route: Route) -> dict[str, Any]:
    """How a route stands in the OpenAPI: said by its docstring, under the noun of its path."""
    said = (route.endpoint.__doc__ or "").split("\n")[0].strip().rstrip(".")
    return {
        "summary": said,
        "tags": [route.path.split("/")[3]],
        "operation_id": f"{route.method.lower()}_{route.path.strip('/').replace('/', '_')}",
        "responses": {
            status: {"description": said, "model": given.Refused}
            for status, said in REFUSED.items()
        },
        "dependencies": [Depends(BEARER)],
    }


def _add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SignIn, _sign_in)
    app.add_exception_handler(RoutingError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(InvalidInput, _invalid)
    app.add_exception_handler(IntegrityError, _conflict)
    app.add_exception_handler(OperationalError, _away)


def _sign_in(request: Request, _: Exception) -> Response:
    if refusals.is_api(request.scope):
        return refusals.answer(request, 401, [refusals.MEANT[401]])
    here = request.url.path if request.method == "GET" else ""
    query = f"?{request.url.query}" if request.url.query else ""
    target = refusals.login(f"{here}{query}")
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException | RoutingError) else 500
    problem, remedy = refusals.MEANT.get(status, (HTTPStatus(status).phrase, ""))
    headers = getattr(error, "headers", None)
    return refusals.answer(request, status, [(problem, remedy)], headers)


def _malformed(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    places = [tuple(str(part) for part in fault["loc"]) for fault in error.errors()]
    if any(place[0] == "path" for place in places) and not refusals.is_api(request.scope):
        return refusals.answer(request, 404, [refusals.MEANT[404]])
    problems = [
        (str(fault["loc"][-1]), TOO_LONG if fault["type"].endswith("too_long") else FILL_IN)
        for fault in error.errors()
    ]
    kept = [text for fault in error.errors() if (text := typed.given_back(fault))]
    return refusals.answer(request, 422, problems, kept=kept)


def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, InvalidInput):
        raise error
    # Somebody else was first: the person must look again before going on.
    outdated = any(fault.column == "version" for fault in error.faults)
    told = [(fault.problem, fault.remedy) for fault in error.faults]
    return refusals.answer(request, 409 if outdated else 422, told)


def _conflict(request: Request, error: Exception) -> Response:
    log.warning("two changes met: %s", errors.where(error))
    return refusals.answer(request, 409, [refusals.MEANT[409]])


def _away(request: Request, error: Exception) -> Response:
    log.error("the database does not answer: %s", errors.where(error))
    return refusals.answer(request, 503, [refusals.MEANT[503]])


def _refusing(console: Console) -> Callable[[Scope, int, str, str], ASGIApp]:
    def refuse(scope: Scope, status: int, problem: str, remedy: str) -> ASGIApp:
        request = Request(scope)
        request.state.console = console
        return refusals.answer(request, status, [(problem, remedy)])

    return refuse
