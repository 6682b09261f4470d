"""When a series takes place."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models import DayKind, HolidayPolicy
from content_calendar import recurrence
from content_calendar.holidays import Days
from content_calendar.recurrence import (
    Dates,
    EveryDays,
    Festivals,
    Lunar,
    Monthly,
    Rrule,
    Rule,
    Schedule,
    Timing,
    Weekly,
)

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
# Gaps and repeats of an hour, of half an hour, of a whole day, and none.
ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
)
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


def test_a_slot_on_a_day_that_a_zone_left_out_is_found_on_the_next_day() -> None:
    apia = ZoneInfo("Pacific/Apia")
    schedule = Schedule(Dates((day("2011-12-30"),)), day("2011-12-01"), ENDS)
    since = dt.datetime(2011, 12, 31, tzinfo=apia)
    steps = [Timing("开场", 0, dt.time(20))]
    found = recurrence.slots(schedule, steps, apia, since, since + recurrence.MINUTE)
    assert [str(each.original_date) for each in found] == ["2011-12-30"]
    assert recurrence.next_due(schedule, steps, apia, since) == since


def test_a_step_shifts_the_date_and_has_its_own_time() -> None:
    schedule = Schedule(Weekly((2,)), STARTS, ENDS)
    timings = [Timing("预告", -1, dt.time(19)), Timing("开场", 0, dt.time(20))]
    since = dt.datetime(2026, 11, 2, tzinfo=SHANGHAI)
    found = recurrence.slots(schedule, timings, SHANGHAI, since, since + dt.timedelta(days=7))
    assert [
        (each.step, str(each.original_date), f"{each.due_at.astimezone(SHANGHAI):%m-%d %H:%M}")
        for each in found
    ] == [("预告", "2026-11-04", "11-03 19:00"), ("开场", "2026-11-04", "11-04 20:00")]


def happening(schedule: Schedule, since: str, until: str) -> list[str]:
    """The occurrences of a window, as "original date → date" where they differ."""
    return [
        f"{each.date}" if each.date == each.original_date else f"{each.original_date} → {each.date}"
        for each in recurrence.occurrences(schedule, day(since), day(until))
    ]


def test_a_lunar_rule_follows_the_moon() -> None:
    schedule = Schedule(Lunar(((8, 15), (12, None))), day("2025-01-01"), ENDS)
    assert happening(schedule, "2025-01-01", "2027-12-31") == [
        "2025-01-28",
        "2025-10-06",
        "2026-02-16",
        "2026-09-25",
        "2027-02-05",
        "2027-09-15",
    ]


def test_a_lunar_rule_happens_once_in_a_year_with_a_leap_month() -> None:
    schedule = Schedule(Lunar(((6, 1),)), day("2025-01-01"), day("2025-12-31"))
    assert happening(schedule, "2025-01-01", "2026-01-01") == ["2025-06-25"]


def test_a_festival_rule_names_its_days_in_order() -> None:
    assert days_of(Festivals(("双12", "七夕", "双11")), "2026-11-02", "2027-11-12") == [
        "2026-11-11",
        "2026-12-12",
        "2027-08-08",
        "2027-11-11",
    ]


def test_the_one_moved_to_its_own_day_is_at_home_there() -> None:
    moves = {day("2026-11-04"): day("2026-11-11"), day("2026-11-11"): day("2026-11-11")}
    schedule = Schedule(Weekly((2,)), STARTS, ENDS, move=moves)
    assert happening(schedule, "2026-11-02", "2026-11-12") == ["2026-11-11"]


def test_extra_dates_can_be_moved_and_skipped_and_keep_to_the_ends() -> None:
    schedule = Schedule(
        Weekly((2,)),
        STARTS,
        day("2026-11-20"),
        also=frozenset(map(day, ["2026-10-30", "2026-11-06", "2026-11-11", "2026-11-13"]))
        | {day("2026-11-16"), day("2026-11-21")},
        skip=frozenset({day("2026-11-13")}),
        move={day("2026-11-16"): day("2026-12-01"), day("2026-11-21"): day("2026-11-19")},
    )
    assert happening(schedule, "2026-01-01", "2027-01-01") == [
        "2026-11-04",
        "2026-11-06",
        "2026-11-11",
        "2026-11-18",
        "2026-11-16 → 2026-12-01",
    ]
    assert recurrence.happens(schedule, day("2026-11-06"))
    assert not recurrence.happens(schedule, day("2026-11-21"))


def test_the_next_step_is_found_however_far_away_it_is() -> None:
    far = Schedule(Dates((day("2036-02-29"),)), STARTS, day("2040-01-01"))
    steps = [Timing("预告", -1, dt.time(19)), Timing("开场", 0, dt.time(20))]
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    first = dt.datetime(2036, 2, 28, 19, tzinfo=SHANGHAI)
    assert recurrence.next_due(far, steps, SHANGHAI, since) == first
    # An instant counts as still to come, the one after it does not.
    assert recurrence.next_due(far, steps, SHANGHAI, first) == first
    after = first + recurrence.MINUTE
    last = first + dt.timedelta(hours=25)
    assert recurrence.next_due(far, steps, SHANGHAI, after) == last
    assert recurrence.next_due(far, steps, SHANGHAI, last + recurrence.MINUTE) is None
    assert recurrence.next_due(far, [], SHANGHAI, since) is None


def test_the_next_step_is_found_from_every_day_before_it() -> None:
    moved = Schedule(Dates((STARTS,)), STARTS, STARTS, move={STARTS: day("2028-12-12")})
    due_at = dt.datetime(2028, 12, 15, 20, tzinfo=SHANGHAI)
    for number in range(700):
        since = due_at - dt.timedelta(days=number)
        found = recurrence.next_due(moved, [Timing("总结", 3, dt.time(20))], SHANGHAI, since)
        assert found == due_at


# Half of them near National Day 2026, Spring Festival 2026, the lunar leap months of 2025 and 2033,
# the turn to the first year whose holidays are not published, and the day that Samoa left out.
dates = st.dates(day("2010-01-01"), day("2034-12-31")) | st.builds(
    lambda near, shift: day(near) + dt.timedelta(days=shift),
    st.sampled_from(
        ["2026-09-25", "2026-02-10", "2025-07-09", "2033-12-06", "2026-12-31", "2011-12-30"]
    ),
    st.integers(-20, 20),
)
rules: st.SearchStrategy[Rule] = st.one_of(
    st.lists(st.integers(0, 6), max_size=7, unique=True).map(lambda days: Weekly(tuple(days))),
    st.one_of(st.none(), st.integers(1, 31)).map(Monthly),
    st.integers(1, 40).map(EveryDays),
    st.lists(dates, max_size=9, unique=True).map(lambda days: Dates(tuple(sorted(days)))),
    st.sampled_from(["FREQ=MONTHLY;BYDAY=2TU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"]).map(Rrule),
    st.lists(
        st.tuples(st.integers(1, 12), st.one_of(st.none(), st.integers(1, 30))), max_size=4
    ).map(lambda days: Lunar(tuple(days))),
    st.lists(st.sampled_from(["双11", "国庆节", "中秋节", "除夕", "黑五", "清明"])).map(
        lambda names: Festivals(tuple(names))
    ),
)


Case = tuple[Schedule, Days]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A schedule with what is known of the days around it."""
    starts = draw(dates)
    ends = starts + dt.timedelta(days=draw(st.integers(0, 200)))
    nearby = st.integers(-5, 205).map(lambda n: starts + dt.timedelta(days=n))
    schedule = Schedule(
        draw(rules),
        starts,
        ends,
        skip=frozenset(draw(st.lists(nearby, max_size=4))),
        move=draw(st.dictionaries(nearby, nearby, max_size=6)),
        also=frozenset(draw(st.lists(nearby, max_size=4))),
        holidays=draw(st.sampled_from(HolidayPolicy)),
    )
    # Some holidays last longer than an occurrence waits.
    first, length = draw(nearby), draw(st.sampled_from([0, 3, 45]))
    rest = {first + recurrence.DAY * number: DayKind.HOLIDAY for number in range(length)}
    special = draw(st.dictionaries(nearby, st.sampled_from(DayKind), max_size=6))
    return schedule, Days(rest | special)


clocks = st.times().map(lambda at: at.replace(second=0, microsecond=0))
timings = st.lists(
    st.builds(Timing, st.sampled_from(["预告", "开场", "总结"]), st.integers(-3, 3), clocks),
    min_size=1,
    max_size=3,
    unique_by=lambda timing: timing.step,
)


@given(cases(), timings, st.sampled_from(ZONES), st.lists(st.integers(0, 420_000), max_size=8))
def test_adjacent_windows_neither_lose_nor_repeat_a_slot(
    case: Case, steps: list[Timing], zone: str, cuts: list[int]
) -> None:
    schedule, days = case
    local = ZoneInfo(zone)
    first = dt.datetime.combine(schedule.starts, dt.time(), dt.UTC) - dt.timedelta(days=20)
    marks = [first + dt.timedelta(minutes=cut) for cut in sorted(cuts)]
    bounds = [first, *marks, first + dt.timedelta(minutes=420_000)]
    whole = recurrence.slots(schedule, steps, local, bounds[0], bounds[-1], days)
    pieces = [
        slot
        for since, until in itertools.pairwise(bounds)
        for slot in recurrence.slots(schedule, steps, local, since, until, days)
    ]
    named = [(slot.original_date, slot.step) for slot in whole]
    assert len(set(named)) == len(named)
    assert sorted(pieces, key=repr) == sorted(whole, key=repr)


@given(cases(), timings, st.sampled_from(ZONES), st.integers(0, 420_000))
def test_the_next_step_is_the_first_slot_of_all_that_follow(
    case: Case, steps: list[Timing], zone: str, minutes: int
) -> None:
    schedule, days = case
    local = ZoneInfo(zone)
    first = dt.datetime.combine(schedule.starts, dt.time(), dt.UTC) - dt.timedelta(days=20)
    since, end = first + dt.timedelta(minutes=minutes), first + dt.timedelta(minutes=420_000)
    following = recurrence.slots(schedule, steps, local, since, end, days)
    found = recurrence.next_due(schedule, steps, local, since, days)
    assert found == (following[0].due_at if following else None)


@given(cases(), dates, st.integers(0, 90), st.integers(0, 90))
def test_adjacent_days_neither_lose_nor_repeat_an_occurrence(
    case: Case, since: dt.date, first: int, second: int
) -> None:
    schedule, days = case
    # Most windows of other years hold nothing.
    since = min(max(since, schedule.starts - dt.timedelta(days=50)), schedule.ends)
    middle = since + dt.timedelta(days=first)
    until = middle + dt.timedelta(days=second)
    pieces = recurrence.occurrences(schedule, since, middle, days)
    pieces += recurrence.occurrences(schedule, middle, until, days)
    assert pieces == recurrence.occurrences(schedule, since, until, days)


@given(cases())
def test_every_occurrence_has_a_name_and_a_day_of_its_own(case: Case) -> None:
    schedule, days = case
    found = recurrence.occurrences(schedule, dt.date(2009, 1, 1), dt.date(2037, 1, 1), days)
    assert len({each.original_date for each in found}) == len(found)
    assert len({each.date for each in found}) == len(found)
    assert all(recurrence.happens(schedule, each.original_date) for each in found)
    assert not schedule.skip & {each.original_date for each in found}


@given(cases())
def test_a_policy_keeps_what_nobody_moved_off_holidays_and_out_of_unknown_years(
    case: Case,
) -> None:
    schedule, days = case
    since, until = dt.date(2009, 1, 1), dt.date(2037, 1, 1)
    unknown = recurrence.unknown_years(schedule, since, until, days)
    assert not any(map(days.knows, unknown))
    for each in recurrence.occurrences(schedule, since, until, days):
        said = each.original_date in schedule.move or each.original_date in schedule.also
        if said or schedule.holidays is HolidayPolicy.KEEP:
            continue
        assert days.knows(each.date.year)
        assert not days.is_holiday(each.date)
        if each.date != each.original_date:
            # It waited on a holiday, and no workday lay between.
            assert schedule.holidays is HolidayPolicy.NEXT_WORKDAY
            assert days.is_holiday(each.original_date)
            between = (each.date - each.original_date).days
            passed = [each.original_date + recurrence.DAY * number for number in range(between)]
            assert not any(map(days.is_workday, passed))
            assert days.is_workday(each.date)
