"""What a Q&A or sharing day adds: such days against others, against rooms without one that day."""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bot.insights import statistics

# Below this many rooms on either side, resampling rooms says nothing about their spread.
FEWEST_ROOMS = 5

Daily = Mapping[int, Mapping[dt.date, int]]
Calendar = frozenset[dt.date]


@dataclass(frozen=True, slots=True)
class Lift:
    """Messages that one such day adds in one room.

    `added` and `interval` are None where no room stood by to compare with (无对照); `interval`
    also where there are too few rooms. `ordinary` is the mean of the rooms' other days.
    """

    rooms: int
    occasions: int
    controls: int
    ordinary: float | None
    added: float | None
    interval: statistics.Interval | None


def lift(
    daily: Daily, held: Mapping[int, Calendar], of: Collection[int], rng: Random
) -> Lift | None:
    """The lift of such days in the rooms `of`; None where none of them held one.

    `daily` holds every room's messages on every day of the window, zeros included; `held` the
    days on which a room held one. For a day d of room r and a room c without one on d:

        (y_rd − mean of y_r over O) − (y_cd − mean of y_c over O),  O = days without one in both

    averaged over the rooms c, then the days d, then the rooms r: a difference in differences,
    so weekdays and fleet-wide events cancel. The interval resamples rooms, apart by calendar and
    by side; rooms that share a calendar share O, which keeps this linear in rooms.
    """
    treated = {room for room in of if room in daily and held.get(room)}
    if not treated:
        return None
    groups = _by_calendar(daily, held)
    matched = _matched(daily, groups, {held[room] for room in treated})
    compared = {room for room in treated if held[room] in matched}
    controls = {h for days in matched.values() for others in days.values() for h in others}
    beside = sum(len(groups[calendar]) for calendar in controls)
    added, interval = None, None
    if compared:
        strata = _strata(daily, groups, matched, compared)
        added = math.fsum(math.fsum(stratum) / len(stratum) for stratum in strata)
        if min(len(compared), beside) >= FEWEST_ROOMS:
            interval = statistics.bootstrap_interval(strata, rng)
    return Lift(
        rooms=len(treated),
        occasions=sum(len(held[room]) for room in treated),
        controls=beside,
        ordinary=_ordinary(daily, held, treated),
        added=added,
        interval=interval,
    )


def effects(daily: Daily, held: Mapping[int, Calendar]) -> dict[int, float]:
    """The same contrast for each single room that held such days and has rooms to compare with."""
    groups = _by_calendar(daily, held)
    found: dict[int, float] = defaultdict(float)
    for calendar, by_day in _matched(daily, groups, {day for day in groups if day}).items():
        for day, others in by_day.items():
            beside = sum(len(groups[other]) for other in others)
            for other in others:
                weight = len(groups[other]) / beside / len(by_day)
                contrast = _contrast(daily, day, calendar | other)
                expected = sum(map(contrast, groups[other])) / len(groups[other])
                for room in groups[calendar]:
                    found[room] += weight * (contrast(room) - expected)
    return dict(found)


def _by_calendar(daily: Daily, held: Mapping[int, Calendar]) -> dict[Calendar, list[int]]:
    groups: dict[Calendar, list[int]] = defaultdict(list)
    for room in sorted(daily):
        groups[held.get(room, Calendar())].append(room)
    return dict(groups)


def _matched(
    daily: Daily, groups: Mapping[Calendar, list[int]], treated: Collection[Calendar]
) -> dict[Calendar, dict[dt.date, list[Calendar]]]:
    """Per calendar and day of it: the calendars to compare with, where there are any."""
    days = frozenset(next(iter(daily.values())))
    matched = {
        calendar: {
            day: others
            for day in sorted(calendar & days)
            if (others := [h for h in groups if day not in h and days - calendar - h])
        }
        for calendar in sorted(treated, key=sorted)
    }
    return {calendar: found for calendar, found in matched.items() if found}


def _strata(
    daily: Daily,
    groups: Mapping[Calendar, list[int]],
    matched: Mapping[Calendar, Mapping[dt.date, Sequence[Calendar]]],
    compared: Collection[int],
) -> list[list[float]]:
    """One number a room, by calendar and side, such that the sum of the means is the lift."""
    own: dict[int, float] = defaultdict(float)
    lent: dict[int, float] = defaultdict(float)
    share = {
        calendar: sum(room in compared for room in groups[calendar]) / len(compared)
        for calendar in matched
    }
    for calendar, by_day in matched.items():
        for day, others in by_day.items():
            beside = sum(len(groups[other]) for other in others)
            for other in others:
                weight = len(groups[other]) / beside / len(by_day)
                contrast = _contrast(daily, day, calendar | other)
                for room in groups[calendar]:
                    if room in compared:
                        own[room] += weight * share[calendar] * contrast(room)
                for room in groups[other]:
                    # Scaled by its side below, so that it stays a mean over the whole group.
                    lent[room] -= weight * share[calendar] * contrast(room)
    strata = []
    for group in groups.values():
        for side in (True, False):
            rooms = [room for room in group if (room in compared) == side]
            part = len(rooms) / len(group)
            strata.append([own[room] + part * lent[room] for room in rooms])
    return [stratum for stratum in strata if any(stratum)]


def _contrast(daily: Daily, day: dt.date, without: Calendar) -> Callable[[int], float]:
    """How far a room's messages of `day` lie above its mean of the days not in `without`."""
    ordinary = [other for other in next(iter(daily.values())) if other not in without]

    def of_room(room: int) -> float:
        messages = daily[room]
        return messages[day] - sum(messages[other] for other in ordinary) / len(ordinary)

    return of_room


def _ordinary(daily: Daily, held: Mapping[int, Calendar], rooms: Collection[int]) -> float | None:
    others = [
        messages
        for room in sorted(rooms)
        for day, messages in daily[room].items()
        if day not in held[room]
    ]
    return sum(others) / len(others) if others else None
