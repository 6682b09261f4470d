"""Posts taken back (撤回): a person asks, the account that sent it does it, within the limit."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlmodel import Session

from bot import database, gateway
from bot.errors import Fault, InvalidInput, QunyunError
from bot.gateway import Gateway
from bot.models import Account, Audit, Delivery, DeliveryState, Room

# WeChat takes nothing back that is older.
LIMIT = dt.timedelta(minutes=2)

DELIVERY, ROOM, ACCOUNT = database.tables(Delivery, Room, Account)


@dataclass(frozen=True, slots=True)
class Recall:
    """A sent delivery that is to be taken back: the room and the message by platform id."""

    delivery_id: int
    room: str
    message_id: str


def ask(session: Session, delivery_id: int, by: str, now: dt.datetime) -> None:
    """Ask for a sent post to be taken back. Raises InvalidInput where it cannot be, any more."""
    row = (
        session.connection()
        .execute(
            select(
                DELIVERY.c.state, DELIVERY.c.sent_at, DELIVERY.c.message_id, ACCOUNT.c.capabilities
            )
            .outerjoin(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
            .where(DELIVERY.c.id == delivery_id)
        )
        .first()
    )
    by_hand = "请在微信里撤回或补发一条说明"
    if row is None or row.state != DeliveryState.SENT:
        raise _refuse(
            delivery_id, "没有这条已发的投递", "用 qunyun deliveries list --state sent 查看"
        )
    if row.message_id is None:
        raise _refuse(delivery_id, "平台没有给出这条消息的编号", by_hand)
    if row.capabilities and not gateway.capabilities_from_json(row.capabilities).recall:
        raise _refuse(delivery_id, "这个通道不能撤回", by_hand)
    if row.sent_at is None or now - row.sent_at > LIMIT:
        minutes = int(LIMIT.total_seconds() // 60)
        raise _refuse(delivery_id, f"已超过 {minutes} 分钟,平台不让撤回", "补发一条说明")
    session.connection().execute(
        update(DELIVERY).where(DELIVERY.c.id == delivery_id).values(recall_asked_at=now)
    )
    session.add(Audit(at=now, by=by, action="recall", object=f"delivery:{delivery_id}"))


def due(session: Session, account_id: int, now: dt.datetime) -> Sequence[Recall]:
    """What this account is to take back, and still can."""
    rows = session.connection().execute(
        select(DELIVERY.c.id, ROOM.c.platform_id, DELIVERY.c.message_id)
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .where(
            DELIVERY.c.account_id == account_id,
            # The index of what an account sent lately.
            DELIVERY.c.sending_at > now - LIMIT - dt.timedelta(minutes=1),
            DELIVERY.c.recall_asked_at.is_not(None),
            DELIVERY.c.recalled_at.is_(None),
            DELIVERY.c.message_id.is_not(None),
        )
        .order_by(DELIVERY.c.id)
    )
    return [Recall(*row) for row in rows]


async def carry_out(
    engine: Engine,
    account_id: int,
    account: Gateway,
    write: Callable[[Callable[[], Sequence[Recall]]], Awaitable[Sequence[Recall]]],
    clock: Callable[[], dt.datetime],
) -> None:
    """Take back what people want back of an account's; `write` runs database work."""

    def asked() -> Sequence[Recall]:
        with database.reading(engine) as session:
            return due(session, account_id, clock())

    for each in await write(asked):
        try:
            taken_back = await account.recall(each.room, each.message_id)
        except QunyunError:
            # It is asked again until the platform's limit is over.
            return

        def settled(each: Recall = each, taken_back: bool = taken_back) -> Sequence[Recall]:
            with database.transaction(engine) as session:
                settle(session, each.delivery_id, taken_back, clock())
            return ()

        await write(settled)


def settle(session: Session, delivery_id: int, taken_back: bool, now: dt.datetime) -> None:
    """Write down what the platform did; the delivery stays SENT, since members saw it."""
    values: dict[str, object] = (
        {"recalled_at": now, "reason": "已撤回"}
        if taken_back
        else {"recall_asked_at": None, "reason": "平台没有撤回"}
    )
    session.connection().execute(
        update(DELIVERY).where(DELIVERY.c.id == delivery_id).values(values)
    )


def _refuse(delivery_id: int, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault(f"delivery {delivery_id}", 0, "", problem, remedy))
