"""Calendar files and the database: compare, import, export.

Nothing is imported unless everything is right. Series are known by their key: a file adds or
updates, and what it does not name stays.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import outbox
from content_calendar import (
    audits,
    calendar_file,
    definition,
    holidays,
    ics,
    lifecycle,
    workbook,
)
from content_calendar.calendar_file import Calendar
from content_calendar.contact import Rules
from content_calendar.definition import Definition, Stored
from content_calendar.holidays import Days


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


def read(raw: bytes, file: str, zone: str, days: Days = holidays.PUBLISHED) -> Calendar:
    """A calendar file, YAML or Excel by its name. Raises InvalidInput."""
    if file.lower().endswith((".xlsx", ".xlsm", ".xls")):
        return workbook.read(raw, file, zone, days)
    return calendar_file.read(raw, file, zone, days)


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
        definition.write(session, change.wanted, stands, by, at)
        if stands is not None:
            lifecycle.release(session, stands, "改过栏目", by, at)
            outbox.cancel_series(session, stands.id, f"{by} 修改了栏目,等待重新批准")
        before = None if stands is None else calendar_file.as_mapping(stands.definition)
        action = "series.import" if stands is None else "series.change"
        after = calendar_file.as_mapping(change.wanted)
        audits.note(session, at, by, action, change.key, before, after)
    return changes


def approve(
    session: Session, changes: Iterable[Change], by: str, at: dt.datetime, rules: Rules
) -> list[str]:
    """Approve the series of an import, with one name for both pairs of eyes; returns the keys of
    those that were not approved yet.
    """
    keys = [change.key for change in changes]
    return lifecycle.approve(session, keys, by, at, rules, both_eyes=True)


def export(session: Session, zone: str) -> str:
    """Every series, drafts too, by key, as a calendar file of this installation's zone."""
    return calendar_file.render([each.definition for each in definition.stored(session)], zone)


def export_workbook(session: Session, zone: str) -> bytes:
    """The same as an Excel file; without series it is a template to fill in."""
    return workbook.render([each.definition for each in definition.stored(session)], zone)


def export_ics(
    session: Session,
    zone: ZoneInfo,
    since: dt.date | None,
    until: dt.date | None,
    now: dt.datetime,
) -> bytes:
    """Every series as an iCalendar file, all of it or `[since, until)`."""
    series = [(each.definition, each.state) for each in definition.stored(session)]
    return ics.render(series, zone, holidays.load(session), since, until, stamp=now)


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
