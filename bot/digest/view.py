"""The rooms that one digest is about, and the sums over them that several parts share."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from bot.digest.gather import BAND_WEEKS, MONTH_DAYS, Week
from bot.digest.notes import Footnotes
from bot.errors import Fault, InvalidInput
from bot.insights import statistics
from bot.insights.engagement import Count, Days
from bot.models import DigestScope, SeriesKind

LOG = ""
EMPTY = Count()


@dataclass(frozen=True, slots=True)
class Mean:
    """Messages over room-days; `origins` name the sources of roll-ups among them."""

    messages: int
    room_days: int
    origins: frozenset[str] = frozenset()

    @property
    def rate(self) -> float | None:
        """Messages a room-day, None where no day was covered."""
        return self.messages / self.room_days if self.room_days else None


@dataclass(frozen=True, slots=True)
class View:
    """One digest's scope in a gathered week.

    `rooms` are all in scope; `counted` those of them whose messages are known.
    """

    week: Week
    scope: DigestScope
    target: str
    rooms: tuple[int, ...]
    counted: tuple[int, ...]
    footnotes: Footnotes

    @property
    def days(self) -> Days:
        """The days that the digest counts."""
        return self.week.days

    def note(self, key: str) -> int:
        """The footnote of a definition."""
        return self.footnotes.number(key)

    def rng(self, purpose: str) -> Random:
        """Randomness that is the same whenever the same digest is computed."""
        return Random(f"{self.week.monday}:{self.scope}:{self.target}:{purpose}")  # noqa: S311


def view(week: Week, scope: DigestScope, target: str) -> View:
    """The view of one scope. Raises InvalidInput where there is no such room or vertical."""
    rooms = tuple(room.id for room in week.rooms.values() if _inside(week, room.id, scope, target))
    if not rooms and scope is not DigestScope.FLEET:
        problem = f"there is no {scope} {target!r}"
        raise InvalidInput(Fault(f"--{scope}", 0, "", problem, "see `qunyun rooms import`"))
    counted = tuple(room for room in rooms if room not in week.unread | week.unseen)
    since = week.monday - dt.timedelta(weeks=BAND_WEEKS)
    footnotes = Footnotes(week.days, Days(since, week.days.until), week.days.back(MONTH_DAYS))
    return View(week, scope, target, rooms, counted, footnotes)


def _inside(week: Week, room: int, scope: DigestScope, target: str) -> bool:
    if scope is DigestScope.ROOM:
        return week.rooms[room].platform_id == target
    if scope is DigestScope.OWNER:
        return week.rooms[room].owner == target
    return scope is DigestScope.FLEET or week.rooms[room].vertical == target


def this_week(view: View) -> Count:
    """Everything that members of the counted rooms did in the week."""
    return add(
        view.week.daily.get(room, {}).get(day, EMPTY) for room in view.counted for day in view.days
    )


def add(counts: Iterable[Count]) -> Count:
    """The sum of counts."""
    messages = effective = questions = shares = mentions = speakers = 0
    for count in counts:
        messages += count.messages
        effective += count.effective
        questions += count.questions
        shares += count.shares
        mentions += count.product_mentions
        speakers += count.speaker_days
    return Count(messages, effective, questions, shares, mentions, speakers)


def covered_days(view: View, room: int) -> int:
    """Days of the week on which the room was already being recorded."""
    first = view.week.first_days.get(room, view.days.since)
    return len(Days(max(first, view.days.since), view.days.until))


def room_days(view: View) -> int:
    """Room-days that the week's figures stand on."""
    return sum(covered_days(view, room) for room in view.counted)


def daily_rates(view: View) -> list[tuple[dt.date, float | None]]:
    """Messages a room on each day of the week."""
    rates = []
    for day in view.days:
        there = [r for r in view.counted if view.week.first_days.get(r, day) <= day]
        messages = sum(view.week.daily.get(r, {}).get(day, EMPTY).messages for r in there)
        rates.append((day, messages / len(there) if there else None))
    return rates


def earlier_weeks(view: View, rooms: Iterable[int]) -> dict[dt.date, Mean]:
    """Messages a room-day of the earlier weeks that are known for any of the rooms, in order.

    The log's own whole weeks count first; roll-ups stand in for weeks before it.
    """
    sums: dict[dt.date, list[tuple[int, str]]] = {}
    for room in rooms:
        for n in range(BAND_WEEKS, 0, -1):
            monday = view.week.monday - dt.timedelta(weeks=n)
            found = _room_week(view.week, room, monday)
            if found is not None:
                sums.setdefault(monday, []).append(found)
    return {
        monday: Mean(
            sum(messages for messages, _ in weeks),
            7 * len(weeks),
            frozenset(origin for _, origin in weeks if origin != LOG),
        )
        for monday, weeks in sorted(sums.items())
    }


def _room_week(week: Week, room: int, monday: dt.date) -> tuple[int, str] | None:
    first = week.first_days.get(room)
    if first is not None and first <= monday:
        return week.weekly.get(room, {}).get(monday, EMPTY).messages, LOG
    rolled_up = week.earlier.get(room, {}).get(monday)
    return None if rolled_up is None else (rolled_up.messages, rolled_up.origin)


@dataclass(frozen=True, slots=True)
class Standing:
    """This week's rate against the band of its own earlier weeks."""

    rate: float | None
    band: statistics.Interval | None
    weeks: int
    rolled_up: int
    origins: frozenset[str]

    @property
    def side(self) -> int | None:
        """1 above the band, −1 below, 0 inside; None where nothing can be said."""
        if self.rate is None or self.band is None:
            return None
        return (self.rate > self.band.high) - (self.rate < self.band.low)


def standing(view: View, rooms: tuple[int, ...]) -> Standing:
    """Where some counted rooms stand this week in the band of their earlier weeks."""
    now = Mean(
        add(
            view.week.daily.get(room, {}).get(day, EMPTY) for room in rooms for day in view.days
        ).messages,
        sum(covered_days(view, room) for room in rooms),
    )
    earlier = earlier_weeks(view, rooms)
    rates = [mean.rate for mean in earlier.values() if mean.rate is not None]
    return Standing(
        rate=now.rate,
        # A part of a week has other weekdays in it than whole ones: not comparable.
        band=statistics.own_band(rates) if view.week.whole else None,
        weeks=len(rates),
        rolled_up=sum(bool(mean.origins) for mean in earlier.values()),
        origins=frozenset().union(*(mean.origins for mean in earlier.values())),
    )


def month_covered(view: View, rooms: Iterable[int]) -> list[int]:
    """Rooms whose log covers the last 28 days: the first message came within their first week.

    A quiet room may well say nothing on the first day, so a week is allowed for it.
    """
    latest = view.days.back(MONTH_DAYS).since + dt.timedelta(days=6)
    return [room for room in rooms if view.week.first_days.get(room, dt.date.max) <= latest]


def special_days(view: View, day: dt.date) -> list[SeriesKind]:
    """Which special days any of the rooms held on a day."""
    return [
        kind
        for kind, by_room in view.week.held.items()
        if any(day in by_room.get(room, ()) for room in view.rooms)
    ]
