"""How long sending takes, against queues worked out by hand."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Pace
from content_calendar import estimating
from content_calendar.estimating import Load, Sending
from tests.saying import SHANGHAI, local

SECOND = dt.timedelta(seconds=1)
PACE = Pace((3, 5), 1, 40, 2000, 9, 0, None, SHANGHAI)
DATE = dt.date(2026, 11, 11)
EIGHT = local("2026-11-11 20:00")
NO_LIMIT = 100_000


def load(rooms: int, due: dt.datetime = EIGHT, series: str = "qa", messages: int = 1) -> Load:
    """One step for so many rooms."""
    return Load(series, DATE, "开场", due, rooms, messages)


def sent(*loads: Load, pace: Pace = PACE, per_day: int = NO_LIMIT) -> list[Sending]:
    """When each load goes out, in the order in which they were given."""
    found = estimating.sendings(loads, pace, per_day, SHANGHAI)
    return [found[each] for each in loads]


def test_nothing_to_send_takes_no_time() -> None:
    assert sent() == []


def test_a_thousand_two_hundred_and_four_rooms_take_eighty_minutes() -> None:
    # Four seconds a room on average: the last of 1,204 goes out 1,203 gaps after the first.
    assert sent(load(1204)) == [Sending(EIGHT, EIGHT + 4812 * SECOND)]


def test_one_room_gets_its_post_at_once() -> None:
    assert sent(load(1)) == [Sending(EIGHT, EIGHT)]


def test_the_second_series_of_an_account_waits_for_the_first() -> None:
    first, second = load(10), load(5, EIGHT + 10 * SECOND, "share")
    # The first is busy for 10 × 4 s; the second begins then, though it was due earlier.
    assert sent(second, first) == [
        Sending(EIGHT + 40 * SECOND, EIGHT + 56 * SECOND),
        Sending(EIGHT, EIGHT + 36 * SECOND),
    ]


def test_a_series_that_is_due_after_a_pause_of_the_account_waits_for_nothing() -> None:
    later = EIGHT + dt.timedelta(hours=1)
    assert sent(load(10), load(3, later, "share"))[1] == Sending(later, later + 8 * SECOND)


def test_several_messages_to_a_room_take_their_gaps_beside() -> None:
    # Three messages: 4 s to the next room, and 2 × 1 s within: 6 s a room.
    assert sent(load(10, messages=3)) == [Sending(EIGHT, EIGHT + 54 * SECOND)]


def test_the_limit_a_minute_governs_where_it_is_slower() -> None:
    slow = replace(PACE, per_minute=6)
    assert sent(load(10), pace=slow) == [Sending(EIGHT, EIGHT + 90 * SECOND)]
    # Three messages at six a minute are thirty seconds a room.
    assert sent(load(3, messages=3), pace=slow) == [Sending(EIGHT, EIGHT + 60 * SECOND)]


def test_what_is_over_the_limit_of_a_day_waits_for_midnight() -> None:
    midnight = local("2026-11-12 00:00")
    assert sent(load(25), per_day=10) == [Sending(EIGHT, local("2026-11-13 00:00") + 16 * SECOND)]
    # The limit counts messages, whole rooms at a time: ten messages are three rooms of three.
    assert sent(load(6, messages=3), per_day=10) == [Sending(EIGHT, midnight + 12 * SECOND)]


def test_what_others_sent_today_counts_against_the_limit() -> None:
    midnight = local("2026-11-12 00:00")
    first, second = sent(load(8), load(4, series="share"), per_day=10)
    assert first == Sending(EIGHT, EIGHT + 28 * SECOND)
    assert second == Sending(EIGHT + 32 * SECOND, midnight + 4 * SECOND)
    assert sent(load(10), load(4, series="share"), per_day=10)[1] == Sending(midnight, midnight + 12 * SECOND)  # fmt: skip


def test_the_limit_is_counted_by_the_day_on_which_a_post_goes_out() -> None:
    # From 23:59:00 on: 15 before midnight, 100 after it, the last five a day later.
    due = local("2026-11-11 23:59")
    assert sent(load(120, due), per_day=100) == [
        Sending(due, local("2026-11-13 00:00") + 16 * SECOND)
    ]


def test_sending_never_goes_back_in_time() -> None:
    # Twenty before midnight and ten of ten after it is more than a limit of twenty-five allows.
    due = local("2026-11-11 23:59:40")
    (whole,) = sent(load(30, due), per_day=25)
    assert whole.last_at >= due + 29 * 4 * SECOND


LOADS = st.lists(
    st.builds(
        Load,
        series=st.text("abc", min_size=1, max_size=3),
        original_date=st.just(DATE),
        step=st.sampled_from(["预告", "开场"]),
        due_at=st.integers(0, 300).map(lambda minutes: EIGHT + dt.timedelta(minutes=minutes)),
        rooms=st.integers(1, 300),
        messages=st.integers(1, 3),
    ),
    max_size=6,
    unique=True,
)


@given(LOADS, st.integers(3, 1000))
def test_every_load_is_sent_after_it_is_due_and_no_faster_than_the_pace(
    loads: list[Load], per_day: int
) -> None:
    found = estimating.sendings(loads, PACE, per_day, SHANGHAI)
    assert set(found) == set(loads)
    for each, sending in found.items():
        assert sending.first_at >= each.due_at
        assert sending.last_at - sending.first_at >= 4 * (each.rooms - 1) * SECOND
    in_turn = sorted(found.values(), key=lambda sending: sending.first_at)
    for earlier, later in pairwise(in_turn):
        assert later.first_at > earlier.last_at


@given(LOADS, st.integers(1, 50))
def test_a_lower_limit_a_day_never_makes_anything_earlier(loads: list[Load], per_day: int) -> None:
    limited = estimating.sendings(loads, PACE, 3 * per_day, SHANGHAI)
    free = estimating.sendings(loads, PACE, NO_LIMIT, SHANGHAI)
    assert all(limited[each].last_at >= free[each].last_at for each in loads)


def test_an_account_that_may_send_nothing_holds_nobody_up_for_ever() -> None:
    (sending,) = sent(load(5, messages=2), per_day=1)
    assert sending == Sending(EIGHT, EIGHT)
