"""The content calendar for calendar programs (iCalendar, RFC 5545 and 7986).

Every step of every occurrence is an event of its own, without a rule: lunar dates, festivals,
holidays and moves have none. What names an event never changes, so that a program which fetches
the calendar again moves what was moved and doubles nothing.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import quote
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vText

from bot.models import SeriesState
from content_calendar import definition, holidays, recurrence
from content_calendar.definition import Definition
from content_calendar.holidays import Days
from content_calendar.recurrence import DAY, Slot

NAME = "群运内容日历"
PRODUCT = "-//qunyun//content calendar//ZH"
UID = "content-calendar@qunyun"
LENGTH = dt.timedelta(minutes=15)
REFRESH = dt.timedelta(hours=1)
# A calendar program need not keep a longer one (RFC 5545, 3.8.4.7).
LONGEST_UID = 255
# Clocks are told for one year more on either side.
YEAR = dt.timedelta(days=366)


def render(
    series: Sequence[tuple[Definition, SeriesState]],
    zone: ZoneInfo,
    days: Days = holidays.PUBLISHED,
    since: dt.date | None = None,
    until: dt.date | None = None,
    *,
    stamp: dt.datetime,
) -> bytes:
    """The steps of these series that are due in `[since, until)`, local dates; None is all of it.

    A series is shown at its own zone's clock, else its `default_zone`'s, else at `zone`'s. The
    same input gives the same bytes; `stamp` says when it was made.
    """
    made = _calendar()
    found = [
        (slot, wanted, state)
        for wanted, state in series
        for slot in _slots(wanted, _zone(wanted, zone), days, since, until)
    ]
    found.sort(key=lambda each: (each[0].due_at, each[1].key))
    for tzid in sorted({_zone(wanted, zone).key for _, wanted, _ in found} - {"UTC"}):
        first, last = found[0][0].due_at.date(), found[-1][0].due_at.date()
        made.add_component(_clocks(tzid, first - YEAR, last + YEAR))
    for slot, wanted, state in found:
        made.add_component(_event(slot, wanted, state, _zone(wanted, zone), stamp))
    return bytes(made.to_ical())


def uid(key: str, original_date: dt.date, step: str) -> str:
    """What names one step of one occurrence for ever: `qa/2026-11-04/开场@qunyun`.

    Letters of every script stay; what could be read as punctuation is percent-encoded. Where that
    is too long, a digest of key and step stands for them.
    """
    named = f"{_safe(key)}/{original_date}/{_safe(step)}@qunyun"
    if len(named.encode()) <= LONGEST_UID:
        return named
    digest = hashlib.sha256(f"{key}\n{step}".encode()).hexdigest()[:40]
    return f"{digest}/{original_date}@qunyun"


def _calendar() -> Calendar:
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("uid", UID)
    made.add("name", NAME)
    made.add("x-wr-calname", NAME)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    # Older programs look here.
    made.add("x-published-ttl", vText("PT1H"))
    return made


def _slots(
    wanted: Definition, zone: ZoneInfo, days: Days, since: dt.date | None, until: dt.date | None
) -> Iterator[Slot]:
    schedule, timings = wanted.schedule, wanted.timings
    if not timings:
        return iter(())
    shifts = [dt.timedelta(days=timing.days) for timing in timings]
    # A moved occurrence can be anywhere, one that waits for a workday a little later.
    moved = schedule.move.values()
    first = min([schedule.starts, *moved]) + min(shifts) - DAY
    last = max([schedule.ends + recurrence.LONGEST_WAIT, *moved]) + max(shifts) + 2 * DAY
    begin = first if since is None else max(first, since)
    end = last if until is None else min(last, until)
    if begin >= end:
        return iter(())
    return iter(
        recurrence.slots(
            schedule, timings, zone, _midnight(begin, zone), _midnight(end, zone), days
        )
    )


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return recurrence.instant(day, dt.time(), zone)


def _zone(wanted: Definition, zone: ZoneInfo) -> ZoneInfo:
    named = wanted.zone or wanted.default_zone
    return zone if named is None else ZoneInfo(named)


def _event(
    slot: Slot, wanted: Definition, state: SeriesState, zone: ZoneInfo, stamp: dt.datetime
) -> Event:
    made = Event()
    made.add("uid", uid(wanted.key, slot.original_date, slot.step))
    made.add("dtstamp", stamp.astimezone(dt.UTC))
    made.add("dtstart", slot.due_at.astimezone(zone))
    # Not an end: the clock that follows the end of summer time would lie before the start.
    made.add("duration", LENGTH)
    made.add("summary", f"{wanted.name}·{slot.step}")
    text = wanted.step(slot.step).text
    if text:
        made.add("description", text)
    made.add("categories", [_KINDS[wanted.kind]])
    made.add("status", "CONFIRMED" if state is SeriesState.APPROVED else "TENTATIVE")
    # Nobody is busy because a robot posts.
    made.add("transp", "TRANSPARENT")
    return made


@lru_cache(maxsize=256)
def _clocks(tzid: str, first: dt.date, last: dt.date) -> Timezone:
    return Timezone.from_tzid(tzid, first_date=first, last_date=last)


def _safe(name: str) -> str:
    return "".join(
        letter if letter.isalnum() or letter in "-_." else quote(letter, safe="") for letter in name
    )


_KINDS = {kind: name for name, kind in definition.KINDS.items()}
