"""What a handler may know, and what may come of it."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from bot.gateway import Joined, Said
from bot.insights.so_far import Week
from bot.models import SignalKind
from bot.text.retrieval import Curated


@dataclass(frozen=True, slots=True)
class Grievance:
    """What a complaint was heard as: 1 displeased to 3 harm or fraud, and by which rule."""

    severity: int
    rule: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A message or an arrival in a room, just recorded.

    `answers` are the curated ones. `checked_in` is how many members checked in in this room
    today, this message included. `by_operator`: the sender is a listed operator; `week` is there
    where one asks for it.
    """

    event: Said | Joined
    topic: str
    vertical: str
    signals: frozenset[SignalKind]
    answers: Curated
    checked_in: int = 0
    by_operator: bool = False
    grievance: Grievance | None = None
    week: Week | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot says in return; `mentions` are contacts' platform ids.

    `every`: the same words go out no sooner than this after the last time, and then once for all.
    """

    text: str
    mentions: tuple[str, ...] = ()
    every: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint that a person has to look after."""

    grievance: Grievance


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question for the operators' desk."""


class Order(StrEnum):
    """What an operator may tell the bot in a room."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's order for this room, with the reason given."""

    order: Order
    reason: str


Reaction = Reply | Case | Unanswered | Command
