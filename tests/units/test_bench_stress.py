"""The profile of `bench stress`: feeder and onlooker must mean the same moments."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bench.stress import profile
from bot.bench.stress.profile import Profile

NOW = dt.datetime(2026, 11, 11, 4, 0, tzinfo=dt.UTC)


def test_a_day_of_it_is_32_million_messages_half_of_them_in_the_peaks() -> None:
    wanted = Profile(600)
    assert wanted.messages == 222_000
    assert wanted.messages / 600 * 86_400 == pytest.approx(32e6, rel=0.001)
    assert len(wanted.peaks) == 10
    in_peaks = sum(wanted.due_by(until) - wanted.due_by(since) for since, until in wanted.peaks)
    assert in_peaks == pytest.approx(111_000, abs=20)
    since, until = wanted.peaks[3]
    assert until - since == pytest.approx(3)
    assert wanted.due_by(since + 1) - wanted.due_by(since) == pytest.approx(3_700, abs=1)
    assert wanted.due_by(since) - wanted.due_by(since - 1) == pytest.approx(195, abs=1)


@given(st.floats(0.5, 200), st.integers(0, 10_000))
def test_a_message_counts_as_due_from_the_moment_on_at_which_it_is_due(
    seconds: float, number: int
) -> None:
    wanted = Profile(seconds)
    number %= wanted.messages
    at = wanted.due(number)
    assert 0 <= at <= seconds + 1e-6
    # To the rounding of sums of seconds.
    assert wanted.due_by(at + 1e-6) > number
    assert wanted.due_by(at - 1e-6) <= number


def test_a_number_says_the_same_wherever_it_is_looked_up() -> None:
    one = profile.said(4711, 300, NOW)
    assert one == profile.said(4711, 300, NOW)
    assert (one.id, one.room) == (profile.name(4711), profile.room(4711, 300))
    assert len({profile.room(n, 300) for n in range(300)}) == 300
