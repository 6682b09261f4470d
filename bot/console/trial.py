"""A dry run as its page shows it: figures, what gives way and where, who gets nothing and why."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bot import database
from bot.console.page import Page
from bot.models import Room
from content_calendar import definition
from content_calendar.dry_run import DryRun, StepRun

ROOM = database.table(Room)
# More names than this nobody reads: the list of rooms is one click away.
NAMED = 30


@dataclass(frozen=True, slots=True)
class Named:
    """Rooms that a reader may know by name: (id, name) of some, and how many there are in all."""

    total: int
    some: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class GivingWay:
    """A post that gives way in these rooms; `ours` where it is the series that is looked at."""

    due_at: dt.datetime
    series: str
    key: str
    step: str
    reason: str
    rooms: Named
    ours: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rooms that get nothing, or not this step, for one reason."""

    step: str
    reason: str
    rooms: Named


@dataclass(frozen=True, slots=True)
class Trial:
    """One series' dry run; figures are the most of any step."""

    steps: tuple[StepRun, ...]
    rooms: int
    minutes: int
    quiet: int
    conflicts: int
    late: int
    giving_way: tuple[GivingWay, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def never(self) -> int:
        """Rooms of the audience that get nothing at all."""
        return sum(each.rooms.total for each in self.left_out if not each.step)


def of(page: Page, run: DryRun) -> Trial:
    """Two queries beside the dry run's own."""
    excluded: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in run.excluded:
        excluded[each.step or "", each.reason].append(each.room)
    known = _names(page, [*(each.rooms for each in run.conflicts), *excluded.values()])
    titles = {
        each.definition.key: each.definition.name
        for each in definition.stored(page.session, keys={each.series for each in run.conflicts})
    }
    giving_way = tuple(
        GivingWay(
            each.due_at, titles.get(each.series, each.series), each.series, each.step,
            each.reason, _named(each.rooms, known), each.series == run.key,
        )
        for each in run.conflicts
    )  # fmt: skip
    left_out = tuple(
        LeftOut(step, reason, _named(rooms, known))
        for (step, reason), rooms in sorted(excluded.items())
    )
    return Trial(
        steps=run.steps,
        rooms=max((step.rooms for step in run.steps), default=0),
        minutes=max((step.minutes for step in run.steps), default=0),
        quiet=max((step.quiet for step in run.steps), default=0),
        conflicts=max((step.conflicts for step in run.steps), default=0),
        late=sum(step.late_by > dt.timedelta() for step in run.steps),
        giving_way=giving_way,
        left_out=left_out,
    )


def _named(rooms: Sequence[str], known: Mapping[str, tuple[int, str]]) -> Named:
    seen = [known[each] for each in rooms if each in known]
    return Named(len(rooms), tuple(seen[:NAMED]))


def _names(page: Page, lists: Iterable[Sequence[str]]) -> dict[str, tuple[int, str]]:
    """The rooms, by platform id, that the reader may see."""
    wanted = sorted({each for some in lists for each in some})
    if not wanted:
        return {}
    given = database.given(
        page.session, {"platform_id": ROOM.c.platform_id.type}, [(each,) for each in wanted]
    )
    rows = page.session.connection().execute(
        select(ROOM.c.platform_id, ROOM.c.id, ROOM.c.topic).where(
            ROOM.c.platform_id.in_(select(given.c.platform_id)), page.in_scope(ROOM)
        )
    )
    return {row.platform_id: (row.id, row.topic or row.platform_id) for row in rows}
