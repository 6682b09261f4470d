"""Orders that an operator gives in a room: carried out, audited, and confirmed right there."""

import datetime as dt
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from bot import database, outbox, pauses
from bot.intents import Intent
from bot.models import Audit, Delivery, DeliveryKind, DeliveryState, PauseScope
from handlers.moment import Command, Order

LASTS = dt.timedelta(minutes=5)
DELIVERY = database.table(Delivery)


def carry_out(
    session: Session, command: Command, room: Row[Any], message: int, by: str, now: dt.datetime
) -> int:
    """Do what an operator said in this room; returns how many replies were planned: one.

    The word that a pause stands is the one thing that it lets through.
    """
    key = f"reply:{message}"
    reason = command.reason or "群里下的指令"
    match command.order:
        case Order.PAUSE:
            text = _pause(session, room.id, reason, by, now, key)
        case Order.RESUME:
            going = pauses.resume(session, PauseScope.ROOM, room.id, reason, by, now)
            text = "已恢复,本群的内容照常发。" if going else "本群没有暂停。"
        case Order.CANCEL:
            text = _cancel(session, room.id, reason, by, now)
    intent = Intent(
        key=key, kind=DeliveryKind.REPLY, room_id=room.id, account_id=room.account_id, text=text,
        due_at=now, expires_at=now + LASTS, priority=0,
    )  # fmt: skip
    return outbox.plan(session, [intent], now)


def _pause(session: Session, room_id: int, reason: str, by: str, now: dt.datetime, key: str) -> str:
    if pauses.pause(session, PauseScope.ROOM, room_id, reason, by, now, besides=key):
        return "已暂停,本群的内容都不再发,直到发 /恢复。"
    return "本群早就暂停了,发 /恢复 继续。"


def _cancel(session: Session, room_id: int, reason: str, by: str, now: dt.datetime) -> str:
    waiting = select(DELIVERY.c.id).where(
        DELIVERY.c.room_id == room_id,
        DELIVERY.c.kind == DeliveryKind.POST,
        DELIVERY.c.state.in_([DeliveryState.PENDING, DeliveryState.CLAIMED]),
    )
    ids = session.connection().scalars(waiting).all()
    cancelled = outbox.cancel(session, ids, f"{by}:{reason}")
    if not cancelled:
        return "本群没有等着发的内容。要停掉以后的,发 /暂停,或在后台跳过这一期。"
    session.add(
        Audit(at=now, by=by, action="cancel", object=f"room:{room_id}", after={"reason": reason})
    )
    return f"已取消 {cancelled} 条等着发的内容。"
