"""事件推送: the addresses that are told what happened, what each was told, and a test."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import Row, case, func, select

from bot import database, secret
from bot.console import paging
from bot.console.page import Page, Reader, Writer
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.models import CallState, Webhook, WebhookCall
from bot.webhooks import calls, happenings, registry
from bot.webhooks.happenings import Event, Happening

WEBHOOK, CALL = database.tables(Webhook, WebhookCall)
EVENTS = {
    Event.DELIVERY_FAILED: "投递失败",
    Event.DELIVERY_UNCERTAIN: "投递未确认",
    Event.DELIVERY_EXPIRED: "投递过了时限",
    Event.SERIES_SUBMITTED: "栏目提交审批",
    Event.SERIES_APPROVED: "栏目批准",
    Event.ACCOUNT_OUT: "账号离线",
    Event.SENDING_PAUSED: "全部暂停",
    Event.SENDING_RESUMED: "恢复发送",
    Event.TEST: "测试",
}
CHOICE = tuple(event for event in Event if event is not Event.TEST)
STATES = {
    CallState.PENDING: ("等着推送", "waiting"),
    CallState.DELIVERED: ("对方收下了", "good"),
    CallState.GIVEN_UP: ("放弃了", "bad"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One webhook with how its calls stand."""

    row: Row[Any]
    counts: dict[CallState, int]
    failing: int


def listed(page: Reader) -> Response:
    """Every webhook, those that are called first."""
    connection = page.session.connection()
    order = (WEBHOOK.c.revoked_at.is_not(None), WEBHOOK.c.id.desc())
    rows = connection.execute(select(WEBHOOK).order_by(*order)).all()
    refused = func.sum(case((CALL.c.attempts > 0, 1), else_=0)).label("refused")
    counted = connection.execute(
        select(CALL.c.webhook_id, CALL.c.state, func.count().label("calls"), refused)
        .group_by(CALL.c.webhook_id, CALL.c.state)
    ).all()  # fmt: skip
    lines = [
        Line(
            row,
            {each.state: each.calls for each in counted if each.webhook_id == row.id},
            sum(
                int(each.refused) for each in counted
                if each.webhook_id == row.id and each.state is CallState.PENDING
            ),
        )
        for row in rows
    ]  # fmt: skip
    return page.render(
        "webhooks.html", lines=lines, events=EVENTS, choice=CHOICE,
        allowed=page.settings.webhook_origins,
    )  # fmt: skip


def show(page: Reader, webhook_id: int, number: int = 1) -> Response:
    """One webhook and its calls, the latest first."""
    row = _found(page, webhook_id)
    query = select(CALL).where(CALL.c.webhook_id == webhook_id)
    listing = paging.cut(
        page.session, query, (CALL.c.id.desc(),), number, f"/webhooks/{webhook_id}", {}
    )
    return page.render(
        "webhook.html", row=row, listing=listing, events=EVENTS, states=STATES,
        may_be_called=registry.may_call(row.url, page.settings.webhook_origins),
    )  # fmt: skip


def add(
    page: Writer,
    name: Annotated[str, Form(max_length=200)] = "",
    url: Annotated[str, Form(max_length=1000)] = "",
    event: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """A new webhook; its secret is shown this once."""
    wanted = [each for each in event or () if each in {one.value for one in CHOICE}]
    made = registry.add(
        page.session, name, url.strip(), wanted, page.settings.webhook_origins, page.by, page.now
    )
    after = {"name": made.name, "url": made.url, "events": made.events}
    page.note("webhook.add", f"webhook:{made.id}", None, after)
    signing = registry.signing_secret(secret.of(page.settings.home), made.nonce)
    return page.render("webhook_secret.html", secret=signing, row=made)


def revoke(page: Writer, webhook_id: int) -> Response:
    """Call it no more."""
    row = _found(page, webhook_id)
    if registry.revoke(page.session, webhook_id, f"{page.by} 停用", page.now):
        page.note("webhook.revoke", f"webhook:{webhook_id}", {"name": row.name, "url": row.url})
    return page.to("/webhooks", page.tr("{name} 停用了，不再推送", name=row.name))


def test(page: Writer, webhook_id: int) -> Response:
    """Tell it something that did not happen."""
    row = _found(page, webhook_id)
    if row.revoked_at is not None:
        raise _refuse("已经停用，不能测试", "建一个新的")
    about = f"{Event.TEST}:{secrets.token_hex(8)}"
    happening = Happening(Event.TEST, about, page.now, {"by": page.by, "name": row.name})
    database.insert_rows(
        page.session, WebhookCall, [happenings.as_call(webhook_id, happening, page.now)]
    )
    page.note("webhook.test", f"webhook:{webhook_id}")
    told = page.tr("测试排上了，几秒内看到结果")
    return page.to(f"/webhooks/{webhook_id}", told)


def once_more(page: Writer, webhook_id: int, call_id: int) -> Response:
    """Try one call again now."""
    _found(page, webhook_id)
    if not calls.once_more(page.session, webhook_id, call_id, page.now):
        raise _refuse("这一条不用再推送", "可能已经送到，或者地址已停用；刷新看看")
    page.note("webhook.once_more", f"webhook:{webhook_id}", None, {"call": call_id})
    return page.to(page.back(), page.tr("几秒内再推送一次"))


def _found(page: Page, webhook_id: int) -> Row[Any]:
    query = select(WEBHOOK).where(WEBHOOK.c.id == webhook_id)
    row = page.session.connection().execute(query).first()
    if row is None:
        raise HTTPException(404)
    return row


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("webhooks", 0, "webhook", problem, remedy))


ROUTES = (
    Route("GET", "/webhooks", listed, ADMIN),
    Route("POST", "/webhooks", add, ADMIN),
    Route("GET", "/webhooks/{webhook_id}", show, ADMIN),
    Route("POST", "/webhooks/{webhook_id}/revoke", revoke, ADMIN),
    Route("POST", "/webhooks/{webhook_id}/test", test, ADMIN),
    Route("POST", "/webhooks/{webhook_id}/calls/{call_id}", once_more, ADMIN),
)
