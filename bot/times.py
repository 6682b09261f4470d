"""Parts of rooms' time, and what is left of them without other parts. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

DAY = dt.timedelta(days=1)

Interval = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of one room's time, `[since, until)`, aware UTC."""

    room_id: int
    since: dt.datetime
    until: dt.datetime


def without(stretches: Iterable[Stretch], taken: Mapping[int, Sequence[Interval]]) -> list[Stretch]:
    """What is left of the stretches once these intervals of their rooms, in order, are out."""
    left: list[Stretch] = []
    for stretch in stretches:
        since = stretch.since
        for begin, end in taken.get(stretch.room_id, ()):
            if end <= since or begin >= stretch.until:
                continue
            if since < begin:
                left.append(Stretch(stretch.room_id, since, begin))
            since = end
        if since < stretch.until:
            left.append(Stretch(stretch.room_id, since, stretch.until))
    return left


def inside(at: dt.datetime, intervals: Sequence[Interval]) -> bool:
    """Whether an instant lies in one of the intervals."""
    return any(begin <= at < end for begin, end in intervals)


def utc_days(since: dt.datetime, until: dt.datetime) -> list[dt.date]:
    """The UTC days that `[since, until)` touches: the partitions to look into."""
    first, last = since.date(), (until - dt.timedelta(microseconds=1)).date()
    return [first + DAY * shift for shift in range((last - first).days + 1)]
