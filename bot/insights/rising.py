"""What rises: said in a week more often than in the four weeks before.

A word, or a group of like questions, is weighed by its log-odds ratio with an informative Dirichlet
prior from both (Monroe, Colaresi and Quinn, "Fightin' Words", 2008): a z-score, so that what is
rare does not win by chance.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import Session

from bot import counting, database, standing
from bot.insights import engagement
from bot.models import DigestScope, Message, Room
from bot.times import DAY

MESSAGE, ROOM = database.tables(Message, Room)

WEEK = dt.timedelta(days=7)
BASELINE: Final = 4
LEAST_SCORE: Final = 1.96
# A fleet of thousands of rooms stores a few rows for each.
MOST: Final = {DigestScope.ROOM: 5, DigestScope.VERTICAL: 20, DigestScope.FLEET: 20}
ROOMS_AT_ONCE: Final = 100
# The prior weighs as much as so many words, or as a tenth of what was said where that is less.
_PRIOR: Final = 1_000.0
_PRIOR_SHARE: Final = 0.1

# A room's platform id, a vertical, or "" for the fleet.
Target = tuple[DigestScope, str]


@dataclass(frozen=True, slots=True)
class Window:
    """A week (its Monday) and its baseline: `[early, since)` and `[since, until)`."""

    monday: dt.date
    early: dt.datetime
    since: dt.datetime
    until: dt.datetime

    def days(self) -> list[dt.date]:
        """The UTC days that it touches."""
        count = (self.until.date() - self.early.date()).days
        return [self.early.date() + n * DAY for n in range(count + 1)]


def window(monday: dt.date, zone: ZoneInfo) -> Window:
    """The window of a week, by the days of a zone."""
    early, since, until = (
        counting.local_day(day, zone)[0]
        for day in (monday - BASELINE * WEEK, monday, monday + WEEK)
    )
    return Window(monday, early, since, until)


def targets(session: Session) -> dict[int, list[Target]]:
    """What each room is counted in, by room id: itself, its vertical, the fleet."""
    rows = session.connection().execute(select(ROOM.c.id, ROOM.c.platform_id, ROOM.c.vertical))
    return {
        id: [
            (DigestScope.ROOM, name),
            *([(DigestScope.VERTICAL, vertical)] if vertical else []),
            (DigestScope.FLEET, ""),
        ]
        for id, name, vertical in rows
    }


def parts(rooms: Mapping[int, object]) -> Iterator[Sequence[int]]:
    """Rooms, some at a time: what one room said is let go once it has been added up."""
    ids = sorted(rooms)
    for start in range(0, len(ids), ROOMS_AT_ONCE):
        yield ids[start : start + ROOMS_AT_ONCE]


def said(window: Window, rooms: Sequence[int]) -> ColumnElement[bool]:
    """Which messages count: texts of members that stand, of these rooms and this window."""
    return and_(
        # Day by day and room by room, as the log is ordered.
        MESSAGE.c.day.in_(window.days()),
        MESSAGE.c.room_id.in_(rooms),
        MESSAGE.c.at >= window.early,
        MESSAGE.c.at < window.until,
        and_(~MESSAGE.c.own, MESSAGE.c.type == "text", MESSAGE.c.text.is_not(None)),
        engagement.by_member(MESSAGE.c.room_id, MESSAGE.c.contact_id),
        ~standing.recalled(MESSAGE, MESSAGE.c.id),
    )


def score(count: int, this: int, earlier: int, then: int) -> float | None:
    """The z-score of something said `count` of `this` times in a week, `earlier` of `then` times
    before; None where nothing was said in the one or the other.
    """
    if not this or not then:
        return None
    weight = min(_PRIOR, _PRIOR_SHARE * (this + then))
    prior = weight * (count + earlier) / (this + then)
    now_odds = math.log((count + prior) / (this + weight - count - prior))
    then_odds = math.log((earlier + prior) / (then + weight - earlier - prior))
    return (now_odds - then_odds) / math.sqrt(1 / (count + prior) + 1 / (earlier + prior))
