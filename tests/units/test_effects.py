"""What chance shows: against statsmodels, and against itself where nothing is there to be seen."""

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import linalg, stats
from statsmodels.sandbox.regression.gmm import IV2SLS

from bot.insights import effects, looking, significance
from bot.insights.arrays import Floats, Ints
from bot.insights.effects import Observed


def some_cells(seed: int, *, comply: float = 1.0, effect: float = 0.5) -> Observed:
    """40 rooms of different liveliness, 5 weeks, 2 products."""
    rng = np.random.default_rng(seed)
    room, week, product = (each.ravel() for each in np.indices((40, 5, 2)))
    lively = rng.gamma(2, 1, 40)[room]
    assigned = (rng.random(len(room)) < 0.4).astype(float)
    exposed = np.where(rng.random(len(room)) < comply, assigned, 1 - assigned)
    outcome = lively + effect * exposed + 0.3 * week + rng.normal(size=len(room))
    prior = lively + rng.normal(size=len(room)) / 4
    return Observed(outcome, assigned, exposed, prior, product * 100 + week, room)


def controls(seen: Observed) -> Floats:
    strata = np.unique(seen.stratum)
    dummies = (seen.stratum[:, None] == strata[None, :]).astype(float)
    return np.column_stack([dummies, seen.prior])


def by_the_book(left: Floats, lots: Floats, others: Floats, cluster: Ints) -> tuple[float, float]:
    """CR2 and its degrees of freedom for the coefficient of `lots`, with whole matrices: formulas
    (4) to (6) and (11) of Pustejovsky & Tipton (2018), identity as the working model.
    """
    design = np.column_stack([lots, others])
    bread = np.linalg.pinv(design.T @ design)
    rest = np.eye(len(lots)) - design @ bread @ design.T
    parts = []
    for each in np.unique(cluster):
        mine = cluster == each
        root = linalg.fractional_matrix_power(rest[np.ix_(mine, mine)], -0.5).real
        parts.append(rest[:, mine] @ root @ design[mine] @ bread[:, 0])
    told = np.array(parts)
    values = np.linalg.eigvalsh(told @ told.T)
    return math.sqrt(float(np.square(told @ left).sum())), values.sum() ** 2 / (values**2).sum()


def test_the_difference_is_that_of_statsmodels_and_its_error_is_by_the_book() -> None:
    seen = some_cells(1)
    found = effects.assigned(seen)
    assert found is not None
    rest = controls(seen)
    theirs = sm.OLS(seen.outcome, np.column_stack([seen.assigned, rest])).fit()
    assert found.value == pytest.approx(theirs.params[0], rel=1e-9)
    error, freedom = by_the_book(theirs.resid, seen.assigned, rest, seen.cluster)
    assert (found.error, found.freedom) == pytest.approx((error, freedom), rel=1e-8)
    reach = stats.t.ppf(0.975, freedom) * error
    ours = found.interval(0.05)
    assert (ours.low, ours.high) == pytest.approx((found.value - reach, found.value + reach))


def test_the_error_of_two_stages_is_by_the_book() -> None:
    seen = some_cells(2, comply=0.8)
    found = effects.exposed(seen)
    assert found is not None
    rest = controls(seen)
    lots = np.column_stack([seen.assigned, rest])
    theirs = IV2SLS(seen.outcome, np.column_stack([seen.exposed, rest]), lots).fit()
    assert found.value == pytest.approx(theirs.params[0], rel=1e-9)
    # With one instrument the sandwich of 2SLS is that of its residual on the instrument, divided
    # by the first stage.
    left = sm.OLS(seen.outcome - found.value * seen.exposed, lots).fit().resid
    first = sm.OLS(seen.exposed, lots).fit().params[0]
    error, freedom = by_the_book(left, seen.assigned, rest, seen.cluster)
    assert (found.error, found.freedom) == pytest.approx((error / abs(first), freedom), rel=1e-8)


def test_rooms_of_one_cell_have_the_error_of_statsmodels() -> None:
    seen = some_cells(3)
    alone = replace(seen, cluster=np.arange(len(seen.cluster)))
    found = effects.assigned(alone)
    assert found is not None
    design = np.column_stack([seen.assigned, controls(seen)])
    assert found.error == pytest.approx(
        sm.OLS(seen.outcome, design).fit(cov_type="HC2").bse[0], rel=1e-9
    )


@pytest.mark.parametrize("treated", [2, 3, 9, 20])
def test_two_groups_are_compared_as_published(treated: int) -> None:
    """The standard error is Welch's, its degrees of freedom are those of Bell & McCaffrey as
    Imbens & Kolesár (2016, section II) give them for two groups.
    """
    rng = np.random.default_rng(treated)
    count, others = 30, 30 - treated
    assigned = (np.arange(count) < treated).astype(float)
    outcome, nothing = rng.normal(size=count) * (1 + assigned), np.zeros(count)
    seen = Observed(
        outcome, assigned, assigned, nothing, nothing.astype(np.int64), np.arange(count)
    )
    found = effects.assigned(seen)
    assert found is not None
    one, other = outcome[:treated], outcome[treated:]
    welch = one.var(ddof=1) / treated + other.var(ddof=1) / others
    assert found.error == pytest.approx(math.sqrt(welch), rel=1e-9)
    below = treated**2 * (treated - 1) + others**2 * (others - 1)
    assert found.freedom == pytest.approx(count**2 * (treated - 1) * (others - 1) / below, rel=1e-9)


def test_one_treated_room_tells_nothing() -> None:
    seen = some_cells(4)
    alone = (seen.cluster == 7).astype(float)
    assert effects.assigned(replace(seen, assigned=alone, exposed=alone)) is None


def test_an_assignment_that_moves_nothing_tells_nothing_of_exposure() -> None:
    seen = some_cells(3)
    nowhere = Observed(
        seen.outcome,
        seen.assigned,
        np.zeros(len(seen.prior)),
        seen.prior,
        seen.stratum,
        seen.cluster,
    )
    assert effects.exposed(nowhere) is None


@pytest.mark.parametrize(
    ("counts", "shares"),
    [((880, 120), (0.88, 0.12)), ((800, 200), (0.88, 0.12)), ((40, 30, 20, 25), (0.25,) * 4),
     ((10, 40, 30), (1 / 3,) * 3), ((5, 9, 7, 8, 11), (0.2,) * 5)],
)  # fmt: skip
def test_the_ratio_is_pearsons(counts: tuple[int, ...], shares: tuple[float, ...]) -> None:
    expected = [share * sum(counts) for share in shares]
    assert effects.ratio_p(counts, shares) == pytest.approx(
        stats.chisquare(counts, expected).pvalue, rel=1e-9
    )


def test_the_bounds_of_five_looks_are_the_published_ones() -> None:
    # Lan & DeMets with the O'Brien–Fleming spending function, two-sided 5 %, as in the tables of
    # Jennison & Turnbull (2000) and of R's gsDesign.
    bounds = [stats.norm.isf(level / 2) for level in looking.levels(5) if level is not None]
    assert bounds == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.001)


def test_one_look_costs_nothing_and_the_last_of_many_little() -> None:
    (only,) = looking.levels(1)
    assert only == pytest.approx(0.05, rel=1e-6)
    for looks in (2, 4, 8, 26):
        *earlier, last = looking.levels(looks)
        assert last is not None
        assert 0.03 < last < 0.05
        told = [each for each in earlier if each is not None]
        assert told == sorted(told)


LOOKS, ROOMS, TIMES = 6, 60, 600


@pytest.mark.parametrize("by_room", [False, True], ids=["cells drawn", "rooms drawn"])
def test_looking_every_week_raises_one_false_alarm_in_twenty(by_room: bool) -> None:
    """Nothing has an effect, rooms differ, and somebody looks each week until an alarm."""
    rng = np.random.default_rng(7)
    level = looking.levels(LOOKS)
    room, week = (each.ravel() for each in np.indices((ROOMS, LOOKS)))
    alarms = naive = 0
    for _ in range(TIMES):
        share = rng.random(ROOMS)[room] if by_room else rng.random(len(room))
        assigned = (share < 0.5).astype(float)
        lively = rng.gamma(2, 1, ROOMS)
        outcome = rng.poisson(lively[room]).astype(float)
        prior = rng.poisson(8 * lively)[room] / 8
        spent, single = False, False
        for look in range(1, LOOKS + 1):
            kept = week < look
            found = effects.assigned(
                Observed(
                    outcome[kept],
                    assigned[kept],
                    assigned[kept],
                    prior[kept],
                    week[kept],
                    room[kept],
                )
            )
            assert found is not None
            p = significance.t_tail(abs(found.value) / found.error, found.freedom)
            spent |= p < (level[look - 1] or 0)
            single |= p < 0.05
        alarms, naive = alarms + spent, naive + single
    # Three standard errors of a share of 5 % in so many tries.
    assert alarms / TIMES < 0.05 + 3 * math.sqrt(0.05 * 0.95 / TIMES)
    assert naive / TIMES > 0.10, "looking with plain intervals does inflate alarms"


@pytest.mark.parametrize("drawn", ["half the rooms", "few rooms", "cells"])
@pytest.mark.parametrize("rooms", [10, 20, 40])
def test_few_rooms_raise_no_more_false_alarms_than_promised(drawn: str, rooms: int) -> None:
    """Nothing has an effect; rooms differ, and differ from their own past. With the variance CR1
    and t(rooms − 1) few treated rooms of 10 raised 14 false alarms in 100.
    """
    rng, times = np.random.default_rng(rooms), 400
    room, week = (each.ravel() for each in np.indices((rooms, 4)))
    alarms = 0
    for _ in range(times):
        count = rooms // 2 if drawn == "half the rooms" else max(2, round(0.15 * rooms))
        cells, few = rng.random(len(room)) < 0.5, (rng.permutation(rooms) < count)[room]
        assigned = (cells if drawn == "cells" else few).astype(float)
        lively = rng.gamma(2, 1, rooms)
        now = lively * np.exp(rng.normal(0, 0.3, rooms))
        found = effects.assigned(
            Observed(
                rng.poisson(now[room]).astype(float), assigned, assigned,
                rng.poisson(8 * lively)[room] / 8, week, room,
            )
        )  # fmt: skip
        assert found is not None
        alarms += significance.t_tail(abs(found.value) / found.error, found.freedom) < 0.05
    assert alarms / times < 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
