"""What will be posted, before it is: each post of a stretch of days with what speaks against it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.errors import InvalidInput
from bot.settings import QuietHours
from content_calendar import audience, posts, recurrence
from content_calendar.audience import Target
from content_calendar.definition import Definition
from content_calendar.recurrence import Slot

MIDNIGHT = dt.time()


@dataclass(frozen=True, slots=True)
class Previewed:
    """One post to one room. `at` is the room's wall clock; `text` is empty where none can be made.

    With `excluded` nothing will be sent, for that reason.
    """

    at: dt.datetime
    series: str
    name: str
    original_date: dt.date
    step: str
    room: str
    topic: str
    text: str
    warnings: tuple[str, ...]
    excluded: str | None


@dataclass(frozen=True, slots=True)
class _Reached:
    """A series with the rooms that it reaches, by zone."""

    wanted: Definition
    rooms: dict[ZoneInfo, list[Target]]


def preview(
    session: Session,
    series: Iterable[Definition],
    since: dt.date,
    until: dt.date,
    zone: ZoneInfo,
    quiet: QuietHours | None,
) -> Iterator[Previewed]:
    """Every post whose local day lies in `[since, until)`, in order of time, then of room.

    Only the moments are held at once, not the posts: rooms × days never stand in memory.
    """
    reached = [_reached(session, wanted, zone) for wanted in series]
    moments = [
        (slot, each, local)
        for each in reached
        for local in each.rooms
        for slot in recurrence.slots(
            each.wanted.schedule,
            each.wanted.timings,
            local,
            recurrence.instant(since, MIDNIGHT, local),
            recurrence.instant(until, MIDNIGHT, local),
        )
    ]
    moments.sort(key=lambda moment: (moment[0].due_at, moment[1].wanted.key))
    for slot, each, local in moments:
        for room in each.rooms[local]:
            yield _previewed(each.wanted, slot, room, local, quiet)


def remarks(session: Session, series: Sequence[Definition]) -> list[str]:
    """What is worth a look about whole series: nobody reached, rooms that nobody has seen."""
    found = []
    for wanted in series:
        if not audience.targets(session, wanted.audience):
            found.append(f"{wanted.key}: 一个群也没有选到")
        unknown = audience.unknown_rooms(session, wanted.audience)
        found += [f"{wanted.key}: 没有见过群 {room}" for room in unknown]
    return found


def _reached(session: Session, wanted: Definition, zone: ZoneInfo) -> _Reached:
    rooms: dict[ZoneInfo, list[Target]] = {}
    for room in audience.targets(session, wanted.audience):
        named = wanted.zone or room.zone or wanted.default_zone
        rooms.setdefault(ZoneInfo(named) if named else zone, []).append(room)
    return _Reached(wanted, rooms)


def _previewed(
    wanted: Definition, slot: Slot, room: Target, zone: ZoneInfo, quiet: QuietHours | None
) -> Previewed:
    warnings = list(_warnings(wanted, slot, room, zone, quiet))
    text = ""
    excluded = room.unavailable_reason
    try:
        text = posts.text(wanted, slot, room)
    except InvalidInput as error:
        excluded = excluded or error.faults[0].problem
    return Previewed(
        at=slot.due_at.astimezone(zone),
        series=wanted.key,
        name=wanted.name,
        original_date=slot.original_date,
        step=slot.step,
        room=room.platform_id,
        topic=room.topic,
        text=text,
        warnings=tuple(warnings),
        excluded=excluded,
    )


def _warnings(
    wanted: Definition, slot: Slot, room: Target, zone: ZoneInfo, quiet: QuietHours | None
) -> Iterator[str]:
    if room.account_id is None:
        yield "这个群还没有机器人账号,发不出去"
    # Quiet hours are the room's own, whatever zone the series names.
    local = slot.due_at.astimezone(ZoneInfo(room.zone) if room.zone else zone)
    if quiet is None or not quiet.cover(local.time()):
        return
    end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, quiet)
    day = local.date() if local.time() < quiet.until else local.date() + recurrence.DAY
    opens = recurrence.instant(day, quiet.until, zone)
    if end <= opens:
        yield f"在静默时段里,到 {quiet.until:%H:%M} 已经过期,发不出去"
    else:
        yield f"在静默时段里,推迟到 {quiet.until:%H:%M}"
