"""Calendar files and the database: compare, import, export.

Nothing is imported unless everything is right. Series are known by their key: a file adds or
updates, and what it does not name stays.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import Session

from bot import outbox
from content_calendar import calendar_file, definition, planning
from content_calendar.definition import Definition, Stored


class Difference(StrEnum):
    """How a series in a file relates to the database."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Change:
    """One series of a file against the database; `fields` are those that differ."""

    key: str
    difference: Difference
    fields: tuple[str, ...]
    wanted: Definition
    stands: Stored | None


def diff(session: Session, series: Iterable[Definition]) -> list[Change]:
    """What importing these series would do, in their order."""
    wanted = list(series)
    standing = {
        each.definition.key: each
        for each in definition.stored(session, keys=[each.key for each in wanted])
    }
    return [_change(each, standing.get(each.key)) for each in wanted]


def take_in(
    session: Session, series: Iterable[Definition], by: str, at: dt.datetime
) -> list[Change]:
    """Import series that are right: new ones as drafts; changed ones go back to draft, and their
    pending posts are taken back. Importing the same again changes nothing.
    """
    changes = diff(session, series)
    for change in changes:
        if change.difference is Difference.SAME:
            continue
        stands = change.stands
        definition.write(session, change.wanted, stands)
        if stands is not None:
            outbox.cancel_series(session, stands.id, f"{by} 修改了栏目,等待重新批准")
        before = None if stands is None else _plain(calendar_file.as_mapping(stands.definition))
        action = "series.import" if stands is None else "series.change"
        after = _plain(calendar_file.as_mapping(change.wanted))
        planning.audit(session, at, by, action, change.key, before, after)
    return changes


def approve(session: Session, changes: Iterable[Change], by: str, at: dt.datetime) -> list[str]:
    """Approve the series of an import; returns the keys of those that were not yet."""
    return [each.key for each in changes if planning.approve(session, each.key, by, at)]


def export(session: Session, zone: str) -> str:
    """Every series, drafts too, by key, as a calendar file of this installation's zone."""
    return calendar_file.render([each.definition for each in definition.stored(session)], zone)


def _change(wanted: Definition, stands: Stored | None) -> Change:
    if stands is None:
        return Change(wanted.key, Difference.NEW, (), wanted, None)
    before = calendar_file.as_mapping(stands.definition)
    after = calendar_file.as_mapping(wanted)
    names = tuple(
        name for name in calendar_file.SERIES_FIELDS if before.get(name) != after.get(name)
    )
    difference = Difference.CHANGED if names else Difference.SAME
    return Change(wanted.key, difference, names, wanted, stands)


def _plain(value: object) -> Any:  # JSON has no type of its own
    """A series as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
