"""Special days from CSV: `day,kind,note` (日期, 这一天, 备注), as a company's notice lists them.

The same day twice in a file is a fault; the same file twice changes nothing.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import cells
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault
from bot.models import DayKind
from content_calendar import editing, holidays
from content_calendar.contact import Rules

KINDS = {
    "放假": DayKind.HOLIDAY, "休": DayKind.HOLIDAY, "holiday": DayKind.HOLIDAY,
    "上班": DayKind.WORKDAY, "班": DayKind.WORKDAY, "workday": DayKind.WORKDAY,
    "停发": DayKind.BLACKOUT, "停": DayKind.BLACKOUT, "blackout": DayKind.BLACKOUT,
}  # fmt: skip
LONGEST_NOTE = 60


def _day(cell: str, zone: ZoneInfo) -> dt.date:
    at = cells.instant(cell, zone)
    if at.astimezone(zone).time() != dt.time():
        raise ValueError(f"“{cell}”不只是日期", "只写日期,例如 2027-02-05")
    return at.astimezone(zone).date()


def _kind(cell: str, _zone: ZoneInfo) -> DayKind:
    found = KINDS.get(cell.casefold())
    if found is None:
        raise ValueError(f"不认识“{cell}”", "写 放假、上班 或 停发")
    return found


def _note(cell: str, _zone: ZoneInfo) -> str:
    if len(cell) > LONGEST_NOTE:
        raise ValueError("备注太长", f"最多 {LONGEST_NOTE} 个字")
    return cell


DAY = Column("day", _day, ("日期",), required=True, filled=True)
KIND = Column("kind", _kind, ("这一天", "类型"), required=True, filled=True)
NOTE = Column("note", _note, ("备注",))


@dataclass(frozen=True, slots=True)
class DayRow:
    """What a file says of one day."""

    day: dt.date
    kind: DayKind
    note: str
    place: Place = NOWHERE


def read_rows(path: Path, zone: ZoneInfo) -> Reading[DayRow]:
    """Days of a file."""
    return read(path, (DAY, KIND, NOTE), zone, _row)


def record(
    session: Session, rows: Sequence[DayRow], by: str, at: dt.datetime, rules: Rules
) -> Imported:
    """Say what each day is, and take back what waits against it."""
    standing = holidays.load(session).special
    faults: list[Fault] = []
    said: dict[dt.date, DayRow] = {}
    for row in rows:
        if row.day in said:
            faults.append(row.place.fault("day", f"{row.day} 写了两次", "只留下一行"))
        else:
            said[row.day] = row
    changed = [
        row.day
        for row in said.values()
        if holidays.say(session, row.day, row.kind, row.note, by, at)
    ]
    if changed:
        editing.withdraw_stale(session, rules)
    created = sum(day not in standing for day in changed)
    return Imported(created, len(changed) - created, len(said) - len(changed), tuple(faults))


def _row(row: Row) -> DayRow:
    return DayRow(row[DAY], row[KIND], row.get(NOTE) or "", row.place)
