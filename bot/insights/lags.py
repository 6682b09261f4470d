"""How long talk takes to work: lag kernels, and F, the share of them inside the mirror's window.

A kernel is a mixture of five lognormal humps along the logarithm of time, from half an hour to
more than a day, so that a quick part and a slow one have their room. The kernels that are compared
are drawn from a Dirichlet prior in which no hump is preferred; `waves` tells which of them fit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.insights import arrays
from bot.insights.arrays import HOUR, Floats, Record
from bot.insights.estimates import Estimate
from bot.insights.sights import LAGS, WINDOW

# The humps' medians in hours and the deviation of their logarithms.
MEDIANS, SIGMA = (0.4, 1.0, 3.0, 9.0, 27.0), 0.9
# How alike the kernels are, and how many are drawn; the seed makes them the same every time.
CONCENTRATION, KERNELS, SEED = 10.0, 1_500, 7
# Mixtures are a family, not the truth: F is not known better than so, however well one fits.
FAMILY = 0.02
# An error of F beyond this is no more than what the prior says.
VAGUE = 0.05
# Hours; kernels are added up in steps so small, and a bin of LAGS begins at these steps.
STEP = 0.5
FIRST = (np.array(LAGS[:-1]) / STEP).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The lag of influence: its median in hours, and `sigma`, half the distance of the logarithms
    at which 16 and 84 % have worked.

    `influence` is the share inside the window, with the error that is left.
    """

    median_hours: float
    sigma: float
    influence: Estimate


def kernels() -> Floats:
    """Kernels to compare: the part of each hump, (kernel, hump)."""
    rng = np.random.default_rng(SEED)
    count = len(MEDIANS)
    return np.asarray(rng.dirichlet(np.full(count, CONCENTRATION / count), KERNELS))


def within(kernels: Floats, hours: Floats) -> Floats:
    """The share of each kernel (a row) that has worked after so many hours (a column)."""
    with np.errstate(divide="ignore"):
        steps = np.log(hours / np.array(MEDIANS)[:, None]) / SIGMA
    return np.asarray(kernels @ _normal(steps))


def prior() -> Kernel:
    """What stands before anything was fitted."""
    some = kernels()
    return mean(some, np.full(len(some), 1 / len(some)))


def mean(some: Floats, chance: Floats) -> Kernel:
    """The mean of these kernels under these weights, and how far F spreads under them."""
    inside = within(some, np.array([WINDOW / HOUR]))[:, 0]
    value = float(chance @ inside)
    error = float(np.hypot(np.sqrt(chance @ (inside - value) ** 2), FAMILY))
    hours = np.geomspace(0.02, 2_000, 2_000)
    worked = within((chance @ some)[None, :], hours)[0]
    early, middle, late = np.interp([0.1587, 0.5, 0.8413], worked, np.log(hours))
    return Kernel(float(np.exp(middle)), float(late - early) / 2, Estimate(value, error))


def by_hour(record: Record, touch: int = arrays.ORGANIC) -> Floats:
    """How many touches of a class there are at each hour of the day (24, UTC), one more than
    counted.
    """
    counts = np.bincount(record.talk.at[record.talk.touch == touch] // HOUR % 24, minlength=24)
    return counts.astype(np.float64) + 1


def chance(hours: Floats, talk: Floats, edges: Sequence[int] = LAGS) -> Floats:
    """How much more talk there is before than after lines, by bin of lags, for the hour alone.

    `hours` are the lines by the hour of their payment, `talk` is `by_hour`, `edges` are in hours.
    """
    middle = (np.arange(0, edges[-1], STEP) + STEP / 2)[:, None]
    first = (np.array(edges[:-1]) / STEP).astype(np.int64)
    hour = np.arange(24) + 0.5
    share = hours / max(hours.sum(), 1)
    back = talk[np.floor(hour - middle).astype(np.int64) % 24] @ share
    ahead = talk[np.floor(hour + middle).astype(np.int64) % 24] @ share
    if not hours.any():
        return np.ones(len(first))
    return np.asarray(np.add.reduceat(back, first) / np.add.reduceat(ahead, first))


def _normal(steps: Floats) -> Floats:
    """The standard normal distribution function (Abramowitz & Stegun 26.2.17, error < 1e-7)."""
    size = np.minimum(np.abs(steps), 40.0)
    scale = 1 / (1 + 0.2316419 * size)
    series = np.zeros_like(scale)
    for factor in (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530):
        series = (series + factor) * scale
    tail = np.exp(-(size**2) / 2) / math.sqrt(2 * math.pi) * series
    return np.asarray(np.where(steps < 0, tail, 1 - tail), np.float64)
