"""Talk, order lines and stays as columns of numbers, for what is computed over many orders at once.

The database and the simulated worlds fill the same columns, so both go through the same functions.
Times are whole seconds since 1970. A person is a number ≥ 0; UNKNOWN is nobody we know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.models import Touch

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

UNKNOWN = -1
HOUR = 3_600
DAY = 24 * HOUR
FOREVER = 2**40

# The class of a touch as a number: its place here.
TOUCHES = (Touch.PROMO, Touch.PROMPT, Touch.PROMO_ECHO, Touch.ORGANIC)
PROMO, PROMPT, ECHO, ORGANIC = range(4)


@dataclass(frozen=True, slots=True)
class Talk:
    """Classed touches: who named which product in which room when. `touch` is a place in TOUCHES.

    `speaker` is a person, or a negative number of its own for a contact who is nobody we know.
    """

    room: Ints
    product: Ints
    at: Ints
    speaker: Ints
    touch: Ints


@dataclass(frozen=True, slots=True)
class Lines:
    """Paid order lines, net of those that are out. `buyer` is a person or UNKNOWN; `marked` is
    whether a campaign's coupon or link was used.
    """

    product: Ints
    at: Ints
    buyer: Ints
    marked: Flags


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays of persons in rooms, `[since, until)`; FOREVER where it is open."""

    person: Ints
    room: Ints
    since: Ints
    until: Ints


@dataclass(frozen=True, slots=True)
class Log:
    """The stretch of time that the log of each room covers, by the room's number."""

    since: Ints
    until: Ints


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that the estimators read."""

    talk: Talk
    lines: Lines
    stays: Stays
    log: Log


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each line with each stay of its buyer: places in `lines` and in `stays`."""

    line: Ints
    stay: Ints


def pairs(buyer: Ints, stays: Stays) -> Pairs:
    """Every line whose buyer is known beside every stay of the buyer, by line."""
    order = np.argsort(stays.person, kind="stable")
    persons = stays.person[order]
    known = np.flatnonzero(buyer >= 0)
    start = np.searchsorted(persons, buyer[known], side="left")
    end = np.searchsorted(persons, buyer[known], side="right")
    which, place = spread(start, end)
    return Pairs(known[which], order[place])


def spread(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Half-open ranges laid out flat: which range, and each number in it."""
    count = np.maximum(end - start, 0)
    which = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(which)) - np.repeat(count.cumsum() - count, count)
    return which, start[which] + offset


def slices(count: Ints, at_once: int) -> Iterator[slice]:
    """All of `count`, cut in order where the sum passes `at_once`: the sum of a slice without its
    last is below `at_once`.
    """
    count = np.maximum(count, 0)
    lot = (count.cumsum() - count) // at_once
    cuts = [*np.flatnonzero(np.diff(lot, prepend=-1)).tolist(), len(count)]
    return (slice(begin, end) for begin, end in pairwise(cuts))


def stream(room: Ints, product: Ints) -> Ints:
    """One number for a room and a product."""
    return (room << 31) + product


def of_stream(stream: Ints) -> tuple[Ints, Ints]:
    """The room and the product of each stream."""
    return stream >> 31, stream & ((1 << 31) - 1)


def united(stream: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints, Ints]:
    """What these stretches `[since, until)` of streams cover: stretches apart, by stream and time.
    None of those given is empty.
    """
    order = np.lexsort((since, stream))
    stream, since, until = stream[order], since[order], until[order]
    if not len(order):
        return stream, since, until
    # One line of time for all streams, each behind the one before.
    low = since.min()
    shift = np.unique(stream, return_inverse=True)[1] * (until.max() - low + 1) - low
    ended = np.maximum.accumulate(until + shift)
    new = np.ones(len(order), bool)
    new[1:] = (since + shift)[1:] > ended[:-1]
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(order)) - 1
    return stream[first], since[first], (ended - shift)[last]


def between(streams: Ints, at: Ints, stream: Ints, since: Ints, until: Ints) -> tuple[Ints, Ints]:
    """Ranges of places of `[since, until)` of a stream in what is sorted by stream and time."""
    names = np.unique(streams)
    low = min(at.min(initial=0), since.min(initial=0))
    width = max(at.max(initial=0), until.max(initial=0)) - low + 2
    place = np.searchsorted(names, streams)
    key = place * width + (at - low)
    own = np.searchsorted(names, stream)
    known = own < len(names)
    known[known] = names[own[known]] == stream[known]
    start = np.searchsorted(key, own * width + (since - low))
    end = np.searchsorted(key, own * width + (until - low))
    return np.where(known, start, 0), np.where(known, end, 0)


def different(*columns: Ints) -> list[Ints]:
    """The different rows of these columns, in order."""
    order = np.lexsort(columns[::-1])
    ordered = [each[order] for each in columns]
    new = np.ones(len(order), bool)
    new[1:] = np.any([each[1:] != each[:-1] for each in ordered], axis=0)
    return [each[new] for each in ordered]
