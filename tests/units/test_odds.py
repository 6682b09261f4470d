"""The odds of evidence are fitted to what lines met before and, by chance, after."""

import numpy as np
import pytest

from bot.insights import odds, weights
from bot.insights.arrays import Floats

CELLS = len(weights.CLASSES) * weights.BINS
PRIOR = weights.priors().touches.ravel() / weights.BASE


def lines(count: int, working: int, share: float, seed: int = 5) -> tuple[Floats, Floats]:
    """What lines met before and after: everything by chance, and of a share of them one touch of
    class and lag `working`, which led to them.
    """
    rng = np.random.default_rng(seed)
    before, after = (rng.poisson(0.1, (count, CELLS)).astype(np.float64) for _ in range(2))
    before[: int(count * share), working] += 1
    return before, after


def test_a_class_that_works_is_told_from_those_that_stand_there_by_chance() -> None:
    working = weights.CLASSES.index("organic_c") * weights.BINS
    found = odds.by_class_and_lag(*lines(6_000, working, 0.2))
    explained = (found * lines(6_000, working, 0.2)[0])[:, working].sum()
    assert found[working] > 10 * PRIOR[working]
    others = np.delete(found, working)
    assert (others < np.delete(PRIOR, working)).mean() > 0.8
    assert explained > 0


def test_where_talk_comes_as_often_after_as_before_odds_fall_below_their_priors() -> None:
    found = odds.by_class_and_lag(*lines(6_000, 0, 0.0))
    assert (found < PRIOR).all()


def test_what_was_hardly_ever_met_keeps_its_prior() -> None:
    nothing = np.zeros((2_000, CELLS))
    assert odds.by_class_and_lag(nothing, nothing) == pytest.approx(PRIOR)


def test_few_lines_move_the_odds_less_than_many() -> None:
    moved = [
        abs(np.log(odds.by_class_and_lag(*lines(count, 0, 0.3))[0] / PRIOR[0]))
        for count in (400, 20_000)
    ]
    assert moved[0] < moved[1]


def test_the_levels_make_the_odds_explain_as_many_lines_as_they_are_told() -> None:
    before, _ = lines(3_000, 3, 0.3)
    met = before @ PRIOR
    factor, unheard = odds.levels(met, 0.25, 0.1)
    whole = 1 + unheard + factor * met
    assert (factor * met / whole).mean() == pytest.approx(0.25, abs=1e-3)
    assert (unheard / whole).mean() == pytest.approx(0.1, abs=1e-3)
    assert odds.levels(met, 0.0, 0.0) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_where_hardly_a_line_met_anything_the_level_stays_as_it_was_fitted() -> None:
    met = np.zeros(1_000)
    assert odds.levels(met, 0.24, 0.06) == (1.0, 0.0)
    met[:100] = 1.5
    assert odds.levels(met, 0.24, 0.06) == (1.0, 0.0)


def test_what_a_calibration_keeps_is_read_as_it_was_fitted() -> None:
    fitted = weights.Odds(weights.priors().touches, 107)
    assert weights.of_json(weights.as_json(fitted)).unheard == 107
    earliest = {name: odds for name, odds in weights.as_json(fitted).items() if name != "unheard"}
    assert weights.of_json(earliest).unheard == 0
