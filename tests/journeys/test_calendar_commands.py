"""`qunyun calendar …` on a real database."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import database
from bot.commands import calendar
from bot.errors import InvalidInput
from bot.models import Account, Room

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


def test_an_export_in_a_format_that_is_not_there_yet_is_refused(file: Path) -> None:
    target = file.with_suffix(".ics")
    refused = says("export", target)
    assert isinstance(refused.exception, InvalidInput)
    assert not target.exists()
