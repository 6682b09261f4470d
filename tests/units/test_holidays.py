"""Holidays, lunar dates and festivals, and what a series does on a holiday."""

import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lunardate import LunarDate
from sqlalchemy import Engine
from sqlmodel import Session

from bot.models import DayKind, HolidayPolicy, SpecialDay
from content_calendar import festivals, holidays, lunar, recurrence
from content_calendar.holidays import PUBLISHED, Days
from content_calendar.recurrence import Dates, Schedule, Weekly
from tests import calendars

DAY = dt.timedelta(days=1)
KEEP, SKIP, NEXT_WORKDAY = HolidayPolicy.KEEP, HolidayPolicy.SKIP, HolidayPolicy.NEXT_WORKDAY


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def happening(schedule: Schedule, since: str, until: str, days: Days = PUBLISHED) -> list[str]:
    """The occurrences of a window, as "original date → date" where they differ."""
    return [
        f"{each.date}" if each.date == each.original_date else f"{each.original_date} → {each.date}"
        for each in recurrence.occurrences(schedule, day(since), day(until), days)
    ]


def on_dates(
    policy: HolidayPolicy,
    *originals: str,
    skip: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    move: Mapping[str, str] | None = None,
) -> Schedule:
    return Schedule(
        Dates(tuple(map(day, originals))),
        day("2026-01-01"),
        day("2028-12-31"),
        skip=frozenset(map(day, skip)),
        move={day(original): day(moved) for original, moved in (move or {}).items()},
        also=frozenset(map(day, also)),
        holidays=policy,
    )


def rest(first: str, length: int) -> dict[dt.date, DayKind]:
    return {day(first) + dt.timedelta(days=number): DayKind.HOLIDAY for number in range(length)}


def lunar_days(month: int, number: int | None, first: str, end: str) -> list[str]:
    return [str(each) for each in lunar.dates([(month, number)], day(first), day(end))]


def festival(name: str, year: int) -> list[str]:
    found = festivals.dates([name], dt.date(year, 1, 1), dt.date(year + 1, 1, 1))
    return [str(each) for each in found]


def test_national_day_2026_lasts_a_week_and_two_weekend_days_make_up_for_it() -> None:
    window = [day("2026-09-19") + number * DAY for number in range(25)]
    rest = [str(each) for each in window if PUBLISHED.is_holiday(each)]
    assert rest == [f"2026-09-{each}" for each in (25, 26, 27)] + [
        f"2026-10-0{each}" for each in range(1, 8)
    ]
    weekends = [each for each in window if each.weekday() >= 5 and PUBLISHED.is_workday(each)]
    assert weekends == [day("2026-09-20"), day("2026-10-10")]


def test_a_plain_weekend_is_neither_a_holiday_nor_a_workday() -> None:
    assert not PUBLISHED.is_holiday(day("2026-10-11"))
    assert not PUBLISHED.is_workday(day("2026-10-11"))


def test_what_an_operator_says_goes_before_what_is_published() -> None:
    days = Days(
        {
            day("2026-10-08"): DayKind.HOLIDAY,
            day("2026-10-01"): DayKind.WORKDAY,
            day("2026-10-11"): DayKind.WORKDAY,
        }
    )
    assert days.is_holiday(day("2026-10-08"))
    assert not days.is_workday(day("2026-10-08"))
    assert not days.is_holiday(day("2026-10-01"))
    assert days.is_workday(day("2026-10-01"))
    assert days.is_workday(day("2026-10-11"))


def test_a_day_without_posts_says_nothing_about_holidays() -> None:
    days = Days({day("2026-10-01"): DayKind.BLACKOUT, day("2026-10-09"): DayKind.BLACKOUT})
    assert days.is_holiday(day("2026-10-01"))
    assert days.is_workday(day("2026-10-09"))


def test_nothing_is_guessed_about_a_year_that_is_not_published() -> None:
    assert PUBLISHED.knows(2026)
    assert not PUBLISHED.knows(2027)
    assert not PUBLISHED.knows(2003)
    assert not PUBLISHED.is_holiday(day("2027-10-01"))
    assert not PUBLISHED.is_workday(day("2027-10-11"))


@pytest.mark.parametrize("kind", [DayKind.WORKDAY, DayKind.BLACKOUT])
def test_only_a_holiday_makes_a_year_known(kind: DayKind) -> None:
    assert not Days({day("2027-10-09"): kind}).knows(2027)
    festival = dict.fromkeys(
        festivals.dates(holidays.STATUTORY, day("2027-01-01"), day("2028-01-01")), DayKind.HOLIDAY
    )
    assert len(festival) == 7
    assert not Days({day("2027-10-01"): DayKind.HOLIDAY}).knows(2027), "one festival is not all"
    days = Days({day("2027-10-09"): kind} | festival)
    assert days.knows(2027)
    assert not days.knows(2028)
    # What the operator does not name follows the week.
    assert days.is_holiday(day("2027-10-01"))
    assert days.is_workday(day("2027-10-11"))
    assert not days.is_workday(day("2027-10-10"))
    assert days.is_workday(day("2027-10-09")) is (kind is DayKind.WORKDAY)


def test_special_days_are_read_from_the_database(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(SpecialDay(day=day("2027-10-01"), kind=DayKind.HOLIDAY, note="国庆"))
        session.add(SpecialDay(day=day("2027-10-09"), kind=DayKind.WORKDAY))
        session.flush()
        days = holidays.load(session)
    assert days == Days({day("2027-10-01"): DayKind.HOLIDAY, day("2027-10-09"): DayKind.WORKDAY})
    assert days.is_holiday(day("2027-10-01"))
    assert days.is_workday(day("2027-10-09"))


def test_a_lunar_date_of_a_leap_month_happens_once_in_the_first_of_the_two() -> None:
    assert lunar_days(6, 15, "2025-01-01", "2026-01-01") == ["2025-07-09"]
    assert lunar_days(11, 15, "2033-11-01", "2034-02-19") == ["2033-12-06"]


def test_a_day_that_a_lunar_month_lacks_is_skipped_and_last_is_its_end() -> None:
    # The twelfth month has 29 days in the lunar year 2025 and 30 in 2023.
    assert lunar_days(12, 30, "2024-01-01", "2027-01-01") == ["2024-02-09"]
    assert lunar_days(12, None, "2024-01-01", "2027-01-01") == [
        "2024-02-09",
        "2025-01-28",
        "2026-02-16",
    ]


def test_lunar_dates_end_without_an_error_where_the_table_ends() -> None:
    everything = lunar.dates([(1, 1), (12, None)], dt.date(1, 1, 1), dt.date.max)
    assert (everything[0], everything[-1]) == (lunar.FIRST, lunar.LAST)
    assert len(everything) == 2 * len(lunar.YEARS)
    assert lunar.covers(lunar.FIRST, lunar.LAST)
    assert not lunar.covers(lunar.FIRST - DAY, lunar.LAST)
    assert not lunar.covers(lunar.FIRST, lunar.LAST + DAY)


@given(st.dates(lunar.FIRST, lunar.LAST))
def test_every_solar_date_is_found_by_its_lunar_one(solar: dt.date) -> None:
    named = LunarDate.from_solar_date(solar.year, solar.month, solar.day)
    found = lunar.dates([(named.month, named.day)], solar, solar + DAY)
    assert found == (() if named.is_leap_month else (solar,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("春节", "2026-02-17"),
        ("除夕", "2026-02-16"),
        ("年货节", "2026-01-26"),
        ("元宵节", "2026-03-03"),
        ("清明", "2026-04-05"),
        ("母亲节", "2026-05-10"),
        ("端午", "2026-06-19"),
        ("父亲节", "2026-06-21"),
        ("618", "2026-06-18"),
        ("七夕", "2026-08-19"),
        ("中秋节", "2026-09-25"),
        ("双十一", "2026-11-11"),
        ("感恩节", "2026-11-26"),
        ("黑五", "2026-11-27"),
        ("双12", "2026-12-12"),
    ],
)
def test_festivals_fall_on_their_days_in_2026(name: str, expected: str) -> None:
    assert festival(name, 2026) == [expected]


def test_black_friday_follows_the_fourth_thursday_and_need_not_be_the_fourth_friday() -> None:
    assert festival("黑色星期五", 2030) == ["2030-11-29"]


def test_the_twelfth_lunar_month_lies_in_the_next_solar_year() -> None:
    assert festival("年货节", 2025) == ["2025-01-07"]
    assert festival("年货节", 2027) == ["2027-01-15"]
    assert festival("春节", 2027) == ["2027-02-06"]


@pytest.mark.parametrize("name", ["元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节"])
def test_statutory_festivals_agree_with_the_published_holidays(name: str) -> None:
    found = festivals.dates([name], day("2013-01-01"), day("2027-01-01"))
    assert len(found) == 14
    assert [each for each in found if not PUBLISHED.is_holiday(each)] == []


def test_a_festival_is_known_by_every_name_that_people_use() -> None:
    for name, each in festivals.FESTIVALS.items():
        assert {festivals.canonical(used) for used in (name, *each.aliases)} == {name}
    # Width, case and blanks do not matter.
    assert festivals.canonical(" 双 11 ") == "双11"
    assert festivals.canonical("三八节") == festivals.canonical("女王节") == "妇女节"
    assert festivals.canonical("双13") is None


def test_festivals_come_in_order_and_one_day_comes_once() -> None:
    found = festivals.dates(["双12", "双11", "双十一"], day("2026-01-01"), day("2027-01-01"))
    assert found == (day("2026-11-11"), day("2026-12-12"))


def test_only_what_follows_the_moon_or_the_sun_runs_out() -> None:
    assert festivals.covers(["双11", "母亲节"], day("1800-01-01"), day("2500-01-01"))
    assert festivals.covers(["春节", "清明"], day("2000-01-01"), day("2099-12-31"))
    assert not festivals.covers(["双11", "春节"], day("2026-01-01"), day("2100-12-31"))
    assert not festivals.covers(["清明"], day("1999-01-01"), day("2026-12-31"))


def test_a_policy_decides_what_becomes_of_an_occurrence_on_a_holiday() -> None:
    # 1 October 2026 is a holiday, 8 October is the first workday after it.
    expected = {KEEP: ["2026-10-01"], SKIP: [], NEXT_WORKDAY: ["2026-10-01 → 2026-10-08"]}
    for policy, happened in expected.items():
        schedule = on_dates(policy, "2026-10-01")
        assert happening(schedule, "2026-09-01", "2026-11-01") == happened
        assert recurrence.happens(schedule, day("2026-10-01"))


@pytest.mark.parametrize("policy", HolidayPolicy)
def test_ordinary_weekends_and_make_up_weekends_stay(policy: HolidayPolicy) -> None:
    # A make-up Sunday, an ordinary Saturday and an ordinary Sunday.
    weekend = ("2026-09-20", "2026-10-17", "2026-10-18")
    assert happening(on_dates(policy, *weekend), "2026-09-01", "2026-11-01") == [*weekend]


def test_a_make_up_weekend_is_a_next_workday() -> None:
    # Saturday 10 October makes up for National Day.
    days = Days(rest("2026-10-08", 2))
    schedule = on_dates(NEXT_WORKDAY, "2026-10-05")
    assert happening(schedule, "2026-10-01", "2026-11-01", days) == ["2026-10-05 → 2026-10-10"]


def test_a_day_that_waited_merges_with_the_one_at_home() -> None:
    schedule = Schedule(Weekly((3,)), day("2026-09-01"), day("2026-12-31"), holidays=NEXT_WORKDAY)
    assert happening(schedule, "2026-09-24", "2026-10-16") == [
        "2026-09-24",
        "2026-10-08",
        "2026-10-15",
    ]


def test_days_that_wait_for_the_same_workday_merge_into_the_earliest() -> None:
    schedule = on_dates(NEXT_WORKDAY, "2026-10-01", "2026-10-02", "2026-10-03")
    assert happening(schedule, "2026-10-08", "2026-10-09") == ["2026-10-01 → 2026-10-08"]
    skipped = on_dates(NEXT_WORKDAY, "2026-10-01", "2026-10-02", skip=("2026-10-01",))
    assert happening(skipped, "2026-10-01", "2026-11-01") == ["2026-10-02 → 2026-10-08"]


def test_a_day_moved_by_hand_and_one_that_waited_merge_into_the_earlier() -> None:
    schedule = on_dates(NEXT_WORKDAY, "2026-09-30", "2026-10-02", move={"2026-09-30": "2026-10-08"})
    assert happening(schedule, "2026-09-01", "2026-11-01") == ["2026-09-30 → 2026-10-08"]


@pytest.mark.parametrize("policy", HolidayPolicy)
def test_no_policy_touches_what_an_operator_said(policy: HolidayPolicy) -> None:
    schedule = on_dates(
        policy,
        "2026-09-30",
        "2026-10-03",
        "2026-10-05",
        move={"2026-09-30": "2026-10-01", "2026-10-03": "2026-10-03"},
        also=("2026-10-02", "2026-10-05"),
    )
    assert happening(schedule, "2026-09-01", "2026-11-01") == [
        "2026-09-30 → 2026-10-01",
        "2026-10-02",
        "2026-10-03",
        "2026-10-05",
    ]


def test_a_moved_day_takes_the_place_of_one_that_a_holiday_took_away() -> None:
    schedule = on_dates(SKIP, "2026-09-30", "2026-10-01", move={"2026-09-30": "2026-10-01"})
    assert happening(schedule, "2026-09-01", "2026-11-01") == ["2026-09-30 → 2026-10-01"]


def test_skip_wins_over_everything() -> None:
    schedule = on_dates(
        NEXT_WORKDAY,
        "2026-10-02",
        skip=("2026-10-02",),
        also=("2026-10-02",),
        move={"2026-10-02": "2026-10-20"},
    )
    assert happening(schedule, "2026-09-01", "2026-12-01") == []


@pytest.mark.parametrize("policy", [SKIP, NEXT_WORKDAY])
def test_nothing_takes_place_by_guess_in_a_year_without_known_holidays(
    policy: HolidayPolicy,
) -> None:
    schedule = on_dates(
        policy,
        "2026-12-30",
        "2027-03-03",
        "2027-03-10",
        also=("2027-03-05",),
        move={"2027-03-10": "2027-03-11"},
    )
    window = day("2026-12-01"), day("2027-12-31")
    assert happening(schedule, "2026-12-01", "2027-12-31") == [
        "2026-12-30",
        "2027-03-05",
        "2027-03-10 → 2027-03-11",
    ]
    assert recurrence.unknown_years(schedule, *window, PUBLISHED) == [2027]
    known = Days(dict(calendars.KNOWN.special) | rest("2027-10-01", 7))
    assert "2027-03-03" in happening(schedule, "2026-12-01", "2027-12-31", known)
    assert recurrence.unknown_years(schedule, *window, known) == []


def test_a_series_that_keeps_to_its_days_depends_on_no_year() -> None:
    schedule = on_dates(KEEP, "2027-03-03")
    assert recurrence.unknown_years(schedule, schedule.starts, schedule.ends, PUBLISHED) == []
    assert happening(schedule, "2027-01-01", "2027-12-31") == ["2027-03-03"]


def test_a_walk_into_an_unknown_year_waits_until_it_is_known() -> None:
    schedule = on_dates(NEXT_WORKDAY, "2026-12-31")
    window = day("2026-12-31"), day("2027-01-01")
    days = Days(rest("2026-12-31", 1))
    assert happening(schedule, "2026-12-01", "2027-02-01", days) == []
    assert recurrence.unknown_years(schedule, *window, days) == [2027]
    # 1 January 2027 is a Friday.
    known = Days(dict(calendars.KNOWN.special) | rest("2026-12-31", 2))
    assert happening(schedule, "2027-01-04", "2027-01-05", known) == ["2026-12-31 → 2027-01-04"]
    assert recurrence.unknown_years(schedule, *window, known) == []


@pytest.mark.parametrize(
    ("length", "last", "waited"),
    [
        (40, DayKind.WORKDAY, True),
        # Saturday 11 July is the fortieth day after 1 June.
        (40, DayKind.BLACKOUT, False),
        (41, DayKind.WORKDAY, False),
    ],
)
def test_an_occurrence_waits_forty_days_for_a_workday_and_no_longer(
    length: int, last: DayKind, waited: bool
) -> None:
    schedule = on_dates(NEXT_WORKDAY, "2026-06-01")
    days = Days({day("2026-07-11"): last} | rest("2026-06-01", length))
    expected = ["2026-06-01 → 2026-07-11"] if waited else []
    assert happening(schedule, "2026-07-11", "2026-09-01", days) == expected
    assert happening(schedule, "2026-05-01", "2026-09-01", days) == expected
