"""What people carry out, where `post = confirm`: they say what became of a post, and may unsay it.

    PENDING → SENT            carried_out
    PENDING → CANCELLED       left_out
    SENT, CANCELLED → PENDING unsaid (by whoever said it, within `UNSAY_WITHIN`)

There is no claim, no pacing and no lateness: what is to be done waits for somebody. Each arrow is
safe to repeat, as in `outbox`.
"""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select, update
from sqlmodel import Session

from bot import database, serving
from bot.models import Audit, Delivery, DeliveryState

UNSAY_WITHIN = dt.timedelta(minutes=10)

AUDIT, DELIVERY = database.tables(Audit, Delivery)
PENDING, SENT, CANCELLED = DeliveryState.PENDING, DeliveryState.SENT, DeliveryState.CANCELLED


def carried_out(session: Session, delivery_id: int, by: str, now: dt.datetime) -> bool:
    """A person posted it; False where it is not theirs to do."""
    return _say(session, delivery_id, (PENDING,), by, now, {"state": SENT, "sent_at": now})


def left_out(session: Session, delivery_id: int, reason: str, by: str, now: dt.datetime) -> bool:
    """A person will not post it; False where it is not theirs to do."""
    said = f"{by} 跳过:{reason}" if reason else f"{by} 跳过"
    return _say(session, delivery_id, (PENDING,), by, now, {"state": CANCELLED, "reason": said})


def unsaid(session: Session, delivery_id: int, by: str, now: dt.datetime) -> bool:
    """Whoever said so a moment ago was mistaken: it is to be done again.

    False where somebody else said so, where it was long ago, or where the post has been heard in
    the room (a message is bound to it).
    """
    last = (
        select(AUDIT.c.by, AUDIT.c.action, AUDIT.c.at)
        .where(AUDIT.c.object == f"delivery:{delivery_id}")
        .order_by(AUDIT.c.id.desc())
        .limit(1)
    )
    said = session.connection().execute(last).first()
    ends = {f"settle {state}": state for state in (SENT, CANCELLED)}
    if said is None or said.by != by or said.action not in ends or now - said.at > UNSAY_WITHIN:
        return False
    values = {"state": PENDING, "sent_at": None, "reason": None}
    return _say(session, delivery_id, (ends[said.action],), by, now, values)


def _say(
    session: Session,
    delivery_id: int,
    starts: tuple[DeliveryState, ...],
    by: str,
    now: dt.datetime,
    values: Mapping[str, object],
) -> bool:
    moved = session.connection().execute(
        update(DELIVERY)
        .where(
            DELIVERY.c.id == delivery_id,
            DELIVERY.c.state.in_(starts),
            DELIVERY.c.account_id.in_(serving.by_hand()),
            # What the calendar took back meanwhile is not a person's any more.
            ~DELIVERY.c.withdrawn,
            DELIVERY.c.message_id.is_(None),
        )
        .values(dict(values))
    )
    if not moved.rowcount:
        return False
    session.add(
        Audit(
            at=now, by=by, action=f"settle {values['state']}", object=f"delivery:{delivery_id}",
            before={"state": starts[0].value},
        )
    )  # fmt: skip
    session.flush()
    return True
