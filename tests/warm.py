"""Engines that go from one test's database to the next one's: to compile a statement takes longer
than to ask it of a database as small as a test's.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from bot import database


class Warm:
    """One engine for each kind of database and each `use` that is made of it at the same time."""

    def __init__(self) -> None:
        self._engines: dict[tuple[str, str], Engine] = {}

    def at(self, url: str, use: str = "given") -> Engine:
        """An engine as `database.connect` makes it, until the next of its kind is asked for.

        Who listens to it listens to this test alone.
        """
        made = database.connect(url)
        kept = self._engines.setdefault((made.dialect.name, use), made)
        if kept is made:
            _send_on(kept)
        kept.dispose()
        kept.url = made.url
        return kept.execution_options()

    def dispose(self) -> None:
        """Close what is open."""
        for engine in self._engines.values():
            engine.dispose()


def _send_on(engine: Engine) -> None:
    """Let an engine connect to where its URL leads now."""

    def connect(
        dialect: Dialect,
        _entry: ConnectionPoolEntry,
        _arguments: Sequence[Any],
        _options: MutableMapping[str, Any],
    ) -> DBAPIConnection:
        arguments, options = dialect.create_connect_args(engine.url)
        return dialect.connect(*arguments, **options)

    event.listen(engine, "do_connect", connect)
