"""Small statistics in plain Python: pure functions of numbers, randomness passed in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy

FEWEST_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Wait:
    """How long something was waited for; `ended` is false where the wait was cut off (censored)."""

    seconds: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval of numbers."""

    low: float
    high: float


def waiting_quantile(waits: Sequence[Wait], share: float) -> float | None:
    """Seconds after which `share` of the waits have ended; None where that was never seen.

    Kaplan–Meier: S(t) = Π over end times t_i ≤ t of (1 − d_i / n_i), n_i still waiting just
    before t_i; a wait cut off at t_i still counts among them. Unanswered questions thus weigh
    for as long as they were watched. Kaplan & Meier (1958), JASA 53:457–481.
    """
    waiting = len(waits)
    still = 1.0
    # At equal times the ends come before the cut-offs.
    for wait in sorted(waits, key=lambda wait: (wait.seconds, not wait.ended)):
        if wait.ended:
            still *= 1 - 1 / waiting
            # The product of many fractions misses a round share by less than this.
            if 1 - still >= share - 1e-9:
                return wait.seconds
        waiting -= 1
    return None


def gini(amounts: Sequence[int]) -> float | None:
    """The Gini coefficient: 0 where all are equal, towards 1 where one has everything.

    G = 2 Σ i·x_i / (n Σ x) − (n + 1)/n with x ascending, i from 1 (Gini 1912, as in Sen 1973).
    None without any amount.
    """
    total = sum(amounts)
    if not total:
        return None
    n = len(amounts)
    weighted = sum(place * amount for place, amount in enumerate(sorted(amounts), 1))
    return 2 * weighted / (n * total) - (n + 1) / n


def top_share(amounts: Sequence[int], part: float = 0.1) -> float | None:
    """The share of the total that the largest `part` of the holders (at least one) hold."""
    total = sum(amounts)
    if not total:
        return None
    holders = math.ceil(len(amounts) * part)
    return sum(sorted(amounts, reverse=True)[:holders]) / total


def bootstrap_interval(
    strata: Sequence[Sequence[float]], rng: Random, *, draws: int = 1000, level: float = 0.95
) -> Interval:
    """The percentile interval of the sum of the strata's means, each resampled by itself.

    Efron & Tibshirani (1993), An Introduction to the Bootstrap, §13.3 and §8.3 (strata).
    """
    drawn = numpy.random.default_rng(rng.getrandbits(64))
    sums = numpy.zeros(draws)
    for stratum in strata:
        values = numpy.array(stratum)
        # How often each is drawn, all draws at once.
        times = drawn.multinomial(len(values), numpy.full(len(values), 1 / len(values)), draws)
        sums += times @ values / len(values)
    sums.sort()
    tail = (1 - level) / 2
    low, high = sums[math.floor(tail * draws)], sums[math.ceil((1 - tail) * draws) - 1]
    return Interval(float(low), float(high))
