"""One post: its name, its text and until when it may go out; the same for plans and previews."""

import datetime as dt
from zoneinfo import ZoneInfo

from bot.settings import QuietHours
from content_calendar import recurrence, templates
from content_calendar.audience import Target
from content_calendar.definition import Definition
from content_calendar.recurrence import Slot

DAY = dt.timedelta(days=1)


def key(series: str, slot: Slot, room: str) -> str:
    """The name of the intent; moving or editing an occurrence never changes it."""
    return f"post:{series}:{slot.original_date.isoformat()}:{slot.step}:{room}"


def text(wanted: Definition, slot: Slot, room: Target) -> str:
    """The text of one post. Raises InvalidInput where it cannot be posted."""
    values = templates.variables(
        room=room.topic,
        vertical=room.vertical,
        name=wanted.name,
        step=slot.step,
        date=slot.date,
        at=wanted.at,
    )
    return templates.render(wanted.step(slot.step).text_for(room.vertical), values)


def expires_at(
    due_at: dt.datetime, zone: ZoneInfo, late_by_minutes: int | None, quiet: QuietHours | None
) -> dt.datetime:
    """Until when a post may go out: its lateness limit, else the next start of quiet hours in the
    room, else its local midnight.
    """
    if late_by_minutes is not None:
        return due_at + dt.timedelta(minutes=late_by_minutes)
    local = due_at.astimezone(zone)
    end = quiet.since if quiet is not None else dt.time()
    day = local.date() if local.time() < end else local.date() + DAY
    return recurrence.instant(day, end, zone)
