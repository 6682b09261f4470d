"""What a randomised comparison shows, with errors that know of its rooms. Pure.

Cells (a room, a product, a week) of one room share its members, so that they count as one
observation for the error; what all cells of a product-week share is taken off first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.insights import significance
from bot.insights.arrays import Floats, Ints
from bot.insights.statistics import Interval

# Fewer rooms than this say nothing that holds.
FEWEST_ROOMS = 30
# A split that chance gives less often than this is a fault of the experiment.
RATIO_LEVEL = 0.001


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
    """A difference a cell, its standard error, and the clusters behind it."""

    value: float
    error: float
    clusters: int

    def interval(self, level: float) -> Interval:
        """The values that a test at `level` does not refuse (Student's t, clusters − 1)."""
        reach = significance.t_quantile(level, self.clusters - 1) * self.error
        return Interval(self.value - reach, self.value + reach)


def assigned(seen: Observed) -> Estimate | None:
    """What being assigned did (intention to treat); None where nothing can be compared.

    Least squares of the outcome on assignment, the usual level and a constant for each stratum;
    cluster-robust variance CR1 (Cameron & Miller 2015, J. Human Resources 50:317–372, §II.C).
    """
    return _estimate(seen, seen.assigned)


def exposed(seen: Observed) -> Estimate | None:
    """What the exposure itself did, by two-stage least squares with assignment as instrument.

    None where assignment moved exposure in less than one of ten cells: dividing by so little
    says nothing. Angrist, Imbens & Rubin (1996), JASA 91:444–455.
    """
    lots, gone = _taken_off(seen, seen.assigned, seen.exposed)
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
    lots, moved, bought = _taken_off(seen, seen.assigned, cause, seen.outcome)
    _, cluster = np.unique(seen.cluster, return_inverse=True)
    clusters, cells = int(cluster.max(initial=-1)) + 1, len(lots)
    strata = len(np.unique(seen.stratum))
    parameters = strata + 2
    strength = float(lots @ moved)
    if clusters < 2 or cells <= parameters or abs(strength) < 1e-9:
        return None
    value = float(lots @ bought) / strength
    scores = np.bincount(cluster, weights=lots * (bought - value * moved))
    small = clusters / (clusters - 1) * (cells - 1) / (cells - parameters)
    return Estimate(value, math.sqrt(small * float(scores @ scores)) / abs(strength), clusters)


def _taken_off(seen: Observed, *columns: Floats) -> list[Floats]:
    """Columns without what strata and the usual level explain (Frisch–Waugh–Lovell)."""
    _, stratum = np.unique(seen.stratum, return_inverse=True)
    sizes = np.bincount(stratum)

    def centred(column: Floats) -> Floats:
        means: Floats = np.bincount(stratum, weights=column) / sizes
        return column - means[stratum]

    usual = centred(seen.prior)
    spread = float(usual @ usual)
    found = []
    for column in columns:
        left = centred(column)
        found.append(left - usual * (float(usual @ left) / spread) if spread > 1e-9 else left)
    return found
