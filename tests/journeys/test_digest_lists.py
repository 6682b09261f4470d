"""The command in a footnote prints a list that holds the number: as many rows as the figure says."""

import csv
import datetime as dt
import io
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import database
from bot.commands import export
from bot.digest import compose, gather
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.models import DigestScope
from tests import community
from tests.community import DAY, MONDAY, NOW, PLACES, UNTIL, ZONE

Rows = list[dict[str, str]]
SUBJECTS = (
    FLEET, Subject(DigestScope.VERTICAL, "宝妈育儿"), Subject(DigestScope.ROOM, "a@chatroom"),
)  # fmt: skip


def test_the_list_of_a_footnote_holds_the_number(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    community.settle(engine, community.happen(), tmp_path)
    with database.reading(engine) as session:
        findings = Findings(gather.gather(session, MONDAY, NOW, ZONE))
        sheets = compose.sheets(session, findings, SUBJECTS)
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    printed: dict[str, Rows] = {}
    for subject, sheet in zip(SUBJECTS, sheets, strict=True):
        rooms = {
            place.id
            for place in PLACES.values()
            if subject.target in {"", place.id, place.vertical}
        }
        # Of a week without a complaint the section says so in words.
        silent = {"complaints"} if subject.scope is DigestScope.ROOM else set()
        assert COUNTED.keys() - sheet.amounts().keys() == silent
        for key, count in ((key, COUNTED[key]) for key in COUNTED.keys() & sheet.amounts().keys()):
            command = _command(sheet, key)
            if command not in printed:
                printed[command] = _printed(command)
            of = [row for row in printed[command] if row["room"] in rooms]
            assert count(of) == pytest.approx(sheet.amounts()[key]), (subject, key)
        (named,) = (
            table.rows[0] for part in sheet.sections for table in part.tables
            if table.columns[0] == "商品"
        )  # fmt: skip
        said = [row for row in printed[_command(sheet, "questions")] if row["room"] in rooms]
        naming = [row for row in said if named[0] in row["products"].split("|")]
        assert named[1:] == (
            str(len(naming)), str(len({(row["room"], row["sender"]) for row in naming})),
        )  # fmt: skip


def _command(sheet: Sheet, key: str) -> str:
    figure = sheet.figure(key)
    assert figure is not None, key
    (command,) = (note.command for note in sheet.notes if note.number == figure.note)
    return command


def _printed(command: str) -> Rows:
    """What the command prints, run as it stands in the footnote."""
    program, name, *words = shlex.split(command)
    assert (program, name) == ("qunyun", "export")
    app = typer.Typer()
    app.command()(export.export)
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    return list(csv.DictReader(io.StringIO(result.stdout.removeprefix("\ufeff"))))


def _asked(rows: Rows) -> Rows:
    return [row for row in rows if row["question"] == "true"]


def _at(cell: str) -> dt.datetime:
    return dt.datetime.fromisoformat(cell)


def _end(row: dict[str, str]) -> dt.datetime:
    """The midnight of the row's room that ends the week: what came later the digest did not know."""
    return dt.datetime.combine(UNTIL, dt.time(), PLACES[row["room"]].zone)


def _answered(row: dict[str, str], column: str) -> bool:
    return bool(row[column]) and _at(row[column]) < _end(row)


def _rate(column: str) -> Callable[[Rows], float]:
    def share(rows: Rows) -> float:
        old = [row for row in _asked(rows) if _at(row["at"]) + DAY <= _end(row)]
        soon = [
            row
            for row in old
            if _answered(row, column) and _at(row[column]) - _at(row["at"]) <= DAY
        ]
        return len(soon) / len(old)

    return share


def _true(column: str) -> Callable[[Rows], float]:
    return lambda rows: sum(row[column] == "true" for row in rows)


def _in_week(column: str) -> Callable[[Rows], float]:
    days: Sequence[str] = [(MONDAY + n * DAY).isoformat() for n in range(7)]
    return lambda rows: sum(row[column] in days for row in rows)


COUNTED: dict[str, Callable[[Rows], float]] = {
    "messages_per_room_day": lambda rows: (
        sum(int(row["messages"]) for row in rows) / len({row["room"] for row in rows}) / 7
    ),
    "effective_per_room_day": lambda rows: (
        sum(int(row["effective_messages"]) for row in rows) / len({row["room"] for row in rows}) / 7
    ),
    "messages_per_speaker_day": lambda rows: sum(int(row["messages"]) for row in rows) / len(rows),
    "wau": lambda rows: len({row["sender"] for row in rows}),
    "questions": lambda rows: len(_asked(rows)),
    "unanswered": lambda rows: sum(not _answered(row, "answered_at") for row in _asked(rows)),
    "response_rate": _rate("answered_at"),
    "member_response_rate": _rate("answered_by_member_at"),
    "shares": _true("share"),
    "complaints": _true("complaint"),
    "joins": _in_week("joined_day"),
    "leaves": _in_week("left_day"),
}
