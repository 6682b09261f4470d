"""What waits how long: messages before a worker that takes them in batches, posts of an account."""

from collections.abc import Callable

import numpy as np

from bot.insights.arrays import Floats

Serving = Callable[[int], float]


def lags(arrivals: Floats, serving: Serving, *, most: int, gather: float) -> Floats:
    """Seconds from each arrival until the end of the batch that held it, in order of arrival.

    One worker. It begins when something waits and waits `gather` seconds for more, or until there
    are `most`; then it takes all that came, `most` at most, and needs `serving(number)` seconds.
    `most` of 1 and no gathering is the plain queue with one server, first come first served.
    """
    done = np.empty_like(arrivals)
    start, free, count = 0, 0.0, len(arrivals)
    while start < count:
        first = max(free, float(arrivals[start]))
        full = start + most - 1
        # What already waits when the worker is free is no reason to wait for less than a batch.
        filled = float(arrivals[full]) if full < count else np.inf
        begins = max(first, min(first + gather, filled))
        end = min(int(np.searchsorted(arrivals, begins, side="right")), start + most)
        free = begins + serving(end - start)
        done[start:end] = free
        start = end
    return done - arrivals


def shared(
    arrivals: Floats, shards: Floats, workers: int, serving: Serving, *, most: int, gather: float
) -> Floats:
    """The lags of all, where `workers` each take the messages of their part of the rooms alone.
    `shards` is a number from 0 to 1 for each arrival, the same for all of one room.
    """
    worker = np.minimum((shards * workers).astype(np.int64), workers - 1)
    parts = [arrivals[worker == each] for each in range(workers)]
    return np.concatenate([lags(part, serving, most=most, gather=gather) for part in parts])


def windows(
    rooms: int, gap: tuple[float, float], call: float, runs: int, rng: np.random.Generator
) -> Floats:
    """Seconds that one account needs for a post to each of its rooms, in `runs` evenings: a random
    gap before each but the first, and a call whose length is exponential around `call`.
    """
    gaps = rng.uniform(*gap, (runs, max(0, rooms - 1))).sum(axis=1)
    return np.asarray(gaps + rng.exponential(call, (runs, rooms)).sum(axis=1))
