"""Who buys in a world, and why: of their own accord, after promotions, after talk."""

import numpy as np
from numpy.random import Generator

from bot.bench.worlds import demand, people
from bot.bench.worlds.catalogue import DAY, HOUR, World
from bot.bench.worlds.demand import Demand
from bot.bench.worlds.people import Crowd
from bot.bench.worlds.tables import (
    NOBODY,
    Cause,
    Delay,
    Flags,
    Floats,
    Ints,
    Kind,
    Mentions,
    Orders,
    Promos,
    some_orders,
)


def anyway(world: World, rng: Generator, crowd: Crowd, wanted: Demand) -> Orders:
    """Orders that would have come whatever was said."""
    room, product, at = demand.events(rng, wanted.wish, world.base_a_day, demand.BUYING_HOURS)
    return ordered(rng, crowd, room, product, at, Cause.BASE)


def after_promos(world: World, rng: Generator, crowd: Crowd, promos: Promos) -> Orders:
    """Orders that promotions cause, three quarters of them with the coupon."""
    count = len(promos.at)
    moved = np.repeat(np.arange(count), rng.poisson(world.orders_a_promo, count))
    at = promos.at[moved] + rng.exponential(7 * HOUR, len(moved))
    coupon = (rng.random(len(moved)) < 0.75) & ~promos.hidden[moved]
    return ordered(
        rng, crowd, promos.room[moved], promos.product[moved], at, Cause.PROMO, coupon=coupon
    )


def after_talk(
    world: World, rng: Generator, crowd: Crowd, said: Mentions, behind: int, delay: Delay
) -> Orders:
    """Orders that these mentions cause in those who read them; an echo's are the promo's doing."""
    works = np.where(said.kind == Kind.PROMPTED, world.prompted_effect, 1.0)
    moved = np.repeat(np.arange(len(said.at)), rng.poisson(world.effect * works))
    later = waits(rng, delay, len(moved))
    promoted = np.isin(said.kind[moved], (Kind.ECHO, Kind.DISGUISED))
    orders = ordered(
        rng, crowd, said.room[moved], said.product[moved], said.at[moved] + later,
        np.where(promoted, Cause.PROMO, Cause.ORGANIC), mention=moved,
    )  # fmt: skip
    readers = (orders.seat != said.seat[orders.mention]) & people.present(
        crowd, orders.seat, said.at[orders.mention]
    )
    kept = some_orders(orders, readers)
    kept.mention[:] += behind
    return kept


def delay(rng: Generator) -> Delay:
    """How long talk takes to work in one world: decision 0023 says why so."""
    return Delay(rng.uniform(0.5, 0.8), rng.uniform(0.5, 2) * HOUR, rng.uniform(8, 30) * HOUR)


def waits(rng: Generator, delay: Delay, count: int) -> Floats:
    """So many lags of influence in seconds."""
    mean = np.where(rng.random(count) < delay.quick, delay.soon, delay.later)
    return np.asarray(rng.exponential(1.0, count) * mean)


def poached(world: World, rng: Generator, promos: Promos, orders: Orders) -> Orders:
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


def ordered(
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
    return some_orders(Orders(room, product, at, seat, causes, coupons, mentions), there)
