"""Whatever a journey leaves behind has to rebuild to itself."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, exists, select

from bot import database, rebuilding
from bot.models import Message, OrderEvent
from tests.saying import rules
from tests.warm import Warm

# After every window of attribution that a journey may have opened.
LATER = dt.datetime(2027, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def rebuilds_to_itself(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path, warm: Warm
) -> Iterator[None]:
    """After a journey that ends with messages or orders, `rebuild --check` is clean: in the
    database that it was given, and in every one that its commands made in a home of their own.
    """
    given = "database_url" in request.fixturenames
    urls = {request.getfixturevalue("database_url")} if given else set()
    yield
    if request.node.get_closest_marker("tampers"):
        return
    urls |= {f"sqlite:///{path}" for path in tmp_path.rglob("qunyun.db")}
    for number, url in enumerate(sorted(urls)):
        empty = tmp_path / f"rebuilt{number}.db"
        shutil.copy(sqlite_template, empty)
        assert _differences(warm.at(url), warm.at(f"sqlite:///{empty}", "rebuilt")) == []


def _differences(left: Engine, again: Engine) -> list[rebuilding.Comparison]:
    try:
        compared = rebuilding.compare(left, again, rules(left), LATER) if _holds_rows(left) else []
    finally:
        left.dispose()
        again.dispose()
    return [one for one in compared if not one.agrees]


def _holds_rows(engine: Engine) -> bool:
    with database.reading(engine) as session:
        told = (select(database.table(model)) for model in (Message, OrderEvent))
        return any(session.connection().scalar(select(exists(each))) for each in told)
