"""Gather a week: what any digest of it shows, for all rooms in a fixed number of queries."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, exists, func, select
from sqlmodel import Session

from bot import database
from bot.digest import goals
from bot.digest import orders as order_rows
from bot.digest import posts as post_rows
from bot.digest.goals import Aim
from bot.errors import Fault, InvalidInput
from bot.gateway import Read
from bot.insights import engagement, responses
from bot.insights.engagement import Count, Days, RoomView, Talk, Turnover
from bot.models import (
    Contact,
    Mention,
    Message,
    MessageIdentity,
    Product,
    Room,
    RoomWeek,
    SeriesKind,
)

DAY = dt.timedelta(days=1)
SETTLES_AFTER = dt.timedelta(hours=72)
BAND_WEEKS = 24
MONTH_DAYS = 28
MOST_TEXTS = 200


@dataclass(frozen=True, slots=True)
class Named:
    """How often members of a room named a product, and how many of them."""

    product: str
    messages: int
    members: int


@dataclass(frozen=True, slots=True)
class Words:
    """What one message said, and the name its sender had."""

    text: str
    name: str


class Earlier(NamedTuple):
    """Messages of a room's week before the log, and whose roll-up says so."""

    messages: int
    origin: str


@dataclass(frozen=True, slots=True)
class Week:
    """A week as it was gathered at `now`; mappings are by room id, absent where nothing was.

    `days` is the part of the week that is over; answers and orders are known up to `horizon`.
    `unread` are rooms whose gateway cannot read all; `unseen` rooms of which nothing was ever
    recorded: their figures are not known, which is not 0. `earlier` holds roll-ups of weeks
    before the log by Monday.
    """

    monday: dt.date
    days: Days
    zone: ZoneInfo
    now: dt.datetime
    horizon: dt.datetime
    final: bool
    rooms: Mapping[int, RoomView]
    unread: frozenset[int]
    unseen: frozenset[int]
    first_days: Mapping[int, dt.date]
    daily: Mapping[int, Mapping[dt.date, Count]]
    weekly: Mapping[int, Mapping[dt.date, Count]]
    earlier: Mapping[int, Mapping[dt.date, Earlier]]
    talks: Mapping[int, Sequence[Talk]]
    month_speakers: Mapping[int, int]
    members: Mapping[int, int]
    month_members: Mapping[int, int]
    turnover: Mapping[int, Turnover]
    questions: Mapping[int, Sequence[responses.Question]]
    shares: Mapping[int, Sequence[tuple[int, int]]]
    named: Mapping[int, Sequence[Named]]
    orders: Sequence[order_rows.Sale]
    orders_known: bool
    late_order_events: int
    unsent: Mapping[int, Counter[tuple[str, str]]]
    sent: Mapping[int, int]
    held: Mapping[SeriesKind, Mapping[int, frozenset[dt.date]]]
    first_held: Mapping[int, dt.date]
    words: Mapping[int, Words]
    goals: Sequence[Aim]

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


def gather(
    session: Session,
    monday: dt.date,
    now: dt.datetime,
    zone: ZoneInfo,
    *,
    quoting: Collection[str] | None = (),
) -> Week:
    """Everything about the week that begins on `monday`, as known at `now`.

    Words of members are fetched only for the rooms `quoting` (platform ids; None: for every
    room). Raises InvalidInput where no day of the week is over yet.
    """
    days = _days_over(monday, now, zone)
    month = days.back(MONTH_DAYS)
    since = monday - dt.timedelta(weeks=BAND_WEEKS)
    horizon = min(now, days.instants(zone)[1] + SETTLES_AFTER)
    rooms = engagement.rooms(session, zone)
    unread = {id for id, room in rooms.items() if room.reads is not Read.ALL}
    weeks = [
        Days(since + dt.timedelta(weeks=n), since + dt.timedelta(weeks=n + 1))
        for n in range(BAND_WEEKS)
    ]
    questions = responses.questions(session, rooms, days, horizon, engagement.roles(session))
    shares = responses.shares(session, rooms, days)
    quoted = {
        id for id, room in rooms.items() if quoting is None or room.platform_id in quoting
    } - unread
    return Week(
        monday=monday,
        days=days,
        zone=zone,
        now=now,
        horizon=horizon,
        final=len(days) == 7 and now >= days.instants(zone)[1] + SETTLES_AFTER,
        rooms=rooms,
        unread=frozenset(unread),
        unseen=_unseen(session, days),
        first_days=engagement.first_days(session, Days(since, days.until)),
        daily=engagement.counts(session, [Days(day, day + DAY) for day in month]),
        weekly=engagement.counts(session, weeks),
        earlier=_earlier(session, Days(since, monday)),
        talks=engagement.talks(session, days),
        month_speakers=engagement.speakers(session, month),
        members=engagement.members(session, rooms, days),
        month_members=engagement.members(session, rooms, month),
        turnover=engagement.turnover(session, rooms, days),
        questions=questions,
        shares=shares,
        named=_named(session, rooms, days),
        orders=order_rows.sales(session, rooms, days, zone),
        orders_known=order_rows.known(session, horizon),
        late_order_events=order_rows.late_events(session, days, zone, SETTLES_AFTER),
        unsent=post_rows.unsent(session, rooms, days),
        sent=post_rows.sent(session, rooms, days),
        held=post_rows.held(session, rooms, month),
        first_held=post_rows.first_held(session, rooms),
        goals=goals.standing(session),
        words=_words(session, _worth_quoting(quoted, questions, shares)),
    )


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


def _unseen(session: Session, days: Days) -> frozenset[int]:
    room = database.table(Room)
    identity = database.table(MessageIdentity)
    recorded = exists().where(identity.c.room_id == room.c.id, identity.c.day <= days.until)
    rows = session.connection().execute(select(room.c.id).where(~recorded))
    return frozenset(row[0] for row in rows)


def _earlier(session: Session, days: Days) -> dict[int, dict[dt.date, Earlier]]:
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


def _named(session: Session, rooms: Mapping[int, RoomView], days: Days) -> dict[int, list[Named]]:
    mention, product = database.table(Mention).c, database.table(Product).c
    given = engagement.given_rooms(session, rooms, days)
    messages = func.count(mention.message_id.distinct())
    rows = session.connection().execute(
        select(mention.room_id, product.name, messages, func.count(mention.contact_id.distinct()))
        .where(mention.product_id == product.id, mention.room_id == given.c.room_id)
        .where(mention.day >= days.since - DAY, mention.day < days.until + DAY)
        .where(mention.at >= given.c.since_at, mention.at < given.c.until_at)
        .where(engagement.by_member(mention.room_id, mention.contact_id))
        .group_by(mention.room_id, product.id, product.name)
        .order_by(mention.room_id, messages.desc(), product.name)
    )
    found: dict[int, list[Named]] = defaultdict(list)
    for room, name, count, members in rows:
        found[room].append(Named(name, count, members))
    return dict(found)


def _worth_quoting(
    rooms: Collection[int],
    questions: Mapping[int, Sequence[responses.Question]],
    shares: Mapping[int, Sequence[tuple[int, int]]],
) -> list[int]:
    ids: set[int] = set()
    for room in rooms:
        for question in questions.get(room, ())[:MOST_TEXTS]:
            ids.add(question.message_id)
            ids.update(answer.message_id for answer in question.answers[:1])
        ids.update(message for message, _ in shares.get(room, ())[:MOST_TEXTS])
    return sorted(ids)


def _words(session: Session, ids: Sequence[int]) -> dict[int, Words]:
    identity, message = database.table(MessageIdentity).c, database.table(Message).c
    contact = database.table(Contact).c
    given = database.given(session, {"id": BigInteger()}, [(id,) for id in ids])
    rows = session.connection().execute(
        select(message.id, message.text, message.name, contact.name)
        .where(identity.id == given.c.id)
        .where(message.day == identity.day, message.room_id == identity.room_id)
        .where(message.id == identity.id, contact.id == message.contact_id)
        .where(message.text.is_not(None))
    )
    return {id: Words(text, name or latest) for id, text, name, latest in rows}
