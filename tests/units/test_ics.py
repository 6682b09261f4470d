"""The calendar for calendar programs: right dates in every zone, names that never change."""

import datetime as dt
import io
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ical.calendar import Calendar
from ical.calendar_stream import IcsCalendarStream

from bot.models import DayKind, HolidayPolicy, SeriesKind, SeriesState
from content_calendar import calendar_file, ics, recurrence
from content_calendar.audience import Audience
from content_calendar.definition import Definition, Step
from content_calendar.holidays import PUBLISHED, Days
from content_calendar.recurrence import Festivals, Lunar, Monthly, Schedule, Weekly

DOCS = Path(__file__).parents[2] / "docs"
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
STAMP = dt.datetime(2026, 11, 1, 9, tzinfo=dt.UTC)
STARTS, ENDS = dt.date(2026, 11, 2), dt.date(2028, 10, 31)
QA = Definition(
    key="qa",
    name="宝妈问题解答日",
    kind=SeriesKind.QA_DAY,
    schedule=Schedule(Weekly((2,)), STARTS, ENDS),
    at=dt.time(20),
    audience=Audience(all=True),
    steps=(
        Step("预告", "明天({{ weekday }})见,\n别忘了;", -1, dt.time(19)),
        Step("开场", "开始啦"),
        Step("回顾", "上个月聊了这些", 32, dt.time(2, 30)),
    ),
)
FIRST, LAST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def scheduled(schedule: Schedule, zone: str | None = None) -> Definition:
    return replace(QA, schedule=schedule, zone=zone)


def rendered(
    *series: Definition,
    state: SeriesState = SeriesState.APPROVED,
    zone: ZoneInfo = SHANGHAI,
    days: Days = PUBLISHED,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> bytes:
    given = [(each, state) for each in series]
    return ics.render(given, zone, days, since, until, stamp=STAMP)


def parsed(raw: bytes) -> Calendar:
    """As a library that knows nothing of ours reads it."""
    return IcsCalendarStream.calendar_from_ics(raw.decode())


def instants(raw: bytes) -> list[tuple[dt.datetime, str]]:
    """What a calendar program shows, and when."""
    found = []
    for event in parsed(raw).timeline:
        assert isinstance(event.dtstart, dt.datetime)
        found.append((event.dtstart.astimezone(dt.UTC), str(event.summary)))
    return sorted(found)


def expected(
    wanted: Definition, zone: ZoneInfo, days: Days = PUBLISHED
) -> list[tuple[dt.datetime, str]]:
    found = recurrence.slots(wanted.schedule, wanted.timings, zone, FIRST, LAST, days)
    return sorted((slot.due_at, f"{wanted.name}·{slot.step}") for slot in found)


RULES = {
    "weekly": Schedule(Weekly((2, 6)), STARTS, ENDS),
    "monthly": Schedule(Monthly(31), STARTS, ENDS),
    "last": Schedule(Monthly(None), STARTS, ENDS),
    "lunar": Schedule(Lunar(((8, 15), (12, None))), STARTS, ENDS),
    "festival": Schedule(Festivals(("双11", "618", "除夕")), STARTS, ENDS),
    "moved": Schedule(
        Weekly((2,)),
        STARTS,
        ENDS,
        skip=frozenset([dt.date(2026, 12, 23)]),
        move={
            dt.date(2026, 11, 4): dt.date(2026, 8, 1),
            dt.date(2028, 10, 25): dt.date(2029, 3, 1),
            dt.date(2027, 1, 6): dt.date(2027, 1, 13),
        },
        also=frozenset([dt.date(2026, 11, 11), dt.date(2026, 11, 12)]),
    ),
    "waits": Schedule(
        Weekly((0, 4)), STARTS, dt.date(2026, 12, 31), holidays=HolidayPolicy.NEXT_WORKDAY
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
def test_another_library_sees_every_step_of_two_years_at_its_instant(
    rule: str, zone: str | None
) -> None:
    wanted = scheduled(RULES[rule], zone)
    found = instants(rendered(wanted))
    assert found == expected(wanted, ZoneInfo(zone) if zone else SHANGHAI)
    assert len(found) >= 12


def test_a_series_that_follows_its_rooms_is_shown_at_the_files_or_the_installations_clock() -> None:
    assert instants(rendered(QA, zone=BERLIN)) == expected(QA, BERLIN)
    behind = replace(QA, default_zone="Europe/Berlin")
    assert instants(rendered(behind)) == expected(QA, BERLIN)
    assert instants(rendered(replace(behind, zone="Asia/Shanghai"))) == expected(QA, SHANGHAI)


def test_special_days_decide_as_they_do_for_posts() -> None:
    # The last Friday of the year is made a holiday, and the first days of the next are known.
    days = Days(
        {
            dt.date(2026, 12, 25): DayKind.HOLIDAY,
            dt.date(2026, 12, 28): DayKind.HOLIDAY,
            dt.date(2027, 1, 1): DayKind.HOLIDAY,
        }
    )
    wanted = scheduled(RULES["waits"])
    assert instants(rendered(wanted, days=days)) == expected(wanted, SHANGHAI, days)
    assert instants(rendered(wanted, days=days)) != instants(rendered(wanted))


def test_a_window_holds_what_is_due_in_it_by_local_date() -> None:
    window = rendered(QA, since=dt.date(2026, 11, 3), until=dt.date(2026, 11, 11))
    found = [(at.astimezone(SHANGHAI).date(), name) for at, name in instants(window)]
    assert found == [
        (dt.date(2026, 11, 3), "宝妈问题解答日·预告"),
        (dt.date(2026, 11, 4), "宝妈问题解答日·开场"),
        (dt.date(2026, 11, 10), "宝妈问题解答日·预告"),
    ]
    halves = [rendered(QA, until=dt.date(2027, 3, 4)), rendered(QA, since=dt.date(2027, 3, 4))]
    assert sorted(instants(halves[0]) + instants(halves[1])) == instants(rendered(QA))
    assert instants(rendered(QA, since=dt.date(2027, 1, 2), until=dt.date(2027, 1, 2))) == []


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/Santiago"])
def test_the_clocks_that_the_file_carries_are_those_of_the_zone(zone: str) -> None:
    raw = rendered(replace(QA, zone=zone)).decode()
    found = re.search(r"BEGIN:VTIMEZONE.*?END:VTIMEZONE", raw, flags=re.DOTALL)
    assert found is not None
    (carried,) = [tz.tzical(io.StringIO(found[0].replace("\r\n", "\n"))).get()]
    for local in re.findall(r"DTSTART;TZID=[^:]*:(\d{8}T\d{6})", raw):
        wall = dt.datetime.strptime(local, "%Y%m%dT%H%M%S")  # noqa: DTZ007  # in either zone
        told, known = (wall.replace(tzinfo=each).utcoffset() for each in (carried, ZoneInfo(zone)))
        assert told == known, local


def uids(raw: bytes) -> list[str]:
    return [str(event.uid) for event in parsed(raw).events]


def test_a_step_keeps_its_name_when_its_occurrence_moves() -> None:
    day = dt.date(2026, 11, 4)
    moved = scheduled(replace(QA.schedule, move={day: dt.date(2026, 11, 6)}))
    renamed = replace(moved, name="别的名字", at=dt.time(9))
    before = uids(rendered(QA))
    assert len(set(before)) == len(before) == 3 * 104
    assert sorted(before) == sorted(uids(rendered(moved))) == sorted(uids(rendered(renamed)))
    assert "qa/2026-11-04/开场@qunyun" in before


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64)), unique=True
    )
)
def test_names_are_different_and_short(names: list[tuple[str, str]]) -> None:
    found = [
        ics.uid(key, dt.date(2026, 11, 4), step) for key, step in names if "\n" not in key + step
    ]
    assert len(set(found)) == len(found)
    assert all(len(each.encode()) <= ics.LONGEST_UID and each.isprintable() for each in found)


def test_an_event_says_what_is_posted_and_whether_it_is_approved() -> None:
    event = parsed(rendered(QA)).events[0]
    assert event.summary == "宝妈问题解答日·预告"
    assert event.description == "明天({{ weekday }})见,\n别忘了;"
    assert (event.categories, event.status) == (["问题解答日"], "CONFIRMED")
    assert (event.dtstamp, event.computed_duration) == (STAMP, dt.timedelta(minutes=15))
    for state in set(SeriesState) - {SeriesState.APPROVED}:
        assert parsed(rendered(QA, state=state)).events[0].status == "TENTATIVE"


def test_the_calendar_has_a_name_of_its_own_and_is_fetched_again() -> None:
    lines = rendered(QA).decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    for line in (
        "VERSION:2.0",
        "UID:content-calendar@qunyun",
        "NAME:群运内容日历",
        "X-WR-CALNAME:群运内容日历",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    ):
        assert line in lines
    assert all(len(line.encode()) <= 75 for line in lines)


def test_the_same_calendar_gives_the_same_bytes() -> None:
    several = [replace(QA, key=f"qa-{n}", zone=zone) for n, zone in enumerate(some_zones())]
    assert rendered(*several) == rendered(*several)
    zones = re.findall(r"\r\nTZID:(.*)\r\n", rendered(*several).decode())
    assert zones == sorted(zones)


def some_zones() -> Sequence[str]:
    return ["UTC", "Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata"]


def test_an_empty_calendar_is_one_too() -> None:
    never = scheduled(Schedule(Weekly(()), STARTS, ENDS))
    for raw in (rendered(), rendered(never), rendered(replace(QA, steps=()))):
        assert parsed(raw).events == []


def test_every_zone_of_the_world_can_be_read() -> None:
    for zone in sorted(zoneinfo.available_timezones())[::7]:
        wanted = scheduled(Schedule(Monthly(1), STARTS, dt.date(2027, 4, 30)), zone)
        assert instants(rendered(wanted)) == expected(wanted, ZoneInfo(zone)), zone


def test_the_calendar_in_the_docs_is_read_without_complaint() -> None:
    page = (DOCS / "calendar.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)[0]
    series = calendar_file.read(example.encode(), "calendar.md", "Asia/Shanghai").series
    shown = instants(rendered(*series))
    assert shown == sorted(each for wanted in series for each in expected(wanted, SHANGHAI))


shown = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\t,;:\\"))


@settings(max_examples=200)
@given(shown.filter(lambda text: bool(text.strip())))
@example("一\u2028二\u2029三 \ufeff四\\n五\\")
def test_every_text_is_shown_as_it_stands(text: str) -> None:
    name = text.replace("\n", " ").replace("\t", " ")
    wanted = replace(QA, name=name, steps=(Step("开场", text),))
    raw = rendered(wanted, until=dt.date(2026, 11, 10))
    (event,) = parsed(raw).events
    assert (event.summary, event.description) == (f"{name}·开场", text)
