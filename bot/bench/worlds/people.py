"""Who lives in a world: seats in rooms, persons who sit in one or two of them, who talks."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bot.bench.worlds.catalogue import DAY, World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Seats, room by room: seat = room · members + place. Arrays have one entry a seat.

    `person` sits there from `since` to `until` (seconds of the world); `talks` and `buys` are
    weights inside the room.
    """

    members: int
    person: Ints
    since: Floats
    until: Floats
    talks: Floats
    buys: Floats


def settle(world: World, rng: Generator) -> Crowd:
    """Seat everybody."""
    seats = world.rooms * world.members
    person = np.arange(seats)
    shared = rng.random(seats) < world.in_two_rooms
    # The one who sits here also sits somewhere else; the other seat keeps its own person.
    others = rng.integers(0, seats, seats)
    rooms = np.arange(seats) // world.members
    shared &= rooms[others] != rooms
    person[shared] = others[shared]
    # Nobody sits in one room twice: the second seat keeps its own person, too.
    _, first = np.unique(np.stack((rooms, person)), axis=1, return_index=True)
    twice = np.setdiff1d(np.arange(seats), first)
    person[twice] = twice
    since, until = np.full(seats, -np.inf), np.full(seats, np.inf)
    joins, leaves = rng.random(seats) < 0.06, rng.random(seats) < 0.04
    since[joins] = rng.uniform(0, world.days * DAY, joins.sum())
    until[leaves] = rng.uniform(0, world.days * DAY, leaves.sum())
    talks = rng.lognormal(0, 1.1, seats)
    talks[rng.random(seats) < world.lurkers] = 0
    # Every room has somebody who talks.
    talks[:: world.members] += 0.5
    buys = rng.lognormal(0, 0.5, seats) * np.where(talks > 0, 1.3, 1.0)
    return Crowd(world.members, person, since, until, talks, buys)


def draw(rng: Generator, crowd: Crowd, rooms: Ints, weights: Floats) -> Ints:
    """A seat in each of these rooms, with chance in proportion to `weights` inside the room."""
    table = weights.reshape(-1, crowd.members).cumsum(axis=1)
    starts = np.concatenate(([0.0], table[:-1, -1])).cumsum()
    ladder = (table + starts[:, None]).ravel()
    low, width = starts[rooms], table[rooms, -1]
    found = np.searchsorted(ladder, low + rng.random(len(rooms)) * width, side="right")
    return np.asarray(np.clip(found, rooms * crowd.members, (rooms + 1) * crowd.members - 1))


def present(crowd: Crowd, seats: Ints, at: Floats) -> Flags:
    """Whether who sits there sat there at that time."""
    return (crowd.since[seats] <= at) & (at < crowd.until[seats])
