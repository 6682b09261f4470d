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
# The place of each in such a row.
MESSAGES, EFFECTIVE, QUESTIONS, ANSWERS, SHARES, MENTIONS = range(len(SUMS))
_COUNTED = {
    SignalKind.QUESTION: QUESTIONS,
    SignalKind.ANSWER: ANSWERS,
    SignalKind.SHARE: SHARES,
}
_NEVER = dt.datetime.min.replace(tzinfo=dt.UTC)

MESSAGE, SIGNAL, MENTION = database.tables(Message, Signal, Mention)


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
        row[MESSAGES] += 1
        row[EFFECTIVE] += 1
        for sign in verdict.signals:
            if sign.kind in INEFFECTIVE:
                row[EFFECTIVE] -= 1
            elif sign.kind in _COUNTED:
                row[_COUNTED[sign.kind]] += 1
        row[MENTIONS] += len(verdict.products)
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
    acts = union_all(_said(parts), _signalled(parts), _mentioned(parts)).subquery("acts")
    keys = (acts.c.local_day, acts.c.room_id, acts.c.contact_id)
    return (
        select(*keys, *(func.sum(acts.c[name]) for name in SUMS), literal(signals.RULE_VERSION))
        .group_by(*keys)
        .having(func.sum(acts.c.messages) > 0)
    )


def _said(parts: FromClause) -> Select[*tuple[Any, ...]]:
    one = literal(1)
    return _acts(parts, MESSAGE, messages=one, effective_messages=one).where(_is_counted())


def _signalled(parts: FromClause) -> Select[*tuple[Any, ...]]:
    def is_one_of(*kinds: SignalKind) -> ColumnElement[int]:
        return case((SIGNAL.c.kind.in_(kinds), 1), else_=0)

    return _acts(
        parts,
        SIGNAL,
        messages=-is_one_of(SignalKind.RECALLED),
        effective_messages=-is_one_of(SignalKind.RECALLED, *INEFFECTIVE),
        questions=is_one_of(SignalKind.QUESTION),
        answers=is_one_of(SignalKind.ANSWER),
        shares=is_one_of(SignalKind.SHARE),
    )


def _mentioned(parts: FromClause) -> Select[*tuple[Any, ...]]:
    same = and_(
        MESSAGE.c.day == MENTION.c.day,
        MESSAGE.c.room_id == MENTION.c.room_id,
        MESSAGE.c.id == MENTION.c.message_id,
    )
    acts = _acts(parts, MENTION, product_mentions=literal(1))
    return acts.join(MESSAGE, same).where(_is_counted())


def _acts(
    parts: FromClause, rows: FromClause, **counted: ColumnElement[int]
) -> Select[*tuple[Any, ...]]:
    """The rows of a table that lie in `parts`: on which local day, where, whose, and what each adds
    to the SUMS.
    """
    within = and_(
        rows.c.day == parts.c.day,
        rows.c.room_id == parts.c.room_id,
        rows.c.at >= parts.c.since,
        rows.c.at < parts.c.until,
    )
    added = (counted.get(name, literal(0)).label(name) for name in SUMS)
    whose = (parts.c.local_day, rows.c.room_id, rows.c.contact_id)
    return select(*whose, *added).join_from(parts, rows, within)


def _is_counted() -> ColumnElement[bool]:
    return and_(~MESSAGE.c.own, MESSAGE.c.type.not_in(judging.UNCOUNTED_TYPES))


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
