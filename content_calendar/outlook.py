"""Everything that will be posted soon, gathered once: who posts what, when, and to whom."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot import pacing
from bot.gateway import Posting
from content_calendar import audience, definition, facts, holidays, recurrence, withholding
from content_calendar.audience import Target
from content_calendar.contact import Rules
from content_calendar.definition import Stored
from content_calendar.holidays import Days
from content_calendar.posts import Facts
from content_calendar.recurrence import Slot
from content_calendar.withholding import Held

AHEAD = dt.timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Post:
    """One step of one occurrence of a series in one zone."""

    series: Stored
    zone_name: str | None
    zone: ZoneInfo
    slot: Slot


# Rooms by account and by the zone that they name.
Places = dict[tuple[int, str | None], int]


@dataclass(slots=True)
class World:
    """Everything that is posted in the stretch looked at, gathered once for many series.

    `audiences` are all rooms of those that post near what is asked about, `reached` the ones that
    posts reach, `held` whom experiments keep without the posts of those asked about.
    """

    rules: Rules
    days: Days
    now: dt.datetime
    today: dt.date
    zones: set[str | None]
    rooms: Mapping[int, Target]
    limits: Mapping[int, int]
    known: Facts
    posts: dict[int, list[Post]] = field(default_factory=dict)
    audiences: dict[int, frozenset[int]] = field(default_factory=dict)
    reached: dict[int, frozenset[int]] = field(default_factory=dict)
    held: Held = field(default_factory=dict)


def gather(
    session: Session,
    everyone: Sequence[Stored],
    wanted: Sequence[Stored],
    now: dt.datetime,
    rules: Rules,
) -> World:
    """What all these series post within `AHEAD`; `wanted` are those that are asked about.

    A number of queries that grows with neither series nor rooms.
    """
    world = _world(session, everyone, now, rules)
    _post(world, everyone, {each.id for each in wanted})
    _reach(session, world, everyone, wanted)
    ours = [(one.id, post.slot.original_date) for one in wanted for post in world.posts[one.id]]
    world.held = withholding.held(session, ours)
    return world


def by_place(world: World, series: Stored) -> dict[str | None, Places]:
    """How many rooms a series reaches by the zone that counts for it, then by account and the
    zone that the rooms name.
    """
    counts: defaultdict[str | None, Places] = defaultdict(dict)
    fixed = series.definition.zone
    for room_id in world.reached[series.id]:
        zone, account_id = world.rooms[room_id].zone, world.rooms[room_id].account_id
        if account_id is not None and not _by_hand(world, account_id):
            place = counts[fixed if fixed is not None else zone]
            place[account_id, zone] = place.get((account_id, zone), 0) + 1
    return counts


def _by_hand(world: World, account_id: int) -> bool:
    # People post when they can: no pace and no limit of time is theirs.
    can = world.known.able.get(account_id)
    return can is not None and can.post is Posting.CONFIRM


def _world(session: Session, everyone: Sequence[Stored], now: dt.datetime, rules: Rules) -> World:
    rooms = audience.everyone(session)
    accounts = {room.account_id for room in rooms.values() if room.account_id is not None}
    return World(
        rules=rules,
        days=holidays.load(session),
        now=now,
        today=now.astimezone(rules.zone).date(),
        zones={room.zone for room in rooms.values()} or {None},
        rooms=rooms,
        limits={each: pacing.daily_limit(session, each, now, rules.pace) for each in accounts},
        known=facts.shared(session, [each.definition for each in everyone], rules.links_url),
    )


def _post(world: World, everyone: Iterable[Stored], chosen: set[int]) -> None:
    """Note what each series posts; one that posts nothing soon shows its next occurrence."""
    until = world.now + AHEAD
    for series in everyone:
        found = list(_posts(world, series, world.now, until))
        if not found and series.id in chosen:
            following = _next_due(world, series)
            if following is not None:
                end = following + dt.timedelta(days=2)
                found = list(_posts(world, series, following, end))
        world.posts[series.id] = found


def _posts(world: World, series: Stored, since: dt.datetime, until: dt.datetime) -> Iterable[Post]:
    wanted = series.definition
    for name, zone in definition.local_zones(wanted, world.rules.zone, world.zones).items():
        for slot in recurrence.slots(
            wanted.schedule, wanted.timings, zone, since, until, world.days
        ):
            yield Post(series, name, zone, slot)


def _next_due(world: World, series: Stored) -> dt.datetime | None:
    wanted = series.definition
    found = [
        recurrence.next_due(wanted.schedule, wanted.timings, zone, world.now, world.days)
        for zone in definition.local_zones(wanted, world.rules.zone, world.zones).values()
    ]
    return min((each for each in found if each is not None), default=None)


def _reach(
    session: Session, world: World, everyone: Sequence[Stored], wanted: Sequence[Stored]
) -> None:
    """Whom each series reaches, of those that post within two days of one of ours."""
    moments = {
        post.slot.due_at.date() + dt.timedelta(days=shift)
        for series in wanted
        for post in world.posts[series.id]
        for shift in (-1, 0, 1)
    }
    near = [
        series
        for series in everyone
        if any(post.slot.due_at.date() in moments for post in world.posts[series.id])
    ]
    asked = {each.id: each for each in (*wanted, *near)}
    members = audience.members(
        session, (each.definition.audience for each in asked.values()), world.today
    )
    open_rooms = {room.id for room in world.rooms.values() if room.unavailable_reason is None}
    world.audiences = {id: members[each.definition.audience] for id, each in asked.items()}
    world.reached = {series.id: frozenset() for series in everyone} | {
        series.id: world.audiences[series.id] & open_rooms for series in near
    }
