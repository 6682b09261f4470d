"""The rooms that one digest is about, and the sums over them that several parts share."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bot.digest.findings import Findings
from bot.digest.gather import BAND_WEEKS, MONTH_DAYS, Week
from bot.digest.notes import Footnotes
from bot.digest.saying import Said
from bot.digest.sheet import Subject
from bot.errors import Fault, InvalidInput
from bot.insights import figures, significance, topics
from bot.insights.engagement import Days
from bot.insights.figures import Figures
from bot.insights.significance import Change
from bot.models import DigestScope, SeriesKind

LOG = ""


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

    `rooms` are all in scope; `counted` those of them whose messages are known, of which `figures`
    are the sums. `behind` holds what was said in rooms of the scope, to be pointed at. `small`: so
    few members that figures would tell of single people outside of their room; none is counted.
    """

    findings: Findings
    scope: DigestScope
    target: str
    rooms: tuple[int, ...]
    counted: tuple[int, ...]
    figures: Figures
    behind: Mapping[int, Said]
    footnotes: Footnotes
    small: bool = False

    @property
    def week(self) -> Week:
        """What was gathered."""
        return self.findings.week

    @property
    def said(self) -> Mapping[int, Said]:
        """What may be quoted: words of members, in their room's own digest alone."""
        return self.behind if self.scope is DigestScope.ROOM else {}

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


def view(findings: Findings, subject: Subject, said: Mapping[int, Said]) -> View:
    """The view of one subject. Raises InvalidInput where there is no such room, vertical or owner.

    `said` is what was said in rooms, as far as it was fetched.
    """
    week, (scope, target) = findings.week, subject
    rooms = inside(week, scope, target)
    if not rooms and scope is not DigestScope.FLEET:
        problem = f"there is no {scope} {target!r}"
        raise InvalidInput(Fault(f"--{scope}", 0, "", problem, "see `qunyun rooms import`"))
    counted = tuple(room for room in rooms if room not in week.unread | week.unseen)
    small = _small(week, scope, counted)
    counted = () if small else counted
    since = week.monday - dt.timedelta(weeks=BAND_WEEKS)
    return View(
        findings=findings,
        scope=scope,
        target=target,
        rooms=rooms,
        counted=counted,
        figures=figures.together(week.weekly[room] for room in counted if room in week.weekly),
        behind={room: said[room] for room in rooms if room in said},
        footnotes=Footnotes(week.days, Days(since, week.days.until), week.days.back(MONTH_DAYS)),
        small=small,
    )


def _small(week: Week, scope: DigestScope, rooms: Sequence[int]) -> bool:
    """Whether a vertical or an owner's rooms have too few members to be told of elsewhere; who
    tries the product with a few friends still sees the fleet.
    """
    if scope not in (DigestScope.VERTICAL, DigestScope.OWNER) or not rooms:
        return False
    seats = sum(week.weekly[room].members for room in rooms if room in week.weekly)
    return seats < topics.FEWEST_MEMBERS


def inside(week: Week, scope: DigestScope, target: str) -> tuple[int, ...]:
    """The rooms of a scope, by id."""
    match scope:
        case DigestScope.ROOM:
            found = [room.id for room in week.rooms.values() if room.platform_id == target]
        case DigestScope.VERTICAL:
            found = [room.id for room in week.rooms.values() if room.vertical == target]
        case DigestScope.OWNER:
            found = [room.id for room in week.rooms.values() if room.owner == target]
        case DigestScope.FLEET:
            found = list(week.rooms)
    return tuple(found)


def daily_rates(view: View) -> list[tuple[dt.date, float | None]]:
    """Messages a room on each day of the week."""
    rates = []
    for day in view.days:
        there = [row for room in view.counted if (row := view.week.daily.get(room, {}).get(day))]
        messages = sum(row.messages for row in there)
        rates.append((day, messages / len(there) if there else None))
    return rates


def earlier_weeks(week: Week, rooms: Iterable[int]) -> dict[dt.date, Mean]:
    """Messages a room-day of the earlier weeks that are known for any of the rooms, in order.

    The log's own whole weeks count first; roll-ups stand in for weeks before it.
    """
    sums: dict[dt.date, tuple[int, int, set[str]]] = {}
    for room in rooms:
        own = {
            monday: (row.messages, LOG)
            for monday, row in week.before.get(room, {}).items()
            if row.room_days == 7
        }
        for monday, (messages, origin) in (dict(week.elsewhere.get(room, {})) | own).items():
            before, rooms_there, origins = sums.setdefault(monday, (0, 0, set()))
            origins.update([origin] if origin else [])
            sums[monday] = (before + messages, rooms_there + 1, origins)
    return {
        monday: Mean(messages, 7 * there, frozenset(origins))
        for monday, (messages, there, origins) in sorted(sums.items())
    }


@dataclass(frozen=True, slots=True)
class Standing:
    """This week's rate against the band of its own earlier weeks; `change` is None where nothing
    can be said yet.
    """

    rate: float | None
    change: Change | None
    weeks: int
    rolled_up: int
    origins: frozenset[str]


def standing(week: Week, rooms: Sequence[int]) -> Standing:
    """Where some counted rooms stand this week in the band of their earlier weeks."""
    rows = [week.weekly[room] for room in rooms if room in week.weekly]
    now = Mean(sum(row.messages for row in rows), sum(row.room_days for row in rows))
    earlier = earlier_weeks(week, rooms)
    rates = [mean.rate for mean in earlier.values() if mean.rate is not None]
    # A part of a week has other weekdays in it than whole ones: not comparable.
    comparable = week.whole and now.rate is not None
    return Standing(
        rate=now.rate,
        change=significance.change(rates, now.rate or 0) if comparable else None,
        weeks=len(rates),
        rolled_up=sum(bool(mean.origins) for mean in earlier.values()),
        origins=frozenset().union(*(mean.origins for mean in earlier.values())),
    )


def special_days(view: View, day: dt.date) -> list[SeriesKind]:
    """Which special days any of the rooms held on a day."""
    return [
        kind
        for kind, by_room in view.week.held.items()
        if any(day in by_room.get(room, ()) for room in view.rooms)
    ]
