"""What is derived from the log message by message: signals and mentions, and the counters on them.

There is one way: `derive` reads stretches of rooms' messages, judges them, replaces what stands
for them and has their days counted. A batch asks for the stretches that it touched, `rebuild`
for everything, so both give equal tables.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Engine, Integer, Table, and_, delete, func, literal, select, tuple_
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import counting, database, late, sealing, terms, times
from bot.memory import Memory, Remembered
from bot.models import (
    Contact,
    DailyCount,
    Mention,
    Message,
    MessageIdentity,
    Recall,
    Signal,
    WordKind,
)
from bot.terms import Terms
from bot.text import judging, segment, signals
from bot.text import lexicon as lexicon_module
from bot.text.judging import Heard, Verdict
from bot.text.lexicon import Lexicon
from bot.text.segment import Segmenter
from bot.times import DAY, Stretch

# The first half of an advisory lock's key on PostgreSQL; the second is the room's id.
ROOM_LOCK = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What derivation depends on besides the log. `zone` is that of rooms which name none."""

    terms: Terms
    lexicon: Lexicon
    segmenter: Segmenter
    zone: ZoneInfo


def load_rules(session: Session, zone: ZoneInfo) -> Rules:
    """The rules of this installation as its products, campaigns and words stand now."""
    return rules_of(terms.load(session), zone)


def rules_of(known: Terms, zone: ZoneInfo) -> Rules:
    """The rules that come of these terms."""
    named = [name for given in known.names.values() for name in given]
    words = known.words
    return Rules(
        known,
        lexicon_module.lexicon(known.names, terms.everyday(known), known.categories),
        segment.segmenter(
            [*named, *words[WordKind.WORD]], words[WordKind.DELETED], words[WordKind.STOP]
        ),
        zone,
    )


def derive(
    session: Session,
    stretches: Iterable[Stretch],
    rules: Rules,
    memory: Memory | None = None,
    fresh: AbstractSet[int] = frozenset(),
) -> int:
    """Judge every message of the stretches again and recount their days.

    Returns how many messages were judged. Safe to repeat. Sealed days are left alone. Stretches of
    one room that lie closer than the look-back are judged as one. `memory` saves reading the
    look-back again; `fresh` are messages from which nothing was derived yet.
    """
    merged = _merge(stretches)
    lock_rooms(session, [stretch.room_id for stretch in merged])
    late.note(session, merged)
    merged = times.without(merged, sealing.intervals(session, merged))
    memory = memory or Memory()
    readings = _plan(session, merged, memory)
    heard = _heard(session, [reading.read for reading in readings])
    verdicts: list[Verdict] = []
    for reading in readings:
        room_id, read = reading.read.room_id, reading.read
        messages = sorted(
            (one for one in heard[room_id] if read.since <= one.at < read.until), key=judging.order
        )
        verdicts += judging.hear(
            reading.before.room, messages, reading.since, rules.lexicon, rules.segmenter
        )
        memory.keep(room_id, reading.before.followed_by(messages, rules.lexicon, rules.segmenter))
    _replace(session, verdicts, fresh)
    counting.recount(session, merged, rules.zone)
    return len(verdicts)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What to read of a room, judged from `since` on, after what is remembered of it."""

    read: Stretch
    since: dt.datetime
    before: Remembered


def _plan(session: Session, merged: Sequence[Stretch], memory: Memory) -> list[_Reading]:
    first: dict[int, dt.datetime] = {}
    for stretch in merged:
        first.setdefault(stretch.room_id, stretch.since)
    known = memory.recall(session, first)
    readings = []
    for stretch in merged:
        before = known.pop(stretch.room_id, None)
        look_back = judging.LOOK_BACK if before is None else dt.timedelta()
        read = Stretch(stretch.room_id, stretch.since - look_back, stretch.until)
        readings.append(_Reading(read, stretch.since, before or Remembered(judging.Room(), [])))
    return readings


def rebuild(engine: Engine, rules: Rules) -> int:
    """Derive everything again from the log, a UTC day at a time in short transactions.

    Returns the number of messages judged.
    """
    message = database.table(Message)
    with database.reading(engine) as session:
        days = session.connection().scalars(select(message.c.day).distinct()).all()
    for derived in (Signal, Mention):
        _drop_other_days(engine, database.table(derived), days)
    judged = 0
    counted: dict[dt.date, set[int]] = defaultdict(set)
    for day in sorted(days):
        with database.transaction(engine) as session:
            stretches = _rebuild_day(session, day)
            judged += derive(session, stretches, rules)
            for room, local in counting.touched(session, stretches, rules.zone):
                counted[local].add(room)
    _drop_other_counts(engine, counted)
    return judged


def _rebuild_day(session: Session, day: dt.date) -> list[Stretch]:
    """Drop what was derived from a UTC day; returns what is to be judged again."""
    message = database.table(Message)
    since = dt.datetime.combine(day, dt.time(), dt.UTC)
    rooms = session.connection().scalars(
        select(message.c.room_id).where(message.c.day == day).distinct()
    )
    stretches = [Stretch(room, since, since + DAY) for room in rooms]
    lock_rooms(session, [stretch.room_id for stretch in stretches])
    for derived in (Signal, Mention):
        stale = database.table(derived)
        session.connection().execute(
            delete(stale).where(stale.c.day == day, sealing.is_open(stale, day))
        )
    return stretches


def _drop_other_days(engine: Engine, derived: Table, days: Collection[dt.date]) -> None:
    """Drop what was derived from UTC days without a message, unless it is sealed."""
    with database.reading(engine) as session:
        found = session.connection().scalars(select(derived.c.day).distinct()).all()
    for day in sorted(set(found) - set(days)):
        with database.transaction(engine) as session:
            session.connection().execute(
                delete(derived).where(derived.c.day == day, sealing.is_open(derived, day))
            )


def _drop_other_counts(engine: Engine, counted: Mapping[dt.date, Collection[int]]) -> None:
    """Drop counters of unsealed room-days that hold no message, as the rooms' zones are now."""
    counts = database.table(DailyCount)
    with database.reading(engine) as session:
        days = session.connection().scalars(select(counts.c.day).distinct()).all()
    for day in days:
        with database.transaction(engine) as session:
            kept = database.given(
                session, {"room_id": Integer()}, [(room,) for room in sorted(counted.get(day, ()))]
            )
            session.connection().execute(
                delete(counts).where(
                    counts.c.day == day,
                    counts.c.room_id.not_in(select(kept.c.room_id)),
                    counts.c.room_id.not_in(sealing.rooms_sealed_on(day)),
                )
            )


def lock_rooms(session: Session, rooms: Iterable[int]) -> None:
    """Be the only one who derives from these rooms until the end of the transaction.

    SQLite has one writer anyway.
    """
    if database.is_sqlite(session):
        return
    wanted = database.given(
        session, {"room_id": Integer()}, [(room,) for room in sorted(set(rooms))]
    )
    ordered = select(wanted.c.room_id).order_by(wanted.c.room_id).subquery()
    session.connection().execute(
        select(func.pg_advisory_xact_lock(ROOM_LOCK, ordered.c.room_id))
    ).all()


def _merge(stretches: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.room_id, one.since)):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.room_id == stretch.room_id
            and stretch.since - judging.LOOK_BACK <= last.until
        ):
            until = max(last.until, stretch.until)
            merged[-1] = Stretch(last.room_id, last.since, until)
        else:
            merged.append(stretch)
    return merged


def _heard(session: Session, stretches: Sequence[Stretch]) -> dict[int, list[Heard]]:
    """Every standing message of the stretches, by room."""
    message, identity, recall, contact = database.tables(Message, MessageIdentity, Recall, Contact)
    parts = database.given(
        session,
        {"day": Date(), "room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [
            (day, stretch.room_id, stretch.since, stretch.until)
            for stretch in stretches
            for day in times.utc_days(stretch.since, stretch.until)
        ],
    )
    recalled = (
        select(literal(1))
        .where(recall.c.room_id == identity.c.room_id, recall.c.recalled == identity.c.platform_id)
        .exists()
    )
    rows = session.connection().execute(
        select(
            message.c.id,
            identity.c.platform_id,
            message.c.room_id,
            message.c.contact_id,
            contact.c.platform_id.label("sender"),
            message.c.at,
            message.c.type,
            message.c.text,
            message.c.mentions,
            message.c.quote,
            message.c.own,
            recalled.label("recalled"),
        )
        .select_from(parts)
        .join(
            message,
            and_(
                message.c.day == parts.c.day,
                message.c.room_id == parts.c.room_id,
                message.c.at >= parts.c.since,
                message.c.at < parts.c.until,
            ),
        )
        .join(identity, identity.c.id == message.c.id)
        .join(contact, contact.c.id == message.c.contact_id)
    )
    heard: dict[int, list[Heard]] = defaultdict(list)
    for row in rows:
        heard[row.room_id].append(
            Heard(
                id=row.id,
                platform_id=row.platform_id,
                room_id=row.room_id,
                contact_id=row.contact_id,
                sender=row.sender,
                at=row.at,
                type=row.type,
                text=row.text,
                mentions=tuple(row.mentions or ()),
                quote=row.quote,
                own=row.own,
                recalled=bool(row.recalled),
            )
        )
    return heard


def _replace(session: Session, verdicts: Sequence[Verdict], fresh: AbstractSet[int]) -> None:
    keys = [
        (verdict.message.at.date(), verdict.message.room_id, verdict.message.id)
        for verdict in verdicts
        if verdict.message.id not in fresh
    ]
    for derived in (Signal, Mention) if keys else ():
        stale = database.table(derived)
        chosen = database.given(
            session, {name: stale.c[name].type for name in ("day", "room_id", "message_id")}, keys
        )
        session.connection().execute(
            delete(stale).where(
                tuple_(stale.c.day, stale.c.room_id, stale.c.message_id).in_(
                    select(chosen.c.day, chosen.c.room_id, chosen.c.message_id)
                )
            )
        )
    database.insert_rows(
        session,
        Signal,
        [
            _derived_row(verdict.message)
            | {
                "kind": sign.kind,
                "rule": sign.rule,
                "severity": sign.severity,
                "target_id": sign.target,
            }
            for verdict in verdicts
            for sign in verdict.signals
        ],
    )
    database.insert_rows(
        session,
        Mention,
        [
            _derived_row(verdict.message) | {"product_id": product}
            for verdict in verdicts
            for product in sorted(verdict.products)
        ],
    )


def _derived_row(message: Heard) -> dict[str, object]:
    return {
        "day": message.at.date(),
        "room_id": message.room_id,
        "message_id": message.id,
        "at": message.at,
        "contact_id": message.contact_id,
        "rule_version": signals.RULE_VERSION,
    }


def forget(session: Session, day: dt.date, room_id: int, message_id: int) -> None:
    """Drop what was derived from a message that no longer stands where it stood."""
    for derived in (Signal, Mention):
        stale = database.table(derived)
        session.connection().execute(
            delete(stale).where(
                stale.c.day == day, stale.c.room_id == room_id, stale.c.message_id == message_id
            )
        )
