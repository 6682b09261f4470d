"""How much a community says: a day's shape, and the messages of its busiest hour one by one."""

from collections.abc import Sequence

import numpy as np

from bot.insights.arrays import Floats

# What part of a day's talk each hour has, in percent: little at night, most after supper. Ours,
# on paper: no platform publishes it.
HOURS: Sequence[float] = (
    1.2, 0.6, 0.3, 0.2, 0.2, 0.4, 1.2, 2.6, 4.0, 5.0, 5.6, 5.4,
    5.6, 5.0, 4.6, 4.8, 5.0, 5.2, 5.6, 6.6, 9.6, 9.4, 7.4, 4.5,
)  # fmt: skip
DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600
# Three seconds of every minute bring half of it: rooms answer a post at once.
PERIOD, BURST, PART = 60, 3, 0.5


def a_second(rooms: int, messages: float) -> float:
    """The mean over a day, of rooms that say so many messages a day each."""
    return rooms * messages / DAY_SECONDS


def busiest(rooms: int, messages: float) -> float:
    """The mean over the busiest hour."""
    return rooms * messages * max(HOURS) / sum(HOURS) / HOUR_SECONDS


def hour(rate: float, seconds: float, rng: np.random.Generator, part: float = PART) -> Floats:
    """When each message comes, in seconds, in order: `rate` a second in the mean, of which `part`
    comes in the first `BURST` seconds of every minute, at random in each.
    """
    count = rng.poisson(rate * seconds)
    minute = rng.integers(0, max(1, round(seconds / PERIOD)), count) * float(PERIOD)
    inside = np.where(
        rng.random(count) < part,
        rng.random(count) * BURST,
        BURST + rng.random(count) * (PERIOD - BURST),
    )
    return np.sort(np.minimum(minute + inside, seconds))
