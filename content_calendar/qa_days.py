"""The Q&A days (问题解答日) of a week, and the questions that operators picked for them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session

from bot.models import SeriesKind, SeriesState
from content_calendar import definition, facts, holidays, interchange, questions, recurrence
from content_calendar.audience import Audience
from content_calendar.definition import Definition, Step, Stored
from content_calendar.recurrence import DAY, Dates, Schedule

WEEK = 7 * DAY
# Where no series has a Q&A day in a week: on the Wednesday, in the evening.
WEEKDAY, AT, ASKED_AT = 2, dt.time(20), dt.time(19)
AHEAD = "明晚八点是问题解答日,这几天大家都在问:\n{{ picked }}\n还有想问的,先攒着~"
OPENING = "问题解答日开始啦,先来答大家都在问的:\n{{ picked }}\n还有什么想问的?"


@dataclass(frozen=True, slots=True)
class Day:
    """One occurrence of a Q&A series: the date that names it, and the one it takes place on."""

    series: Stored
    original: dt.date
    date: dt.date
    picked: tuple[str, ...]

    @property
    def lists(self) -> bool:
        """Whether some post of it says what was picked."""
        wanted = self.series.definition
        return any("picked" in facts.reads(wanted, step.name) for step in wanted.steps)


def next_week(today: dt.date) -> dt.date:
    """The Monday after a local date."""
    return today + (7 - today.weekday()) * DAY


def of_week(session: Session, monday: dt.date) -> list[Day]:
    """The Q&A days of every series that has not ended, by date; three queries."""
    days = holidays.load(session)
    found = [
        (series, each)
        for series in definition.stored(session)
        if series.definition.kind is SeriesKind.QA_DAY and series.state is not SeriesState.ENDED
        for each in recurrence.occurrences(series.definition.schedule, monday, monday + WEEK, days)
    ]
    known = questions.picked(session, [(series.id, each.original_date) for series, each in found])
    made = (
        Day(series, each.original_date, each.date, known.get((series.id, each.original_date), ()))
        for series, each in found
    )
    return sorted(made, key=lambda day: (day.date, day.series.definition.key))


def draft(session: Session, monday: dt.date, vertical: str, by: str, at: dt.datetime) -> str:
    """Make a draft of one Q&A day in a week, for a vertical or ("") for every room; its key.

    It posts nothing before it is approved.
    """
    day = monday + WEEKDAY * DAY
    wanted = Definition(
        key=_free_key(f"qa-{day.isoformat()}", definition.keys(session)),
        name=f"{vertical}问题解答日 {day:%m-%d}",
        kind=SeriesKind.QA_DAY,
        schedule=Schedule(Dates((day,)), day, day),
        at=AT,
        audience=Audience(verticals=(vertical,)) if vertical else Audience(all=True),
        steps=(Step("预告", AHEAD, days=-1, at=ASKED_AT), Step("开场", OPENING)),
    )
    interchange.take_in(session, [wanted], by, at)
    return wanted.key


def _free_key(wanted: str, taken: Iterable[str]) -> str:
    known = set(taken)
    if wanted not in known:
        return wanted
    return next(key for n in range(2, len(known) + 3) if (key := f"{wanted}-{n}") not in known)
