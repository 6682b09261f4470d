"""Which delivery a message of our own can only be."""

import datetime as dt
import hashlib
import re

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlmodel import Session

from bot import database
from bot.gateway import Said
from bot.models import Delivery, DeliveryState, Room

# WeChat writes mentions in front of the text and ends each with U+2005.
_MENTIONS = re.compile("^(?:@[^\u2005\n]*\u2005\\s*)+")
# Begun while our clock was ahead by so much, a post seems younger than its own echo.
CLOCK_ERROR = dt.timedelta(hours=1)
SAME = dt.timedelta(minutes=10)
OPEN = (DeliveryState.SENDING, DeliveryState.UNCERTAIN)

DELIVERY, ROOM = database.tables(Delivery, Room)


def delivery_of(session: Session, said: Said) -> int | None:
    """The one delivery that `said`, heard by the account that sent it, is the echo of.

    Same room, same text after mentions, said at or after sending, its id bound to no other
    delivery, exactly one candidate; else None, and a person decides.
    """
    if not said.text:
        return None
    bound = session.connection().scalar(
        select(DELIVERY.c.id).where(_in_room(said), DELIVERY.c.message_id == said.id)
    )
    if bound is not None:
        return None
    waits = or_(
        DELIVERY.c.state.in_(OPEN),
        and_(DELIVERY.c.state == DeliveryState.SENT, DELIVERY.c.message_id.is_(None)),
    )
    found = _only(session, said, waits)
    return found.id if found is not None else None


def delivery_of_another(session: Session, said: Said) -> int | None:
    """The one delivery that `said` is the echo of, where another of our accounts heard it.

    That account knows it under an id of its own, so one echo may come twice: it counts only where
    the room got these words once in `SAME` at most.
    """
    if not said.text:
        return None
    found = _only(session, said, DELIVERY.c.sending_at > said.at - SAME - CLOCK_ERROR)
    return found.id if found is not None and found.state in OPEN else None


def _only(
    session: Session, said: Said, which: ColumnElement[bool]
) -> Row[int, DeliveryState, dt.datetime] | None:
    """The one delivery with these words in this room, begun by then; None where there are more,
    those counted that only seem younger.
    """
    # The stream knows whole seconds only.
    latest = said.at + dt.timedelta(seconds=1)
    alike = session.connection().execute(
        select(DELIVERY.c.id, DELIVERY.c.state, DELIVERY.c.sending_at).where(
            _in_room(said),
            DELIVERY.c.sending_at < latest + CLOCK_ERROR,
            DELIVERY.c.fingerprint == fingerprint(said.text or ""),
            which,
        )
    )
    found = list(alike)
    return found[0] if len(found) == 1 and found[0].sending_at < latest else None


def _in_room(said: Said) -> ColumnElement[bool]:
    named = select(ROOM.c.id).where(ROOM.c.platform_id == said.room).scalar_subquery()
    return DELIVERY.c.room_id == named


def fingerprint(text: str) -> str:
    """What an echo is recognised by: the text without leading mentions and outer blanks."""
    bare = _MENTIONS.sub("", text).strip()
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
