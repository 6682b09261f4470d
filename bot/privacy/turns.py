"""One person is forgotten after the other, by whatever processes are asked.

A session's advisory lock on PostgreSQL, a transaction of a file beside the database on SQLite: both
end with the process that holds them, however it ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError

from bot import partitions
from bot.errors import Fault, InvalidInput

FORGETTING = 7_302_004
PATIENCE_SECONDS = 3_600.0


@contextmanager
def taken(engine: Engine, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Let nobody else forget anybody meanwhile. Raises InvalidInput where somebody still does after
    `patience` seconds.
    """
    holding = _of_the_file if engine.dialect.name == "sqlite" else _of_the_server
    with holding(engine, patience):
        yield


@contextmanager
def _of_the_file(engine: Engine, patience: float) -> Iterator[None]:
    file = engine.url.database
    if not file or file == ":memory:":
        # It is this process's alone.
        yield
        return
    path = f"{file}.forgetting"
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as beside:
        try:
            beside.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise _busy() from error
        yield


@contextmanager
def _of_the_server(engine: Engine, patience: float) -> Iterator[None]:
    with engine.connect() as opened:
        alone = opened.execution_options(isolation_level="AUTOCOMMIT")
        # Closed for good afterwards: with it go the lock and the setting.
        alone.detach()
        alone.exec_driver_sql(f"SET lock_timeout = {max(1, int(patience * 1_000))}")
        try:
            alone.execute(select(func.pg_advisory_lock(FORGETTING)))
        except OperationalError as error:
            if not partitions.is_in_use(error):
                raise
            raise _busy() from error
        yield


def _busy() -> InvalidInput:
    remedy = "稍后再运行一次同样的命令"
    return InvalidInput(Fault("privacy", 0, "", "另一个进程正在忘记一个人", remedy))
