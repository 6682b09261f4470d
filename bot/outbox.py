"""The one way out. (Being written.)"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from bot.models import DeliveryKind


@dataclass(frozen=True, slots=True)
class Intent:
    """One post to one room, rendered and checked: what `plan` turns into a PENDING delivery.

    `key` names the intent; planning the same key again changes nothing.
    """

    key: str
    kind: DeliveryKind
    room_id: int
    account_id: int | None
    text: str
    due_at: dt.datetime
    expires_at: dt.datetime
    priority: int = 1
    series_id: int | None = None
    occurrence_id: int | None = None
    step: str | None = None
    mentions: Sequence[str] = ()
    image: str | None = None
