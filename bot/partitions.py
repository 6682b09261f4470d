"""Daily partitions of the log on PostgreSQL: made ahead, dropped whole when their time has come.

The table is partitioned by UTC day with one default partition for days that have none of their own:
old days that come late, and those before partitions were made. SQLite has no partitions, and every
function here does nothing on it.

PostgreSQL takes a new partition in only where no row of the default one belongs there, and looks
through all of them while nobody else may touch them. Where there are many, a constraint says it
beforehand, and is proved while everybody goes on:

    made by itself → default closed for the day (nothing is read) → proved (others read and write)
    → attached, the constraint gone (nothing is read)

While a day is closed, a message of that day waits in its spool (`is_closed`); so only days that
are far enough ahead are closed. Every lock is waited for `PATIENCE` at most, because others queue
behind whoever waits; what did not get it is tried again, by the next hour at the latest. A day that
has messages in the default partition already stays there, and goes row by row.
"""

import datetime as dt
import logging
from collections.abc import Iterator

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import Session

from bot import database
from bot.models import Message
from bot.times import DAY

log = logging.getLogger(__name__)
PREFIX = "message_p_"
DEFAULT = f"{PREFIX}default"
CLOSED = f"{DEFAULT}_closed"
AHEAD = 7
TRIES = 3
PATIENCE = "500ms"
LOCK_NOT_AVAILABLE = "55P03"
CHECK_VIOLATION = "23514"
# So much of the default partition, in bytes, is read in milliseconds.
SMALL = 8 * 2**20

MESSAGE = database.table(Message)


def name(day: dt.date) -> str:
    """The partition of a UTC day."""
    return f"{PREFIX}{day:%Y%m%d}"


def steps(
    engine: Engine, today: dt.date, ahead: int = AHEAD, *, small: int = SMALL
) -> Iterator[int]:
    """Make the partitions of today and the days ahead that are missing, in short transactions:
    tells 1 for each that was made. Safe to repeat, by any process, and to stop anywhere.
    """
    if engine.dialect.name == "sqlite":
        return
    # What a process left that was killed.
    _reopen(engine)
    missing = {today + DAY * n for n in range(ahead + 1)} - existing(engine)
    for _ in range(TRIES):
        for day in sorted(missing):
            # Whatever a clock says, nobody speaks two days from now.
            made = make(engine, day, may_close=day > today + DAY, small=small)
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


def make(engine: Engine, day: dt.date, *, may_close: bool = False, small: int = SMALL) -> int:
    """Make one partition; 1 where it was made, 0 where the day has messages already, which stay in
    the default partition, or where a lock did not come in time.

    A default partition of more than `small` bytes is read through only with `may_close`, since
    messages of that day have to wait meanwhile.
    """
    try:
        size = _prepared(engine, day)
        if size is None:
            log.info("%s has messages in the default partition, and stays there", day)
            return 0
        if size > small and not may_close:
            log.info("%s stays in the default partition, which has %d bytes", day, size)
            return 0
        if size <= small:
            return _attach(engine, day, proved=False)
        try:
            _close(engine, day)
            return _attach(engine, day, proved=True)
        finally:
            _reopen(engine)
    except OperationalError as error:
        if not is_in_use(error):
            raise
        # Somebody works on the table; a message that comes now goes to the default partition.
        return 0
    except IntegrityError:
        # A message of that day came between the look and the lock.
        return 0


def drop(session: Session, day: dt.date) -> None:
    """Drop the partition of a day with everything in it. Raises OperationalError where others hold
    the table for longer than `PATIENCE`.
    """
    _wait_briefly(session)
    session.connection().exec_driver_sql(f"DROP TABLE {name(day)}")


def is_in_use(error: OperationalError) -> bool:
    """Whether it says that others hold the table, and nothing worse."""
    return getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


def is_closed(error: DBAPIError) -> bool:
    """Whether a message has to wait because the partition of its day is being made."""
    told = getattr(error.orig, "sqlstate", None), str(error.orig)
    return told[0] == CHECK_VIOLATION and CLOSED in told[1]


def _prepared(engine: Engine, day: dt.date) -> int | None:
    """Make the table, part of nothing yet: how many bytes the default partition has, None where
    messages of the day stand there.
    """
    with database.transaction(engine) as session:
        # The key leads with the day, so this reads one row at the most.
        found = select(MESSAGE.c.id).where(MESSAGE.c.day == day).limit(1)
        if session.connection().execute(found).first() is not None:
            return None
        _wait_briefly(session)
        session.connection().exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {name(day)} (LIKE message INCLUDING ALL)"
        )
        size = f"SELECT pg_relation_size('{DEFAULT}')"
        return int(session.connection().exec_driver_sql(size).scalar_one())


def _close(engine: Engine, day: dt.date) -> None:
    """Let the default partition take nothing of a day, and prove that it has nothing of it."""
    without = f"CHECK (day < '{day}' OR day >= '{day + DAY}')"
    for change in (
        f"DROP CONSTRAINT IF EXISTS {CLOSED}, ADD CONSTRAINT {CLOSED} {without} NOT VALID",
        # Two transactions: this one reads everything, and others go on reading and writing.
        f"VALIDATE CONSTRAINT {CLOSED}",
    ):
        with database.transaction(engine) as session:
            _wait_briefly(session)
            session.connection().exec_driver_sql(f"ALTER TABLE {DEFAULT} {change}")


def _attach(engine: Engine, day: dt.date, *, proved: bool) -> int:
    with database.transaction(engine) as session:
        _wait_briefly(session)
        connection = session.connection()
        # The locks that attaching takes, in its order; under them nobody takes the proof away.
        connection.exec_driver_sql("LOCK TABLE ONLY message IN SHARE UPDATE EXCLUSIVE MODE")
        connection.exec_driver_sql(f"LOCK TABLE ONLY {DEFAULT} IN ACCESS EXCLUSIVE MODE")
        if proved and not _closed(session, "AND convalidated"):
            return 0
        connection.exec_driver_sql(
            f"ALTER TABLE message ATTACH PARTITION {name(day)} "
            f"FOR VALUES FROM ('{day}') TO ('{day + DAY}')"
        )
    return 1


def _reopen(engine: Engine) -> None:
    """Let the default partition take every day again, as soon as nobody is in the way."""
    with database.reading(engine) as session:
        if not _closed(session):
            return
    try:
        with database.transaction(engine) as session:
            _wait_briefly(session)
            session.connection().exec_driver_sql(
                f"ALTER TABLE {DEFAULT} DROP CONSTRAINT IF EXISTS {CLOSED}"
            )
    except OperationalError as error:
        if not is_in_use(error):
            raise
        log.warning("the default partition stays closed for a day to come until the next hour")


def _closed(session: Session, besides: str = "") -> bool:
    stands = f"SELECT 1 FROM pg_constraint WHERE conname = '{CLOSED}' {besides}"  # noqa: S608  # ours
    return session.connection().exec_driver_sql(stands).scalar() is not None


def _wait_briefly(session: Session) -> None:
    session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
