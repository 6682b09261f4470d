"""The simulated community: who is in which room, from when to when, and how much they talk.

Everything here is drawn from the seed alone; what people say is in `talk`, what they do about
our posts in `reactions`, what they buy in `shopping`.
"""

import datetime as dt
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers

from bot.demo import content

ZONE: Final = ZoneInfo("Asia/Shanghai")
# A fixed Sunday: the same seed tells the same story whenever it is run.
LAST_DAY: Final = dt.date(2026, 11, 22)
MESSAGES_A_DAY: Final = 14.0
# Orders of one member in eight lead to nobody we know.
UNKNOWN_SHARE: Final = 0.12
# In the last week one room in twenty falls quiet and one in twenty comes alive.
QUIET, LIVELY = 0.4, 1.9
LURKERS: Final = 0.45
GROUPS_A_DAY: Final = 0.05
_STORY_EVERY: Final = 20
_IN_TWO_ROOMS: Final = 0.12


@dataclass(frozen=True, slots=True)
class Member:
    """One invented person. `known`: the shop's buyer ids lead to them; `style`: how they type."""

    id: str
    name: str
    style: int
    unionid: str
    phone: str
    known: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """A member in a room, `[joined, left)`; None stands for "before" and "still". Times are UTC."""

    member: Member
    weight: float
    joined: dt.datetime | None = None
    left: dt.datetime | None = None

    def covers(self, at: dt.datetime) -> bool:
        """Whether the member is there at `at`."""
        return (self.joined is None or self.joined <= at) and (self.left is None or at < self.left)


@dataclass(frozen=True, slots=True)
class Room:
    """One room. `activity` is its usual number of messages a day; `koc` talks for the brand."""

    id: str
    topic: str
    vertical: content.Vertical
    account: str
    operator: Member
    koc: Member | None
    stays: tuple[Stay, ...]
    activity: float
    last_week: float


@dataclass(frozen=True, slots=True)
class Community:
    """Everybody. Days are local dates, `days` of them, up to and with LAST_DAY."""

    seed: int
    days: tuple[dt.date, ...]
    rooms: tuple[Room, ...]

    def draws(self, *purpose: object) -> random.Random:
        """A stream of chance of its own for each purpose, so that none disturbs another."""
        name = ":".join(str(part) for part in (self.seed, *purpose))
        return random.Random(name)  # noqa: S311  # a simulation, not a secret


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who may speak in a room on one day, with their cumulated weights."""

    members: tuple[Member, ...]
    cumulated: tuple[float, ...]

    def draw(self, rng: random.Random, *absent: Member) -> Member:
        """Somebody, heard as often as their weight says, if possible not one of `absent`."""
        for _ in range(6):
            (member,) = rng.choices(self.members, cum_weights=self.cumulated)
            if member not in absent:
                break
        return member


EMPTY: Final = Crowd((), ())


def found(seed: int, rooms: int, days: int, accounts: Sequence[str]) -> Community:
    """A community; the rooms take verticals and accounts in turn."""
    calendar = tuple(LAST_DAY - dt.timedelta(days=back) for back in reversed(range(days)))
    empty = Community(seed, calendar, ())
    rng = empty.draws("people")
    people = _people(rng)
    passers_by: list[Member] = []
    built: list[Room] = []
    for number in range(rooms):
        built.append(
            _room(empty, rng, number, accounts=accounts, people=people, passers_by=passers_by)
        )
    return Community(seed, calendar, tuple(built))


def crowd(room: Room, day: dt.date) -> Crowd:
    """Who can speak in `room` all through a local day."""
    since, until = instant(day), instant(day + dt.timedelta(days=1))
    present = [
        stay
        for stay in room.stays
        if (stay.joined is None or stay.joined < since)
        and (stay.left is None or stay.left >= until)
    ]
    return Crowd(
        tuple(stay.member for stay in present),
        tuple(accumulate(stay.weight for stay in present)),
    )


def instant(day: dt.date, hours: float = 0) -> dt.datetime:
    """The UTC instant `hours` after a local midnight, in whole seconds."""
    midnight = dt.datetime.combine(day, dt.time(), ZONE).astimezone(dt.UTC)
    return midnight + dt.timedelta(seconds=round(hours * 3600))


def poisson(rng: random.Random, mean: float) -> int:
    """How often something rare happens (Knuth's product of uniforms; means below 50)."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def _room(
    community: Community,
    rng: random.Random,
    number: int,
    *,
    accounts: Sequence[str],
    people: Iterator[Member],
    passers_by: list[Member],
) -> Room:
    vertical = content.verticals()[number % len(content.verticals())]
    size = round(45 + rng.lognormvariate(3.4, 0.5))
    faces = _faces(rng, vertical)
    members = [_dressed(next(people), next(faces)) for _ in range(size)]
    guests = rng.sample(passers_by, min(len(passers_by), round(size * _IN_TWO_ROOMS)))
    passers_by.extend(rng.sample(members, size // 6))
    weights = _voices(rng, len(members) + len(guests))
    stays = [Stay(member, weight) for member, weight in zip(members + guests, weights, strict=True)]
    leaving = _leaving(community, rng, stays)
    joining = _joining(community, rng, people, faces)
    return Room(
        id=f"demo{number + 1:03d}@chatroom",
        topic=f"{vertical.name} {number // len(content.verticals()) + 1} 群",
        vertical=vertical,
        account=accounts[number % len(accounts)],
        operator=_dressed(next(people), f"群运营·{rng.choice(_OPERATORS)}"),
        koc=members[0] if number % 3 == 0 else None,
        stays=(*leaving, *joining),
        activity=MESSAGES_A_DAY * rng.lognormvariate(-0.08, 0.4),
        last_week={1: QUIET, 2: LIVELY}.get(number % _STORY_EVERY, 1.0),
    )


_OPERATORS: Final = ("小夏", "阿禾", "可可", "小鱼", "木木", "思思")


def _voices(rng: random.Random, people: int) -> list[float]:
    """Zipf-like: a few do most of the talking, and nearly half hardly ever say a word."""
    weights = [1 / (rank + 2) for rank in range(people)]
    weights = [
        weight * 0.04 if rank > people * (1 - LURKERS) else weight
        for rank, weight in enumerate(weights)
    ]
    rng.shuffle(weights)
    return weights


def _leaving(community: Community, rng: random.Random, stays: Sequence[Stay]) -> list[Stay]:
    kept = list(stays)
    for day in community.days[1:]:
        for _ in range(poisson(rng, 0.3)):
            place = rng.randrange(1, len(kept))
            if kept[place].left is None:
                at = instant(day, rng.uniform(8, 23))
                kept[place] = Stay(kept[place].member, kept[place].weight, left=at)
    return kept


def _joining(
    community: Community, rng: random.Random, people: Iterator[Member], faces: Iterator[str]
) -> list[Stay]:
    """People come in small groups: somebody shares the room's code, and some friends follow."""
    stays = []
    for day in community.days:
        for _ in range(poisson(rng, GROUPS_A_DAY)):
            at = instant(day, rng.uniform(9, 22))
            for _ in range(1 + poisson(rng, 3)):
                weight = 0.12 * rng.paretovariate(1.5)
                stays.append(Stay(_dressed(next(people), next(faces)), weight, joined=at))
    return stays


def _people(rng: random.Random) -> Iterator[Member]:
    # Whoever comes after the last number has none that is known.
    phones = itertools.chain(_phones(), itertools.repeat(""))
    for number in itertools.count(1):
        yield Member(
            id=f"wxid_{rng.getrandbits(40):010x}{number:05d}",
            name="",
            style=rng.randrange(10),
            unionid=f"oDemo{rng.getrandbits(64):016x}",
            phone=next(phones),
            known=rng.random() >= UNKNOWN_SHARE,
        )


def _phones() -> Iterator[str]:
    """Numbers that are kept for fiction (555-0100 to 0199 of each North American area): valid in
    form, and nobody's.
    """
    for area in range(200, 1000):
        numbers = [f"+1{area}555{last:04d}" for last in range(100, 200)]
        if phonenumbers.is_valid_number(phonenumbers.parse(numbers[0])):
            yield from numbers


def _dressed(member: Member, name: str) -> Member:
    return Member(member.id, name, member.style, member.unionid, member.phone, member.known)


def _faces(rng: random.Random, vertical: content.Vertical) -> Iterator[str]:
    """Nicknames of one room, none twice, the more alike ones later."""
    heads = rng.sample(vertical.heads, len(vertical.heads))
    first = [head + rng.choice(vertical.tails) for head in heads]
    first += [*vertical.nicknames, *content.phrases()["nicknames"]]
    rng.shuffle(first)
    yield from first
    names = [head + tail for head in heads for tail in vertical.tails]
    names = [name for name in rng.sample(names, len(names)) if name not in first]
    yield from names
    number = 1
    while True:
        number += 1
        yield from (f"{name}{number}" for name in names)
