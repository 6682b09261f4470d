"""What somebody is told who cannot have what they asked for: the problem and the remedy."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from bot.console import catalogue, guard, rendering
from bot.console import page as page_module
from bot.console.page import Console, Page
from bot.console.shell import Frame

MEANT = {
    401: ("没有登录，或令牌不对、已过期", "登录后再试；程序请带上有效的 API 令牌"),
    403: ("你的角色不能做这件事", "需要时请管理员调整你的角色"),
    404: (
        "没有找到这个页面或内容",
        "它可能已被删除，或不在你负责的群里；检查地址，或回到总览",
    ),
    405: ("这个地址不接受这种请求", "从页面上的按钮操作"),
    409: ("别人刚刚改过同一样东西", "回到页面，刷新后看看新的内容，再操作一次"),
    413: guard.TOO_LARGE,
    500: guard.BROKEN[1:],
    503: ("数据库暂时没有回应，什么都没有改动", "等一会儿再试；还是不行，请工程师检查磁盘和数据库"),
}


def answer(
    request: Request,
    status: int,
    problems: Sequence[tuple[str, str]],
    headers: Mapping[str, str] | None = None,
    kept: Sequence[str] = (),
) -> Response:
    """A refusal as the asker can read it: JSON, a toast for a part of a page, or a page.

    `kept` is what was typed: a page gives it back.
    """
    page = _page(request)
    told = [(page.tr(problem), page.tr(remedy)) for problem, remedy in problems]
    if is_api(request.scope):
        detail = [{"problem": problem, "remedy": remedy} for problem, remedy in told]
        return JSONResponse({"detail": detail}, status, headers)
    if "hx-request" in request.headers:
        text = ";".join(part for pair in told for part in pair if part)
        event = json.dumps({"toast": {"text": text, "kind": "warning"}})
        return Response(
            status_code=status,
            headers={"HX-Reswap": "none", "HX-Trigger": event, **(headers or {})},
        )
    values = {"status": status, "problems": told, "back": page_module.back(request), "kept": kept}
    text = rendering.render("refusal.html", page, Frame(), None, values)
    return HTMLResponse(text, status, headers)


def is_api(scope: Scope) -> bool:
    """Whether a program asks, which wants JSON."""
    return str(scope["path"]).startswith("/api/v1/")


def login(here: str) -> str:
    """The way to the login page, and back to `here`."""
    return f"/login?next={quote(here)}" if here and here != "/" else "/login"


def _page(request: Request) -> Page:
    """The page that was being made, else one for nobody: refusals ask the database nothing."""
    page: Page | None = getattr(request.state, "page", None)
    if page is not None:
        return page
    console: Console = getattr(request.state, "console", None) or request.app.state.console
    language = catalogue.language_for(None, request.headers.get("accept-language", ""))
    # No template of a refusal touches the session.
    return Page(console, request, None, console.clock(), None, language)  # type: ignore[arg-type]  # see above
