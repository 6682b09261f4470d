"""Which delivery a message of our own can only be."""

import datetime as dt
import hashlib
import re

from sqlalchemy import and_, or_, select
from sqlmodel import Session

from bot import database
from bot.gateway import Said
from bot.models import Delivery, DeliveryState, Room

# WeChat writes mentions in front of the text and ends each with U+2005.
_MENTIONS = re.compile("^(?:@[^\u2005\n]*\u2005\\s*)+")


def delivery_of(session: Session, said: Said) -> int | None:
    """The one delivery that `said` is the echo of.

    Same room, same text after mentions, said at or after sending, its id bound to no other
    delivery, exactly one candidate; else None, and a person decides.
    """
    if not said.own or not said.text:
        return None
    delivery, room = database.tables(Delivery, Room)
    named = select(room.c.id).where(room.c.platform_id == said.room).scalar_subquery()
    in_room = delivery.c.room_id == named
    bound = session.connection().scalar(
        select(delivery.c.id).where(in_room, delivery.c.message_id == said.id)
    )
    if bound is not None:
        return None
    # The stream knows whole seconds only.
    latest_start = said.at + dt.timedelta(seconds=1)
    candidates = session.connection().scalars(
        select(delivery.c.id).where(
            in_room,
            delivery.c.sending_at < latest_start,
            delivery.c.fingerprint == fingerprint(said.text),
            or_(
                delivery.c.state.in_([DeliveryState.SENDING, DeliveryState.UNCERTAIN]),
                and_(delivery.c.state == DeliveryState.SENT, delivery.c.message_id.is_(None)),
            ),
        )
    )
    found = list(candidates)
    return found[0] if len(found) == 1 else None


def fingerprint(text: str) -> str:
    """What an echo is recognised by: the text without leading mentions and outer blanks."""
    bare = _MENTIONS.sub("", text).strip()
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
