"""Changes are called no more often than promised; the numbers agree with independent libraries."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bot.insights import significance
from bot.insights.significance import Scale

chances = st.floats(0, 1)


@given(st.lists(chances, min_size=1, max_size=60))
def test_adjusted_p_values_are_those_of_statsmodels(ps: list[float]) -> None:
    _, expected, *_ = multipletests(ps, method="fdr_bh")
    assert significance.benjamini_hochberg(ps) == pytest.approx(list(expected), abs=1e-12)


def test_no_comparison_calls_nothing() -> None:
    assert significance.benjamini_hochberg([]) == []
    assert significance.called({}) == frozenset()


# Nearer to nought SciPy itself loses digits.
@given(st.just(0.0) | st.floats(1e-3, 60), st.floats(1, 200))
def test_students_tail_is_that_of_scipy(t: float, freedom: float) -> None:
    expected = 2 * stats.t.sf(t, freedom)
    assert significance.t_tail(t, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("freedom", [1, 1.4, 2, 7.25, 23, 51])
def test_students_quantile_is_that_of_scipy(freedom: float) -> None:
    expected = stats.t.ppf(0.975, freedom)
    assert significance.t_quantile(0.05, freedom) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", list(Scale))
@given(st.lists(st.floats(0, 1), min_size=8, max_size=24), st.floats(0, 1))
def test_a_week_lies_outside_its_band_where_its_p_is_small(
    scale: Scale, earlier: list[float], now: float
) -> None:
    found = significance.change(earlier, now, scale)
    assert found is not None
    assert found.band.low <= found.usual + 1e-9
    assert found.usual <= found.band.high + 1e-9
    if abs(found.p - 0.05) > 1e-6 and 1e-9 < now < 1 - 1e-9:
        assert (found.side != 0) == (found.p < 0.05)


def test_few_weeks_say_nothing() -> None:
    assert significance.change([80.0] * 7, 200) is None
    flat = significance.change([80.0] * 8, 81)
    assert flat is not None
    assert (flat.p, flat.side) == (0.0, 1)


def weeks_of_talk(rng: np.random.Generator, rooms: int, weeks: int) -> np.ndarray:
    """Messages a week in rooms where nothing ever changes: (weeks, rooms) whole numbers.

    Each room has its size; each week moves all rooms at once (holidays, weather) and every room
    by itself; what is then said is counted.
    """
    size = rng.lognormal(6, 0.6, rooms)
    together = rng.normal(0, 0.12, (weeks, 1))
    alone = rng.normal(0, 0.15, (weeks, rooms))
    return rng.poisson(size * np.exp(together + alone))


def called_share(alarms: Sequence[bool]) -> float:
    return sum(alarms) / len(alarms)


def test_where_nothing_changed_a_change_is_called_five_times_in_a_hundred() -> None:
    rng = np.random.default_rng(6)
    fleet: list[bool] = []
    poisson: list[bool] = []
    paired: list[bool] = []
    for _ in range(2_500):
        said = weeks_of_talk(rng, 40, 25)
        totals = said.sum(axis=1)
        found = significance.change([float(x) for x in totals[:-1]], float(totals[-1]))
        assert found is not None
        fleet.append(found.side != 0)
        last, now = totals[-2], totals[-1]
        poisson.append(abs(now - last) / np.sqrt(now + last) > 1.96)
        paired.append(bool(stats.ttest_rel(said[-2], said[-1]).pvalue < 0.05))
    assert 0.04 <= called_share(fleet) <= 0.06
    # Why not the usual tests: they take the week that all rooms share for news.
    assert called_share(poisson) > 0.8
    assert called_share(paired) > 0.4


def test_where_nothing_changed_hardly_ever_any_of_many_rooms_is_called() -> None:
    rng = np.random.default_rng(7)
    single: list[bool] = []
    anyone: list[bool] = []
    for _ in range(150):
        said = weeks_of_talk(rng, 60, 25)
        compared = significance.changes(
            {room: [float(x) for x in said[:-1, room]] for room in range(60)},
            {room: float(said[-1, room]) for room in range(60)},
        )
        single += [one.side != 0 for one in compared.values()]
        anyone.append(bool(significance.called(compared)))
    assert 0.04 <= called_share(single) <= 0.06
    assert called_share(anyone) <= 0.06


def test_rooms_that_changed_are_found_among_many_and_few_others_are() -> None:
    rng = np.random.default_rng(8)
    found, false = 0, 0
    for _ in range(20):
        said = weeks_of_talk(rng, 60, 25).astype(float)
        said[-1, :6] *= 0.3
        compared = significance.changes(
            {room: list(said[:-1, room]) for room in range(60)},
            {room: said[-1, room] for room in range(60)},
        )
        named = significance.called(compared)
        found += len(named & set(range(6)))
        false += len(named - set(range(6)))
    assert found >= 0.9 * 120
    assert false <= 0.08 * (found + false)
