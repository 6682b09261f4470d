"""The mirror-window share (ATTRIBUTION §3): talk after an order cannot have caused it, so it says
how much talk there is before orders by chance.

    what each line saw → sums by stratum and fold → shares, with a jackknife over rooms

A negative control (Lipsitch, Tchetgen Tchetgen & Cohen 2010, Epidemiology 21:383–388). It fails
where something outside makes people talk first and buy later.
"""

import numpy as np

from bot.insights.arrays import Floats, Ints
from bot.insights.estimates import Estimate, Shares
from bot.insights.sights import Seen

STRATA = 5
FOLDS = 30
LEAST_FREE = 0.02
LEAST_UNPROMOTED = 0.3


# Rows of the sums.
LINES, PROMO_AFTER, CLEAN, HIT, CHANCE = range(5)


def shares(seen: Seen, influence: Estimate, recall: Estimate) -> Shares:
    """The shares of all lines, from those seen. `influence` is F, `recall` is R."""
    sums = add_up(seen)
    whole = sums.sum(axis=1)
    parts = _parts(whole, influence, recall)
    # The jackknife leaves out one fold of rooms at a time.
    left = _parts(whole[:, None] - sums, influence, recall)
    spread = ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    errors = np.sqrt((FOLDS - 1) / FOLDS * spread)
    # F and R are estimates, too, and their relative errors are the organic share's.
    told = parts[0] * np.hypot(influence.error / influence.value, recall.error / recall.value)
    clean = whole[CLEAN].sum()
    return Shares(
        organic=Estimate(float(parts[0]), float(np.hypot(errors[0], told))),
        promo=Estimate(float(parts[1]), float(errors[1])),
        base=Estimate(float(parts[2]), float(np.hypot(errors[2], told))),
        hit=float(whole[HIT].sum() / max(clean, 1)),
        chance=float(whole[CHANCE].sum() / max(clean, 1)),
        lines=len(seen.line),
        clean=int(clean),
        rooms=len(np.unique(seen.room)),
    )


def folds(room: Ints) -> Ints:
    """The fold of each room: equally many rooms in each."""
    _, rank = np.unique(room, return_inverse=True)
    return rank % FOLDS


def edges(intensity: Floats) -> Floats:
    """The edges between quintiles of local talk intensity; equal intensities stay together."""
    if not len(intensity):
        return np.zeros(STRATA - 1)
    return np.quantile(intensity, np.linspace(0, 1, STRATA + 1)[1:-1])


def free(lines: Floats, clean: Floats, promo_after: Floats) -> Floats:
    """The share of all lines that no promotion made, by stratum (the last axis).

    Of the organic lines some fall within 48 hours after a promotion by chance, as often as one
    comes within the 48 hours after a line (m): so the clean ones stand for 1/(1 − m) as many.
    """
    part = lines / np.maximum(lines.sum(axis=-1, keepdims=True), 1)
    unpromoted = np.maximum(1 - promo_after / np.maximum(lines, 1), LEAST_UNPROMOTED)
    return np.asarray(part * clean / np.maximum(lines, 1) / unpromoted)


def add_up(seen: Seen) -> Floats:
    """Counts by (row, fold, stratum): all lines, those with a promotion after; the clean ones, and
    those of them with a hit before and after.
    """
    stratum = np.searchsorted(edges(seen.intensity), seen.intensity, side="left")
    cell = folds(seen.room) * STRATA + stratum
    rows = (
        *(np.ones(len(cell)), seen.promo_after, seen.clean),
        *(seen.clean & seen.hit, seen.clean & seen.chance),
    )
    totals = [np.bincount(cell, row, FOLDS * STRATA) for row in rows]
    return np.stack(totals).reshape(len(rows), FOLDS, STRATA).astype(np.float64)


def _parts(sums: Floats, influence: Estimate, recall: Estimate) -> Floats:
    """(organic, promo, base) of sums by (row, …, stratum), as the last axis of the result."""
    clean = np.maximum(sums[CLEAN], 1)
    before, after = sums[HIT] / clean, sums[CHANCE] / clean
    excess = (before - after) / np.maximum(1 - after, LEAST_FREE)
    unled = free(sums[LINES], sums[CLEAN], sums[PROMO_AFTER])
    organic = (unled * excess).sum(axis=-1) / (influence.value * recall.value)
    promo = 1 - unled.sum(axis=-1)
    return np.stack((organic, promo, 1 - promo - organic), axis=-1)
