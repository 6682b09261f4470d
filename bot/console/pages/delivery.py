"""One delivery (投递): its whole life, what each state means, why it waits, what can be done."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import HTTPException
from fastapi.responses import FileResponse, Response
from sqlalchemy import Row, and_, or_, select

from bot import database, gateway, recalling
from bot.console import queue
from bot.console.page import Page, Reader
from bot.console.pages.deliveries import KINDS, STARTS, Verdict
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.gateway import Posting
from bot.models import (
    Account,
    Audit,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Pause,
    PauseScope,
    Room,
    Series,
)

DELIVERY, ROOM, SERIES, ACCOUNT = database.tables(Delivery, Room, Series, Account)
WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED)

# docs/operations.md: what a state means, and what a person has to do.
MEANT = {
    DeliveryState.PENDING: ("还没交给通道", "一般不用管；一直不动，看下面写的原因"),
    DeliveryState.CLAIMED: ("程序正要发", "不用管"),
    DeliveryState.SENDING: ("已交给通道，在等回执", "不用管，等不到回执会变成“未确认”"),
    DeliveryState.SENT: ("平台收下了，或者在群里看见了它", "不用管；发错了，两分钟内可以撤回"),
    DeliveryState.FAILED: ("平台明确拒绝", "看原因；处理好以后可以重发"),
    DeliveryState.UNCERTAIN: (
        "交出去了，没有回音：可能发了，也可能没发",
        "到群里看一眼再下结论；程序自己绝不重发。如果随后在群里看见这一条，会自动改成已发",
    ),
    DeliveryState.EXPIRED: ("过了时限还没发出", "看原因。过期的不会补发；要补，另排一期"),
    DeliveryState.CANCELLED: (
        "栏目被跳过、改期、改字或撤下，或者有人取消了它",
        "不用管。日历撤下的，重新排到同一期时会自动恢复；人取消的不会",
    ),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of its life; `future` ones are still to come."""

    at: dt.datetime
    text: str
    by: str = ""
    future: bool = False


def show(page: Reader, delivery_id: int) -> Response:
    """Everything about one delivery."""
    row = found(page, delivery_id)
    can = gateway.capabilities_from_json(row.capabilities) if row.capabilities else None
    recallable = row.recallable and (can is None or can.recall)
    return page.render(
        "delivery.html", row=row, meant=MEANT[row.state], moments=_moments(page, row),
        waits=_waits(page, row) if row.state in WAITING else [], kinds=KINDS,
        verdicts=_verdicts(row, recallable), ends=row.sent_at and row.sent_at + recalling.LIMIT,
        unrecallable=row.recallable and not recallable,
    )  # fmt: skip


def image(page: Reader, delivery_id: int) -> Response:
    """The picture of a delivery."""
    row = found(page, delivery_id)
    folder = page.settings.attachments.resolve()
    path = (folder / row.image).resolve() if row.image else folder
    if not path.is_relative_to(folder) or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path)


def found(page: Page, delivery_id: int) -> Row[Any]:
    """A delivery with its room, series and account; 404 where the operator may not see it."""
    row = (
        page.session.connection()
        .execute(
            select(
                DELIVERY, ROOM.c.topic.label("room"), ROOM.c.platform_id, ROOM.c.zone,
                ROOM.c.unavailable_reason, SERIES.c.name.label("series"),
                SERIES.c.key.label("series_key"), ACCOUNT.c.name.label("account"),
                ACCOUNT.c.online, ACCOUNT.c.posting, ACCOUNT.c.state_reason,
                ACCOUNT.c.capabilities, queue.recallable(page.now).label("recallable"),
            )
            .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
            .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
            .outerjoin(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
            .where(DELIVERY.c.id == delivery_id, page.in_scope(ROOM))
        )
        .first()
    )  # fmt: skip
    if row is None:
        raise HTTPException(404)
    return row


def _verdicts(row: Row[Any], recallable: bool) -> list[Verdict]:
    return [
        verdict for verdict, states in STARTS.items()
        if row.state in states and (verdict is not Verdict.RECALL or recallable)
    ]  # fmt: skip


def _moments(page: Page, row: Row[Any]) -> list[Moment]:
    """What happened to it, in order, with what people said of it."""
    tr = page.tr
    happened = [
        (row.planned_at, tr("排进队列")),
        (row.due_at, tr("到点")),
        (row.claimed_at, tr("账号领取")),
        (row.sending_at, tr("交给通道，第 {n} 次", n=row.attempts)),
        (row.sent_at, tr("发出")),
        (row.recall_asked_at, tr("请求撤回")),
        (row.recalled_at, tr("平台撤回了它")),
    ]
    if row.state in WAITING:
        happened += [(row.not_before, tr("到这时再试")), (row.expires_at, tr("过了这时就不再发"))]
    moments = [Moment(at, text, "", at > page.now) for at, text in happened if at is not None]
    audit = database.table(Audit)
    said = page.session.connection().execute(
        select(audit.c.at, audit.c.by, audit.c.action)
        .where(audit.c.object == f"delivery:{row.id}")
        .order_by(audit.c.id)
    )
    moments += [Moment(each.at, each.action, each.by) for each in said]
    return sorted(moments, key=lambda each: each.at)


def _waits(page: Page, row: Row[Any]) -> list[str]:
    """Why it has not gone out yet, as far as a look at the database tells."""
    tr = page.tr
    reasons = [
        tr("已暂停（{scope}）：{reason}", scope=tr(SCOPES[each.scope]), reason=each.reason)
        for each in _pauses(page, row)
    ]
    if row.due_at > page.now:
        reasons.append(tr("还没到点"))
    elif not reasons and row.posting == Posting.CONFIRM:
        reasons.append(tr("等人在“手工发送”里发"))
    if row.account is None:
        reasons.append(tr("这个群没有账号"))
    elif not row.online and row.posting != Posting.CONFIRM:
        reasons.append(tr("账号 {name} 离线：{reason}", name=row.account, reason=row.state_reason))
    if row.unavailable_reason:
        reasons.append(tr("这个群发不到：{reason}", reason=row.unavailable_reason))
    if row.not_before is not None and row.not_before > page.now:
        reasons.append(tr("上次没发成，歇一会儿再试"))
    zone = ZoneInfo(row.zone) if row.zone else page.settings.zone
    quiet = page.settings.quiet_hours
    urgent = row.kind in (DeliveryKind.REPLY, DeliveryKind.ALERT)
    if quiet is not None and not urgent and quiet.cover(page.now.astimezone(zone).time()):
        reasons.append(tr("这个群在静默时段"))
    return reasons or [tr("在排队：按账号的节奏一条一条发")]


SCOPES = {
    PauseScope.ALL: "全部",
    PauseScope.SERIES: "栏目",
    PauseScope.ACCOUNT: "账号",
    PauseScope.ROOM: "群",
}


def _pauses(page: Page, row: Row[Any]) -> list[Any]:
    pause = database.table(Pause)
    aimed = [
        and_(pause.c.scope == scope, pause.c.target_id == target)
        for scope, target in (
            (PauseScope.SERIES, row.series_id),
            (PauseScope.ACCOUNT, row.account_id),
            (PauseScope.ROOM, row.room_id),
        )
        if target is not None
    ]
    if row.kind is not DeliveryKind.ALERT:
        aimed.append(pause.c.scope == PauseScope.ALL)
    query = select(pause.c.scope, pause.c.reason).where(pause.c.resumed_at.is_(None), or_(*aimed))
    return list(page.session.connection().execute(query.order_by(pause.c.id)))


ROUTES = (
    Route("GET", "/deliveries/{delivery_id}", show, VIEWER),
    Route("GET", "/deliveries/{delivery_id}/image", image, VIEWER),
)
