"""How much the bot may say in a room of itself, counted in rows, so that a restart forgets none.

At most so many replies an hour, three a minute, and the same words only every ten minutes. What
is beyond that is not said: a question then waits at the desk, and a welcome waits its turn.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, or_, select
from sqlmodel import Session

from bot import database
from bot.intents import Intent
from bot.models import Delivery, DeliveryKind, DeliveryState
from handlers.moment import Reply

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
MOST_A_MINUTE = 3
SAME_WORDS = dt.timedelta(minutes=10)
# A reply that could not go out in that time is pointless.
LASTS = dt.timedelta(minutes=5)
REPLIES_FIRST = 0

DELIVERY = database.table(Delivery)
UNDER_WAY = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Quotas:
    """What was said of late, per room: (due at, words), under which `keys`, and how much may be
    said.
    """

    said: dict[int, list[tuple[dt.datetime, str]]]
    keys: set[str]
    most_an_hour: int


def standing(session: Session, rooms: Iterable[int], now: dt.datetime, most_an_hour: int) -> Quotas:
    """What these rooms have been told in the last hour, or are about to be."""
    given = database.given(
        session, {"room_id": Integer()}, [(room,) for room in sorted(set(rooms))]
    )
    rows = session.connection().execute(
        select(DELIVERY.c.room_id, DELIVERY.c.due_at, DELIVERY.c.text, DELIVERY.c.key).where(
            DELIVERY.c.room_id.in_(select(given.c.room_id)),
            DELIVERY.c.kind == DeliveryKind.REPLY,
            # Each by an index of its own: what has been sent, and what is under way.
            or_(DELIVERY.c.sending_at > now - HOUR, DELIVERY.c.state.in_(UNDER_WAY)),
        )
    )
    said: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    keys: set[str] = set()
    for room, due_at, text, key in rows:
        said[room].append((due_at, text))
        keys.add(key)
    return Quotas(said, keys, most_an_hour)


def intent(
    quotas: Quotas, reply: Reply, room: Row[Any], message: int | None, now: dt.datetime
) -> Intent | None:
    """A reply to a message, or to an arrival, as it is to be planned; None where the room may not
    hear it. From then on it counts as said.
    """
    said = quotas.said[room.id]
    last = max((due for due, text in said if text == reply.text), default=None)
    due = now
    if last is not None and reply.every is not None:
        due = max(now, last if last > now else last + reply.every)
    elif last is not None and last > now - SAME_WORDS:
        return None
    lately = sum(due - MINUTE < at <= due for at, _ in said)
    if len(said) >= quotas.most_an_hour or lately >= MOST_A_MINUTE:
        return None
    key = f"reply:{message}" if message else f"reply:join:{room.id}:{due:%Y%m%d%H%M%S}"
    if key in quotas.keys:
        return None
    quotas.keys.add(key)
    said.append((due, reply.text))
    return Intent(
        key=key,
        kind=DeliveryKind.REPLY,
        room_id=room.id,
        account_id=room.account_id,
        text=reply.text,
        mentions=reply.mentions,
        due_at=due,
        expires_at=due + LASTS,
        priority=REPLIES_FIRST,
    )
