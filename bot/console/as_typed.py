"""What a series would do as its form stands: dates, rooms, faults and the bubbles of one room."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.console import drafting, reach, wording
from bot.console.page import Page
from bot.errors import Fault
from content_calendar import audience, definition, facts, holidays, posts, recurrence, words
from content_calendar.definition import Definition
from content_calendar.recurrence import DAY, Slot

NEXT = 6
SAMPLE = 5
SEED = 0
AHEAD = dt.timedelta(days=800)


def foretold(page: Page, checked: drafting.Checked, room: str) -> dict[str, Any]:
    """What the form's right side shows, by the names that its template has for it."""
    found, today = checked.partly, reach.today(page)
    told = list(checked.faults)
    values: dict[str, Any] = {"faults": told, "dates": [], "rule": "", "whom": "", "reached": None,
                                 "sample": [], "bubbles": [], "room": room}  # fmt: skip
    if found is None:
        return values
    days = holidays.load(page.session)
    dates = recurrence.occurrences(found.schedule, today, today + AHEAD, days)[:NEXT]
    seen = page.in_scope(audience.ROOM)
    sample = page.session.connection().execute(
        select(audience.ROOM.c.platform_id, audience.ROOM.c.topic)
        .where(audience.matches(page.session, found.audience, today), seen)
        .order_by(audience.ROOM.c.id)
        .limit(SAMPLE)
    ).all()  # fmt: skip
    values |= {
        "dates": dates, "rule": wording.rule(page.tr, found.schedule.rule),
        "whom": wording.audience(page.tr, found.audience), "sample": sample,
        "reached": reach.counts(page.session, page.someone, [found.audience], today)[
            found.audience],
    }  # fmt: skip
    if checked.whole is not None:
        forbidden = words.load(page.session)
        for place, step in enumerate(checked.whole.steps, start=1):
            hit = next(filter(None, map(forbidden.found, step.sources)), None)
            if hit:
                problem = page.tr("{step}：含有违禁词“{word}”", step=step.name, word=hit)
                told.append(Fault("", place, "text", problem, page.tr("换一种说法")))
        chosen = room or (sample[0].platform_id if sample else "")
        values["bubbles"] = _bubbles(page, checked.whole, chosen, dates)
    return values


def _bubbles(
    page: Page, wanted: Definition, room: str, dates: list[recurrence.Occurrence]
) -> list[tuple[Slot, posts.Composed]]:
    today = reach.today(page)
    targets = audience.targets(page.session, audience.Audience(rooms=(room,)), today)
    if (
        not targets
        or not reach.counts(page.session, page.someone, [audience.Audience(rooms=(room,))], today)[
            audience.Audience(rooms=(room,))
        ].seen
    ):
        return []
    when = dates[0] if dates else recurrence.Occurrence(today, today)
    named = wanted.zone or targets[0].zone or wanted.default_zone
    zone = ZoneInfo(named) if named else page.settings.zone
    known = facts.shared(page.session, [wanted], page.settings.links_url)
    seed = definition.seeds(page.session).get(wanted.key, SEED)
    slots = [
        Slot(when.original_date, when.date, each.step,
             recurrence.instant(when.date + each.days * DAY, each.at, zone).astimezone(zone))
        for each in wanted.timings
    ]  # fmt: skip
    return [(slot, posts.compose_one(wanted, seed, slot, targets[0], known)) for slot in slots]
