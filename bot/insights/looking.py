"""Looking at an experiment before its end, and still being wrong one time in twenty in all.

Each complete week is a look, whether anybody looked or not. The chance of a false alarm is spent
over the looks: next to nothing in the first weeks, nearly all of it at the planned end (Lan &
DeMets 1983, Biometrika 70:659–663, with the spending function that resembles O'Brien & Fleming).
The interval of a look holds the values that this look's test does not refuse, so that all
intervals of an experiment hold the truth together with 95 % (repeated confidence intervals:
Jennison & Turnbull 1989, J. R. Statist. Soc. B 51:305–361).
"""

import functools
import math
from statistics import NormalDist

import numpy as np

from bot.insights.arrays import Floats

LEVEL = 0.05
# So early a look could refuse nothing that ever happens: no interval is given.
LEAST = 1e-9
_POINTS = 401
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


@functools.cache
def levels(looks: int, level: float = LEVEL) -> tuple[float | None, ...]:
    """The level of the test at each of so many equally spaced looks; None where it is too early.

    The bounds of the Brownian path of the scores, each look given that no earlier one refused, by
    numerical integration: Armitage, McPherson & Rowe (1969), J. R. Statist. Soc. A 132:235–244.
    """
    step = 1 / looks
    found: list[float | None] = []
    spent, grid, density = 0.0, np.zeros(1), np.ones(1)
    for look in range(1, looks + 1):
        time = look * step
        target = _spent(time, level) - spent
        if target < LEAST:
            found.append(None)
            # Nobody is stopped: the path goes on from its start.
            grid, density = _free(time)
            continue
        spent += target
        bound = _bound(target, grid, density, step if look > 1 else time)
        found.append(math.erfc(bound / math.sqrt(2 * time)))
        grid, density = _moved(grid, density, bound, step if look > 1 else time)
    return tuple(found)


def _spent(time: float, level: float) -> float:
    """What may have been spent by this share of the information."""
    z = NormalDist().inv_cdf(1 - level / 4)
    return 2 * math.erfc(z / math.sqrt(2 * time))


def _bound(
    target: float,
    grid: Floats,
    density: Floats,
    variance: float,
) -> float:
    """The bound that paths pass, on either side, with the chance `target`."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        beyond = _erfc((middle - grid) / math.sqrt(2 * variance)) / 2
        # By symmetry both sides are twice one side.
        if 2 * float(density @ beyond) > target:
            low = middle
        else:
            high = middle
    return high


def _moved(
    grid: Floats,
    density: Floats,
    bound: float,
    variance: float,
) -> tuple[Floats, Floats]:
    """Where the paths are that were not stopped: points inside the bounds, and their weights."""
    after = np.linspace(-bound, bound, _POINTS)
    between = np.exp(-((after[:, None] - grid[None, :]) ** 2) / (2 * variance))
    weights = np.full(_POINTS, after[1] - after[0])
    weights[[0, -1]] /= 2
    return after, between @ density / math.sqrt(2 * math.pi * variance) * weights


def _free(
    time: float,
) -> tuple[Floats, Floats]:
    return _moved(np.zeros(1), np.ones(1), 9 * math.sqrt(time), time)
