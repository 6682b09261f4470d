"""What a handler may know: one event, what it was heard as, and where it happened."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.gateway import Joined, Said
from bot.models import SignalKind


@dataclass(frozen=True, slots=True)
class Moment:
    """A message or an arrival in a room, just recorded.

    `answers` maps normalised questions of the room's vertical to answers. `checked_in` is how
    many members checked in in this room today, this message included.
    """

    event: Said | Joined
    topic: str
    vertical: str
    signals: frozenset[SignalKind]
    answers: Mapping[str, str]
    checked_in: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot says in return; `mentions` are contacts' platform ids."""

    text: str
    mentions: tuple[str, ...] = ()
