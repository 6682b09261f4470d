"""Derive everything again from the facts, in place or in a temporary database to compare with."""

import datetime as dt
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Select, Table, func, select
from sqlmodel import Session, SQLModel

from bot import database, day_reads, rederiving, sealing, staleness
from bot.deriving import Rules
from bot.insights import attributing, audience, engagement, needs, rolling
from bot.models import (
    Account,
    AudienceWeek,
    Calibration,
    Campaign,
    Contact,
    DailyCount,
    Delivery,
    DroppedDay,
    EngagementWeek,
    IdentityAcceptance,
    IdentityCut,
    IdentityEdge,
    Membership,
    MemberWeek,
    Mention,
    Message,
    MessageIdentity,
    NeedMention,
    Occurrence,
    Operator,
    OrderEvent,
    OwnWord,
    Product,
    ProductAlias,
    Recall,
    Room,
    RoomDay,
    SealedDay,
    Series,
    ShortLink,
    Signal,
)
from bot.orders import intake, lines
from bot.sealing import RoomDay as RoomDayKey

# What derivation reads, parents first.
FACTS: tuple[type[SQLModel], ...] = (
    Contact, Account, Room, Membership, Product, ProductAlias, Campaign, MessageIdentity, Message,
    Recall, Series, Occurrence, Delivery, ShortLink, IdentityEdge, IdentityCut, IdentityAcceptance,
    OrderEvent, Operator, OwnWord, SealedDay, DroppedDay, Calibration,
)  # fmt: skip
DERIVED: tuple[type[SQLModel], ...] = (Signal, Mention, DailyCount)
ROLL_UPS: tuple[type[SQLModel], ...] = (RoomDay, MemberWeek, EngagementWeek)
# `attribute` fills the class of a mention later, from deliveries.
LEFT_OUT: Mapping[type[SQLModel], set[str]] = {Mention: {"touch", "text_key"}}
CHUNK = 5_000
UTC = ZoneInfo("UTC")

Cells = tuple[object, ...]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One derived table against itself derived again: rows only here, rows only there."""

    table: str
    rows: int
    missing: int
    surplus: int

    @property
    def agrees(self) -> bool:
        """Whether both hold the same rows."""
        return not (self.missing or self.surplus)


@dataclass(frozen=True, slots=True)
class Days:
    """Room-days with counters: those that can be derived again, those that are sealed, and of
    these, as (room id, local day), the ones that are no longer what was sealed.
    """

    unsealed: int
    sealed: int
    broken: tuple[RoomDayKey, ...]


def rebuild(engine: Engine, rules: Rules, now: dt.datetime) -> int:
    """Derive everything again in place but sealed days; returns the number of messages judged."""
    judged = rederiving.from_log(engine, rules)
    with database.transaction(engine) as session:
        staleness.mark_all(session)
    rolling.catch_up(engine, rules.zone, now)
    with database.transaction(engine) as session:
        intake.rebuild(session)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, now, calibrate=False)
    needs.rebuild(engine)
    return judged


def days(engine: Engine) -> Days:
    """What a rebuild covers, and whether sealed days are still what was sealed."""
    counts = database.table(DailyCount)
    with database.reading(engine) as session:
        known = select(counts.c.day, counts.c.room_id).distinct().subquery()
        counted = session.connection().scalar(select(func.count()).select_from(known)) or 0
        sealed, broken = sealing.verify(session)
        with_counters = sealing.counted(session)
    return Days(counted - with_counters, sealed, tuple(broken))


def check(
    engine: Engine, rules: Rules, now: dt.datetime, folder: Path | None = None
) -> list[Comparison]:
    """Copy the facts into a temporary database, derive there, and compare every derived row.

    Changes nothing here. Ids of messages are copied too, so their rows are compared as they are;
    order lines and attributions are compared by order. Attribution answers for the lines that
    were attributed: what was said since is a difference until `attribute` has run again. Roll-ups
    answer for the rooms and days up to which they were made, sealed days for their checksums.
    `folder` is where the temporary database stands: it holds what members said.
    """
    with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as made:
        temporary = database.connect(f"sqlite:///{Path(made) / 'check.db'}", pooled=False)
        database.migrate(temporary)
        return compare(engine, temporary, rules, now)


def compare(engine: Engine, temporary: Engine, rules: Rules, now: dt.datetime) -> list[Comparison]:
    """As `check`, deriving in an empty database at head that the caller throws away."""
    with database.reading(engine) as ours:
        for fact in FACTS:
            _copy(ours, temporary, select(database.table(fact)), fact)
        for derived in DERIVED:
            _copy(ours, temporary, sealing.sealed_rows(database.table(derived)), derived)
        until, behind = rolling.holding(ours, rules.zone)
        _derive(temporary, rules, now, until)
        with database.reading(temporary) as theirs:
            compared = [_compare(ours, theirs, derived) for derived in DERIVED]
            compared += [_compare(ours, theirs, made, behind) for made in ROLL_UPS]
            # A week whose people wait to be counted is counted by whoever asks for it.
            weeks = audience.counted(ours)
            compared.append(_compare(ours, theirs, AudienceWeek, behind, weeks))
            # Days whose log changed since they were read are not read yet.
            days = day_reads.read_alike(ours, theirs, needs.KIND)
            compared.append(_compare(ours, theirs, NeedMention, days=days))
            sealed, broken = sealing.verify(ours)
            compared.append(Comparison(SealedDay.__tablename__, sealed, 0, len(broken)))
            return [*compared, *_compare_orders(ours, theirs, now)]


def _derive(engine: Engine, rules: Rules, now: dt.datetime, until: Mapping[int, dt.date]) -> None:
    """As `rebuild` in a database that holds nothing derived, roll-ups up to these days."""
    rederiving.from_log(engine, rules)
    with database.reading(engine) as session:
        views = engagement.rooms(session, rules.zone)
    for _ in rolling.steps_to(engine, {room: views[room] for room in until}, until):
        pass
    with database.transaction(engine) as session:
        intake.rebuild(session)
    with database.transaction(engine) as session:
        attributing.attribute_all(session, now, calibrate=False)
    needs.rebuild(engine)


def _compare_orders(ours: Session, theirs: Session, now: dt.datetime) -> Iterator[Comparison]:
    def told(session: Session) -> tuple[dict[Key, Cells], dict[Key, Cells]]:
        window = (attributing.EVER, attributing.NEVER)
        orders = lines.order_rows(session, *window, now, UTC)
        # Whether a figure is final depends on when it was asked for.
        labels = (row[:-1] for row in attributing.attribution_rows(session, *window, UTC))
        return {row[:2]: row for row in orders}, {row[:2]: row for row in labels}

    (orders, labels), (orders_again, labels_again) = told(ours), told(theirs)
    yield _difference("order_line", orders, orders_again)
    # What stands on text that is gone cannot be decided again.
    for key in attributing.sealed_lines(ours):
        labels.pop(key, None)
    attributed = {key: row for key, row in labels_again.items() if key in labels}
    yield _difference("attribution", labels, attributed)


def _difference(table: str, here: Mapping[Key, Cells], there: Mapping[Key, Cells]) -> Comparison:
    surplus = sum(there.get(key) != row for key, row in here.items())
    missing = sum(here.get(key) != row for key, row in there.items())
    return Comparison(table, len(here), missing, surplus)


def _copy(source: Session, target: Engine, rows_of: Select[Any], model: type[SQLModel]) -> None:
    rows = source.connection().execution_options(yield_per=CHUNK).execute(rows_of)
    for chunk in rows.mappings().partitions(CHUNK):
        with database.transaction(target) as session:
            database.insert_rows(session, model, [dict(row) for row in chunk])


def _compare(
    ours: Session,
    theirs: Session,
    model: type[SQLModel],
    behind: Collection[int] = (),
    days: Collection[dt.date] | None = None,
) -> Comparison:
    """Merge two ordered readings of one table, without the rooms of which it does not hold, of
    the days (or weeks) of which it does; neither is held in memory.
    """
    table = database.table(model)
    here, there = (_ordered(each, model, behind, days) for each in (ours, theirs))
    left, right = next(here, None), next(there, None)
    rows = missing = surplus = 0
    while left is not None or right is not None:
        rows += left is not None
        if left == right:
            left, right = next(here, None), next(there, None)
        elif right is None or (left is not None and _key(table, left) < _key(table, right)):
            surplus += 1
            left = next(here, None)
        elif left is None or _key(table, right) < _key(table, left):
            missing += 1
            right = next(there, None)
        else:
            surplus, missing = surplus + 1, missing + 1
            left, right = next(here, None), next(there, None)
    return Comparison(table.name, rows, missing, surplus)


def _ordered(
    session: Session,
    model: type[SQLModel],
    behind: Collection[int],
    days: Collection[dt.date] | None,
) -> Iterator[tuple[object, ...]]:
    table = database.table(model)
    if behind and "room_id" not in table.c:
        # Added up over all rooms, so it holds nowhere.
        return iter(())
    keys = [
        database.code_points(column, session) if column.type.python_type is str else column
        for column in table.primary_key
    ]
    named = [column for column in table.c if column.name not in LEFT_OUT.get(model, set())]
    query = select(*named).order_by(*keys)
    if days is not None:
        day = table.c.week if "week" in table.c else table.c.day
        query = query.where(day.in_(sorted(days)))
    rows = session.connection().execution_options(yield_per=CHUNK).execute(query)
    if not behind:
        return (tuple(row) for row in rows)
    return (tuple(row) for row in rows if row.room_id not in behind)


def _key(table: Table, row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(_sortable(row[place]) for place in range(len(table.primary_key)))


def _sortable(value: object) -> str:
    return f"{value:020d}" if isinstance(value, int) else str(value)
