"""When a series takes place."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_calendar import recurrence
from content_calendar.recurrence import (
    Dates,
    EveryDays,
    Monthly,
    Rrule,
    Rule,
    Schedule,
    Timing,
    Weekly,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
# Gaps and repeats of an hour, of half an hour, of a whole day, and none.
ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata")
STARTS, ENDS = dt.date(2026, 11, 2), dt.date(2028, 10, 31)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def days_of(rule: Rule, since: str, until: str) -> list[str]:
    schedule = Schedule(rule, STARTS, ENDS)
    return [str(found) for found in recurrence.dates(schedule, day(since), day(until))]


def test_weekly_names_its_days_and_both_ends_are_included() -> None:
    schedule = Schedule(Weekly((0, 2)), day("2026-11-02"), day("2026-11-11"))
    found = [each.date for each in recurrence.occurrences(schedule, day("2026-01-01"), ENDS)]
    assert [str(each) for each in found] == ["2026-11-02", "2026-11-04", "2026-11-09", "2026-11-11"]


def test_a_day_that_a_month_lacks_is_skipped_and_last_is_its_end() -> None:
    assert days_of(Monthly(29), "2027-01-01", "2027-04-01") == ["2027-01-29", "2027-03-29"]
    assert days_of(Monthly(None), "2028-01-01", "2028-04-01") == [
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
    ]


def test_every_days_counts_from_the_start() -> None:
    assert days_of(EveryDays(10), "2026-11-03", "2026-12-03") == [
        "2026-11-12",
        "2026-11-22",
        "2026-12-02",
    ]


def test_single_dates_outside_the_ends_never_happen() -> None:
    rule = Dates((day("2026-11-01"), day("2026-12-12")))
    assert days_of(rule, "2026-01-01", "2027-01-01") == ["2026-12-12"]


def test_an_rrule_is_counted_from_the_start() -> None:
    assert days_of(Rrule("FREQ=MONTHLY;BYDAY=2TU"), "2026-11-01", "2027-01-01") == [
        "2026-11-10",
        "2026-12-08",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=HOURLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYHOUR=3",
        "FREQ=DAILY;COUNT=0",
        "FREQ=MONTHLY;BYEASTER=1;BYDAY=+9MO",
        "",
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        recurrence.check_rrule(text, STARTS)


def test_skips_and_moves_go_by_the_original_date() -> None:
    schedule = Schedule(
        Weekly((2,)),
        STARTS,
        ENDS,
        skip=frozenset({day("2026-12-23")}),
        move={day("2027-01-06"): day("2027-01-07")},
    )
    found = recurrence.occurrences(schedule, day("2026-12-16"), day("2027-01-14"))
    assert [(str(each.original_date), str(each.date)) for each in found] == [
        ("2026-12-16", "2026-12-16"),
        ("2026-12-30", "2026-12-30"),
        ("2027-01-06", "2027-01-07"),
        ("2027-01-13", "2027-01-13"),
    ]


def test_a_moved_occurrence_that_meets_another_merges_with_it() -> None:
    schedule = Schedule(Weekly((2,)), STARTS, ENDS, move={day("2026-11-04"): day("2026-11-11")})
    found = recurrence.occurrences(schedule, day("2026-11-01"), day("2026-11-12"))
    assert [(str(each.original_date), str(each.date)) for each in found] == [
        ("2026-11-11", "2026-11-11")
    ]


def test_a_wall_clock_that_comes_twice_fires_once_the_first_time() -> None:
    found = recurrence.instant(day("2026-10-25"), dt.time(2, 30), BERLIN)
    assert found == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)


def test_a_wall_clock_that_does_not_exist_fires_at_the_next_existing_minute() -> None:
    found = recurrence.instant(day("2027-03-28"), dt.time(2, 30), BERLIN)
    assert found.astimezone(BERLIN).strftime("%H:%M") == "03:00"
    # Samoa left out a whole day.
    apia = ZoneInfo("Pacific/Apia")
    found = recurrence.instant(day("2011-12-30"), dt.time(20), apia)
    assert found.astimezone(apia).strftime("%d %H:%M") == "31 00:00"


def test_a_step_shifts_the_date_and_has_its_own_time() -> None:
    schedule = Schedule(Weekly((2,)), STARTS, ENDS)
    timings = [Timing("预告", -1, dt.time(19)), Timing("开场", 0, dt.time(20))]
    since = dt.datetime(2026, 11, 2, tzinfo=SHANGHAI)
    found = recurrence.slots(schedule, timings, SHANGHAI, since, since + dt.timedelta(days=7))
    assert [
        (each.step, str(each.original_date), f"{each.due_at.astimezone(SHANGHAI):%m-%d %H:%M}")
        for each in found
    ] == [("预告", "2026-11-04", "11-03 19:00"), ("开场", "2026-11-04", "11-04 20:00")]


dates = st.dates(day("2010-01-01"), day("2030-12-31"))
rules: st.SearchStrategy[Rule] = st.one_of(
    st.lists(st.integers(0, 6), max_size=7, unique=True).map(lambda days: Weekly(tuple(days))),
    st.one_of(st.none(), st.integers(1, 31)).map(Monthly),
    st.integers(1, 40).map(EveryDays),
    st.lists(dates, max_size=9, unique=True).map(lambda days: Dates(tuple(sorted(days)))),
    st.sampled_from(["FREQ=MONTHLY;BYDAY=2TU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"]).map(Rrule),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    starts = draw(dates)
    ends = starts + dt.timedelta(days=draw(st.integers(0, 200)))
    nearby = st.integers(-5, 205).map(lambda n: starts + dt.timedelta(days=n))
    return Schedule(
        draw(rules),
        starts,
        ends,
        skip=frozenset(draw(st.lists(nearby, max_size=4))),
        move=draw(st.dictionaries(nearby, nearby, max_size=6)),
    )


clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))
timings = st.lists(
    st.builds(Timing, st.sampled_from(["预告", "开场", "总结"]), st.integers(-3, 3), clocks),
    min_size=1,
    max_size=3,
    unique_by=lambda timing: timing.step,
)


@given(schedules(), timings, st.sampled_from(ZONES), st.lists(st.integers(0, 400_000), max_size=8))
def test_adjacent_windows_neither_lose_nor_repeat_a_slot(
    schedule: Schedule, steps: list[Timing], zone: str, cuts: list[int]
) -> None:
    local = ZoneInfo(zone)
    first = dt.datetime.combine(schedule.starts, dt.time(), dt.UTC) - dt.timedelta(days=20)
    marks = [first + dt.timedelta(minutes=cut) for cut in sorted(cuts)]
    bounds = [first, *marks, first + dt.timedelta(minutes=400_000)]
    whole = recurrence.slots(schedule, steps, local, bounds[0], bounds[-1])
    pieces = [
        slot
        for since, until in itertools.pairwise(bounds)
        for slot in recurrence.slots(schedule, steps, local, since, until)
    ]
    named = [(slot.original_date, slot.step) for slot in whole]
    assert len(set(named)) == len(named)
    assert sorted(pieces, key=repr) == sorted(whole, key=repr)


@given(schedules(), dates, st.integers(0, 90), st.integers(0, 90))
def test_adjacent_days_neither_lose_nor_repeat_an_occurrence(
    schedule: Schedule, since: dt.date, first: int, second: int
) -> None:
    middle = since + dt.timedelta(days=first)
    until = middle + dt.timedelta(days=second)
    pieces = recurrence.occurrences(schedule, since, middle)
    pieces += recurrence.occurrences(schedule, middle, until)
    assert pieces == recurrence.occurrences(schedule, since, until)
