"""The calendar file: every fault with its place and remedy, and out and in again unchanged."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Fault, InvalidInput
from bot.models import SeriesKind
from content_calendar import calendar_file, schema
from content_calendar.definition import Definition, Step
from content_calendar.recurrence import Weekly
from tests import calendars

DOCS = Path(__file__).parents[2] / "docs"
ZONE = "Asia/Shanghai"

GOOD = """\
version: 1
series:
  - key: qa
    name: 宝妈问题解答日
    kind: qa_day
    starts: 2026-11-02
    ends: 2028-10-31
    recurrence: {weekly: [周三, sun, 周天]}
    at: 20:00
    audience: {verticals: [宝妈育儿]}
    steps:
      - {name: 预告, days: -1, at: 19:00, text: 明天见}
      - {name: 开场, text: 开始啦, texts: {美妆: 开始化妆啦}}
"""


def faults_of(text: str, zone: str = ZONE) -> list[Fault]:
    with pytest.raises(InvalidInput) as caught:
        calendar_file.read(text.encode(), "calendar.yaml", zone)
    return list(caught.value.faults)


def places(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in faults_of(text)]


def test_a_right_file_is_read_in_either_language_with_or_without_quotes() -> None:
    (series,) = calendar_file.read(GOOD.encode("utf-8-sig"), "calendar.yaml", ZONE).series
    assert (series.kind, series.at) == (SeriesKind.QA_DAY, dt.time(20))
    assert series.schedule.rule == Weekly((2, 6))
    assert series.steps[0] == Step("预告", "明天见", -1, dt.time(19))
    assert series.steps[1].texts == {"美妆": "开始化妆啦"}


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "remedy"),
    [
        ("    at: 20:00", "    at: 25:00", 9, "at", "23:59"),
        ("kind: qa_day", "kind: 答疑日", 5, "kind", "问题解答日"),
        ("2026-11-02", "2026-11-31", 6, "starts", "年-月-日"),
        ("2028-10-31", "2025-10-31", 7, "ends", "改 starts 或 ends"),
        ("周三", "周八", 8, "recurrence", "周"),
        ("{weekly: [周三, sun, 周天]}", "{lunar: 13-15}", 8, "recurrence", "08-15"),
        ("{weekly: [周三, sun, 周天]}", "{festival: 双十二节}", 8, "recurrence", "双12"),
        ("{weekly: [周三, sun, 周天]}", "{rrule: FREQ=X}", 8, "rrule", "FREQ=MONTHLY"),
        ("audience:", "holidays: next_workday\n    audience:", 10, "holidays", "2026-12-31"),
        ("audience:", "also: [2030-01-01]\n    audience:", 10, "also", "ends"),
        ("audience:", "topic: {draw: random}\n    audience:", 10, "topic", "商品编码"),
        ("audience:", "priority: 10\n    audience:", 10, "priority", "1 到 9"),
        ("{verticals:", "{members: {min: 9, max: 2}, verticals:", 10, "members", "max: 500"),
        ("text: 开始啦", "text: '{{ topic }}'", 13, "text", "default"),
        ("text: 开始啦", "text: 开始啦, ab: {A: x}", 13, "ab", "B"),
        ("text: 开始啦", "text: 开始啦, image: ../a.png", 13, "image", "文件名"),
        ("text: 开始啦", "text: 开始啦, link: {title: x, url: ftp://x}", 13, "url", "https"),
        ("name: 开场, text: 开始啦, texts: {美妆: 开始化妆啦}", "name: 开场", 13, "text", "图片"),
        ("name: 开场", "name: 开场+1", 13, "name", "代替加号"),
        ("audience:", "zone: Asia/Shanhai\n    audience:", 10, "zone", "Asia/Shanghai"),
        ("audience:", "late_by_minute: 5\n    audience:", 10, "late_by_minute", "late_by_minutes"),
        ("audience:", "at: 21:00\n    audience:", 10, "at", "只留一个"),
        ("{verticals:", "{all: true, verticals:", 10, "audience", "只留一种"),
        ("name: 开场", "name: 预告", 13, "name", "换一个"),
        ("开始化妆啦", "'{{ rom }}'", 13, "texts", "room"),
        ("name: 宝妈问题解答日", "name:", 4, "name", "加上 name"),
        ("version: 1", "version: 2", 1, "version", "整数"),
        ("key: qa", 'key: "a\\0b"', 3, "key", "删掉"),
    ],
)
def test_each_fault_names_its_line_its_field_and_the_remedy(
    old: str, new: str, line: int, column: str, remedy: str
) -> None:
    (fault,) = faults_of(GOOD.replace(old, new, 1))
    assert (fault.file, fault.line, fault.column) == ("calendar.yaml", line, column)
    assert remedy in fault.remedy


def test_all_faults_are_named_at_once() -> None:
    text = GOOD.replace("20:00", "20").replace("qa_day", "x").replace("2028", "28")
    assert places(text) == [(5, "kind"), (7, "ends"), (9, "at")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1",
        "- 1",
        "version: 1\nseries: {}",
        "version: 1\nseries: [x]",
        "a: [",
        "a: 1\n---\nb: 2",
        "a: &x [*x]",
        "? [1]\n: 2",
        "a: \x00",
        "a: !!python/object:os.system 1",
    ],
)
def test_what_is_no_calendar_is_refused_in_words(text: str) -> None:
    assert all(fault.problem and fault.remedy for fault in faults_of(text))


def test_references_that_grow_without_end_are_refused() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    (fault,) = faults_of("version: 1\n" + bomb)
    assert "直接写出来" in fault.remedy


def test_a_file_in_another_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidInput, match=r"calendar.yaml:4 .*UTF-8"):
        calendar_file.read(GOOD.encode("gb18030"), "calendar.yaml", ZONE)


@pytest.mark.parametrize(("zone", "behind"), [("Europe/Berlin", "Europe/Berlin"), (ZONE, None)])
def test_the_files_zone_stands_behind_rooms_that_name_none(zone: str, behind: str | None) -> None:
    text = GOOD.replace("series:", f"zone: {zone}\nseries:", 1)
    calendar = calendar_file.read(text.encode(), "calendar.yaml", ZONE)
    assert {series.default_zone for series in calendar.series} == {behind}
    again = calendar_file.read(calendar_file.render(calendar.series, ZONE).encode(), "", ZONE)
    assert again.series == calendar.series


def test_days_that_name_no_occurrence_are_a_warning() -> None:
    text = GOOD.replace("audience:", "skip: [2026-11-05]\n    audience:")
    (warning,) = calendar_file.read(text.encode(), "calendar.yaml", ZONE).warnings
    assert (warning.line, warning.column) == (10, "skip")


def test_the_calendar_in_the_docs_is_right() -> None:
    page = (DOCS / "calendar.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    calendar = calendar_file.read(example.encode(), "calendar.md", ZONE)
    assert {each.kind for each in calendar.series} == {SeriesKind.QA_DAY, SeriesKind.SHARING_DAY}
    assert calendar.warnings == ()


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads((DOCS / "calendar.schema.json").read_text(encoding="utf-8"))
    assert published == schema.schema()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(calendars.definitions, max_size=3, unique_by=lambda each: each.key))
def test_out_and_in_again_is_the_identity(series: list[Definition]) -> None:
    written = calendar_file.render(series, ZONE)
    again = calendar_file.read(written.encode(), "calendar.yaml", ZONE, calendars.KNOWN)
    assert list(again.series) == series
    assert calendar_file.render(again.series, ZONE) == written
