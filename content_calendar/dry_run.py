"""What approving a series would do: to whom, when, for how long, and what speaks against it."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlmodel import Session

from bot.insights import trials
from bot.models import SeriesState
from content_calendar import (
    definition,
    estimating,
    giving_way,
    outlook,
    posts,
)
from content_calendar.audience import Target
from content_calendar.contact import Rules
from content_calendar.definition import Stored
from content_calendar.estimating import Load, Sending
from content_calendar.giving_way import Conflict, Crowd
from content_calendar.outlook import Places, Post, World


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of one occurrence: `rooms` that get it, `quiet` of them in their quiet hours then,
    `conflicts` others in which it gives way, and when the sending will be over.

    `held` of the others go without as an experiment drew it.
    `late_by` is how far the estimate passes the lateness limit, zero where it keeps it.
    """

    original_date: dt.date
    step: str
    due_at: dt.datetime
    rooms: int
    quiet: int
    conflicts: int
    sending: Sending | None
    late_by: dt.timedelta = dt.timedelta()
    held: int = 0

    @property
    def minutes(self) -> int:
        """How long the sending takes, rounded up."""
        if self.sending is None:
            return 0
        taken = self.sending.last_at - self.sending.first_at
        return -(-int(taken.total_seconds()) // 60)


@dataclass(frozen=True, slots=True)
class Excluded:
    """A room of the audience that gets nothing, or not this `step`, and why."""

    room: str
    topic: str
    reason: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """One series: every step within `AHEAD` (or its next occurrence), in order of time."""

    key: str
    rooms: int
    steps: tuple[StepRun, ...]
    conflicts: tuple[Conflict, ...]
    excluded: tuple[Excluded, ...]


def run(session: Session, wanted: Sequence[Stored], now: dt.datetime, rules: Rules) -> list[DryRun]:
    """What each of these series would do, among those that are approved and each other.

    A number of queries that grows with neither series nor rooms.
    """
    chosen = {each.id for each in wanted}
    approved = definition.stored(session, state=SeriesState.APPROVED)
    everyone = [*wanted, *(each for each in approved if each.id not in chosen)]
    world = outlook.gather(session, everyone, wanted, now, rules)
    sendings, crowds = _sendings(world, everyone), giving_way.crowds(world, everyone, wanted)
    return [_run(world, each, crowds[each.id], sendings) for each in wanted]


def summary(run: DryRun) -> str:
    """One line, the most of any step: rooms that get it, minutes, quiet and yielding rooms."""
    if not run.steps:
        return "四周内没有要发的内容"
    minutes = max(step.minutes for step in run.steps)
    rooms = max(step.rooms for step in run.steps)
    quiet = max(step.quiet for step in run.steps)
    conflicts = max(step.conflicts for step in run.steps)
    never = sum(1 for each in run.excluded if each.step is None)
    text = f"将发给 {rooms:,} 群,约 {minutes:,} 分钟,{quiet:,} 群静默,{conflicts:,} 群冲突"
    text += f",{never:,} 群不发" if never else ""
    held = max(step.held for step in run.steps)
    return text + (f",对照组 {held:,} 群不发" if held else "")


def _sendings(world: World, everyone: Iterable[Stored]) -> dict[int, dict[Load, Sending]]:
    """The queue of every account."""
    loads: defaultdict[int, list[Load]] = defaultdict(list)
    for series in everyone:
        by_place = outlook.by_place(world, series)
        for post in world.posts[series.id]:
            for (account_id, zone), rooms in by_place.get(post.zone_name, {}).items():
                loads[account_id].append(_load(post, zone, rooms))
    return {
        account_id: estimating.sendings(
            some, world.rules.pace, world.limits[account_id], world.rules.zone
        )
        for account_id, some in loads.items()
    }


def _load(post: Post, zone: str | None, rooms: int) -> Load:
    step = post.series.definition.step(post.slot.step)
    return Load(
        post.series.definition.key,
        post.slot.original_date,
        post.slot.step,
        post.slot.due_at,
        rooms,
        posts.messages(step),
        post.series.definition.priority,
        zone,
        ZoneInfo(zone) if zone else None,
    )


def _run(
    world: World,
    series: Stored,
    crowds: Iterable[Crowd],
    sendings: Mapping[int, Mapping[Load, Sending]],
) -> DryRun:
    targets = [world.rooms[room_id] for room_id in sorted(world.audiences[series.id])]
    excluded = _excluded(world, series, targets)
    never = {each.room for each in excluded if each.step is None}
    rooms = [room for room in targets if room.platform_id not in never]
    conflicts = giving_way.conflicts(world, series, crowds, never)
    steps = tuple(_step_runs(world, series, rooms, excluded, conflicts, sendings))
    return DryRun(
        key=series.definition.key,
        rooms=len(rooms),
        steps=steps,
        conflicts=tuple(conflicts),
        excluded=tuple(excluded),
    )


def _excluded(world: World, series: Stored, targets: Sequence[Target]) -> list[Excluded]:
    found: list[Excluded] = []
    reachable = []
    for room in targets:
        reason = room.unavailable_reason or (None if room.account_id else "还没有机器人账号")
        if reason is None:
            reachable.append(room)
        else:
            found.append(Excluded(room.platform_id, room.topic, reason))
    by_room: defaultdict[Target, list[Excluded]] = defaultdict(list)
    shown: set[str] = set()
    for post in world.posts[series.id]:
        # What a post says changes from week to week; that it can be said is seen once a step.
        if post.slot.step in shown:
            continue
        shown.add(post.slot.step)
        for kind in posts.kinds(
            series.definition, series.seed, post.slot.step, reachable, world.known
        ):
            one = posts.compose_one(series.definition, series.seed, post.slot, kind[0], world.known)
            if one.refused is None:
                continue
            for room in kind:
                named = Excluded(room.platform_id, room.topic, one.refused, post.slot.step)
                by_room[room].append(named)
    for some in by_room.values():
        # A room that gets no step gets nothing.
        found += [replace(some[0], step=None)] if len(some) == len(shown) else some
    return found


def _step_runs(
    world: World,
    series: Stored,
    rooms: Sequence[Target],
    excluded: Sequence[Excluded],
    conflicts: Sequence[Conflict],
    sendings: Mapping[int, Mapping[Load, Sending]],
) -> Iterable[StepRun]:
    by_place = outlook.by_place(world, series)
    yielders: defaultdict[tuple[str, dt.datetime], set[str]] = defaultdict(set)
    for conflict in conflicts:
        if conflict.series == series.definition.key:
            yielders[conflict.step, conflict.due_at].update(conflict.rooms)
    # Rooms that name one zone are asked at one moment: they are counted, not looked at.
    zones = {room.platform_id: room.zone for room in rooms}
    inside = Counter(zones.values())
    for (original_date, step), group in _grouped(world, series, rooms).items():
        dues = {post.slot.due_at for post in group}
        out = {each.room for each in excluded if each.step == step}
        yielding = set[str]().union(*(yielders[step, due] for due in dues)) - out
        held = world.held.get((series.id, trials.monday(original_date)), {})
        named = {world.rooms[room_id].platform_id for room_id in held}
        without = named & zones.keys() - out - yielding
        asked = inside - Counter(zones[room] for room in out & zones.keys())
        not_getting = Counter(zones[room] for room in (yielding | without) & zones.keys())
        getting, quiet = _reach(world, series, group, asked, not_getting)
        sending, late_by = _sending(world, group, by_place, sendings)
        yield StepRun(
            original_date=original_date,
            step=step,
            due_at=min(dues),
            rooms=getting,
            quiet=quiet,
            conflicts=len(yielding),
            held=len(without),
            sending=sending,
            late_by=late_by,
        )


def _grouped(
    world: World, series: Stored, rooms: Sequence[Target]
) -> Mapping[tuple[dt.date, str], list[Post]]:
    """The posts of each step of each occurrence, by the wall clocks of these rooms."""
    fixed = series.definition.zone
    # Other rooms' wall clocks are nothing to this series.
    clocks = {fixed if fixed is not None else room.zone for room in rooms}
    grouped: defaultdict[tuple[dt.date, str], list[Post]] = defaultdict(list)
    for post in world.posts[series.id]:
        if post.zone_name in clocks or not rooms:
            grouped[post.slot.original_date, post.slot.step].append(post)
    return grouped


def _reach(
    world: World,
    series: Stored,
    group: Sequence[Post],
    asked: Mapping[str | None, int],
    not_getting: Mapping[str | None, int],
) -> tuple[int, int]:
    """How many rooms get a step, and how many are asked in their quiet hours, from the rooms by the
    zone that they name.
    """
    getting = quiet = 0
    for zone, number in asked.items():
        post = _post_for(group, series.definition.zone, zone)
        if post is None:
            continue
        quiet += number if _is_quiet(world, post, zone) else 0
        getting += 0 if _sleeps_over(world, post, zone) else number - not_getting.get(zone, 0)
    return getting, quiet


def _post_for(group: Iterable[Post], fixed: str | None, zone: str | None) -> Post | None:
    named = fixed if fixed is not None else zone
    return next((post for post in group if post.zone_name == named), None)


def _is_quiet(world: World, post: Post, zone: str | None) -> bool:
    quiet = world.rules.pace.quiet
    clock = ZoneInfo(zone) if zone else world.rules.zone
    return quiet is not None and quiet.cover(post.slot.due_at.astimezone(clock).time())


def _sleeps_over(world: World, post: Post, zone: str | None) -> bool:
    """Whether a post is too late before the quiet hours of rooms that name `zone` are over."""
    pace = world.rules.pace
    clock = ZoneInfo(zone) if zone else None
    opens = estimating.opens(post.slot.due_at, clock, pace)
    return opens > post.slot.due_at and opens >= posts.expires_at(
        post.slot.due_at, post.zone, post.series.definition.late_by_minutes, pace.quiet
    )


def _sending(
    world: World,
    group: Iterable[Post],
    by_place: Mapping[str | None, Places],
    sendings: Mapping[int, Mapping[Load, Sending]],
) -> tuple[Sending | None, dt.timedelta]:
    """From the first to the last post of a step, and by how much it passes its limit."""
    found: list[Sending] = []
    late_by = dt.timedelta()
    for post in group:
        wanted = post.series.definition
        end = posts.expires_at(
            post.slot.due_at, post.zone, wanted.late_by_minutes, world.rules.pace.quiet
        )
        for (account_id, zone), rooms in by_place.get(post.zone_name, {}).items():
            if _sleeps_over(world, post, zone):
                continue
            sending = sendings[account_id][_load(post, zone, rooms)]
            found.append(sending)
            late_by = max(late_by, sending.last_at - end)
    if not found:
        return None, late_by
    whole = Sending(min(each.first_at for each in found), max(each.last_at for each in found))
    return whole, late_by
