"""What the system sees of a world: what it detected, classed by the rules, and orders as shops
tell of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from bot.bench.worlds import story
from bot.bench.worlds.catalogue import DAY, HOUR, World
from bot.bench.worlds.tables import Story
from bot.insights import arrays, recall
from bot.insights.arrays import Flags, Ints, Lines, Log, Record, Stays, Talk
from bot.insights.estimates import Estimate

ECHO = 2 * HOUR


@dataclass(frozen=True, slots=True)
class Perceived:
    """Which mentions were detected, and who each order's buyer seems to be (UNKNOWN: nobody)."""

    heard: Flags
    buyer: Ints


def happened(world: World, seed: int) -> tuple[Story, Perceived, Estimate]:
    """One seed of a world, what was perceived of it, and R by the marks of some messages."""
    rng = np.random.default_rng(seed)
    told = story.tell(world, rng)
    perceived = perceive(told, rng)
    named = int(rng.binomial(world.labels, world.naming))
    found = int(rng.binomial(named, world.recall))
    return told, perceived, recall.estimate(found, named - found)


def perceive(told: Story, rng: Generator) -> Perceived:
    """Miss some mentions, take some buyers for others, and know nothing of some."""
    world = told.world
    heard = rng.random(len(told.mentions.at)) < world.recall
    buyer = told.crowd.person[told.orders.seat].copy()
    wrong = rng.random(len(buyer)) < world.wrong
    buyer[wrong] = rng.permutation(buyer)[: wrong.sum()]
    buyer[rng.random(len(buyer)) < world.unresolved] = arrays.UNKNOWN
    return Perceived(heard & (told.mentions.at < world.days * DAY), buyer)


def record(told: Story, perceived: Perceived) -> Record:
    """The columns that the estimators read, as `chronicle` fills them from the tables."""
    world, crowd = told.world, told.crowd
    mentions, promos, orders = told.mentions, told.promos, told.orders
    heard, shown = perceived.heard, ~promos.hidden
    room = np.concatenate((mentions.room[heard], promos.room[shown]))
    product = np.concatenate((mentions.product[heard], promos.product[shown]))
    at = np.concatenate((mentions.at[heard], promos.at[shown])).astype(np.int64)
    speaker = np.concatenate((crowd.person[mentions.seat[heard]], np.full(shown.sum(), -2)))
    member = np.arange(len(at)) < heard.sum()
    touch = np.where(member, arrays.ORGANIC, arrays.PROMO)
    order = np.lexsort((at, product, room))
    room, product, at, speaker, touch = (x[order] for x in (room, product, at, speaker, touch))
    touch = _echoes(room * world.products + product, at, touch)
    talk = Talk(room, product, at, speaker, touch)
    lines = Lines(orders.product, orders.at.astype(np.int64), perceived.buyer, orders.coupon)
    seats = np.arange(len(crowd.person))
    stays = Stays(
        crowd.person,
        seats // crowd.members,
        np.where(np.isinf(crowd.since), -arrays.FOREVER, crowd.since).astype(np.int64),
        np.where(np.isinf(crowd.until), arrays.FOREVER, crowd.until).astype(np.int64),
    )
    log = Log(np.zeros(world.rooms, np.int64), np.full(world.rooms, world.days * DAY - 1))
    return Record(talk, lines, stays, log)


def _echoes(stream: Ints, at: Ints, touch: Ints) -> Ints:
    """Members within two hours of a promotion echo it."""
    width = int(at.max(initial=0)) + ECHO + 1
    key = stream * width + at
    promos = np.concatenate(([-width], key[touch == arrays.PROMO]))
    last = promos[np.searchsorted(promos, key, side="right") - 1]
    close = (key - last <= ECHO) & (stream == last // width)
    return np.where((touch == arrays.ORGANIC) & close, arrays.ECHO, touch)
