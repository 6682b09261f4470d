"""What happens in a world: talk, promotions, and the orders that they do and do not cause.

talk of its own accord, topics, outside events, promotions
→ orders (base, organic, promo) → questions before and pictures after them → orders …
"""

import numpy as np
from numpy.random import Generator

from bot.bench.worlds import buying, demand, people
from bot.bench.worlds.catalogue import DAY, HOUR, World
from bot.bench.worlds.demand import Demand
from bot.bench.worlds.people import Crowd
from bot.bench.worlds.tables import (
    NOBODY,
    Answers,
    Cause,
    Drawn,
    Floats,
    Ints,
    Kind,
    Mentions,
    Orders,
    Promos,
    Story,
    joined_mentions,
    joined_orders,
    some,
    within,
)

WEEK = 7 * DAY
# Rooms of a vertical, and the share of them that a promotion goes to.
VERTICAL = 25
REACHED = 0.8
# Rounds of orders that make people talk who make others buy; what is left is next to nothing.
ROUNDS = 3


def tell(world: World, rng: Generator) -> Story:
    """Let one world happen."""
    crowd, wanted = people.settle(world, rng), demand.draw(world, rng)
    delay = buying.delay(rng)
    drawn = _draw(world, rng)
    promos = _promote(world, rng, wanted, drawn)
    happened, fresh_orders = _happen(world, rng, crowd, wanted)
    fresh_orders += [
        buying.anyway(world, rng, crowd, wanted),
        buying.after_promos(world, rng, crowd, promos),
    ]
    first = [*happened, *_talk(world, rng, crowd, wanted, promos, drawn)]
    fresh = _with_replies(rng, crowd, joined_mentions(first), 0)
    mentions, orders, behind = [fresh], list[Orders](), 0
    for _ in range(ROUNDS):
        fresh_orders.append(buying.after_talk(world, rng, crowd, fresh, behind, delay))
        orders += fresh_orders
        behind += len(fresh.at)
        said = [each for bought in fresh_orders for each in _speak_of(world, rng, crowd, bought)]
        fresh = _with_replies(rng, crowd, joined_mentions(said), behind)
        mentions.append(fresh)
        fresh_orders = []
    told, bought = joined_mentions(mentions), within(world, joined_orders(orders))
    answers = _answers(rng, crowd, told, bought)
    return Story(
        world,
        crowd,
        drawn,
        promos,
        told,
        buying.poached(world, rng, promos, bought),
        answers,
        delay,
    )


def _draw(world: World, rng: Generator) -> Drawn:
    weeks = -(-world.days // 7)
    if not world.topics:
        empty = np.zeros((world.rooms, world.products, weeks), bool)
        return Drawn(np.full((world.rooms, weeks), NOBODY), empty)
    topic = rng.integers(0, world.products, (world.rooms, weeks))
    held = rng.random((world.rooms, world.products, weeks)) < world.holdout
    return Drawn(topic, held)


def _promote(world: World, rng: Generator, wanted: Demand, drawn: Drawn) -> Promos:
    """Promotions chase what sold well the day before, at ten or at eight in the evening: some among
    a vertical's rooms, and they go to most of them; the others in one room, for it alone.
    """
    before = np.maximum(np.arange(wanted.wish.shape[2]) - demand.PARTS, 0)
    sold = wanted.wish[:, :, before]
    shared = sold.reshape(-1, VERTICAL, *sold.shape[1:]).mean(axis=1)
    a_day = world.promos_a_week / 7
    vertical, product, at = demand.events(rng, shared, a_day * (1 - world.local) / REACHED)
    which = np.repeat(np.arange(len(at)), VERTICAL)
    room = vertical[which] * VERTICAL + np.tile(np.arange(VERTICAL), len(at))
    at = _slots(rng, at)
    reached = rng.random(len(which)) < REACHED
    which, room = which[reached], room[reached]
    alone, its, then = demand.events(rng, sold, a_day * world.local)
    room, product = np.concatenate((room, alone)), np.concatenate((product[which], its))
    at = np.concatenate((at[which], _slots(rng, then)))
    hidden = rng.random(len(at)) < world.disguised
    held = drawn.held[room, product, (at // WEEK).astype(np.int64)]
    kept = hidden | ~held
    return Promos(room[kept], product[kept], at[kept], hidden[kept])


def _slots(rng: Generator, at: Floats) -> Floats:
    """The hours of the same days at which promotions go out."""
    return np.asarray((at // DAY) * DAY + np.where(rng.random(len(at)) < 0.5, 10, 20) * HOUR)


def _happen(
    world: World, rng: Generator, crowd: Crowd, wanted: Demand
) -> tuple[list[Mentions], list[Orders]]:
    """Outside events: something makes people talk now, and something makes them buy later."""
    room, product, at = demand.events(rng, wanted.wish, world.events_a_week / 7)
    told = np.repeat(np.arange(len(at)), rng.poisson(3, len(at)))
    said = at[told] + rng.exponential(4 * HOUR, len(told))
    sold = np.repeat(np.arange(len(at)), rng.poisson(0.6, len(at)))
    paid = at[sold] + rng.uniform(6, 30, len(sold)) * HOUR
    return (
        [_mentioned(rng, crowd, room[told], product[told], said, Kind.EVENT)],
        [buying.ordered(rng, crowd, room[sold], product[sold], paid, Cause.BASE)],
    )


def _talk(
    world: World, rng: Generator, crowd: Crowd, wanted: Demand, promos: Promos, drawn: Drawn
) -> list[Mentions]:
    """What members say of their own accord, after promotions, and on the topic of the week."""
    # The rest of what names a product are replies, echoes, questions and pictures.
    own = 0.79 * world.messages_a_day * world.naming
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
    return some(Mentions(room, product, at, seat, kinds, quoted), there)
