"""账号连接: how each account is, what it serves, how much of its day is used, its rests."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import Row, and_, exists, func, not_, select

from bot import database, gateway, pacing, pauses, serving
from bot.console import roles
from bot.console.page import Page, Reader, Writer
from bot.console.roles import APPROVER, OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.gateway import Capabilities, Posting, Read
from bot.models import Account, AccountRoom, Delivery, DeliveryState, Pause, PauseScope, Room
from bot.pacing import Pace

ACCOUNT, ROOM, DELIVERY, PAUSE = database.tables(Account, Room, Delivery, Pause)
PRESENT = database.table(AccountRoom)
# What was heard so long ago should be in the log.
LATE = dt.timedelta(seconds=30)

# What to do where an account is not there, by its gateway.
REMEDIES = {
    "wechaty": "看通道进程在不在、令牌对不对；要扫码时，二维码在通道进程的终端里",
    "wecom-robot": "检查群机器人的 KEY；群主可能删掉了机器人",
    "feishu-robot": "检查群机器人的 KEY 和签名；群主可能删掉了机器人",
    "dingtalk-robot": "检查群机器人的令牌和签名；群主可能删掉了机器人",
    "": "文件里写了这个账号，还没有连过：在 QUNYUN_GATEWAYS 里写上它，再启动 qunyun run",
}
ELSE = "看 qunyun doctor 的通道一行，它写着怎么修"
READS = {
    Read.ALL: "听得到全部消息",
    Read.MENTION: "只听得到 @ 它的消息",
    Read.ARCHIVE: "聊天记录靠导入",
    Read.NONE: "听不到消息",
}


@dataclass(frozen=True, slots=True)
class Health:
    """One account as it is shown. `limit` is None where people post: nothing paces them."""

    row: Row[Any]
    rooms: int
    present: int
    sent: int
    limit: int | None
    last: dt.datetime | None
    waiting: int
    pauses: tuple[Row[Any], ...]
    can: Capabilities | None
    pace: Pace
    held: bool
    remedy: str
    state: tuple[str, str]


def listed(page: Reader) -> Response:
    """Every account, those in trouble first."""
    found = sorted(_gather(page), key=lambda each: (each.state[1] == "good", each.row.name))
    return page.render(
        "accounts.html", accounts=found, reads=READS, by_risk=pauses.RISK_CONTROL,
        late=page.now - LATE,
    )  # fmt: skip


def pause(
    page: Writer, account_id: int, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Let an account rest, at once."""
    name = _ours(page, account_id)
    if not reason.strip():
        raise _refuse("没有写暂停的原因", "写一句，同事会看到")
    pauses.pause(page.session, PauseScope.ACCOUNT, account_id, reason.strip(), page.by, page.now)
    undo = f"/accounts/{account_id}/resume"
    return page.to("/accounts", page.tr("账号 {name} 先歇着", name=name), undo=undo)


def resume(
    page: Writer, account_id: int, reason: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Let an account go on. Who paused it may, an approver may, and anybody after risk control who
    says why it is safe again.
    """
    name = _ours(page, account_id)
    held = _pauses(page).get(account_id, [])
    if any(each.by == pauses.RISK_CONTROL for each in held) and not reason.strip():
        raise _refuse("风控停下的账号，恢复要写原因", "写一句，例如：已歇一天")
    others = [each for each in held if each.by not in (page.by, pauses.RISK_CONTROL)]
    if others and not page.may(APPROVER):
        raise _refuse("这个账号不是你暂停的", "请按下的人或审批人来恢复")
    if not pauses.resume(
        page.session, PauseScope.ACCOUNT, account_id, reason.strip(), page.by, page.now
    ):
        return page.to("/accounts", page.tr("账号 {name} 本来就没有暂停", name=name))
    return page.to("/accounts", page.tr("账号 {name} 接着发了；过了时限的不会补发", name=name))


def _gather(page: Page) -> list[Health]:
    """Six queries, however many accounts and rooms."""
    today = page.now.astimezone(page.settings.zone).date()
    midnight = dt.datetime.combine(today, dt.time(), page.settings.zone)
    connection = page.session.connection()
    rows = connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.id)).all()
    serves = _counted(page, ROOM.c.account_id, page.in_scope(ROOM))
    present = _counted(page, PRESENT.c.account_id)
    waiting = _counted(
        page, DELIVERY.c.account_id,
        and_(DELIVERY.c.state == DeliveryState.PENDING, DELIVERY.c.due_at <= page.now),
    )  # fmt: skip
    sent = {
        row.account_id: row
        for row in connection.execute(
            select(
                DELIVERY.c.account_id,
                func.count().label("posts"),
                func.max(DELIVERY.c.sending_at).label("last"),
            )
            .where(
                DELIVERY.c.account_id.in_([row.id for row in rows]),
                DELIVERY.c.sending_at >= midnight,
            )
            .group_by(DELIVERY.c.account_id)
        )
    }
    held = _pauses(page)
    return [
        _health(
            page, row, serves.get(row.id, 0), present.get(row.id, 0), sent.get(row.id),
            waiting.get(row.id, 0), tuple(held.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def _health(
    page: Page,
    row: Row[Any],
    serves: int,
    present: int,
    sent: Row[Any] | None,
    waiting: int,
    held: tuple[Row[Any], ...],
) -> Health:
    can = gateway.capabilities_from_json(row.capabilities) if row.capabilities else None
    pace = pacing.pace(page.settings, can)
    by_hand = row.posting == Posting.CONFIRM
    away = not row.online and not by_hand
    return Health(
        row, serves, present, sent.posts if sent else 0,
        None if by_hand else pacing.daily_limit(page.session, row.id, page.now, pace),
        sent.last if sent else None, waiting, held, can, pace,
        row.lease_until is not None and row.lease_until > page.now,
        _remedy(row) if away else "",
        _state(page, row, held=bool(held)),
    )  # fmt: skip


def _remedy(row: Row[Any]) -> str:
    if row.state_reason == serving.STOPPED:
        return "启动 qunyun run，它会自己连上"
    return REMEDIES.get(row.gateway, ELSE)


def _state(page: Page, row: Row[Any], *, held: bool) -> tuple[str, str]:
    if held:
        return "已暂停", "doubt"
    if row.posting == Posting.CONFIRM:
        return "人工", "good"
    if not row.online:
        return "离线", "bad"
    # As `serving.take_over` sees it: whoever owned it has gone without a word.
    silent = row.lease_until is not None and row.lease_until <= page.now - serving.AWAY
    return ("没有动静", "bad") if silent else ("在线", "good")


def _counted(page: Page, column: Any, which: Any = True) -> dict[int, int]:
    query = select(column, func.count()).where(column.is_not(None), which).group_by(column)
    return {row[0]: row[1] for row in page.session.connection().execute(query)}


def _pauses(page: Page) -> dict[int, list[Any]]:
    rows = page.session.connection().execute(
        select(PAUSE.c.target_id, PAUSE.c.reason, PAUSE.c.by, PAUSE.c.at)
        .where(PAUSE.c.scope == PauseScope.ACCOUNT, PAUSE.c.resumed_at.is_(None))
        .order_by(PAUSE.c.id)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.target_id].append(row)
    return found


def _ours(page: Page, account_id: int) -> str:
    """The account's name; 404 where there is none, refused where it also serves rooms that the
    operator may not see.
    """
    query = select(ACCOUNT.c.name).where(ACCOUNT.c.id == account_id)
    name = page.session.connection().scalar(query)
    if name is None:
        raise HTTPException(404)
    if not roles.sees_all(page.someone):
        others = exists().where(ROOM.c.account_id == account_id, not_(page.in_scope(ROOM)))
        if page.session.connection().scalar(select(others)):
            raise _refuse("这个账号还服务不归你负责的群", "请管理员来暂停或恢复它")
    return str(name)


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("accounts", 0, "account", problem, remedy))


ROUTES = (
    Route("GET", "/accounts", listed, VIEWER),
    Route("POST", "/accounts/{account_id}/pause", pause, OPERATOR),
    Route("POST", "/accounts/{account_id}/resume", resume, OPERATOR),
)
