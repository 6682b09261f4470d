"""What a randomised comparison shows, with errors that know of its rooms. Pure.

Cells (a room, a product, a week) of one room share its members, so that they count as one
observation for the error; what all cells of a product-week share is taken off first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.insights import significance, small_samples
from bot.insights.arrays import Floats, Ints
from bot.insights.small_samples import Taken
from bot.insights.statistics import Interval

# Fewer rooms than this say nothing that holds.
FEWEST_ROOMS = 30
# A split that chance gives less often than this is a fault of the experiment.
RATIO_LEVEL = 0.001
# What is left of a column where another explains all of it.
NOUGHT = 1e-9


@dataclass(frozen=True, slots=True)
class Observed:
    """One entry a cell: what was bought, what chance said (0 or 1), what happened (0 or 1) and
    what was usual there before; cells of one stratum (product-week) are compared with each other,
    cells of one cluster (room) hang together.
    """

    outcome: Floats
    assigned: Floats
    exposed: Floats
    prior: Floats
    stratum: Ints
    cluster: Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference a cell, its standard error with the degrees of freedom that the error has, and
    the clusters behind it.
    """

    value: float
    error: float
    freedom: float
    clusters: int

    def interval(self, level: float) -> Interval:
        """The values that a test at `level` does not refuse (Student's t)."""
        reach = significance.t_quantile(level, self.freedom) * self.error
        return Interval(self.value - reach, self.value + reach)


def assigned(seen: Observed) -> Estimate | None:
    """What being assigned did (intention to treat); None where nothing can be compared.

    Least squares of the outcome on assignment, the usual level and a constant for each stratum;
    cluster-robust variance CR2 with Satterthwaite's degrees of freedom (`small_samples`).
    """
    return _estimate(seen, seen.assigned)


def exposed(seen: Observed) -> Estimate | None:
    """What the exposure itself did, by two-stage least squares with assignment as instrument.

    None where assignment moved exposure in less than one of ten cells: dividing by so little
    says nothing. Angrist, Imbens & Rubin (1996), JASA 91:444–455.
    """
    usual = _centred(seen, seen.prior)
    lots, gone = (_without(usual, _centred(seen, each)) for each in (seen.assigned, seen.exposed))
    if not lots @ lots or abs(lots @ gone) < 0.1 * (lots @ lots):
        return None
    return _estimate(seen, seen.exposed)


def ratio_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The chance of a split at least as far from the planned shares (Pearson's χ²).

    The survival function by its finite recursion: Abramowitz & Stegun (1964), 26.4.4–26.4.5.
    """
    total = sum(counts)
    if not total or len(counts) < 2:
        return 1.0
    expected = [share * total for share in shares]
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    freedom, half = len(counts) - 1, statistic / 2
    odd = freedom % 2
    survived = math.erfc(math.sqrt(half)) if odd else math.exp(-half)
    for k in range(4 - odd, freedom + 1, 2):
        a = k / 2 - 1
        log = a * math.log(half) if half else -math.inf
        survived += math.exp(log - half - math.lgamma(a + 1))
    return survived


def _estimate(seen: Observed, cause: Floats) -> Estimate | None:
    """The effect of `cause`, with assignment as its instrument (itself, where it is the cause)."""
    usual = _centred(seen, seen.prior)
    lots, moved, bought = (
        _without(usual, _centred(seen, each)) for each in (seen.assigned, cause, seen.outcome)
    )
    _, cluster = np.unique(seen.cluster, return_inverse=True)
    _, stratum, sizes = np.unique(seen.stratum, return_inverse=True, return_counts=True)
    clusters = int(cluster.max(initial=-1)) + 1
    strength = float(lots @ moved)
    if clusters < 2 or len(lots) <= len(sizes) + 2 or abs(strength) < 1e-9:
        return None
    value = float(lots @ bought) / strength
    # What the fit takes off: the mean of each stratum, the usual level, the assignment.
    taken = Taken(stratum, sizes, np.stack([_unit(usual), _unit(lots)], axis=1))
    weighed = small_samples.adjusted(lots, cluster, taken)
    if weighed is None:
        return None
    scores = np.bincount(cluster, weights=weighed * (bought - value * moved))
    error = math.sqrt(float(scores @ scores)) / abs(strength)
    return Estimate(value, error, small_samples.freedom(weighed, cluster, taken), clusters)


def _centred(seen: Observed, column: Floats) -> Floats:
    """A column without the means of the strata."""
    _, stratum = np.unique(seen.stratum, return_inverse=True)
    means: Floats = np.bincount(stratum, weights=column) / np.bincount(stratum)
    return column - means[stratum]


def _without(usual: Floats, column: Floats) -> Floats:
    """A column without what the usual level explains (Frisch–Waugh–Lovell); both are centred."""
    spread = float(usual @ usual)
    return column - usual * (float(usual @ column) / spread) if spread > NOUGHT else column


def _unit(column: Floats) -> Floats:
    """A column of length one; noughts where there is nothing in it."""
    length = float(column @ column)
    return column / math.sqrt(length) if length > NOUGHT else np.zeros_like(column)
