"""Experiments that were drawn elsewhere: `experiment,room,sku,week,arm`, a row a cell.

What they show is read as of our own. The planner does not obey them: they are carried out where
they were drawn.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session

from bot import cells, csv_files, database
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row
from bot.errors import Fault
from bot.insights import trials
from bot.insights.trials import ASSIGNMENT, EXPERIMENT, Cell, Proposal
from bot.models import ExperimentKind, ExperimentState, Room, Series
from bot.orders import catalogue

_WEEK = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII | re.IGNORECASE)
_ARMS = {
    "照发": trials.POST, "照发组": trials.POST, "停发": trials.HOLD, "对照": trials.HOLD,
    "推广停发组": trials.HOLD, "话题": trials.TOPIC, "其他": trials.OTHER,
}  # fmt: skip
_KINDS = {
    frozenset({trials.POST, trials.HOLD}): ExperimentKind.HOLDOUT,
    frozenset({trials.TOPIC, trials.OTHER}): ExperimentKind.TOPIC,
}


def _week(cell: str, _zone: ZoneInfo) -> dt.date:
    """The Monday of a week, written `2026-W45` or as that Monday."""
    found = _WEEK.fullmatch(cell)
    try:
        if found is not None:
            return dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
        day = dt.date.fromisoformat(cell)
    except ValueError as error:
        raise ValueError(f"“{cell}”不是周", "写 2026-W45,或那一周的周一 2026-11-02") from error
    if day.weekday():
        raise ValueError(f"{cell} 不是周一", f"写 {trials.monday(day)}")
    return day


def _arm(cell: str, _zone: ZoneInfo) -> str:
    return _ARMS.get(cell, cell.lower() if cell.lower() in _ARMS.values() else cell)


NAME = Column("experiment", cells.text, ("实验",), required=True, filled=True)
ROOM = Column("room", cells.identifier, ("群",), required=True, filled=True)
SKU = Column("sku", cells.identifier, ("商品编码",), required=True, filled=True)
WEEK = Column("week", _week, ("周",), required=True, filled=True)
ARM = Column("arm", _arm, ("组",), required=True, filled=True)


# A cell: a room, a product and the Monday of a week.
Key = tuple[int, int, dt.date]


@dataclass(frozen=True, slots=True)
class CellRow:
    """What a file says of one cell."""

    experiment: str
    room: str
    sku: str
    week: dt.date
    arm: str
    place: Place = NOWHERE


def read_rows(path: Path, zone: ZoneInfo) -> Reading[CellRow]:
    """The cells of a file."""
    return csv_files.read(path, (NAME, ROOM, SKU, WEEK, ARM), zone, _row)


def record(
    session: Session,
    rows: Sequence[CellRow],
    series: str | None,
    share: float | None,
    zone: str,
    by: str,
    now: dt.datetime,
) -> Imported:
    """Keep experiments that stand nowhere yet; the same file again changes nothing.

    `series` is the key of what they changed, to tell who really got it; `share` what was planned
    (of those who went without, or had the topic), the share that was drawn where it is not told.
    A wrong row leaves its whole experiment out.
    """
    series_id, wrong = _series(session, series)
    if wrong is not None:
        return Imported(faults=(wrong,))
    drawn, faults = _drawn(rows, _ids(session), catalogue.product_ids(session))
    created = unchanged = 0
    for name, row_of in drawn.items():
        told = [Cell(*key, row.arm) for key, row in row_of.items()]
        place = next(iter(row_of.values())).place
        standing = _standing(session, name)
        if standing is None:
            fault = _make(session, name, told, place, series_id, share, zone, by, now)
            created += fault is None
        elif standing == {(*key, row.arm) for key, row in row_of.items()}:
            fault = None
            unchanged += 1
        else:
            problem = f"已经有实验“{name}”,分组不一样"
            fault = place.fault("experiment", problem, "另取一个名字")
        faults += [fault] if fault is not None else []
    return Imported(created, 0, unchanged, tuple(faults))


def _drawn(
    rows: Sequence[CellRow], rooms: Mapping[str, int], products: Mapping[str, int]
) -> tuple[dict[str, dict[Key, CellRow]], list[Fault]]:
    """The cells of each experiment all of whose rows are right, in the order of the file; and what
    is wrong with the other ones.
    """
    drawn: dict[str, dict[Key, CellRow]] = {}
    faults: list[Fault] = []
    bad: set[str] = set()
    for row in rows:
        row_of = drawn.setdefault(row.experiment, {})
        found = _row_faults(row, rooms, products)
        if not found:
            before = row_of.setdefault((rooms[row.room], products[row.sku], row.week), row)
            if before.arm != row.arm:
                problem = f"这一格在第 {before.place.line} 行是 {before.arm}"
                found = [row.place.fault("arm", problem, "一格只在一组,留一行")]
        faults += found
        bad |= {row.experiment} if found else set()
    return {name: row_of for name, row_of in drawn.items() if name not in bad}, faults


def _make(
    session: Session,
    name: str,
    told: Sequence[Cell],
    place: Place,
    series_id: int | None,
    share: float | None,
    zone: str,
    by: str,
    now: dt.datetime,
) -> Fault | None:
    arms = {cell.arm for cell in told}
    kind = _KINDS.get(frozenset(arms), ExperimentKind.COPY)
    if len(arms) < 2 or (kind is ExperimentKind.COPY and trials.COPY not in arms):
        problem = f"组是 {'、'.join(sorted(arms))}"
        return place.fault("arm", problem, "写 post 和 hold、topic 和 other,或者 A、B……(A 是原文)")
    starts, last = min(cell.week for cell in told), max(cell.week for cell in told)
    weeks = (last - starts).days // 7 + 1
    if weeks > trials.MOST_WEEKS:
        return place.fault("week", f"跨了 {weeks} 周", f"最多 {trials.MOST_WEEKS} 周,分成几个实验")
    first = trials.TOPIC if kind is ExperimentKind.TOPIC else trials.HOLD
    seen = sum(cell.arm == first for cell in told) / len(told)
    planned = share or (1 / len(arms) if kind is ExperimentKind.COPY else seen)
    proposal = Proposal(name, kind, series_id, starts, weeks, zone, planned, 0, imported=True)
    experiment_id = trials.propose(session, proposal, told, by, now)
    running = {"state": ExperimentState.RUNNING, "started_by": by, "started_at": now}
    session.connection().execute(
        update(EXPERIMENT).where(EXPERIMENT.c.id == experiment_id).values(**running)
    )
    return None


def _row_faults(row: CellRow, rooms: Mapping[str, int], products: Mapping[str, int]) -> list[Fault]:
    found = []
    if row.room not in rooms:
        remedy = "先用 qunyun rooms import 导入这个群"
        found.append(row.place.fault("room", f"没有群“{row.room}”", remedy))
    if row.sku not in products:
        found.append(catalogue.unknown_sku(row.place, row.sku))
    return found


def _standing(session: Session, name: str) -> set[tuple[int, int, dt.date, str]] | None:
    """The cells of the imported experiment of a name (none of one of our own), if there is one."""
    found = session.connection().execute(
        select(EXPERIMENT.c.id, EXPERIMENT.c.imported).where(EXPERIMENT.c.name == name)
    )
    row = found.first()
    if row is None:
        return None
    if not row.imported:
        return set()
    columns = (ASSIGNMENT.c.room_id, ASSIGNMENT.c.product_id, ASSIGNMENT.c.week, ASSIGNMENT.c.arm)
    drawn = session.connection().execute(
        select(*columns).where(ASSIGNMENT.c.experiment_id == row.id)
    )
    return {(each[0], each[1], each[2], each[3]) for each in drawn}


def _series(session: Session, key: str | None) -> tuple[int | None, Fault | None]:
    if key is None:
        return None, None
    series = database.table(Series).c
    found: int | None = session.connection().scalar(select(series.id).where(series.key == key))
    if found is None:
        remedy = "qunyun calendar export 列出所有栏目"
        return None, Fault("命令行", 0, "--series", f"没有栏目 {key}", remedy)
    return found, None


def _ids(session: Session) -> dict[str, int]:
    room = database.table(Room).c
    rows = session.connection().execute(select(room.platform_id, room.id))
    return {row.platform_id: row.id for row in rows}


def _row(row: Row) -> CellRow:
    return CellRow(row[NAME], row[ROOM], row[SKU], row[WEEK], row[ARM], row.place)
