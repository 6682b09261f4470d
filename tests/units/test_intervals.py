"""Intervals against statsmodels, and what they must hold whatever the data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from bot.insights import intervals
from bot.insights.statistics import Wait


@pytest.mark.parametrize(("count", "of"), [(0, 10), (3, 10), (10, 10), (41, 977)])
def test_a_share_has_the_wilson_interval(count: int, of: int) -> None:
    found = intervals.share(count, of)
    low, high = proportion_confint(count, of, method="wilson")
    assert found is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert intervals.share(0, 0) is None


waits = st.lists(
    st.tuples(st.integers(1, 40), st.booleans()).map(lambda one: Wait(*one)),
    min_size=4,
    max_size=60,
)


@given(waits)
@settings(max_examples=60, deadline=None)
def test_the_median_wait_is_that_of_statsmodels(told: list[Wait]) -> None:
    found = intervals.median_wait(told)
    theirs = SurvfuncRight([one.seconds for one in told], [one.ended for one in told])
    # statsmodels wants more than half to have ended; half are enough for us.
    half = np.flatnonzero(theirs.surv_prob <= 0.5 + 1e-9)
    if not len(half):
        assert found is None
        return
    assert found is not None
    assert found.value == theirs.surv_times[half[0]]
    with np.errstate(all="ignore"):
        low, high = theirs.quantile_ci(0.5, method="cloglog")
    if np.isfinite(low):
        assert found.low == min(low, found.value)
        assert (found.high or np.inf) == high


def test_orders_of_one_person_count_as_one_observation() -> None:
    alone = intervals.clustered_mean([(100.0, 1), (300.0, 1)] * 50)
    together = intervals.clustered_mean([(1_000.0, 10), (3_000.0, 10)] * 5)
    assert alone is not None
    assert together is not None
    assert alone.value == together.value == 200
    assert alone.interval is not None
    assert together.interval is not None
    # The same hundred amounts, from ten people instead of a hundred.
    wider = (together.interval.high - together.value) / (alone.interval.high - alone.value)
    assert wider == pytest.approx((10 * 99 / 9) ** 0.5 / 10 * 10**0.5, rel=0.01)


def test_nobody_has_no_mean_and_one_person_no_interval() -> None:
    assert intervals.clustered_mean([]) is None
    assert intervals.clustered_mean([(500.0, 2)]) == intervals.Mean(250.0, None)
