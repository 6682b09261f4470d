"""How much credit each touch of one order line gets, in parts per million.

Each touch has odds against "would have come anyway" by its class, grade and lag, and so has talk
that nobody heard; the shares of a line are in proportion. Where nothing was fitted yet the odds are
priors, chosen by judgement and fitted to no data; `calibrating` fits them to recorded orders.
Integers only, so that every machine computes the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.insights import arrays, speaking
from bot.insights.arrays import HOUR, Ints

WHOLE = 1_000_000
# Odds change with the lag at these hours.
LAGS = (0, 1, 2, 4, 8, 12, 18, 24, 72)
BINS = len(LAGS) - 1

# Classes of evidence: what the odds are by.
CLASSES = ("organic_a", "organic_b", "organic_c", "promo", "echo")
_GRADED = {speaking.A: 0, speaking.B: 1, speaking.C: 2}

# Odds against the base at no lag, in thousandths, halved at twelve hours; a campaign's own coupon
# or link is a trace of the promo, yet coupons are also poached.
BASE = 1_000
COUPON = 3_000
_PRIORS = {"organic_a": 2_000, "organic_b": 700, "organic_c": 100, "promo": 900, "echo": 400}
_HALF_LIFE = 12
_UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class Odds:
    """Thousandths against the base: of each touch, one row a class of CLASSES and one column a bin
    of LAGS; and of talk that nobody heard, because the detector missed it or it came earlier.
    """

    touches: Ints
    unheard: int


def priors() -> Odds:
    """The odds before anything was fitted; what nobody heard has none."""
    middle = (np.array(LAGS[1:]) + np.array(LAGS[:-1])) // 2
    rows = [_PRIORS[name] * _HALF_LIFE // (_HALF_LIFE + middle) for name in CLASSES]
    return Odds(np.stack(rows).astype(np.int64), 0)


def of_json(told: Mapping[str, Sequence[int]]) -> Odds:
    """Odds as a calibration keeps them; the earliest knew none of what nobody heard."""
    (unheard,) = told.get(_UNHEARD, (0,))
    return Odds(np.array([told[name] for name in CLASSES], np.int64), unheard)


def as_json(odds: Odds) -> dict[str, list[int]]:
    """Odds as a calibration keeps them."""
    touches = dict(zip(CLASSES, odds.touches.tolist(), strict=True))
    return {**touches, _UNHEARD: [odds.unheard]}


def classes(touch: Ints, grade: Ints) -> Ints:
    """The class of evidence of each touch."""
    told = np.where(touch == arrays.PROMO, CLASSES.index("promo"), CLASSES.index("echo"))
    for one, place in _GRADED.items():
        told[grade == one] = place
    return told


def bins(lag: Ints) -> Ints:
    """The bin of each lag in seconds; the longest holds whatever is longer."""
    edges = np.array(LAGS[1:-1]) * HOUR
    return np.searchsorted(edges, lag, side="left")


def share_out(group: Ints, parts: Ints, groups: int) -> Ints:
    """Shares of WHOLE inside each group in proportion to `parts`, summing to it exactly.

    `group` is in order; a group's parts are not all zero. Largest remainders (Hamilton), the
    earlier place first among equals.
    """
    total = np.bincount(group, parts, groups).astype(np.int64)[group]
    shares = parts * WHOLE // total
    left = parts * WHOLE % total
    short = WHOLE - np.bincount(group, shares, groups).astype(np.int64)
    order = np.lexsort((np.arange(len(parts)), -left, group))
    ranked = np.arange(len(parts)) - np.searchsorted(group, group)
    shares[order[ranked < short[group]]] += 1
    return shares
