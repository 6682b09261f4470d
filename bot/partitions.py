"""Daily partitions of the log on PostgreSQL: made ahead, dropped whole when their time has come.

The table is partitioned by UTC day with one default partition for days that have none of their own:
old days that come late, and those before partitions were made. SQLite has no partitions, and every
function here does nothing on it.

Making one takes a short lock that waits for running transactions; while it waits, others queue
behind it. So it gives up after `PATIENCE` and the next hour tries again.
"""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import Engine, inspect, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from bot import database
from bot.models import Message
from bot.times import DAY

PREFIX = "message_p_"
AHEAD = 7
PATIENCE = "2s"
LOCK_NOT_AVAILABLE = "55P03"

MESSAGE = database.table(Message)


def name(day: dt.date) -> str:
    """The partition of a UTC day."""
    return f"{PREFIX}{day:%Y%m%d}"


def steps(engine: Engine, today: dt.date, ahead: int = AHEAD) -> Iterator[int]:
    """Make the partitions of today and the days ahead that are missing, each in a transaction of
    its own: tells 1 for each that was made. Safe to repeat, by any process.
    """
    if engine.dialect.name == "sqlite":
        return
    standing = existing(engine)
    for day in (today + DAY * n for n in range(ahead + 1)):
        if day not in standing:
            yield make(engine, day)


def existing(engine: Engine) -> set[dt.date]:
    """The days that have a partition of their own."""
    if engine.dialect.name == "sqlite":
        return set()
    digits = (
        table.removeprefix(PREFIX)
        for table in inspect(engine).get_table_names()
        if table.startswith(PREFIX)
    )
    return {dt.datetime.strptime(each, "%Y%m%d").date() for each in digits if each.isdigit()}  # noqa: DTZ007  # a date


def make(engine: Engine, day: dt.date) -> int:
    """Make one partition; 1 where it was made, 0 where the day has messages already, which stay in
    the default partition, or where the lock did not come in time.
    """
    try:
        with database.transaction(engine) as session:
            if _has_messages(session, day):
                return 0
            connection = session.connection()
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            connection.exec_driver_sql(
                f"CREATE TABLE IF NOT EXISTS {name(day)} PARTITION OF message "
                f"FOR VALUES FROM ('{day}') TO ('{day + DAY}')"
            )
    except OperationalError as error:
        if not is_in_use(error):
            raise
        # Somebody works on the table; a message that comes now goes to the default partition.
        return 0
    except IntegrityError:
        # A message of that day came between the look and the lock.
        return 0
    return 1


def drop(session: Session, day: dt.date) -> None:
    """Drop the partition of a day with everything in it. Raises OperationalError where others hold
    the table for longer than `PATIENCE`.
    """
    session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}'")
    session.connection().exec_driver_sql(f"DROP TABLE {name(day)}")


def is_in_use(error: OperationalError) -> bool:
    """Whether it says that others hold the table, and nothing worse."""
    return getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


def _has_messages(session: Session, day: dt.date) -> bool:
    found = session.connection().execute(select(MESSAGE.c.id).where(MESSAGE.c.day == day).limit(1))
    return found.first() is not None
