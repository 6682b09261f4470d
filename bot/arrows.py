"""One delivery, and one step of its life: the statement behind the arrows of `outbox`."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, select, true, update
from sqlmodel import Session

from bot import database
from bot.models import Delivery, DeliveryState

DELIVERY = database.table(Delivery)


def row(session: Session, delivery_id: int) -> Row[Any] | None:
    """A delivery as it stands."""
    found = session.connection().execute(select(DELIVERY).where(DELIVERY.c.id == delivery_id))
    return found.first()


def move(
    session: Session,
    delivery_id: int,
    starts: Collection[DeliveryState],
    values: Mapping[str, object],
    epoch: int | None = None,
) -> bool:
    """From one of `starts`, under `epoch` where it is given, or nothing happens and it is False."""
    owned = DELIVERY.c.epoch == epoch if epoch is not None else true()
    moved = session.connection().execute(
        update(DELIVERY)
        .where(DELIVERY.c.id == delivery_id, DELIVERY.c.state.in_(starts), owned)
        .values(dict(values))
    )
    return moved.rowcount == 1
