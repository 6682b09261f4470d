"""Daily counters: what each contact did in a room on a room-local day.

`recount` adds a day up in SQL from the log and what is derived from it: rebuilds, and days in
which something changed. `add` adds messages that follow all others to what stands, so that a day
is not read again for each of them. Both count the same acts, which the shuffles of
tests/journeys/test_ingest.py hold them to.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import appending, database, sealing, staleness
from bot.models import INEFFECTIVE, DailyCount, Mention, Message, Room, Signal, SignalKind
from bot.text import judging, signals
from bot.text.judging import Verdict
from bot.times import DAY, Stretch, utc_days

SUMS = ("messages", "effective_messages", "questions", "answers", "shares", "product_mentions")
_COUNTED = {SignalKind.QUESTION: 2, SignalKind.ANSWER: 3, SignalKind.SHARE: 4}


def recount(session: Session, stretches: Sequence[Stretch], zone: ZoneInfo) -> None:
    """Add up every room-local day that the stretches touch and that is not sealed, replacing what
    stood for it.
    """
    of_room = zones(session, {stretch.room_id for stretch in stretches}, zone)
    days = _room_days(stretches, of_room)
    days -= sealing.sealed(session, days)
    if not days:
        return
    staleness.mark(session, days)
    counts = database.table(DailyCount)
    chosen = database.given(
        session, {"day": Date(), "room_id": Integer()}, sorted((day, room) for room, day in days)
    )
    session.connection().execute(
        delete(counts).where(
            tuple_(counts.c.day, counts.c.room_id).in_(select(chosen.c.day, chosen.c.room_id))
        )
    )
    parts = database.given(
        session,
        {
            "local_day": Date(),
            "room_id": Integer(),
            "day": Date(),
            "since": UTCDateTime(),
            "until": UTCDateTime(),
        },
        sorted(part for room, day in days for part in _utc_parts(room, day, of_room[room])),
    )
    session.connection().execute(
        insert(counts).from_select([column.name for column in counts.c], _sums(parts))
    )


def add(session: Session, verdicts: Sequence[Verdict], zone: ZoneInfo) -> None:
    """Add messages that were never counted, none of them recalled or of a sealed day, to the
    counters of their days.
    """
    of_room = zones(session, {verdict.message.room_id for verdict in verdicts}, zone)
    days = {each: _LocalDays(each) for each in of_room.values()}
    sums: defaultdict[tuple[dt.date, int, int], list[int]] = defaultdict(lambda: [0] * len(SUMS))
    for verdict in verdicts:
        message = verdict.message
        if message.own or message.type in judging.UNCOUNTED_TYPES:
            continue
        day = days[of_room[message.room_id]].of(message.at)
        row = sums[day, message.room_id, message.contact_id]
        row[0] += 1
        row[1] += 1
        for sign in verdict.signals:
            if sign.kind in INEFFECTIVE:
                row[1] -= 1
            elif sign.kind in _COUNTED:
                row[_COUNTED[sign.kind]] += 1
        row[5] += len(verdict.products)
    staleness.mark(session, {(room, day) for day, room, _ in sums})
    keys = sorted(sums)
    columns: dict[str, appending.Column] = {
        "day": [day for day, _, _ in keys],
        "room_id": [room for _, room, _ in keys],
        "contact_id": [contact for _, _, contact in keys],
        "rule_version": [signals.RULE_VERSION] * len(keys),
    }
    columns |= {name: [sums[key][place] for key in keys] for place, name in enumerate(SUMS)}
    appending.add_up(session, DailyCount, columns, SUMS)


class _LocalDays:
    """Local days of instants that mostly come in order, each day's ends worked out once."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._day, self._since, self._until = dt.date.min, _NEVER, _NEVER

    def of(self, at: dt.datetime) -> dt.date:
        """The local day of an instant."""
        if not self._since <= at < self._until:
            self._day = at.astimezone(self._zone).date()
            self._since, self._until = local_day(self._day, self._zone)
        return self._day


_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)


def touched(
    session: Session, stretches: Sequence[Stretch], zone: ZoneInfo
) -> set[tuple[int, dt.date]]:
    """The room-local days that the stretches touch, as (room id, day)."""
    return _room_days(stretches, zones(session, {one.room_id for one in stretches}, zone))


def local_day(day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """The UTC instants `[since, until)` of a local day; 23 to 25 hours where clocks change."""
    since, until = (
        dt.datetime.combine(at, dt.time(), zone).astimezone(dt.UTC) for at in (day, day + DAY)
    )
    return since, until


def _sums(parts: FromClause) -> Select[*tuple[Any, ...]]:
    """One DailyCount row per (local day, room, contact) of `parts`."""
    message, signal, mention = database.tables(Message, Signal, Mention)

    def within(rows: FromClause) -> ColumnElement[bool]:
        return and_(
            rows.c.day == parts.c.day,
            rows.c.room_id == parts.c.room_id,
            rows.c.at >= parts.c.since,
            rows.c.at < parts.c.until,
        )

    def signalled(*kinds: SignalKind) -> ColumnElement[int]:
        return case((signal.c.kind.in_(kinds), 1), else_=0)

    zero, one = literal(0), literal(1)
    counted = and_(~message.c.own, message.c.type.not_in(judging.UNCOUNTED_TYPES))
    acts = union_all(
        select(
            parts.c.local_day,
            message.c.room_id,
            message.c.contact_id,
            one.label("messages"),
            one.label("effective"),
            zero.label("questions"),
            zero.label("answers"),
            zero.label("shares"),
            zero.label("mentions"),
        )
        .join_from(parts, message, within(message))
        .where(counted),
        select(
            parts.c.local_day,
            signal.c.room_id,
            signal.c.contact_id,
            -signalled(SignalKind.RECALLED),
            -signalled(SignalKind.RECALLED, *INEFFECTIVE),
            signalled(SignalKind.QUESTION),
            signalled(SignalKind.ANSWER),
            signalled(SignalKind.SHARE),
            zero,
        ).join_from(parts, signal, within(signal)),
        select(
            parts.c.local_day,
            mention.c.room_id,
            mention.c.contact_id,
            zero,
            zero,
            zero,
            zero,
            zero,
            one,
        )
        .join_from(parts, mention, within(mention))
        .join(
            message,
            and_(
                message.c.day == mention.c.day,
                message.c.room_id == mention.c.room_id,
                message.c.id == mention.c.message_id,
            ),
        )
        .where(counted),
    ).subquery("acts")
    keys = (acts.c.local_day, acts.c.room_id, acts.c.contact_id)
    sums = [
        func.sum(acts.c[name])
        for name in ("messages", "effective", "questions", "answers", "shares", "mentions")
    ]
    return (
        select(*keys, *sums, literal(signals.RULE_VERSION))
        .group_by(*keys)
        .having(func.sum(acts.c.messages) > 0)
    )


def zones(session: Session, rooms: set[int], default: ZoneInfo) -> dict[int, ZoneInfo]:
    """The zone of each of these rooms; `default` where it names none."""
    room = database.table(Room)
    named = session.connection().execute(
        select(room.c.id, room.c.zone).where(room.c.zone.is_not(None))
    )
    own = {row.id: ZoneInfo(row.zone) for row in named}
    return {room_id: own.get(room_id, default) for room_id in rooms}


def _room_days(
    stretches: Sequence[Stretch], zones: dict[int, ZoneInfo]
) -> set[tuple[int, dt.date]]:
    return {
        (stretch.room_id, day)
        for stretch in stretches
        for day in _local_days(stretch, zones[stretch.room_id])
    }


def _local_days(stretch: Stretch, zone: ZoneInfo) -> list[dt.date]:
    last = stretch.until - dt.timedelta(microseconds=1)
    first_day, last_day = stretch.since.astimezone(zone).date(), last.astimezone(zone).date()
    return [first_day + DAY * shift for shift in range((last_day - first_day).days + 1)]


def _utc_parts(
    room: int, day: dt.date, zone: ZoneInfo
) -> list[tuple[dt.date, int, dt.date, dt.datetime, dt.datetime]]:
    since, until = local_day(day, zone)
    return [(day, room, utc, since, until) for utc in utc_days(since, until)]
