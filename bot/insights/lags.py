"""How long talk takes to work: the lag kernel, and F, the share of it inside the window.

The kernel is lognormal. What mentions before orders exceed those after them, bin of lags by bin,
says its shape; where that says little, the prior does, and its width is the error of F.
"""

import math
from dataclasses import dataclass

import numpy as np

from bot.insights import mirror
from bot.insights.arrays import HOUR, Floats
from bot.insights.estimates import Estimate
from bot.insights.sights import BINS, LAGS, WINDOW, Seen

# The prior, by judgement: half of the influence within 6 hours, give or take a factor of 1.6.
MEDIAN_HOURS, MEDIAN_SPREAD = 6.0, 0.45
SIGMA, SIGMA_SPREAD = 1.2, 0.25
# An error of F beyond this is no more than what the prior says.
VAGUE = 0.05
# Hours; the kernel is added up in steps so small, and a bin of LAGS begins at these steps.
STEP = 0.5
FIRST = (np.array(LAGS[:-1]) / STEP).astype(np.int64)
# Talk comes in waves, and an order that talk caused comes after a wave's crest: there was more talk
# before than after, whatever the lag. It ebbs in a day and a half, and is fitted along.
_MIDDLE = (np.array(LAGS[1:]) + np.array(LAGS[:-1])) / 2
PEDESTAL = np.diff(np.array(LAGS, float)) * np.exp(-_MIDDLE / 36)
PEDESTAL /= PEDESTAL.sum()
# Bins vary at least by this much, so that empty ones do not decide.
_LEAST_ERROR = 1e-4


@dataclass(frozen=True, slots=True)
class Kernel:
    """The lag of influence: lognormal, its median in hours, `sigma` of the logarithm.

    `influence` is the share inside the window, with the error that both leave.
    """

    median_hours: float
    sigma: float
    influence: Estimate


def prior() -> Estimate:
    """F before anything was fitted, with its error."""
    return _posterior(_grid().prior).influence


def fit(seen: Seen, by_hour: Floats) -> Kernel:
    """The kernel that fits the excess of mentions before clean lines best, under the prior.

    A posterior on a grid: the size of the excess is fitted for each kernel (least squares with
    the bins' jackknife errors), its shape is what is compared. `by_hour` is how much organic talk
    there is at each hour of the day (24, UTC).
    """
    grid = _grid()
    chosen = seen.clean & seen.far
    hours = np.bincount(seen.hour[chosen], seen.intensity[chosen], 24).astype(np.float64)
    if not hours.any():
        return _posterior(grid.prior)
    back, ahead = around(hours, by_hour)
    chance = np.add.reduceat(back, FIRST) / np.add.reduceat(ahead, FIRST)
    shapes = np.diff(
        _within(np.array(LAGS, float), grid.median[:, None], grid.sigma[:, None]), axis=1
    )
    return _posterior(grid.prior + _likelihood(shapes, *excess(seen, chance)))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Kernels that are compared, one entry each, with the logarithm of the prior's weight."""

    median: Floats
    sigma: Floats
    prior: Floats


def _grid() -> _Grid:
    steps = np.linspace(-3, 3, 61)
    medians, sigmas = np.meshgrid(
        MEDIAN_HOURS * np.exp(MEDIAN_SPREAD * steps), SIGMA + SIGMA_SPREAD * steps[::2],
        indexing="ij",
    )  # fmt: skip
    far, wide = np.meshgrid(steps, steps[::2], indexing="ij")
    return _Grid(medians.ravel(), sigmas.ravel(), -(far**2 + wide**2).ravel() / 2)


def _posterior(weight: Floats) -> Kernel:
    """The mean kernel of the grid under the logarithms of these weights."""
    grid = _grid()
    chance = np.exp(weight - weight.max())
    chance /= chance.sum()
    inside = _within(np.array([WINDOW / HOUR]), grid.median[:, None], grid.sigma[:, None])[:, 0]
    value = float(chance @ inside)
    error = float(np.sqrt(chance @ (inside - value) ** 2))
    median, sigma = float(np.exp(chance @ np.log(grid.median))), float(chance @ grid.sigma)
    return Kernel(median, sigma, Estimate(value, error))


def around(hours: Floats, by_hour: Floats) -> tuple[Floats, Floats]:
    """How much talk there is, by chance, so many steps before and after lines of these hours."""
    middle = (np.arange(0, LAGS[-1], STEP) + STEP / 2)[:, None]
    hour = np.arange(24) + 0.5
    level = by_hour / by_hour.mean()
    share = hours / max(hours.sum(), 1)
    back = level[np.floor(hour - middle).astype(np.int64) % 24] @ share
    ahead = level[np.floor(hour + middle).astype(np.int64) % 24] @ share
    return back, ahead


def excess(seen: Seen, chance: Floats) -> tuple[Floats, Floats]:
    """Mentions before minus those of chance, a clean line and bin, and the jackknife errors over
    rooms. `chance` is how much more talk there is before than after, by bin, for the hour alone.

    Only lines with the longest lag inside the log; zeros with infinite errors where there is none.
    """
    chosen = seen.clean & seen.far
    fold = mirror.folds(seen.room)[chosen]
    counts = np.bincount(fold, minlength=mirror.FOLDS)
    difference = seen.before[chosen] - seen.after[chosen] * chance
    if (counts > 0).sum() < mirror.FOLDS:
        return np.zeros(BINS), np.full(BINS, np.inf)
    sums = np.stack([np.bincount(fold, column, mirror.FOLDS) for column in difference.T], axis=1)
    whole = sums.sum(axis=0) / counts.sum()
    left = (sums.sum(axis=0) - sums) / (counts.sum() - counts)[:, None]
    spread = ((left - left.mean(axis=0)) ** 2).sum(axis=0) * (mirror.FOLDS - 1) / mirror.FOLDS
    return whole, np.maximum(np.sqrt(spread), _LEAST_ERROR)


def _likelihood(shapes: Floats, found: Floats, errors: Floats) -> Floats:
    """The log-likelihood of each shape (a row, a column a bin) with the sizes that fit best, of the
    shape and of the pedestal, neither below zero.
    """
    weight = errors**-2.0
    shape, pedestal = (shapes**2 * weight).sum(axis=1), (PEDESTAL**2 * weight).sum()
    both = (shapes * PEDESTAL * weight).sum(axis=1)
    told, other = (shapes * found * weight).sum(axis=1), (PEDESTAL * found * weight).sum()
    least = shape * pedestal - both**2
    with np.errstate(divide="ignore", invalid="ignore"):
        size = (told * pedestal - other * both) / least
        height = (other * shape - told * both) / least
        alone = np.maximum(told, 0) ** 2 / shape
    together = np.where((size > 0) & (height > 0), told * size + other * height, alone)
    flat = max(other, 0) ** 2 / pedestal if pedestal > 0 else 0.0
    # Half of what the best sizes explain; nothing where nothing is known.
    return np.nan_to_num(np.where(size > 0, together, flat)) / 2


def _within(hours: Floats, median: Floats, sigma: Floats) -> Floats:
    """The lognormal distribution function."""
    with np.errstate(divide="ignore"):
        steps = np.log(hours / median) / sigma
    return _normal(steps)


def _normal(steps: Floats) -> Floats:
    """The standard normal distribution function (Abramowitz & Stegun 26.2.17, error < 1e-7)."""
    size = np.minimum(np.abs(steps), 40.0)
    scale = 1 / (1 + 0.2316419 * size)
    series = np.zeros_like(scale)
    for factor in (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530):
        series = (series + factor) * scale
    tail = np.exp(-(size**2) / 2) / math.sqrt(2 * math.pi) * series
    return np.asarray(np.where(steps < 0, tail, 1 - tail), np.float64)
