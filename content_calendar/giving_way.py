"""What gives way where several series reach the same rooms, and because of which of them. Pure.

Rooms that the same series reach are decided together, once for all series that are asked about.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from content_calendar import contact, yielding
from content_calendar.audience import Target
from content_calendar.contact import Claim
from content_calendar.definition import Stored
from content_calendar.outlook import World


@dataclass(frozen=True, slots=True)
class Conflict:
    """A post of `series` that will give way in these rooms (platform ids), and why."""

    series: str
    step: str
    due_at: dt.datetime
    reason: str
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Rooms that the same `series` reach, by one wall clock and under one monthly quota: what gives
    way is the same in all of them. `claims` are all posts there, `refused` what gives way and why.
    """

    rooms: tuple[Target, ...]
    claims: Sequence[Claim]
    quota: int | None
    refused: Mapping[Claim, str]


def crowds(
    world: World, everyone: Sequence[Stored], wanted: Sequence[Stored]
) -> dict[int, list[Crowd]]:
    """The crowds of each series that is asked about."""
    ours = frozenset[int]().union(*(world.reached[each.id] for each in wanted))
    at: defaultdict[int, list[int]] = defaultdict(list)
    for place, series in enumerate(everyone):
        for room_id in world.reached[series.id] & ours:
            at[room_id].append(place)
    alike: defaultdict[tuple[str | None, int | None, tuple[int, ...]], list[Target]] = defaultdict(
        list
    )
    for room_id, there in at.items():
        room = world.rooms[room_id]
        can = world.known.able.get(room.account_id or 0)
        quota = can.posts_per_room_month if can is not None else None
        alike[room.zone, quota, tuple(there)].append(room)
    found: dict[int, list[Crowd]] = {each.id: [] for each in wanted}
    for (zone, quota, places), rooms in alike.items():
        reaching = [everyone[place] for place in places]
        claims = _claims(world, reaching, zone)
        refused = contact.decide(claims, world.rules, blackout=world.days.blackout, quota=quota)
        crowd = Crowd(tuple(rooms), claims, quota, refused)
        for each in reaching:
            if each.id in found:
                found[each.id].append(crowd)
    return found


def _claims(world: World, there: Iterable[Stored], zone: str | None) -> list[Claim]:
    local = ZoneInfo(zone) if zone else world.rules.zone
    return [
        yielding.claim(each, post.slot, local)
        for each in there
        for post in world.posts[each.id]
        if post.zone_name == (each.definition.zone or zone)
    ]


def conflicts(
    world: World, series: Stored, crowds: Iterable[Crowd], never: Collection[str]
) -> list[Conflict]:
    """The posts that give way where this series is: its own, and others' because of it."""
    found: defaultdict[tuple[Claim, str], list[str]] = defaultdict(list)
    for crowd in crowds:
        names = [room.platform_id for room in crowd.rooms if room.platform_id not in never]
        if names and crowd.refused:
            for pair in _because_of(world, series, crowd):
                found[pair] += names
    return [
        Conflict(claim.series, claim.step, claim.due_at, reason, tuple(sorted(names)))
        for (claim, reason), names in sorted(
            found.items(), key=lambda pair: (pair[0][0].due_at, pair[0][0].series, pair[0][0].step)
        )
    ]


def _because_of(world: World, series: Stored, crowd: Crowd) -> list[tuple[Claim, str]]:
    """What gives way in a crowd that would not without this series, and its own."""
    key = series.definition.key
    theirs = [claim for claim in crowd.claims if claim.series != key]
    anyway = contact.decide(theirs, world.rules, blackout=world.days.blackout, quota=crowd.quota)
    return [
        (claim, reason)
        for claim, reason in crowd.refused.items()
        if claim.series == key or claim not in anyway
    ]
