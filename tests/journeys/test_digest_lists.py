"""The command in a footnote prints a list that holds the number: as many rows as the figure says."""

import csv
import datetime as dt
import io
import shlex
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import database
from bot.charts.chart import Chart, Heat
from bot.commands import export
from bot.digest import compose, gather
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import FLEET
from bot.models import DigestScope
from tests import community, recount
from tests.community import DAY, MONDAY, NOW, PLACES, UNTIL, WEEK, ZONE

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
    printed: dict[str, list[Rows]] = {}
    for subject, sheet in zip(SUBJECTS, sheets, strict=True):
        rooms = {
            place.id
            for place in PLACES.values()
            if subject.target in {"", place.id, place.vertical}
        }
        # Of a week without a complaint the section says so in words; a room holds one kind of day.
        absent = {"complaints", "lift_sharing_day"}
        absent = absent if subject.scope is DigestScope.ROOM else set()
        assert COUNTED.keys() - sheet.amounts().keys() == absent
        for key, count in ((key, COUNTED[key]) for key in COUNTED.keys() & sheet.amounts().keys()):
            lists = _lists(sheet, key, printed)
            whole = lists if key in BESIDE else [_of(rows, rooms) for rows in lists]
            found = count(*whole, rooms) if key in BESIDE else count(*whole)
            assert found == pytest.approx(sheet.amounts()[key]), (subject, key)
        _charts(sheet, rooms, printed)
        (named,) = (
            table.rows[0] for part in sheet.sections for table in part.tables
            if table.columns[0] == "商品"
        )  # fmt: skip
        said = _of(_lists(sheet, "questions", printed)[0], rooms)
        naming = [row for row in said if named[0] in row["products"].split("|")]
        assert named[1:] == (
            str(len(naming)), str(len({(row["room"], row["sender"]) for row in naming})),
        )  # fmt: skip


def _charts(sheet: Sheet, rooms: set[str], printed: dict[str, list[Rows]]) -> None:
    """The hours, the earlier weeks with their band, and the revenue of the fleet's weeks."""
    charts = {
        chart.title.partition("，")[0]: chart for part in sheet.sections for chart in part.charts
    }
    # One room says too little for a picture of its hours.
    assert ("几点在聊" in charts) == (sheet.scope is not DigestScope.ROOM)
    hours = charts.get("几点在聊")
    if isinstance(hours, Heat):
        said = _of(_behind(sheet, hours.note, printed)[0], rooms)
        local = Counter(
            (at.weekday(), at.hour)
            for row in said
            for at in [_at(row["at"]).astimezone(PLACES[row["room"]].zone)]
        )
        assert [list(row.amounts) for row in hours.rows] == [
            [local[weekday, hour] for hour in range(24)] for weekday in range(7)
        ]
    history = charts["群日均消息"]
    assert isinstance(history, Chart)
    means = _means(_of(_behind(sheet, history.note, printed)[0], rooms))
    assert [bar.amount for bar in history.bars] == pytest.approx(list(means.values()))
    *earlier, now = means.values()
    low, _, high, _ = recount.predicted(earlier, now)
    assert (history.low, history.high) == pytest.approx((low, high))
    if sheet.scope is DigestScope.FLEET:
        money = charts["收入"]
        assert isinstance(money, Chart)
        taken = _taken(_behind(sheet, money.note, printed)[0])
        assert [bar.amount for bar in money.bars] == pytest.approx(taken, nan_ok=True)


def _means(rows: Rows) -> dict[str, float]:
    """Messages a room-day by week: of whole weeks, and of this one."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in sorted(rows, key=lambda row: row["week"]):
        if row["days"] == "7":
            sums[row["week"]][0] += int(row["messages"])
            sums[row["week"]][1] += 7
    return {week: messages / days for week, (messages, days) in sums.items()}


def _taken(rows: Rows) -> list[float | None]:
    """Yuan by week, each as it stood as long after its end as this one; None where none was paid."""
    sums: dict[dt.date, float] = defaultdict(float)
    first = min(_at(row["paid_at"]) for row in rows).date()
    for row in rows:
        on = dt.date.fromisoformat(row["day"])
        week = on - on.weekday() * DAY
        back = [one.split("=") for one in row["returns"].split("|") if one]
        # What is known of this week is taken off, whatever its date.
        gone = [float(fen) for at, fen in back if week == MONDAY or _at(at) < NOW - (MONDAY - week)]
        left = float(row["amount"]) - sum(gone)
        if week >= first and row["ours"] == "false":
            sums[week] += left
    weeks = (MONDAY - min(sums)).days // 7
    return [sums.get(min(sums) + n * WEEK) for n in range(weeks + 1)]


def _of(rows: Rows, rooms: set[str]) -> Rows:
    return [row for row in rows if row["room"] in rooms]


def _lists(sheet: Sheet, key: str, printed: dict[str, list[Rows]]) -> list[Rows]:
    figure = sheet.figure(key)
    assert figure is not None, key
    return _behind(sheet, figure.note, printed)


def _behind(sheet: Sheet, number: int | None, printed: dict[str, list[Rows]]) -> list[Rows]:
    """What the commands of a footnote print, each run once."""
    (command,) = (note.command for note in sheet.notes if note.number == number)
    if command not in printed:
        printed[command] = [_printed(one) for one in command.split(" && ")]
    return printed[command]


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


def _median_wait(rows: Rows) -> float | None:
    waited = []
    for row in _asked(rows):
        came = _answered(row, "answered_at")
        end = _at(row["answered_at"]) if came else min(_end(row), _at(row["at"]) + DAY)
        waited.append(((end - _at(row["at"])).total_seconds(), came))
    return recount.quantile(waited, 0.5)


def _silent(rows: Rows) -> float:
    return sum(row["messages"] == "0" for row in rows) / len(rows)


def _activated(stays: Rows, spoke: Rows) -> float:
    """Of those whose first seven days ended in the week."""
    said = {
        (row["room"], row["sender"], dt.date.fromisoformat(row["day"]))
        for row in spoke
        if row["messages"] != "0"
    }
    new = [
        (row["room"], row["sender"], dt.date.fromisoformat(row["joined_day"]))
        for row in stays
        if row["joined_day"]
    ]
    done = [one for one in new if MONDAY - 6 * DAY <= one[2] <= UNTIL - 7 * DAY]
    return statistics.fmean(
        any((room, who, day + n * DAY) in said for n in range(7)) for room, who, day in done
    )


def _before(weeks: Rows, days: Rows) -> float:
    """Of the weeks that ended before a room's first special day."""
    first = {row["room"]: row["day"] for row in reversed(days) if row["held"]}
    before = [
        int(row["messages"])
        for row in weeks
        if row["days"] == "7" and row["room"] in first
        if (dt.date.fromisoformat(row["week"]) + WEEK).isoformat() <= first[row["room"]]
    ]
    return statistics.fmean(before) / 7


def _lift(kind: str) -> Callable[[Rows, set[str]], float]:
    """Rooms that held such a day, each beside each room that held nothing that day."""

    def added(rows: Rows, rooms: set[str]) -> float:
        said: dict[str, dict[str, int]] = defaultdict(dict)
        held: dict[str, dict[str, str]] = defaultdict(dict)
        for row in rows:
            said[row["room"]][row["day"]] = int(row["messages"])
            held[row["room"]] |= {row["day"]: row["held"]} if row["held"] else {}

        def rise(room: str, day: str, other: str) -> float:
            usual = [n for on, n in said[room].items() if on not in held[room] | held[other]]
            return said[room][day] - statistics.fmean(usual)

        contrasts = [
            rise(room, day, other) - rise(other, day, room)
            for room in rooms
            for day, kinds in held[room].items()
            if kind in kinds.split("|")
            for other in said
            if day not in held[other]
        ]
        return statistics.fmean(contrasts)

    return added


# What is compared with rooms of other scopes: counted over all that is printed.
BESIDE = {"lift_qa_day", "lift_sharing_day"}
COUNTED: dict[str, Callable[..., float | None]] = {
    "participation": lambda rows: 1 - _silent(rows),
    "silent_ratio": _silent,
    "activation": _activated,
    "median_wait": _median_wait,
    "before_per_room_day": _before,
    "lift_qa_day": _lift("qa_day"),
    "lift_sharing_day": _lift("sharing_day"),
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
