"""Rates from marks: weighed as they were drawn, and honest about what few marks cannot tell."""

import random

import numpy
import pytest

from bot.insights import intervals, quality
from bot.insights.quality import Marked


def measured(*cases: tuple[int, Marked]) -> quality.Quality:
    each = [case for count, case in cases for _ in range(count)]
    return quality.measured("complaint", each, numpy.random.default_rng(7))


def test_a_simple_draw_gives_plain_rates_and_about_the_interval_of_wilson() -> None:
    found = measured(
        (40, Marked("all", 1, true=True, said=True)),
        (10, Marked("all", 1, true=False, said=True)),
        (20, Marked("all", 1, true=True, said=False)),
        (130, Marked("all", 1, true=False, said=False)),
    )
    assert (found.right, found.wrong, found.missed) == (40, 10, 20)
    assert found.precision is not None and found.recall is not None
    assert found.precision.value == pytest.approx(0.8)
    assert found.recall.value == pytest.approx(40 / 60)
    wilson = intervals.share(40, 50)
    assert wilson is not None
    by_hand = intervals.share(40, 60)
    assert by_hand is not None
    assert found.recall.interval.low == pytest.approx(by_hand.interval.low, abs=0.02)
    assert found.recall.interval.high == pytest.approx(by_hand.interval.high, abs=0.02)
    assert found.precision.interval.low == pytest.approx(wilson.interval.low, abs=0.015)
    assert found.precision.interval.high == pytest.approx(wilson.interval.high, abs=0.015)


def test_a_mark_of_a_large_stratum_weighs_more() -> None:
    found = measured(
        (20, Marked("complaint", 2, true=True, said=True)),
        (1, Marked("none", 100, true=True, said=False)),
        (99, Marked("none", 100, true=False, said=False)),
    )
    assert found.recall is not None
    assert found.recall.value == pytest.approx(40 / 140)
    assert found.recall.interval.low < 0.15 and found.recall.interval.high > 0.6


def test_nothing_missed_among_few_marks_is_no_proof_that_nothing_is_missed() -> None:
    few = measured(
        (20, Marked("complaint", 1, true=True, said=True)),
        (50, Marked("none", 200, true=False, said=False)),
    )
    many = measured(
        (20, Marked("complaint", 1, true=True, said=True)),
        (5000, Marked("none", 2, true=False, said=False)),
    )
    assert few.recall is not None and many.recall is not None
    assert few.recall.value == many.recall.value == 1
    assert few.recall.interval.low < 0.2 and many.recall.interval.low > 0.75


def test_without_anything_said_or_true_there_is_no_rate() -> None:
    found = measured((30, Marked("none", 10, true=False, said=False)))
    assert found.precision is None and found.recall is None


def test_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    """400 draws of 15 + 60 from 200 flagged, of which 85 % are right, and 4,000 of which 1 % were
    missed: the true recall is .81.
    """
    rng = random.Random(3)
    hits = [True] * 170 + [False] * 30
    rest = [True] * 40 + [False] * 3960
    held = {"precision": 0, "recall": 0}
    for _ in range(400):
        cases = [Marked("complaint", 200 / 40, one, True) for one in rng.sample(hits, 40)]
        cases += [Marked("none", 4000 / 160, one, False) for one in rng.sample(rest, 160)]
        found = quality.measured("complaint", cases, numpy.random.default_rng(7))
        assert found.precision is not None and found.recall is not None
        held["precision"] += _holds(found.precision, 170 / 200)
        held["recall"] += _holds(found.recall, 170 / 210)
    assert held["precision"] > 0.93 * 400 and held["recall"] > 0.93 * 400


def _holds(rate: quality.Rate, truth: float) -> bool:
    return rate.interval.low <= truth <= rate.interval.high
