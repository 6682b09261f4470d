"""Statistics on small examples worked out by hand, and laws that hold for every input."""

import datetime as dt
import math
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.insights import lift, statistics
from bot.insights.statistics import Interval, Wait

AMOUNTS = some.lists(some.integers(0, 1000), min_size=1, max_size=40)
MONDAY = dt.date(2026, 10, 12)


def seeded(seed: int) -> Random:
    return Random(seed)


def answered(*minutes: float) -> list[Wait]:
    return [Wait(60 * each, ended=True) for each in minutes]


def unanswered(*minutes: float) -> list[Wait]:
    return [Wait(60 * each, ended=False) for each in minutes]


def test_the_median_wait_is_the_middle_answer_where_everybody_was_answered() -> None:
    assert statistics.waiting_quantile(answered(1, 2, 3), 0.5) == 120
    assert statistics.waiting_quantile(answered(1, 2, 3, 4), 0.5) == 120


def test_questions_still_waiting_push_the_median_up() -> None:
    # S falls by 1/5 at 1 min, then among the four left by 1/4 at 2 min and 1/3 at 3 min.
    waits = answered(1, 2, 3) + unanswered(60, 60)
    assert statistics.waiting_quantile(waits, 0.5) == 180


def test_a_question_cut_off_early_counts_only_while_it_was_watched() -> None:
    # Without the first the rest would have 1/3 at 2 min: S = 2/3, then 1/3 at 3 min.
    waits = unanswered(1) + answered(2, 3, 4)
    assert statistics.waiting_quantile(waits, 0.5) == 180


def test_no_median_is_told_where_most_were_never_answered() -> None:
    assert statistics.waiting_quantile(answered(1) + unanswered(60, 60), 0.5) is None
    assert statistics.waiting_quantile([], 0.5) is None


@given(some.lists(some.floats(0, 1e6), min_size=1, max_size=60), some.floats(0.01, 1))
def test_without_cut_offs_the_quantile_is_the_ordinary_one(
    seconds: list[float], share: float
) -> None:
    place = math.ceil(share * len(seconds) - 1e-7) - 1
    found = statistics.waiting_quantile([Wait(each, ended=True) for each in seconds], share)
    assert found == sorted(seconds)[max(place, 0)]


@given(some.lists(some.tuples(some.floats(0, 1e6), some.booleans()), max_size=40))
def test_a_longer_share_never_waits_less(waits: list[tuple[float, bool]]) -> None:
    given_waits = [Wait(seconds, ended) for seconds, ended in waits]
    half = statistics.waiting_quantile(given_waits, 0.5)
    most = statistics.waiting_quantile(given_waits, 0.9)
    assert most is None or (half is not None and half <= most)


def test_speech_shared_equally_has_no_gini_and_one_voice_has_almost_all() -> None:
    assert statistics.gini([3, 3, 3]) == pytest.approx(0)
    assert statistics.gini([0, 0, 0, 8]) == pytest.approx(0.75)
    assert statistics.gini([1, 3]) == pytest.approx(0.25)
    assert statistics.gini([]) is None
    assert statistics.gini([0, 0]) is None


@given(AMOUNTS, some.integers(2, 9))
def test_gini_stays_in_its_range_and_does_not_mind_the_unit(amounts: list[int], by: int) -> None:
    found = statistics.gini(amounts)
    if found is None:
        assert not any(amounts)
    else:
        assert -1e-9 <= found < 1
        assert statistics.gini([by * amount for amount in amounts]) == pytest.approx(found)


def test_the_top_tenth_is_at_least_one_speaker() -> None:
    assert statistics.top_share([5, 3, 2]) == 0.5
    assert statistics.top_share([10] + [1] * 10) == pytest.approx(11 / 20)
    assert statistics.top_share([]) is None


@given(AMOUNTS)
def test_the_top_tenth_says_at_least_a_tenth(amounts: list[int]) -> None:
    found = statistics.top_share(amounts)
    assert found is None or 0.1 - 1e-9 <= found <= 1


def test_the_bootstrap_repeats_under_one_seed_and_holds_the_estimate() -> None:
    strata = [[1.0, 2, 3, 4], [10.0, 12, 11]]
    first = statistics.bootstrap_interval(strata, seeded(1))
    assert first == statistics.bootstrap_interval(strata, seeded(1))
    assert first.low < 2.5 + 11 < first.high


def test_what_does_not_vary_has_no_width() -> None:
    assert statistics.bootstrap_interval([[2.0] * 9], seeded(1)) == Interval(2, 2)


def weeks_of_talk(
    rooms: int, special: dict[int, int], *, adds: int, weekday: int = 0, rng: Random | None = None
) -> tuple[dict[int, dict[dt.date, int]], dict[int, frozenset[dt.date]]]:
    """Four weeks: room r says 20 + r a day, `weekday` more on Wednesdays everywhere, `adds` more
    on its own special weekday.
    """
    days = [MONDAY + dt.timedelta(days=n) for n in range(28)]
    held = {
        room: frozenset(day for day in days if day.weekday() == on) for room, on in special.items()
    }
    daily = {
        room: {
            day: 20
            + room
            + weekday * (day.weekday() == 2)
            + adds * (day in held.get(room, ()))
            + (rng.randint(-4, 4) if rng else 0)
            for day in days
        }
        for room in range(1, rooms + 1)
    }
    return daily, held


def test_a_lift_is_what_the_day_adds_beyond_the_weekday() -> None:
    special = {1: 2, 2: 2, 3: 4}
    daily, held = weeks_of_talk(6, special, adds=9, weekday=7)
    found = lift.lift(daily, held, [1, 2, 3], seeded(1))
    assert found is not None
    assert found.added == pytest.approx(9)
    assert (found.rooms, found.occasions, found.controls) == (3, 12, 6)
    assert found.interval is None, "three rooms are too few for an interval"
    assert lift.effects(daily, held) == pytest.approx({1: 9, 2: 9, 3: 9})


def test_no_lift_is_told_without_a_room_to_compare_with() -> None:
    daily, held = weeks_of_talk(6, dict.fromkeys(range(1, 7), 2), adds=9, weekday=7)
    found = lift.lift(daily, held, list(daily), seeded(1))
    assert found is not None
    assert (found.added, found.interval, found.controls) == (None, None, 0)


def test_rooms_without_such_days_have_no_lift() -> None:
    daily, held = weeks_of_talk(4, {1: 2}, adds=9)
    assert lift.lift(daily, held, [2, 3], seeded(1)) is None


def test_the_lift_of_one_vertical_is_measured_against_all_other_rooms() -> None:
    daily, held = weeks_of_talk(12, dict.fromkeys(range(1, 7), 2), adds=5)
    found = lift.lift(daily, held, [1, 2], seeded(1))
    assert found is not None
    assert found.added == pytest.approx(5)
    assert (found.rooms, found.controls) == (2, 6)


def test_another_kind_of_activity_day_is_no_ordinary_day() -> None:
    on = {room: 2 + room % 3 for room in range(1, 25)}
    daily, held = weeks_of_talk(24, on, adds=6, weekday=3)
    # Two days before each comes a day of another kind that adds much more.
    others = {room: frozenset(day - dt.timedelta(days=2) for day in held[room]) for room in held}
    for room, days in others.items():
        for day in days:
            if day in daily[room]:
                daily[room][day] += 40
    told = lift.lift(daily, held, list(daily), seeded(1), others)
    assert told is not None
    assert told.added == pytest.approx(6)
    assert told.added == pytest.approx(by_definition(daily, held, others))
    assert lift.effects(daily, held, others) == pytest.approx(dict.fromkeys(daily, 6))
    fooled = lift.lift(daily, held, list(daily), seeded(1))
    assert fooled is not None
    assert fooled.added is not None
    assert fooled.added < 2


def test_a_lift_is_the_mean_of_its_contrasts() -> None:
    rng = seeded(4)
    daily, held = weeks_of_talk(9, {1: 2, 2: 2, 3: 4, 4: 5, 5: 5}, adds=6, weekday=3, rng=rng)
    others = {2: frozenset([MONDAY]), 5: held[5], 7: frozenset([MONDAY + dt.timedelta(days=2)])}
    told = lift.lift(daily, held, [1, 2, 3, 4, 5], rng, others)
    assert told is not None
    assert told.added == pytest.approx(by_definition(daily, held, others))


def by_definition(
    daily: dict[int, dict[dt.date, int]],
    held: dict[int, frozenset[dt.date]],
    others: dict[int, frozenset[dt.date]],
) -> float:
    """The docstring of `lift`, word by word: means over control rooms, days, rooms."""
    none = frozenset[dt.date]()
    active = {room: held.get(room, none) | others.get(room, none) for room in daily}

    def above(room: int, day: dt.date, ordinary: list[dt.date]) -> float:
        return daily[room][day] - fmean(daily[room][other] for other in ordinary)

    rooms = []
    for room, of_room in daily.items():
        days = []
        for day in held.get(room, none) - others.get(room, none):
            contrasts = []
            for control in daily:
                if day not in active[control]:
                    ordinary = sorted(of_room.keys() - active[room] - active[control])
                    contrasts.append(above(room, day, ordinary) - above(control, day, ordinary))
            if contrasts:
                days.append(fmean(contrasts))
        if days:
            rooms.append(fmean(days))
    return fmean(rooms)


def test_intervals_of_a_lift_hold_the_truth_about_as_often_as_they_say() -> None:
    hits, trials = 0, 60
    for seed in range(trials):
        rng = seeded(seed)
        special = {room: 2 + room % 3 for room in range(1, 25)}
        daily, held = weeks_of_talk(24, special, adds=6, weekday=3, rng=rng)
        found = lift.lift(daily, held, list(daily), rng)
        assert found is not None
        assert found.interval is not None
        hits += found.interval.low <= 6 <= found.interval.high
    assert hits / trials >= 0.85
