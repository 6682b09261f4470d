"""How much each product interests each room, and when: what talk and purchases have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bot.bench.worlds.catalogue import DAY, HOUR, World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Messages by hour of the day: little at night, a hump at noon, most in the evening.
HOURS = np.array([
    *(0.4, 0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 1.4, 2.2, 2.6, 2.6, 2.4),
    *(2.8, 2.4, 2.0, 2.0, 2.1, 2.3, 2.6, 3.2, 4.2, 4.4, 3.2, 1.5),
])  # fmt: skip
# Purchases by hour: a break in the morning, lunch, and the evening until late.
BUYING_HOURS = np.array([
    *(1.4, 0.6, 0.3, 0.2, 0.1, 0.2, 0.5, 1.2, 2.0, 3.0, 3.6, 3.0),
    *(3.2, 2.4, 2.0, 2.2, 2.2, 2.0, 2.0, 2.8, 4.0, 5.0, 4.8, 3.0),
])  # fmt: skip
PARTS = 4
_HOURS_A_PART = 24 // PARTS


@dataclass(frozen=True, slots=True)
class Demand:
    """Rates per (room, product, quarter of a day), each of mean near 1 over a room: `talk` and
    `wish` share the room's interest, the products' trends and the shocks.
    """

    talk: Floats
    wish: Floats


def draw(world: World, rng: Generator) -> Demand:
    """The demand of one world. Shocks are an Ornstein–Uhlenbeck process, so time-reversible."""
    rooms, products, days = world.rooms, world.products, world.days
    popular = np.arange(1.0, products + 1) ** -world.popularity
    interest = popular * rng.lognormal(0, world.taste, (rooms, products))
    interest /= interest.sum(axis=1, keepdims=True)
    liveliness = rng.lognormal(-0.08, 0.4, (rooms, 1))
    own = rng.lognormal(-0.045, 0.3, (rooms, products))
    trend = np.exp(_wander(rng, (products, days), 0.3, 10.0) - 0.045)
    course = np.repeat(trend, PARTS, axis=1)[None, :, :]
    if world.volatility:
        shape = (rooms, products, days * PARTS)
        shocks = _wander(rng, shape, world.volatility, world.shock_days * PARTS)
        course = course * np.exp(shocks - world.volatility**2 / 2)
    talk = (interest * liveliness)[:, :, None] * course * _quarters(HOURS, days)
    wish = (interest * own)[:, :, None] * course * _quarters(BUYING_HOURS, days)
    return Demand(talk, wish)


def events(
    rng: Generator, rates: Floats, a_day: float, hours: Floats = HOURS
) -> tuple[Ints, Ints, Floats]:
    """Rooms, products and times of events whose mean count is `a_day` · `rates`; inside a quarter
    of a day they follow `hours`.
    """
    ladder = (rates * a_day).ravel().cumsum()
    count = rng.poisson(ladder[-1])
    cells = np.searchsorted(ladder, rng.random(count) * ladder[-1], side="right")
    return _times(rng, rates.shape, np.minimum(cells, ladder.size - 1), hours)


def _quarters(hours: Floats, days: int) -> Floats:
    """The part of a day that falls on each of its quarters, day after day."""
    day = hours.reshape(PARTS, _HOURS_A_PART).sum(axis=1)
    return np.tile(day / day.sum(), days)[None, None, :]


def _times(
    rng: Generator, shape: tuple[int, ...], cells: Ints, hours: Floats
) -> tuple[Ints, Ints, Floats]:
    """Rooms, products and times, by the clock, of events in these cells of an array of rates."""
    rooms, products, parts = np.unravel_index(cells, shape)
    table = hours.reshape(PARTS, _HOURS_A_PART).cumsum(axis=1)
    part = parts % PARTS
    steps = rng.random(len(cells)) * table[part, -1]
    hour = (steps[:, None] >= table[part]).sum(axis=1)
    start = (parts // PARTS) * DAY + (part * _HOURS_A_PART + hour) * HOUR
    return rooms, products, start + rng.random(len(cells)) * HOUR


def _wander(rng: Generator, shape: tuple[int, ...], deviation: float, memory: float) -> Floats:
    """An Ornstein–Uhlenbeck process along the last axis, `memory` steps long, from its own law."""
    kept = np.exp(-1 / memory)
    noise = rng.normal(0, deviation * np.sqrt(1 - kept**2), shape)
    noise[..., 0] = rng.normal(0, deviation, shape[:-1])
    for step in range(1, shape[-1]):
        noise[..., step] += kept * noise[..., step - 1]
    return noise
