"""Gather a week: what any digest of it shows, for all rooms in a fixed number of queries.

Counts come from roll-ups (`insights/rolled.py`); what members said is fetched for a few rooms at a
time (`digest/saying.py`).
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select
from sqlmodel import Session

from bot import database
from bot.digest import cases, goals, reach
from bot.digest import orders as order_rows
from bot.digest import posts as post_rows
from bot.digest.cases import Cases
from bot.digest.goals import Aim
from bot.errors import Fault, InvalidInput
from bot.gateway import Read
from bot.insights import (
    customers,
    engagement,
    experiments,
    rolled,
    segments,
    shares,
    takings,
    topics,
)
from bot.insights.engagement import Days, RoomView
from bot.insights.history import Day, EarlierWeek
from bot.insights.history import Week as RoomsWeek
from bot.insights.intervals import Share
from bot.insights.rising import Target
from bot.insights.segments import Candidates
from bot.insights.shares import Told
from bot.insights.takings import Takings
from bot.insights.topics import Topics
from bot.models import (
    DigestScope,
    Mention,
    MessageIdentity,
    Product,
    Role,
    Room,
    RoomWeek,
    SeriesKind,
)

DAY = dt.timedelta(days=1)
SETTLES_AFTER = dt.timedelta(hours=72)
BAND_WEEKS = 24
MONTH_DAYS = 28
MOST_CANDIDATES = 3


class Named(NamedTuple):
    """How often members of a room named a product, and how many of them."""

    product: str
    messages: int
    members: int


class Earlier(NamedTuple):
    """Messages of a room's week before the log, and whose roll-up says so."""

    messages: int
    origin: str


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment under way: where it stands, and what it shows by now, in words."""

    words: str
    reading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """A week as it was gathered at `now`; mappings are by room id, absent where nothing was.

    `days` is the part of the week that is over. Answers are known up to `answered_until`, a local
    midnight, and so are rooms' `weekly` figures; orders up to `now`. `unread` are rooms whose
    gateway cannot read all; `unseen` rooms of which nothing was ever recorded: their figures are
    not known, which is not 0. `before` holds the rooms' own earlier weeks by Monday, `elsewhere`
    roll-ups of weeks before the log. `people` counts those who spoke, each once, by scope.
    `candidates` are people to think of for a tester program, `again` the share of buyers who came
    back, None where nobody has been watched for long enough. `shares` are those of the orders of
    28 days, None where there are no orders. `takings` are earlier weeks' as of the same age.
    """

    monday: dt.date
    days: Days
    zone: ZoneInfo
    now: dt.datetime
    answered_until: dt.datetime
    final: bool
    rooms: Mapping[int, RoomView]
    roles: Mapping[tuple[int, int], Role]
    unread: frozenset[int]
    unseen: frozenset[int]
    daily: Mapping[int, Mapping[dt.date, Day]]
    weekly: Mapping[int, RoomsWeek]
    before: Mapping[int, Mapping[dt.date, EarlierWeek]]
    elsewhere: Mapping[int, Mapping[dt.date, Earlier]]
    people: Mapping[tuple[DigestScope, str], int]
    named: Mapping[int, Sequence[Named]]
    topics: Mapping[Target, Topics]
    cases: Mapping[int, Cases]
    orders: Sequence[order_rows.Sale]
    orders_known: bool
    takings: Takings
    late_order_events: int
    unsent: Mapping[int, Counter[tuple[str, str]]]
    sent: Mapping[int, int]
    held: Mapping[SeriesKind, Mapping[int, frozenset[dt.date]]]
    first_held: Mapping[int, dt.date]
    goals: Sequence[Aim]
    candidates: Candidates
    again: Share | None
    shares: Told | None
    trials: Sequence[Trial]

    @property
    def whole(self) -> bool:
        """Whether all seven days are over."""
        return len(self.days) == 7


def monday(week: str) -> dt.date:
    """The Monday of an ISO week such as 2026-W45. Raises InvalidInput."""
    try:
        return dt.datetime.strptime(f"{week}-1", "%G-W%V-%u").date()  # noqa: DTZ007  # a local date
    except ValueError:
        raise InvalidInput(
            Fault("--week", 0, "", f"{week} is no ISO week", "write it like 2026-W45")
        ) from None


def gather(session: Session, monday: dt.date, now: dt.datetime, zone: ZoneInfo) -> Week:
    """Everything about the week that begins on `monday`, as known at `now`.

    Raises InvalidInput where no day of the week is over yet.
    """
    days = _days_over(monday, now, zone)
    rooms = engagement.rooms(session, zone)
    roles = engagement.roles(session)
    month = days.back(MONTH_DAYS)
    orders_known = order_rows.known(session, now)
    rolls = rolled.read(session, rooms, days.until, days=MONTH_DAYS, weeks=BAND_WEEKS)
    answered_until = max((until_answered(room, days, now) for room in rooms.values()), default=now)
    return Week(
        monday=monday,
        days=days,
        zone=zone,
        now=now,
        answered_until=answered_until,
        final=len(days) == 7 and now >= days.instants(zone)[1] + SETTLES_AFTER,
        rooms=rooms,
        roles=roles,
        unread=frozenset(id for id, room in rooms.items() if room.reads is not Read.ALL),
        unseen=_unseen(session, days),
        daily=rolls.days,
        weekly={
            room: _as_of(week, answered_until - until_answered(rooms[room], days, now))
            for room, week in rolls.week.items()
        },
        before=rolls.earlier,
        elsewhere=_elsewhere(session, Days(monday - dt.timedelta(weeks=BAND_WEEKS), monday)),
        people=reach.people(session, days, held=rolls.held),
        named=_named(session, rooms, roles, days),
        topics=topics.of_week(session, monday),
        cases=cases.of_week(session, rooms, roles, days, now),
        orders=order_rows.sales(session, rooms, days, zone),
        orders_known=orders_known,
        takings=takings.gather(session, rooms, monday, now, zone, BAND_WEEKS),
        late_order_events=order_rows.late_events(session, days, zone, SETTLES_AFTER),
        unsent=post_rows.unsent(session, rooms, days),
        sent=post_rows.sent(session, rooms, days),
        held=post_rows.held(session, rooms, month),
        first_held=post_rows.first_held(session, rooms),
        goals=goals.standing(session),
        candidates=segments.candidates(session, limit=MOST_CANDIDATES),
        again=customers.gather(session, now, zone).again if orders_known else None,
        shares=shares.share(session, *month.instants(zone)) if orders_known else None,
        trials=_trials(session, days, now, zone),
    )


def _trials(session: Session, days: Days, now: dt.datetime, zone: ZoneInfo) -> list[Trial]:
    """The experiments of the week. They are few; each is read by itself."""
    last = days.instants(zone)[1] - dt.timedelta(seconds=1)
    return [
        Trial(one.words, experiments.report(session, one.name, now).words)
        for one in experiments.running(session, None, last)
    ]


def until_answered(room: RoomView, days: Days, now: dt.datetime) -> dt.datetime:
    """The midnight up to which a room's answers count: a day after the week at the latest, so
    that a digest does not change for ever.
    """
    today = now.astimezone(room.zone).date()
    return Days(days.since, min(max(today, days.until), days.until + DAY)).instants(room.zone)[1]


def _days_over(monday: dt.date, now: dt.datetime, zone: ZoneInfo) -> Days:
    """The days of the week that are over, so that no half day is compared with whole ones."""
    until = min(monday + 7 * DAY, now.astimezone(zone).date())
    if until <= monday:
        raise InvalidInput(
            Fault(
                "--week",
                0,
                "",
                f"no day of the week of {monday} is over yet",
                f"ask again from {monday + DAY} on, or take an earlier week",
            )
        )
    return Days(monday, until)


def _as_of(week: RoomsWeek, earlier: dt.timedelta) -> RoomsWeek:
    """A room's week whose midnight came that much before the latest one of all rooms: its
    questions are moved by as much, so that one moment tells for how long each was watched.
    """
    shift = int(earlier.total_seconds())
    if not shift:
        return week
    return week._replace(asked=[[(at or 0) + shift, *waits] for at, *waits in week.asked])


def _unseen(session: Session, days: Days) -> frozenset[int]:
    room = database.table(Room)
    identity = database.table(MessageIdentity)
    recorded = exists().where(identity.c.room_id == room.c.id, identity.c.day <= days.until)
    rows = session.connection().execute(select(room.c.id).where(~recorded))
    return frozenset(row[0] for row in rows)


def _elsewhere(session: Session, days: Days) -> dict[int, dict[dt.date, Earlier]]:
    earlier = database.table(RoomWeek).c
    rows = session.connection().execute(
        select(earlier.room_id, earlier.week, earlier.messages, earlier.origin).where(
            earlier.week >= days.since, earlier.week < days.until
        )
    )
    found: dict[int, dict[dt.date, Earlier]] = defaultdict(dict)
    for room, week, messages, origin in rows:
        found[room][week] = Earlier(messages, origin)
    return dict(found)


def _named(
    session: Session,
    rooms: Mapping[int, RoomView],
    roles: Mapping[tuple[int, int], Role],
    days: Days,
) -> dict[int, list[Named]]:
    mention, product = database.table(Mention).c, database.table(Product).c
    names = dict(session.connection().execute(select(product.id, product.name)).all())
    given = engagement.given_rooms(session, rooms, days)
    rows = session.connection().execute(
        select(mention.room_id, mention.product_id, mention.contact_id, func.count())
        .where(mention.room_id == given.c.room_id)
        .where(mention.day >= days.since - DAY, mention.day < days.until + DAY)
        .where(mention.at >= given.c.since_at, mention.at < given.c.until_at)
        .group_by(mention.room_id, mention.product_id, mention.contact_id)
    )
    sums: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for room, product_id, contact, messages in rows.all():
        if (room, contact) not in roles:
            total = sums[room][names[product_id]]
            total[0] += messages
            total[1] += 1
    return {
        room: sorted(
            (Named(name, *total) for name, total in by_name.items()),
            key=lambda one: (-one.messages, one.product),
        )
        for room, by_name in sums.items()
    }
