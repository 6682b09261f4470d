"""What happens in a world: talk, promotions, and the orders that they do and do not cause.

talk of its own accord, topics, outside events, promotions
→ orders (base, organic, promo) → questions before and pictures after them → orders …
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bot.bench.worlds import demand, people
from bot.bench.worlds.catalogue import DAY, HOUR, World
from bot.bench.worlds.demand import Demand
from bot.bench.worlds.people import Crowd

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WEEK = 7 * DAY
NOBODY = -1
# Rooms of a vertical, and the share of them that a promotion goes to.
VERTICAL = 25
REACHED = 0.8
# Rounds of orders that make people talk who make others buy; what is left is next to nothing.
ROUNDS = 3


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
class Answers:
    """Messages that quote a mention and name nothing themselves."""

    mention: Ints
    seat: Ints
    at: Floats


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened. `median` is that of the lag of influence, in seconds."""

    world: World
    crowd: Crowd
    drawn: Drawn
    promos: Promos
    mentions: Mentions
    orders: Orders
    answers: Answers
    median: float


# The logarithm of the lag of influence has this deviation.
SIGMA = 1.2


def tell(world: World, rng: Generator) -> Story:
    """Let one world happen."""
    crowd, wanted = people.settle(world, rng), demand.draw(world, rng)
    # In 24 hours 80 to 95 % of the influence has worked; how much exactly is each world's own.
    median = float(np.exp(rng.uniform(np.log(3.4), np.log(8.7))) * HOUR)
    drawn = _draw(world, rng)
    promos = _promote(world, rng, wanted, drawn)
    happened, fresh_orders = _happen(world, rng, crowd, wanted)
    fresh_orders += [
        _buy_anyway(world, rng, crowd, wanted),
        _buy_after_promos(world, rng, crowd, promos),
    ]
    first = [*happened, *_talk(world, rng, crowd, wanted, promos, drawn)]
    fresh = _with_replies(rng, crowd, joined_mentions(first), 0)
    mentions, orders, behind = [fresh], list[Orders](), 0
    for _ in range(ROUNDS):
        fresh_orders.append(_buy_after_talk(world, rng, crowd, fresh, behind, median))
        orders += fresh_orders
        behind += len(fresh.at)
        said = [each for bought in fresh_orders for each in _speak_of(world, rng, crowd, bought)]
        fresh = _with_replies(rng, crowd, joined_mentions(said), behind)
        mentions.append(fresh)
        fresh_orders = []
    told, bought = joined_mentions(mentions), _within(world, _joined_orders(orders))
    answers = _answers(rng, crowd, told, bought)
    return Story(
        world, crowd, drawn, promos, told, _poached(world, rng, promos, bought), answers, median
    )


def joined_mentions(parts: Sequence[Mentions]) -> Mentions:
    """Several as one, in this order."""
    names = Mentions.__slots__
    return Mentions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _joined_orders(parts: Sequence[Orders]) -> Orders:
    names = Orders.__slots__
    return Orders(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _within(world: World, orders: Orders) -> Orders:
    return _some_orders(orders, orders.at < world.days * DAY)


def _some(mentions: Mentions, which: Flags) -> Mentions:
    return Mentions(*(getattr(mentions, name)[which] for name in Mentions.__slots__))


def _some_orders(orders: Orders, which: Flags) -> Orders:
    return Orders(*(getattr(orders, name)[which] for name in Orders.__slots__))


def _draw(world: World, rng: Generator) -> Drawn:
    weeks = -(-world.days // 7)
    if not world.topics:
        empty = np.zeros((world.rooms, world.products, weeks), bool)
        return Drawn(np.full((world.rooms, weeks), NOBODY), empty)
    topic = rng.integers(0, world.products, (world.rooms, weeks))
    held = rng.random((world.rooms, world.products, weeks)) < world.holdout
    return Drawn(topic, held)


def _promote(world: World, rng: Generator, wanted: Demand, drawn: Drawn) -> Promos:
    """Promotions chase what sold well two days before among a vertical's rooms, and go to most of
    them, at ten or at eight in the evening.
    """
    sold = wanted.wish.reshape(-1, VERTICAL, *wanted.wish.shape[1:]).mean(axis=1)
    chased = np.roll(sold, 2 * demand.PARTS, axis=2)
    vertical, product, at = demand.events(rng, chased, world.promos_a_week / 7 / REACHED)
    at = (at // DAY) * DAY + np.where(rng.random(len(at)) < 0.5, 10, 20) * HOUR
    which = np.repeat(np.arange(len(at)), VERTICAL)
    room = vertical[which] * VERTICAL + np.tile(np.arange(VERTICAL), len(at))
    reached = rng.random(len(which)) < REACHED
    which, room = which[reached], room[reached]
    product, at = product[which], at[which]
    hidden = rng.random(len(at)) < world.disguised
    held = drawn.held[room, product, (at // WEEK).astype(np.int64)]
    kept = hidden | ~held
    return Promos(room[kept], product[kept], at[kept], hidden[kept])


def _happen(
    world: World, rng: Generator, crowd: Crowd, wanted: Demand
) -> tuple[list[Mentions], list[Orders]]:
    """Outside events: something makes people talk now, and something makes them buy later."""
    room, product, at = demand.events(rng, wanted.wish, world.events_a_week / 7)
    told = np.repeat(np.arange(len(at)), rng.poisson(3, len(at)))
    said = at[told] + rng.exponential(4 * HOUR, len(told))
    sold = np.repeat(np.arange(len(at)), rng.poisson(0.3, len(at)))
    paid = at[sold] + rng.uniform(6, 30, len(sold)) * HOUR
    return (
        [_mentioned(rng, crowd, room[told], product[told], said, Kind.EVENT)],
        [_ordered(rng, crowd, room[sold], product[sold], paid, Cause.BASE)],
    )


def _talk(
    world: World, rng: Generator, crowd: Crowd, wanted: Demand, promos: Promos, drawn: Drawn
) -> list[Mentions]:
    """What members say of their own accord, after promotions, and on the topic of the week."""
    # The rest of what names a product are replies, echoes, questions and pictures.
    own = 0.72 * world.messages_a_day * world.naming
    said = [_mentioned(rng, crowd, *demand.events(rng, wanted.talk, own), Kind.TALK)]
    hidden, shown = np.flatnonzero(promos.hidden), np.flatnonzero(~promos.hidden)
    echoed = np.repeat(shown, rng.poisson(1.2, len(shown)))
    after = promos.at[echoed] + rng.exponential(40 * 60, len(echoed))
    for which, at, kind in (
        (hidden, promos.at[hidden], Kind.DISGUISED),
        (echoed, after, Kind.ECHO),
    ):
        said.append(_mentioned(rng, crowd, promos.room[which], promos.product[which], at, kind))
    rooms, weeks = np.nonzero(drawn.topic != NOBODY)
    answers = rng.poisson(6 * world.messages_a_day / 80, len(rooms))
    rooms, weeks = np.repeat(rooms, answers), np.repeat(weeks, answers)
    # Q&A days are on Wednesdays at eight in the evening.
    at = weeks * WEEK + 2 * DAY + 20 * HOUR + rng.exponential(5 * HOUR, len(rooms))
    topic = drawn.topic[rooms, weeks]
    said.append(_mentioned(rng, crowd, rooms, topic, at, Kind.PROMPTED))
    return said


def _with_replies(rng: Generator, crowd: Crowd, said: Mentions, behind: int) -> Mentions:
    """These mentions, and the replies that quote them; `behind` mentions came before."""
    open_to = np.isin(said.kind, (Kind.TALK, Kind.PROMPTED, Kind.EVENT, Kind.SHOW, Kind.ASK))
    chance = np.where(said.kind == Kind.ASK, 0.6, 0.3) * open_to
    answered = np.repeat(np.arange(len(said.at)), rng.poisson(chance))
    at = said.at[answered] + rng.exponential(20 * 60, len(answered))
    replies = _mentioned(
        rng, crowd, said.room[answered], said.product[answered], at, Kind.REPLY, answered + behind
    )
    return joined_mentions([said, replies])


def _buy_anyway(world: World, rng: Generator, crowd: Crowd, wanted: Demand) -> Orders:
    room, product, at = demand.events(rng, wanted.wish, world.base_a_day)
    return _ordered(rng, crowd, room, product, at, Cause.BASE)


def _buy_after_promos(world: World, rng: Generator, crowd: Crowd, promos: Promos) -> Orders:
    count = len(promos.at)
    moved = np.repeat(np.arange(count), rng.poisson(world.orders_a_promo, count))
    at = promos.at[moved] + rng.exponential(7 * HOUR, len(moved))
    coupon = (rng.random(len(moved)) < 0.75) & ~promos.hidden[moved]
    return _ordered(
        rng, crowd, promos.room[moved], promos.product[moved], at, Cause.PROMO, coupon=coupon
    )


def _buy_after_talk(
    world: World, rng: Generator, crowd: Crowd, said: Mentions, behind: int, median: float
) -> Orders:
    """Orders that these mentions cause in those who read them; an echo's are the promo's doing."""
    works = np.where(said.kind == Kind.PROMPTED, world.prompted_effect, 1.0)
    moved = np.repeat(np.arange(len(said.at)), rng.poisson(world.effect * works))
    later = median * np.exp(SIGMA * rng.standard_normal(len(moved)))
    promoted = np.isin(said.kind[moved], (Kind.ECHO, Kind.DISGUISED))
    orders = _ordered(
        rng, crowd, said.room[moved], said.product[moved], said.at[moved] + later,
        np.where(promoted, Cause.PROMO, Cause.ORGANIC), mention=moved,
    )  # fmt: skip
    readers = (orders.seat != said.seat[orders.mention]) & people.present(
        crowd, orders.seat, said.at[orders.mention]
    )
    kept = _some_orders(orders, readers)
    kept.mention[:] += behind
    return kept


def _speak_of(world: World, rng: Generator, crowd: Crowd, orders: Orders) -> list[Mentions]:
    """Buyers ask before they buy, and show afterwards what they bought; lurkers do neither."""
    talker = crowd.talks[orders.seat] > 0
    asks = np.flatnonzero(talker & (rng.random(len(talker)) < world.asks))
    shows = np.flatnonzero(talker & (rng.random(len(talker)) < world.shows))
    before = orders.at[asks] - rng.exponential(3 * HOUR, len(asks))
    # Whom a message led to buy asks after it and not before.
    led = orders.cause[asks] == Cause.ORGANIC
    before[led] = orders.at[asks][led] - rng.uniform(60, 600, led.sum())
    after = orders.at[shows] + rng.uniform(1, 4, len(shows)) * DAY
    return [
        _spoken(crowd, orders, asks, before, Kind.ASK),
        _spoken(crowd, orders, shows, after, Kind.SHOW),
    ]


def _spoken(crowd: Crowd, orders: Orders, which: Ints, at: Floats, kind: Kind) -> Mentions:
    seat = orders.seat[which]
    there = people.present(crowd, seat, at)
    which, at, seat = which[there], at[there], seat[there]
    nothing = np.full(len(at), NOBODY)
    kinds = np.full(len(at), kind.value)
    return Mentions(orders.room[which], orders.product[which], at, seat, kinds, nothing)


def _mentioned(
    rng: Generator,
    crowd: Crowd,
    room: Ints,
    product: Ints,
    at: Floats,
    kind: Kind,
    quotes: Ints | None = None,
) -> Mentions:
    """Mentions by members who talk and were there."""
    seat = people.draw(rng, crowd, room, crowd.talks)
    there = people.present(crowd, seat, at)
    quoted = np.full(len(at), NOBODY) if quotes is None else quotes
    kinds = np.full(len(at), kind.value)
    return _some(Mentions(room, product, at, seat, kinds, quoted), there)


def _ordered(
    rng: Generator,
    crowd: Crowd,
    room: Ints,
    product: Ints,
    at: Floats,
    cause: Ints | Cause,
    *,
    coupon: Flags | None = None,
    mention: Ints | None = None,
) -> Orders:
    """Orders by members who buy and were there."""
    seat = people.draw(rng, crowd, room, crowd.buys)
    there = people.present(crowd, seat, at)
    count = len(at)
    causes = np.full(count, cause.value) if isinstance(cause, Cause) else cause
    coupons = np.zeros(count, bool) if coupon is None else coupon
    mentions = np.full(count, NOBODY) if mention is None else mention
    return _some_orders(Orders(room, product, at, seat, causes, coupons, mentions), there)


def _poached(world: World, rng: Generator, promos: Promos, orders: Orders) -> Orders:
    """Who would have bought anyway takes a coupon along, where one was to be had."""
    shown = ~promos.hidden
    stream = promos.room[shown] * world.products + promos.product[shown]
    far = world.days * DAY * 2.0
    key = np.sort(stream * far + promos.at[shown])
    own = (orders.room * world.products + orders.product) * far
    last = np.searchsorted(key, own + orders.at)
    open_now = last > np.searchsorted(key, own + orders.at - 2 * DAY)
    takes = open_now & (orders.cause != Cause.PROMO) & (rng.random(len(orders.at)) < world.poached)
    return Orders(
        orders.room, orders.product, orders.at, orders.seat, orders.cause,
        orders.coupon | takes, orders.mention,
    )  # fmt: skip


def _answers(rng: Generator, crowd: Crowd, mentions: Mentions, orders: Orders) -> Answers:
    """Some whom a mention led to buy say so first, quoting it; others quote it just so."""
    caused = np.flatnonzero(orders.mention != NOBODY)
    caused = caused[crowd.talks[orders.seat[caused]] > 0]
    told = caused[rng.random(len(caused)) < 0.25]
    heard_at = mentions.at[orders.mention[told]]
    said_at = heard_at + (orders.at[told] - heard_at) * rng.random(len(told))
    idle = np.flatnonzero(rng.random(len(mentions.at)) < 0.15)
    idle_at = mentions.at[idle] + rng.exponential(30 * 60, len(idle))
    seat = people.draw(rng, crowd, mentions.room[idle], crowd.talks)
    return Answers(
        np.concatenate((orders.mention[told], idle)),
        np.concatenate((orders.seat[told], seat)),
        np.concatenate((said_at, idle_at)),
    )
