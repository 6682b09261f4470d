"""Which delivery a message of our own can only be."""

import datetime as dt
import hashlib
import re
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
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
# A first sending of these may be in the room, whatever was decided of it.
DOUBTFUL = DELIVERY.c.doubtful_since.is_not(None)
UNSETTLED = or_(DELIVERY.c.state.in_(OPEN), and_(DOUBTFUL, DELIVERY.c.state != DeliveryState.SENT))


class Found(NamedTuple):
    """The delivery of an echo: whether it was unsettled until now, and whether it has been handed
    over once more since that was said.
    """

    id: int
    unsettled: bool
    again: bool


def delivery_of(session: Session, said: Said) -> Found | None:
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
    no_name = and_(DELIVERY.c.state == DeliveryState.SENT, DELIVERY.c.message_id.is_(None))
    sent_again = and_(DOUBTFUL, DELIVERY.c.sending_at >= _latest(said))
    return _only(session, said, or_(UNSETTLED, no_name, sent_again))


def delivery_of_another(session: Session, said: Said) -> Found | None:
    """The one delivery that `said` is the echo of, where another of our accounts heard it.

    That account knows it under an id of its own, so one echo may come twice: it counts only where
    the room got these words once in `SAME` at most.
    """
    if not said.text:
        return None
    found = _only(session, said, DELIVERY.c.sending_at > said.at - SAME - CLOCK_ERROR)
    return found if found is not None and found.unsettled else None


def _only(session: Session, said: Said, which: ColumnElement[bool]) -> Found | None:
    """The one delivery with these words in this room, begun by then; None where there are more,
    those counted that only seem younger.
    """
    first = func.coalesce(DELIVERY.c.doubtful_since, DELIVERY.c.sending_at)
    latest = _latest(said)
    rows = session.connection().execute(
        select(
            DELIVERY.c.id,
            UNSETTLED.label("unsettled"),
            (DELIVERY.c.sending_at >= latest).label("again"),
            (first < latest).label("by_then"),
        ).where(
            _in_room(said),
            DELIVERY.c.sending_at.is_not(None),
            first < latest + CLOCK_ERROR,
            DELIVERY.c.fingerprint == fingerprint(said.text or ""),
            which,
        )
    )
    alike = list(rows)
    if len(alike) != 1 or not alike[0].by_then:
        return None
    return Found(*alike[0][:3])


def _latest(said: Said) -> dt.datetime:
    # The stream knows whole seconds only.
    return said.at + dt.timedelta(seconds=1)


def _in_room(said: Said) -> ColumnElement[bool]:
    named = select(ROOM.c.id).where(ROOM.c.platform_id == said.room).scalar_subquery()
    return DELIVERY.c.room_id == named


def fingerprint(text: str) -> str:
    """What an echo is recognised by: the text without leading mentions and outer blanks."""
    bare = _MENTIONS.sub("", text).strip()
    return hashlib.sha256(bare.encode("utf-8", "surrogatepass")).hexdigest()
