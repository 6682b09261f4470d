"""What will be posted, before it is: each post of a stretch of days with what speaks against it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlmodel import Session

from content_calendar import audience, definition, facts, holidays, posts, questions, recurrence
from content_calendar.audience import Target
from content_calendar.checking import unknown_years
from content_calendar.contact import Rules
from content_calendar.definition import Definition
from content_calendar.holidays import Days
from content_calendar.posts import Composed, Facts
from content_calendar.recurrence import Slot

MIDNIGHT = dt.time()
NO_ACCOUNT = "还没有机器人账号"


@dataclass(frozen=True, slots=True)
class Previewed:
    """One step of one occurrence for all the rooms in which it reads the same.

    `at` is the rooms' wall clock; `text` is empty where none can be made; `attached` are the
    messages behind it. With `excluded` nothing will be sent, for that reason.
    """

    at: dt.datetime
    series: str
    name: str
    original_date: dt.date
    step: str
    rooms: tuple[Target, ...]
    text: str
    attached: tuple[str, ...]
    topic: str | None
    variant: str | None
    warnings: tuple[str, ...]
    excluded: str | None


# The rooms of one zone by step, each with those that get the same post at every date.
_Kinds = dict[str, list[tuple[Target, ...]]]


@dataclass(frozen=True, slots=True)
class _Reached:
    """A series with the rooms that it reaches, by zone and step."""

    wanted: Definition
    seed: int
    kinds: Mapping[ZoneInfo, _Kinds]


def preview(
    session: Session,
    series: Iterable[Definition],
    since: dt.date,
    until: dt.date,
    rules: Rules,
) -> Iterator[Previewed]:
    """Every post whose local day lies in `[since, until)`, in order of time, then of series.

    Only the moments are held at once, not the posts: rooms × days never stand in memory.
    """
    wanted = list(series)
    days = holidays.load(session)
    known = facts.shared(session, wanted, rules.links_url)
    seeds = definition.seeds(session)
    # A moved occurrence goes by its original date, which may be long before.
    picked = questions.picked_from(session, [each.key for each in wanted], dt.date.min)
    reached = [
        _reached(session, each, seeds.get(each.key, 0), since, rules.zone, known) for each in wanted
    ]
    moments = [
        (slot, each, local)
        for each in reached
        for local in each.kinds
        for slot in recurrence.slots(
            each.wanted.schedule,
            each.wanted.timings,
            local,
            recurrence.instant(since, MIDNIGHT, local),
            recurrence.instant(until, MIDNIGHT, local),
            days,
        )
    ]
    moments.sort(key=lambda moment: (moment[0].due_at, moment[1].wanted.key))
    for slot, each, local in moments:
        chosen = picked.get((each.wanted.key, slot.original_date), ())
        said = replace(known, picked=chosen) if chosen else known
        yield from _previewed(each, slot, local, rules, days, said)


def remarks(session: Session, series: Sequence[Definition], today: dt.date) -> list[str]:
    """What is worth a look about whole series: nobody reached, rooms that nobody has seen, years
    whose holidays are not known.
    """
    found = []
    days = holidays.load(session)
    for wanted in series:
        if not audience.ids(session, wanted.audience, today):
            found.append(f"{wanted.key}: 一个群也没有选到")
        unknown = audience.unknown_rooms(session, wanted.audience)
        found += [f"{wanted.key}: 没有见过群 {room}" for room in unknown]
        found += [fault.problem for fault in unknown_years(wanted, days)]
    return found


def _reached(
    session: Session, wanted: Definition, seed: int, today: dt.date, zone: ZoneInfo, known: Facts
) -> _Reached:
    by_zone: dict[ZoneInfo, list[Target]] = {}
    for room in audience.targets(session, wanted.audience, today):
        named = wanted.zone or room.zone or wanted.default_zone
        by_zone.setdefault(ZoneInfo(named) if named else zone, []).append(room)
    kinds = {
        local: {
            step.name: _split(posts.kinds(wanted, seed, step.name, rooms, known))
            for step in wanted.steps
        }
        for local, rooms in by_zone.items()
    }
    return _Reached(wanted, seed, kinds)


def _split(kinds: Iterable[tuple[Target, ...]]) -> list[tuple[Target, ...]]:
    """The kinds parted once more by what warnings depend on."""
    found = []
    for kind in kinds:
        parted: dict[tuple[object, ...], list[Target]] = {}
        for room in kind:
            facts_of = (room.unavailable_reason, room.account_id is None, room.zone)
            parted.setdefault(facts_of, []).append(room)
        found += [tuple(rooms) for rooms in parted.values()]
    return found


def _previewed(
    reached: _Reached, slot: Slot, zone: ZoneInfo, rules: Rules, days: Days, known: Facts
) -> Iterator[Previewed]:
    wanted = reached.wanted
    alike: dict[tuple[object, ...], list[tuple[Target, ...]]] = {}
    shown: dict[tuple[object, ...], tuple[Composed, str | None, tuple[str, ...]]] = {}
    for kind in reached.kinds[zone][slot.step]:
        post = posts.compose_one(wanted, reached.seed, slot, kind[0], known)
        excluded = _excluded(kind[0], slot, rules, days) or post.refused
        warnings = tuple(_warnings(wanted, slot, kind[0], zone, rules))
        agreed: tuple[object, ...] = (_words(post), post.topic, post.variant, excluded, warnings)
        alike.setdefault(agreed, []).append(kind)
        shown.setdefault(agreed, (post, excluded, warnings))
    for same, kinds in alike.items():
        post, excluded, warnings = shown[same]
        yield Previewed(
            at=slot.due_at.astimezone(zone),
            series=wanted.key,
            name=wanted.name,
            original_date=slot.original_date,
            step=slot.step,
            rooms=kinds[0] if len(kinds) == 1 else tuple(room for kind in kinds for room in kind),
            text=post.parts[0].text,
            attached=tuple(part.step for part in post.parts if not part.text),
            topic=post.topic,
            variant=post.variant,
            warnings=warnings,
            excluded=excluded,
        )


def _excluded(room: Target, slot: Slot, rules: Rules, days: Days) -> str | None:
    """Why a room gets nothing then, whatever it would read."""
    day = slot.due_at.astimezone(ZoneInfo(room.zone) if room.zone else rules.zone).date()
    if room.unavailable_reason is None and room.account_id is None:
        return NO_ACCOUNT
    return room.unavailable_reason or (f"{day} 是停发日" if day in days.blackout else None)


def _words(post: Composed) -> tuple[object, ...]:
    return tuple((part.step, part.text, part.mention_all) for part in post.parts)


def _warnings(
    wanted: Definition, slot: Slot, room: Target, zone: ZoneInfo, rules: Rules
) -> Iterator[str]:
    quiet = rules.pace.quiet
    if wanted.step(slot.step).mention_all and not room.mention_all:
        yield "这个群不允许 @所有人,照常发但不 @"
    # Quiet hours are the room's own, whatever zone the series names.
    clock = ZoneInfo(room.zone) if room.zone else rules.zone
    local = slot.due_at.astimezone(clock)
    if quiet is None or not quiet.cover(local.time()):
        return
    end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, quiet)
    day = local.date() if local.time() < quiet.until else local.date() + recurrence.DAY
    opens = recurrence.instant(day, quiet.until, clock)
    if end <= opens:
        yield f"在静默时段里,到 {quiet.until:%H:%M} 已经过期,发不出去"
    else:
        yield f"在静默时段里,推迟到 {quiet.until:%H:%M}"
