"""`qunyun calendar …` on a real database."""

import datetime as dt
import json
from pathlib import Path

import pytest
from icalendar import Calendar
from typer.testing import CliRunner, Result

from bot import database
from bot.commands import calendar
from bot.errors import InvalidInput
from bot.models import Account, Room
from content_calendar import festivals, holidays

CALENDAR = """\
version: 1
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2099-11-30
    recurrence: {weekly: [周三]}
    at: "20:00"
    audience: {all: true}
    steps: [{name: 开场, text: "{{ room }}开始啦"}]
"""


@pytest.fixture
def file(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    engine = database.connect(database_url)
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        session.add(Room(platform_id="r1", topic="宝妈 1 群", account_id=1))
    engine.dispose()
    path = tmp_path / "calendar.yaml"
    path.write_text(CALENDAR, encoding="utf-8")
    return path


def says(*words: object) -> Result:
    return CliRunner().invoke(calendar.app, [str(word) for word in words])


def test_a_file_goes_in_is_approved_and_comes_out(file: Path) -> None:
    assert "1 个栏目,没有错误" in says("validate", file).output
    assert says("diff", file).output == "新增 qa\n"
    assert says("import", file, "--approve", "小李").output == "新增 qa,已批准\n"
    assert says("diff", file).output == "不变 qa\n"
    assert "早已批准" in says("approve", "qa").output
    copy = file.with_name("copy.yaml")
    assert says("export", copy).exit_code == 0
    assert says("diff", copy).output == "不变 qa\n"


def test_a_preview_prints_each_post(file: Path) -> None:
    shown = says("preview", file, "--since", "2026-11-02", "--until", "2026-11-16")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        f"2026-11-{day} 20:00 CST\t宝妈 1 群(r1)\t问题解答日·开场\t宝妈 1 群开始啦"
        for day in ("04", "11")
    ]
    assert "将发 2 条,不发 0 条" in shown.stderr


def test_an_occurrence_is_skipped_and_moved_by_its_original_date(file: Path) -> None:
    says("import", file)
    assert says("skip", "qa", "2098-11-05").exit_code == 0
    assert says("move", "qa", "2098-11-12", "2098-11-13").exit_code == 0
    exported = says("export").stdout
    assert "skip:\n  - 2098-11-05" in exported
    assert "2098-11-12: 2098-11-13" in exported


def test_a_wrong_file_changes_nothing(file: Path) -> None:
    file.write_text(CALENDAR + CALENDAR.partition("series:\n")[2].replace("qa", "b:d"), "utf-8")
    refused = says("import", file)
    assert isinstance(refused.exception, InvalidInput)
    assert "[key]" in str(refused.exception)
    assert "series: []" in says("export").stdout


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    assert isinstance(says("validate", file.with_name("no.yaml")).exception, InvalidInput)


def test_an_export_in_an_unknown_format_is_refused(file: Path) -> None:
    target = file.with_suffix(".docx")
    refused = says("export", target)
    assert isinstance(refused.exception, InvalidInput)
    assert not target.exists()


def test_a_calendar_goes_out_as_excel_and_comes_in_again(file: Path) -> None:
    says("import", file)
    book = file.with_suffix(".xlsx")
    assert says("export", book).exit_code == 0
    assert says("diff", book).output == "不变 qa\n"
    assert "1 个栏目,没有错误" in says("validate", book).output


def test_a_calendar_goes_out_for_calendar_programs(file: Path) -> None:
    says("import", file)
    target = file.with_suffix(".ics")
    assert says("export", target, "--since", "2026-11-02", "--until", "2026-11-16").exit_code == 0
    events = Calendar.from_ical(target.read_bytes()).walk("VEVENT")
    assert [str(event["SUMMARY"]) for event in events] == ["问题解答日·开场"] * 2


def test_a_dry_run_says_to_whom_how_long_and_who_not(file: Path) -> None:
    says("import", file)
    shown = says("dry-run", "qa").output
    assert "qa:将发给 1 群,约 0 分钟,0 群静默,0 群冲突" in shown
    assert "20:00 开场:1 群" in shown


def test_approving_names_everything_that_stands_against_it(file: Path) -> None:
    file.write_text(CALENDAR.replace('开始啦"', '开始啦,全网最便宜"'), "utf-8")
    says("import", file)
    assert "加 1 个" in says("words", "--add", "最便宜").output
    assert "违禁词“最便宜”" in str(says("approve", "qa").exception)
    assert says("words").output == "最便宜\n"
    says("words", "--remove", "最便宜")
    assert "已批准" in says("approve", "qa").output


def test_a_special_day_goes_before_what_is_published(file: Path) -> None:
    assert "2027-02-08 放假" in says("day", "2027-02-08", "holiday", "--note", "春节").output
    assert "没有改动" in says("day", "2027-02-08", "holiday", "--note", "春节").output
    assert says("days", "2027").stdout == "2027-02-08\t放假(手工)\n"
    assert "还不知道" in says("days", "2028").stderr
    policy = CALENDAR.replace("2099", "2027").replace("audience:", "holidays: skip\n    audience:")
    file.write_text(policy, "utf-8")
    assert "2027 年的放假安排还不知道" in str(says("validate", file).exception)
    for day in festivals.dates(holidays.STATUTORY, dt.date(2027, 1, 1), dt.date(2028, 1, 1)):
        says("day", day, "holiday")
    assert says("validate", file).exit_code == 0, "2027 is known now"


def test_a_series_is_submitted_sent_back_copied_and_ended(file: Path) -> None:
    says("import", file)
    assert "已提交" in says("submit", "qa").output
    assert "已退回" in says("send-back", "qa", "--reason", "字错了").output
    assert "已复制为草稿" in says("copy", "qa", "qb", "--room", "r1").output
    assert "rooms:\n    - r1" in says("export").stdout
    assert "已结束" in says("end", "qa", "--reason", "换了").output
    assert isinstance(says("approve", "qa").exception, InvalidInput)


def test_a_preview_can_be_read_by_programs_and_for_one_room(file: Path) -> None:
    days = ("--since", "2026-11-02", "--until", "2026-11-09")
    (line,) = says("preview", file, "--json", *days).stdout.splitlines()
    assert json.loads(line) | {"warnings": []} == {
        "at": "2026-11-04T20:00:00+08:00",
        "series": "qa",
        "occurrence": "2026-11-04",
        "step": "开场",
        "rooms": ["r1"],
        "text": "宝妈 1 群开始啦",
        "attached": [],
        "topic": None,
        "variant": None,
        "warnings": [],
        "excluded": None,
    }
    assert says("preview", file, "--room", "r2", *days).stdout == ""
