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
NO_DAYS = Calendar()


@dataclass(frozen=True, slots=True)
class Plan:
    """What rooms have in common: the days on which they held one of this kind, and those on which
    they held any activity.
    """

    held: Calendar
    active: Calendar


@dataclass(frozen=True, slots=True)
class Lift:
    """Messages that one such day adds in one room, against days without any activity.

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
    daily: Daily,
    held: Mapping[int, Calendar],
    of: Collection[int],
    rng: Random,
    others: Mapping[int, Calendar] | None = None,
) -> Lift | None:
    """The lift of such days in the rooms `of`; None where none of them held one.

    `daily` holds every room's messages on every day of the window, zeros included; `held` the
    days on which a room held one, `others` those on which it held an activity of another kind,
    which are no ordinary days either: such days of r are left out. For a day d of room r and a
    room c without any activity on d:

        (y_rd − mean of y_r over O) − (y_cd − mean of y_c over O),  O = days without any in both

    averaged over the rooms c, then the days d, then the rooms r: a difference in differences,
    so weekdays and fleet-wide events cancel. The interval resamples rooms, apart by calendar and
    by side; rooms that share a calendar share O, which keeps this linear in rooms.
    """
    treated = {room for room in of if room in daily and held.get(room)}
    if not treated:
        return None
    groups = _by_plan(daily, held, others or {})
    plans = {room: plan for plan, rooms in groups.items() for room in rooms}
    matched = _matched(daily, groups, {plans[room] for room in treated})
    compared = {room for room in treated if plans[room] in matched}
    controls = {plan for days in matched.values() for others in days.values() for plan in others}
    beside = sum(len(groups[plan]) for plan in controls)
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
        ordinary=_ordinary(daily, plans, treated),
        added=added,
        interval=interval,
    )


def effects(
    daily: Daily, held: Mapping[int, Calendar], others: Mapping[int, Calendar] | None = None
) -> dict[int, float]:
    """The same contrast for each single room that held such days and has rooms to compare with."""
    groups = _by_plan(daily, held, others or {})
    found: dict[int, float] = defaultdict(float)
    for plan, by_day in _matched(daily, groups, {plan for plan in groups if plan.held}).items():
        for day, beside in by_day.items():
            rooms = sum(len(groups[other]) for other in beside)
            for other in beside:
                weight = len(groups[other]) / rooms / len(by_day)
                contrast = _contrast(daily, day, plan.active | other.active)
                expected = sum(map(contrast, groups[other])) / len(groups[other])
                for room in groups[plan]:
                    found[room] += weight * (contrast(room) - expected)
    return dict(found)


def _by_plan(
    daily: Daily, held: Mapping[int, Calendar], others: Mapping[int, Calendar]
) -> dict[Plan, list[int]]:
    groups: dict[Plan, list[int]] = defaultdict(list)
    for room in sorted(daily):
        own, other = held.get(room, NO_DAYS), others.get(room, NO_DAYS)
        groups[Plan(own - other, own | other)].append(room)
    return dict(groups)


def _matched(
    daily: Daily, groups: Mapping[Plan, list[int]], treated: Collection[Plan]
) -> dict[Plan, dict[dt.date, list[Plan]]]:
    """Per plan and day of it: the plans to compare with, where there are any."""
    days = frozenset(next(iter(daily.values())))
    matched = {
        plan: {
            day: beside
            for day in sorted(plan.held & days)
            if (
                beside := [
                    other
                    for other in groups
                    if day not in other.active and days - plan.active - other.active
                ]
            )
        }
        for plan in sorted(treated, key=lambda plan: (sorted(plan.held), sorted(plan.active)))
    }
    return {plan: found for plan, found in matched.items() if found}


def _strata(
    daily: Daily,
    groups: Mapping[Plan, list[int]],
    matched: Mapping[Plan, Mapping[dt.date, Sequence[Plan]]],
    compared: Collection[int],
) -> list[list[float]]:
    """One number a room, by plan and side, such that the sum of the means is the lift."""
    own: dict[int, float] = defaultdict(float)
    lent: dict[int, float] = defaultdict(float)
    share = {
        plan: sum(room in compared for room in groups[plan]) / len(compared) for plan in matched
    }
    for plan, by_day in matched.items():
        for day, others in by_day.items():
            beside = sum(len(groups[other]) for other in others)
            for other in others:
                weight = len(groups[other]) / beside / len(by_day)
                contrast = _contrast(daily, day, plan.active | other.active)
                for room in groups[plan]:
                    if room in compared:
                        own[room] += weight * share[plan] * contrast(room)
                for room in groups[other]:
                    # Scaled by its side below, so that it stays a mean over the whole group.
                    lent[room] -= weight * share[plan] * contrast(room)
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


def _ordinary(daily: Daily, plans: Mapping[int, Plan], rooms: Collection[int]) -> float | None:
    others = [
        messages
        for room in sorted(rooms)
        for day, messages in daily[room].items()
        if day not in plans[room].active
    ]
    return sum(others) / len(others) if others else None
