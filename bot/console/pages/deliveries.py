"""发送队列: how far each batch is, every delivery with its reason, and what a person decides."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Form, HTTPException
from fastapi.responses import Response
from pydantic import AwareDatetime
from sqlalchemy import select

from bot import outbox, recalling
from bot.console import queue, reach, roles
from bot.console.page import Page, Reader, Writer
from bot.console.queue import ACCOUNT, DELIVERY, SERIES, Filters
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import DeliveryKind, DeliveryState
from bot.outbox import Decision

# Each is looked at on its own.
AT_ONCE = 500


class Verdict(StrEnum):
    """What a person can say of a delivery."""

    SENT = "sent"
    RESEND = "resend"
    FAILED = "failed"
    CANCEL = "cancel"
    RECALL = "recall"


# In the order of the buttons: the states that each makes sense for.
STARTS = {
    Verdict.SENT: (DeliveryState.UNCERTAIN,),
    Verdict.RESEND: (DeliveryState.UNCERTAIN, DeliveryState.FAILED),
    Verdict.FAILED: (DeliveryState.UNCERTAIN,),
    Verdict.CANCEL: (DeliveryState.PENDING, DeliveryState.CLAIMED),
    Verdict.RECALL: (DeliveryState.SENT,),
}
KINDS = {
    DeliveryKind.REPLY: "即时回应",
    DeliveryKind.POST: "发帖",
    DeliveryKind.DIGEST: "周报",
    DeliveryKind.ALERT: "告警",
}
TOLD = {
    Verdict.SENT: "{n} 条记为已发",
    Verdict.RESEND: "{n} 条会再发一次",
    Verdict.FAILED: "{n} 条记为未发",
    Verdict.CANCEL: "已取消 {n} 条",
    Verdict.RECALL: "已请求撤回 {n} 条，结果半分钟内写在这里",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many it was done for, how many not, and the first reason why not."""

    done: int
    left: int
    problem: str = ""


def listed(page: Reader, filters: Annotated[Filters, Depends()], number: int = 1) -> Response:
    """One page of the queue under the batches of its day."""
    given = filters.given()
    counts = queue.counts(page, given)
    listing = queue.cut(page, given, counts, number)
    connection = page.session.connection()
    series = connection.execute(select(SERIES.c.key, SERIES.c.name).order_by(SERIES.c.name)).all()
    if not roles.sees_all(page.someone):
        seen = {each.definition.key for each in reach.visible(page)}
        series = [each for each in series if each.key in seen]
    accounts = connection.scalars(select(ACCOUNT.c.name).order_by(ACCOUNT.c.name)).all()
    return page.render(
        "deliveries.html", listing=listing, filters=given, counts=counts,
        batches=queue.batches(page, given), series=series, accounts=accounts, kinds=KINDS,
        since=queue.period(page, given["day"])[0],
    )  # fmt: skip


def decide(
    page: Writer,
    verdict: Annotated[Verdict, Form()],
    delivery: Annotated[list[int] | None, Form()] = None,
) -> Response:
    """What a person says of the ticked ones; those whose state has changed stay as they are."""
    ids = set(delivery or ())
    if not ids:
        raise _refuse(page.tr("一条也没有选"), page.tr("先勾选，再选要做的事"))
    rows = (
        page.session.connection()
        .execute(select(DELIVERY.c.id, DELIVERY.c.room_id).where(DELIVERY.c.id.in_(ids)))
        .all()
    )
    if {row.id for row in rows} != ids:
        raise HTTPException(404)
    page.must_see(*{row.room_id for row in rows})
    return _told(page, verdict, carry_out(page, ids, verdict))


def decide_batch(
    page: Writer,
    verdict: Annotated[Verdict, Form()],
    series: Annotated[int, Form()],
    due: Annotated[AwareDatetime, Form()],
    step: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Take a batch back: what has not been sent (cancel), or was sent just now (recall)."""
    batch = queue.of_batch(page, series, step, due.astimezone(dt.UTC))
    wanted = {
        Verdict.CANCEL: DELIVERY.c.state.in_(STARTS[Verdict.CANCEL]),
        Verdict.RECALL: queue.recallable(page.now),
    }
    if verdict not in wanted:
        raise HTTPException(404)
    found = select(DELIVERY.c.id).where(batch, wanted[verdict])
    ids = set(page.session.connection().scalars(found))
    return _told(page, verdict, carry_out(page, ids, verdict))


def carry_out(page: Page, ids: Collection[int], verdict: Verdict) -> Outcome:
    """Do it, delivery by delivery, through the outbox. Raises InvalidInput for too many."""
    if verdict is Verdict.CANCEL:
        reason = f"{page.by} 在后台取消"
        done = outbox.cancel(page.session, ids, reason)
        if done:
            page.note("cancel", _named(ids), None, {"deliveries": sorted(ids), "cancelled": done})
        return Outcome(done, len(ids) - done)
    if len(ids) > AT_ONCE:
        problem = page.tr("一次最多处理 {n} 条", n=AT_ONCE)
        raise _refuse(problem, page.tr("用筛选分成几批"))
    if verdict is Verdict.RECALL:
        return _recall(page, ids)
    decision = Decision(verdict.value)
    done = sum(
        outbox.decide(page.session, each, decision, page.by, page.now) for each in sorted(ids)
    )
    return Outcome(done, len(ids) - done)


def _recall(page: Page, ids: Collection[int]) -> Outcome:
    done, problem = 0, ""
    for each in sorted(ids):
        try:
            recalling.ask(page.session, each, page.by, page.now)
        except InvalidInput as error:
            fault = error.faults[0]
            problem = problem or f"{page.tr(fault.problem)};{page.tr(fault.remedy)}"
        else:
            done += 1
    return Outcome(done, len(ids) - done, problem)


def _told(page: Page, verdict: Verdict, outcome: Outcome) -> Response:
    said = page.tr(TOLD[verdict], n=outcome.done)
    if outcome.left:
        said = page.tr("{said}；{m} 条没有动：状态已经变了", said=said, m=outcome.left)
        if outcome.problem:
            said = f"{said}({outcome.problem})"
    kind = "done" if outcome.done and not outcome.left else "warning"
    return page.to(page.back(), said, kind=kind)


def _named(ids: Collection[int]) -> str:
    return f"delivery:{next(iter(ids))}" if len(ids) == 1 else "deliveries"


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("deliveries", 0, "delivery", problem, remedy))


ROUTES = (
    Route("GET", "/deliveries", listed, VIEWER),
    Route("POST", "/deliveries/decide", decide, OPERATOR),
    Route("POST", "/deliveries/batch", decide_batch, OPERATOR),
)
