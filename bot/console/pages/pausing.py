"""全部暂停: the red button on every page, and letting go again."""

from typing import Annotated

from fastapi import Form
from fastapi.responses import Response

from bot import pauses
from bot.console import shell
from bot.console.page import Writer
from bot.console.roles import APPROVER, OPERATOR
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import PauseScope


def pause(page: Writer, reason: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Hold everything back, at once: in force before the next send."""
    if not reason.strip():
        raise InvalidInput(Fault("pause", 0, "reason", "没有写暂停的原因", "写一句，同事会看到"))
    pauses.pause(page.session, PauseScope.ALL, None, reason.strip(), page.by, page.now)
    return page.to(page.back(), page.tr("已全部暂停，下一条之前生效"), undo="/resume")


def resume(page: Writer, reason: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Let everything go on; what has become too late meanwhile expires.

    For who paused it, or an approver: somebody else may have had a reason.
    """
    paused = shell.paused(page.session)
    if paused is not None and paused.by != page.by and not page.may(APPROVER):
        problem, remedy = "全部暂停不是你按下的", "请按下的人或审批人来恢复"
        raise InvalidInput(Fault("pause", 0, "by", problem, remedy))
    pauses.resume(page.session, PauseScope.ALL, None, reason.strip(), page.by, page.now)
    return page.to(page.back(), page.tr("已恢复发送；过了时限的不会补发"))


ROUTES = (
    Route("POST", "/pause", pause, OPERATOR),
    Route("POST", "/resume", resume, OPERATOR),
)
