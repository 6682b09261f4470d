"""From approved series to deliveries: what becomes due soon is rendered, checked and planned.

A step is planned for all its rooms at once, `HORIZON` before it is due, so that a change until
then costs nothing. The unique key of a delivery makes repeating safe.
"""

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Text, select
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from bot import database, outbox
from bot.errors import Fault, InvalidInput
from bot.models import Audit, Delivery, DeliveryKind, DeliveryState, Occurrence, SeriesState
from bot.outbox import Intent
from bot.settings import QuietHours
from content_calendar import audience, definition, posts, recurrence, templates
from content_calendar.definition import Definition, Stored
from content_calendar.recurrence import Schedule, Slot

HORIZON = dt.timedelta(minutes=15)
DAY = dt.timedelta(days=1)

OCCURRENCE = database.table(Occurrence)
DELIVERY = database.table(Delivery)


@dataclass(frozen=True, slots=True)
class Refused:
    """A post that could not be planned, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What one tick did: how many deliveries are new, and which posts cannot be made."""

    new: int
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class _Due:
    """One step of one occurrence that is due soon in the rooms of one zone (None: its own)."""

    series: Stored
    slot: Slot
    zone: ZoneInfo
    room_zone: str | None
    expires_at: dt.datetime


def plan_due(
    session: Session,
    now: dt.datetime,
    zone: ZoneInfo,
    *,
    quiet: QuietHours | None = None,
    horizon: dt.timedelta = HORIZON,
) -> Planned:
    """Plan every step that becomes due before `now + horizon` and is not too late.

    `zone` is that of rooms which name none. One statement where nothing is due, and a constant
    number for each step that is. Repeating it adds nothing.
    """
    due = _unplanned(session, _due(session, now, zone, quiet, horizon))
    new, refused = 0, []
    for occurrence_id, group in due:
        intents = list(_intents(session, occurrence_id, group))
        refused += [each for each in intents if isinstance(each, Refused)]
        new += outbox.plan(session, (each for each in intents if isinstance(each, Intent)), now)
    return Planned(new, tuple(refused))


def approve(session: Session, key: str, by: str, at: dt.datetime) -> bool:
    """Let a series post from now on; False where it stands approved already.

    Raises InvalidInput where there is no such series, it has ended, or a text cannot be posted.
    """
    series = _existing(session, key)
    if series.state == SeriesState.APPROVED:
        return False
    if series.state == SeriesState.ENDED:
        raise _refuse("series", f"栏目 {key} 已经结束", "导入一个新的栏目")
    for step in series.definition.steps:
        for source in (step.text, *step.texts.values()):
            templates.check(source)
    values = {"state": SeriesState.APPROVED, "approved_by": by, "approved_at": at}
    _update(session, series, values)
    before, after = {"state": series.state}, {"state": SeriesState.APPROVED}
    audit(session, at, by, "series.approve", key, before, after)
    return True


def skip(session: Session, key: str, day: dt.date, by: str, at: dt.datetime) -> int:
    """Leave out the occurrence of this original date; returns how many pending posts it took back.

    Raises InvalidInput where the series has no such occurrence.
    """
    series = _existing(session, key)
    schedule = series.definition.schedule
    _check_occurrence(key, schedule, day)
    moves = {original: to for original, to in schedule.move.items() if original != day}
    changed = replace(schedule, skip=schedule.skip | {day}, move=moves)
    _reschedule(session, series, changed, "series.skip", by, at)
    return _take_back(session, series, day, None, f"{by} 跳过了这一期")


def move(session: Session, key: str, day: dt.date, to: dt.date, by: str, at: dt.datetime) -> int:
    """Let the occurrence of this original date take place on another day; returns how many
    pending posts it took back. What was sent before stays sent and is not posted again.

    Raises InvalidInput where the series has no such occurrence or the day is over.
    """
    series = _existing(session, key)
    schedule = series.definition.schedule
    _check_occurrence(key, schedule, day)
    if day in schedule.skip:
        raise _refuse("move", f"{day} 这一期已经跳过", "在日历文件的 skip 里去掉它,再导入")
    if to < at.date() - DAY:
        raise _refuse("move", f"{to} 已经过去", "写今天或以后的日期")
    moves = {original: moved for original, moved in schedule.move.items() if original != day}
    changed = replace(schedule, move=moves if to == day else moves | {day: to})
    _reschedule(session, series, changed, "series.move", by, at)
    return _take_back(session, series, day, to, f"{by} 把这一期改到 {to}")


def _due(
    session: Session,
    now: dt.datetime,
    zone: ZoneInfo,
    quiet: QuietHours | None,
    horizon: dt.timedelta,
) -> list[_Due]:
    found: list[_Due] = []
    room_zones: set[str | None] | None = None
    for series in definition.stored(session, state=SeriesState.APPROVED):
        wanted = series.definition
        # What would already have been late when the series was approved is never posted.
        since = max(series.approved_at or now, now - _latest(wanted))
        until = now + horizon
        if wanted.zone is not None:
            names: Iterable[str | None] = (wanted.zone,)
        elif not _near(wanted, since, until):
            continue
        else:
            room_zones = audience.zones(session) if room_zones is None else room_zones
            names = room_zones
        for name in names:
            known = name or wanted.default_zone
            local = ZoneInfo(known) if known else zone
            for slot in recurrence.slots(wanted.schedule, wanted.timings, local, since, until):
                end = posts.expires_at(slot.due_at, local, wanted.late_by_minutes, quiet)
                if end > now:
                    found.append(_Due(series, slot, local, name, end))
    return found


def _latest(wanted: Definition) -> dt.timedelta:
    # By default a post may wait for the end of the send window: a day, and an hour of DST.
    if wanted.late_by_minutes is None:
        return DAY + dt.timedelta(hours=1)
    return dt.timedelta(minutes=wanted.late_by_minutes)


def _near(wanted: Definition, since: dt.datetime, until: dt.datetime) -> bool:
    # Wall clocks on earth are between 12 hours behind UTC and 14 ahead of it; one hour for DST.
    first, last = since - dt.timedelta(hours=13), until + dt.timedelta(hours=15)
    utc = ZoneInfo("UTC")
    return bool(recurrence.slots(wanted.schedule, wanted.timings, utc, first, last))


def _unplanned(session: Session, due: Sequence[_Due]) -> Iterator[tuple[int, list[_Due]]]:
    """What has no delivery yet, by occurrence and step; makes the occurrences' rows."""
    if not due:
        return
    ids = _occurrence_ids(session, due)
    standing = _standing(session, due, ids)
    groups: dict[tuple[int, str], list[_Due]] = {}
    for n, each in enumerate(due):
        if n not in standing:
            named = ids[each.series.id, each.slot.original_date]
            groups.setdefault((named, each.slot.step), []).append(each)
    yield from ((occurrence_id, group) for (occurrence_id, _), group in groups.items())


def _occurrence_ids(session: Session, due: Sequence[_Due]) -> dict[tuple[int, dt.date], int]:
    dates = {(each.series.id, each.slot.original_date): each.slot.date for each in due}
    rows = [(series_id, original, date) for (series_id, original), date in sorted(dates.items())]
    names = ("series_id", "original_date", "date")
    database.insert_new(session, Occurrence, names, rows, ("id",))
    source = database.given(session, {name: OCCURRENCE.c[name].type for name in names}, rows)
    found = (
        session.connection()
        .execute(
            select(OCCURRENCE).join(
                source,
                (source.c.series_id == OCCURRENCE.c.series_id)
                & (source.c.original_date == OCCURRENCE.c.original_date),
            )
        )
        .all()
    )
    for row in found:
        # An imported file may have moved an occurrence whose row stands.
        if row.date != dates[row.series_id, row.original_date]:
            moved = {"date": dates[row.series_id, row.original_date]}
            session.connection().execute(
                OCCURRENCE.update().where(OCCURRENCE.c.id == row.id).values(moved)
            )
    return {(row.series_id, row.original_date): row.id for row in found}


def _standing(
    session: Session, due: Sequence[_Due], ids: dict[tuple[int, dt.date], int]
) -> set[int]:
    """Which of `due`, by position, have been planned; what was taken back does not count."""
    due_at = DELIVERY.c.due_at.type
    rows = [
        (n, ids[each.series.id, each.slot.original_date], each.slot.step, each.slot.due_at)
        for n, each in enumerate(due)
    ]
    types: dict[str, TypeEngine[Any]] = {
        # The order that `given` numbers by starts at 0 or 1, by database; ours starts at 0.
        "position": Integer(),
        "occurrence_id": Integer(),
        "step": Text(),
        "due_at": due_at,
    }
    source = database.given(session, types, rows)
    planned = select(DELIVERY.c.id).where(
        DELIVERY.c.occurrence_id == source.c.occurrence_id,
        DELIVERY.c.step == source.c.step,
        DELIVERY.c.due_at == source.c.due_at,
        DELIVERY.c.state != DeliveryState.CANCELLED,
    )
    return set(session.connection().scalars(select(source.c.position).where(planned.exists())))


def _intents(
    session: Session, occurrence_id: int, group: Sequence[_Due]
) -> Iterator[Intent | Refused]:
    series = group[0].series
    wanted = series.definition
    by_zone = {each.room_zone: each for each in group}
    everywhere = by_zone[wanted.zone] if wanted.zone is not None else None
    zones = None if everywhere is not None else list(by_zone)
    for room in audience.available(session, wanted.audience, zones):
        due = everywhere or by_zone[room.zone]
        named = posts.key(wanted.key, due.slot, room.platform_id)
        try:
            rendered = posts.text(wanted, due.slot, room)
        except InvalidInput as error:
            yield Refused(named, error.faults[0].problem)
            continue
        yield Intent(
            key=named,
            kind=DeliveryKind.POST,
            room_id=room.id,
            account_id=room.account_id,
            text=rendered,
            due_at=due.slot.due_at,
            expires_at=due.expires_at,
            series_id=series.id,
            occurrence_id=occurrence_id,
            step=due.slot.step,
        )


def _existing(session: Session, key: str) -> Stored:
    found = definition.stored(session, keys=[key])
    if found:
        return found[0]
    keys = session.connection().scalars(select(definition.SERIES.c.key))
    near = difflib.get_close_matches(key, list(keys), n=1)
    remedy = f"是不是 {near[0]}?" if near else "用 qunyun calendar export 查看全部栏目"
    raise _refuse("series", f"没有栏目 {key}", remedy)


def _check_occurrence(key: str, schedule: Schedule, day: dt.date) -> None:
    if recurrence.happens(schedule, day):
        return
    following = next(recurrence.dates(schedule, day, dt.date.max), None)
    remedy = f"下一期是 {following}" if following else "写这个栏目的一期的原定日期"
    raise _refuse("date", f"栏目 {key} 在 {day} 没有排期", remedy)


def _reschedule(
    session: Session, series: Stored, changed: Schedule, action: str, by: str, at: dt.datetime
) -> None:
    before = definition.days_as_json(series.definition.schedule)
    after = definition.days_as_json(changed)
    _update(session, series, after | {"version": series.version + 1})
    audit(session, at, by, action, series.definition.key, before, after)


def _update(session: Session, series: Stored, values: Mapping[str, object]) -> None:
    table = definition.SERIES
    session.connection().execute(table.update().where(table.c.id == series.id).values(values))


def _take_back(
    session: Session, series: Stored, day: dt.date, to: dt.date | None, reason: str
) -> int:
    named = (OCCURRENCE.c.series_id == series.id) & (OCCURRENCE.c.original_date == day)
    if to is not None:
        session.connection().execute(OCCURRENCE.update().where(named).values(date=to))
    return outbox.withdraw(
        session, DELIVERY.c.occurrence_id.in_(select(OCCURRENCE.c.id).where(named)), reason
    )


def audit(
    session: Session,
    at: dt.datetime,
    by: str,
    action: str,
    key: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    """Write down who changed what in a series."""
    row = {"at": at, "by": by, "action": action, "object": f"series:{key}"}
    database.insert_rows(session, Audit, [row | {"before": before, "after": after}])


def _refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("calendar", 0, field, problem, remedy))
