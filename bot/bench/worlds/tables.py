"""What happens in a world, as columns: mentions, orders, promotions, what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bot.bench.worlds.catalogue import DAY, World
from bot.bench.worlds.people import Crowd

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOBODY = -1


class Kind(IntEnum):
    """What a mention is, as planted."""

    TALK = 0
    REPLY = 1
    ASK = 2
    SHOW = 3
    PROMPTED = 4
    ECHO = 5
    EVENT = 6
    DISGUISED = 7


class Cause(IntEnum):
    """Why an order came about, as planted."""

    BASE = 0
    ORGANIC = 1
    PROMO = 2


@dataclass(frozen=True, slots=True)
class Mentions:
    """Messages that name a product; `quotes` is the index of the mention quoted, or NOBODY."""

    room: Ints
    product: Ints
    at: Floats
    seat: Ints
    kind: Ints
    quotes: Ints


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders; `mention` is the index of the mention that caused it, or NOBODY."""

    room: Ints
    product: Ints
    at: Floats
    seat: Ints
    cause: Ints
    coupon: Flags
    mention: Ints


@dataclass(frozen=True, slots=True)
class Promos:
    """Promotions that went out; a `hidden` one looks like a member's message."""

    room: Ints
    product: Ints
    at: Floats
    hidden: Flags


@dataclass(frozen=True, slots=True)
class Drawn:
    """What experiments drew: `topic` by (room, week), NOBODY without one, and the (room, product,
    week) in which promotions are `held` back.
    """

    topic: Ints
    held: Flags


@dataclass(frozen=True, slots=True)
class Delay:
    """How long talk takes to work: a part `quick` of those it leads buy after an exponential time
    of mean `soon`, the others after one of mean `later` (seconds).
    """

    quick: float
    soon: float
    later: float

    def within(self, seconds: float) -> float:
        """The share of the influence that has worked by then."""
        parts = (self.quick, self.soon), (1 - self.quick, self.later)
        return float(sum(part * -np.expm1(-seconds / mean) for part, mean in parts))


@dataclass(frozen=True, slots=True)
class Answers:
    """Messages that quote a mention and name nothing themselves."""

    mention: Ints
    seat: Ints
    at: Floats


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened; `delay` is how long talk took to work."""

    world: World
    crowd: Crowd
    drawn: Drawn
    promos: Promos
    mentions: Mentions
    orders: Orders
    answers: Answers
    delay: Delay


def joined_mentions(parts: Sequence[Mentions]) -> Mentions:
    """Several as one, in this order."""
    names = Mentions.__slots__
    return Mentions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def joined_orders(parts: Sequence[Orders]) -> Orders:
    """Several as one, in this order."""
    names = Orders.__slots__
    return Orders(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def within(world: World, orders: Orders) -> Orders:
    """Those that were paid before the world ends."""
    return some_orders(orders, orders.at < world.days * DAY)


def some(mentions: Mentions, which: Flags) -> Mentions:
    """Those of the mentions."""
    return Mentions(*(getattr(mentions, name)[which] for name in Mentions.__slots__))


def some_orders(orders: Orders, which: Flags) -> Orders:
    """Those of the orders."""
    return Orders(*(getattr(orders, name)[which] for name in Orders.__slots__))
