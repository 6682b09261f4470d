"""Daily partitions of the log on PostgreSQL: made ahead, dropped whole when their time has come.

The table is partitioned by UTC day with one default partition for days that have none of their own:
old days that come late, and those before partitions were made. SQLite has no partitions, and every
function here does nothing on it.

PostgreSQL takes a new partition in only where no row of the default one belongs there, and looks
through all of them while nobody else may touch them. Where there are many, a constraint says it
beforehand, and is proved while everybody goes on:

    default closed for the day (nothing is read) → proved (others read and write)
    → made and attached in one transaction (nothing is read) → the constraint gone

Only days that are far enough ahead are closed, and a message of such a day goes first: whoever
records it opens the day again (`reopen`). Every lock is waited for `PATIENCE` at most, because
others queue behind whoever waits; what did not get it is tried again, by the next hour at the
latest.

Messages of the day that came before its partition move into it, in the transaction that attaches
it: nobody sees them twice or not at all, and a kill leaves all as it was. Of a day with more than
`MOVED` of them, or beside a large default partition, they stay there, and go row by row.
"""

import datetime as dt
import logging
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from bot import database, errors
from bot.models import Message
from bot.times import DAY

log = logging.getLogger(__name__)
PREFIX = "message_p_"
DEFAULT = f"{PREFIX}default"
CLOSED = f"{DEFAULT}_closed"
_VALIDATE = f"ALTER TABLE {DEFAULT} VALIDATE CONSTRAINT"
AHEAD = 7
TRIES = 3
PATIENCE = "500ms"
LOCK_NOT_AVAILABLE = "55P03"
CHECK_VIOLATION = "23514"
# Somebody works on the table; a message of that day came between the look and the lock; or whoever
# records one broke the proof off, or took it away.
QUERY_CANCELED, UNDEFINED_OBJECT = "57014", "42704"
GAVE_WAY = {LOCK_NOT_AVAILABLE, CHECK_VIOLATION, QUERY_CANCELED, UNDEFINED_OBJECT}
# So much of the default partition, in bytes, is read in milliseconds.
SMALL = 8 * 2**20
# So many messages move in a moment, for which everybody waits.
MOVED = 10_000

MESSAGE = database.table(Message)


def name(day: dt.date) -> str:
    """The partition of a UTC day."""
    return f"{PREFIX}{day:%Y%m%d}"


def closing(day: dt.date) -> str:
    """The constraint by which the default partition takes nothing of a UTC day."""
    return f"{CLOSED}_{day:%Y%m%d}"


def steps(
    engine: Engine, today: dt.date, ahead: int = AHEAD, *, small: int = SMALL
) -> Iterator[int]:
    """Make the partitions of today and the days ahead that are missing, in short transactions:
    tells 1 for each that was made. Safe to repeat, by any process, and to stop anywhere.

    A default partition may be read for minutes: not for the thread that records.
    """
    if engine.dialect.name == "sqlite":
        return
    missing = {today + DAY * n for n in range(ahead + 1)} - existing(engine)
    # Whatever a clock says, nobody speaks two days from now.
    far = {day for day in missing if day > today + DAY}
    # What a process left that was killed; a proof that serves is another's, or is used.
    _reopen(engine, _closed(engine) - {closing(day) for day in far})
    for turn in range(TRIES):
        for day in sorted(missing):
            made = 0
            try:
                # Everybody stands still while it waits to move messages: once is enough.
                made = make(engine, day, may_close=day in far, may_move=turn == 0, small=small)
            except DBAPIError as error:
                # The rest of the night goes on. Its own words may quote a member.
                log.error("no partition of %s: %s", day, errors.where(error))  # noqa: TRY400
            missing -= {day} if made else set()
            yield made


def existing(engine: Engine) -> set[dt.date]:
    """The days that have a partition of their own."""
    if engine.dialect.name == "sqlite":
        return set()
    attached = (
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'message'::regclass"
    )
    with database.reading(engine) as session:
        tables = session.connection().exec_driver_sql(attached).scalars().all()
    digits = (table.removeprefix(PREFIX) for table in tables)
    return {dt.datetime.strptime(each, "%Y%m%d").date() for each in digits if each.isdigit()}  # noqa: DTZ007  # a date


def make(
    engine: Engine,
    day: dt.date,
    *,
    may_close: bool = False,
    may_move: bool = True,
    small: int = SMALL,
) -> int:
    """Make one partition; 1 where it was made, 0 where the day has one, or has too many messages
    already, which stay in the default partition, or where a lock did not come in time.

    A default partition of more than `small` bytes is read through only with `may_close`, since
    messages of that day have to wait meanwhile. A day that has messages is made only with
    `may_move`.
    """
    if day in existing(engine):
        return 0
    try:
        came, size = _standing(engine, day)
        if came > MOVED or (size > small and (came or not may_close)):
            told = "%s stays in the default partition, which has %s%d messages of it and %d bytes"
            log.info(told, day, "more than " if came > MOVED else "", min(came, MOVED), size)
            return 0
        if came and not may_move:
            return 0
        if size > small:
            _close(engine, day)
        _attach(engine, day, proved=size > small, with_messages=came > 0)
    except DBAPIError as error:
        if _state(error) not in GAVE_WAY:
            raise
        # A message that comes now goes to the default partition.
        return 0
    finally:
        _reopen(engine, {closing(day)})
    return 1


def drop(session: Session, day: dt.date) -> None:
    """Drop the partition of a day with everything in it. Raises OperationalError where others hold
    the table for longer than `PATIENCE`.
    """
    _wait_briefly(session)
    session.connection().exec_driver_sql(f"DROP TABLE {name(day)}")


def hold(connection: Connection) -> None:
    """Let no message move between partitions for as long as this transaction lasts. Before its
    first look: a view from before a move would look for messages where they were not yet.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("LOCK TABLE message IN ACCESS SHARE MODE")


def is_in_use(error: OperationalError) -> bool:
    """Whether it says that others hold the table, and nothing worse."""
    return _state(error) == LOCK_NOT_AVAILABLE


def is_closed(error: DBAPIError) -> bool:
    """Whether a message was refused because the partition of its day is being made."""
    return _state(error) == CHECK_VIOLATION and CLOSED in str(error.orig)


def reopen(engine: Engine) -> None:
    """Let the default partition take every day again, for a message that `is_closed`: the partition
    can wait. A proof at work is broken off. Where others hold the table for longer than `PATIENCE`
    it stays closed, and the message is refused once more.
    """
    with database.transaction(engine) as session:
        session.connection().exec_driver_sql(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active'"  # noqa: S608  # ours
            " AND datname = current_database() AND pid <> pg_backend_pid()"
            f" AND starts_with(query, '{_VALIDATE}')"
        )
    _reopen(engine, _closed(engine))


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _standing(engine: Engine, day: dt.date) -> tuple[int, int]:
    """How many messages of the day the default partition has, counted to just beyond `MOVED`, and
    how many bytes in all.
    """
    with database.reading(engine) as session:
        # The key leads with the day.
        found = select(MESSAGE.c.id).where(MESSAGE.c.day == day).limit(MOVED + 1).subquery()
        came = session.connection().scalar(select(func.count()).select_from(found)) or 0
        size = f"SELECT pg_relation_size('{DEFAULT}')"
        return came, int(session.connection().exec_driver_sql(size).scalar_one())


def _close(engine: Engine, day: dt.date) -> None:
    """Let the default partition take nothing of a day, and prove that it has nothing of it."""
    if closing(day) not in _closed(engine):
        without = f"CHECK (day < '{day}' OR day >= '{day + DAY}')"
        _alter(engine, f"ADD CONSTRAINT {closing(day)} {without} NOT VALID")
    # A transaction of its own: it reads everything, and others go on reading and writing.
    with database.transaction(engine) as session:
        _wait_briefly(session)
        session.connection().exec_driver_sql(f"{_VALIDATE} {closing(day)}")


def _attach(engine: Engine, day: dt.date, *, proved: bool, with_messages: bool) -> None:
    """Make the partition and attach it, with the day's messages in it, or leave nothing behind."""
    with database.transaction(engine) as session:
        _wait_briefly(session)
        connection = session.connection()
        # A table of that name that is part of nothing: asked for once more under its lock.
        whose = f"oid = to_regclass('{name(day)}') AND NOT relispartition"
        unattached = f"SELECT 1 FROM pg_class WHERE {whose}"  # noqa: S608  # ours
        for change in ("LOCK TABLE", "DROP TABLE"):
            if connection.exec_driver_sql(unattached).scalar() is not None:
                connection.exec_driver_sql(f"{change} {name(day)}")
        connection.exec_driver_sql(f"CREATE TABLE {name(day)} (LIKE message INCLUDING ALL)")
        # The locks that attaching takes, in its order; under them nobody takes the proof away. Who
        # knows already in which partition to look would not find what moves: they come after it.
        mode = "ACCESS EXCLUSIVE" if with_messages else "SHARE UPDATE EXCLUSIVE"
        connection.exec_driver_sql(f"LOCK TABLE ONLY message IN {mode} MODE")
        # Under the first nobody comes through the log any more: who is in the default partition
        # still tidies it up, and everybody would wait for that.
        wait = " NOWAIT" if with_messages else ""
        connection.exec_driver_sql(f"LOCK TABLE ONLY {DEFAULT} IN ACCESS EXCLUSIVE MODE{wait}")
        if proved:
            # Reads nothing where it stands and is proved, and fails where it is gone.
            connection.exec_driver_sql(f"{_VALIDATE} {closing(day)}")
        if with_messages:
            connection.exec_driver_sql(
                f"WITH came AS (DELETE FROM {DEFAULT} WHERE day = '{day}' RETURNING *)"  # noqa: S608  # ours
                f" INSERT INTO {name(day)} SELECT * FROM came"
            )
        connection.exec_driver_sql(
            f"ALTER TABLE message ATTACH PARTITION {name(day)} "
            f"FOR VALUES FROM ('{day}') TO ('{day + DAY}')"
        )


def _reopen(engine: Engine, constraints: Collection[str]) -> None:
    """Drop those of the constraints that stand, as soon as nobody is in the way."""
    standing = sorted(_closed(engine).intersection(constraints))
    if not standing:
        return
    try:
        _alter(engine, ", ".join(f"DROP CONSTRAINT IF EXISTS {each}" for each in standing))
    except OperationalError as error:
        if not is_in_use(error):
            raise
        log.warning("the default partition stays closed for a day to come, and is tried again")


def _closed(engine: Engine) -> set[str]:
    """The constraints by which the default partition is closed for a day."""
    names = f"SELECT conname FROM pg_constraint WHERE conrelid = '{DEFAULT}'::regclass"  # noqa: S608  # ours
    with database.reading(engine) as session:
        found = session.connection().exec_driver_sql(names).scalars().all()
    return {each for each in found if each.startswith(CLOSED)}


def _alter(engine: Engine, changes: str) -> None:
    with database.transaction(engine) as session:
        _wait_briefly(session)
        session.connection().exec_driver_sql(f"ALTER TABLE {DEFAULT} {changes}")


def _wait_briefly(session: Session) -> None:
    session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
