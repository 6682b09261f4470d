"""Processes killed between the gateway and the log."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot import event_codec, spool_file
from bot.gateway import Said
from bot.models import MessageIdentity
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation
from tests.saying import rows

KILLS = 6 if LONG else 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_a_killed_process_had_spooled_comes_into_the_log_once(
    installation: Installation,
) -> None:
    day.prepare(installation)
    service = installation.service(parts="gateways")
    accepted = set[str]()
    for _ in range(KILLS):
        service.start()
        await day.until(service.says("is online"), "the account online")
        await day.say(installation, 300)
        reached = len(day.logged(installation))
        more = installation.chance.randrange(200)
        await day.until(day.has_logged(installation, reached + more), "messages")
        await installation.node.ask("burst", messages=300, rooms=installation.rooms)
        service.kill()
        accepted |= spooled(installation) | day.logged(installation)
    service.start()
    await day.until(lambda: accepted <= day.logged(installation), "all that was accepted")
    await day.until(service.says("is online"), "the account online")
    service.stop()
    once(installation)


def has_spooled(at: Installation, number: int) -> Callable[[], bool]:
    """Whether so many messages that were heard wait for the log."""
    return lambda: len(spooled(at)) >= number


def waits(at: Installation, number: int) -> Callable[[], bool]:
    """Whether so many events of any kind wait for the log, without reading them."""
    return lambda: spool_file.look(_path(at)).events >= number


def spooled(at: Installation) -> set[str]:
    """The ids of what was heard and waits for the log."""
    return said_in(_path(at))


def _path(at: Installation) -> Path:
    _, host, port = at.node.address
    return spool_file.path(at.home, f"{host}:{port}")


def said_in(path: Path) -> set[str]:
    """The ids of the messages in a spool."""
    with closing(sqlite3.connect(path, timeout=day.PATIENCE)) as file:
        found = file.execute("SELECT content FROM event").fetchall()
    events = [event_codec.decode(content) for (content,) in found]
    return {event.id for event in events if isinstance(event, Said)}


def once(at: Installation) -> None:
    """Nothing is in the log twice, and nothing that nobody said."""
    found = [row.platform_id for row in rows(at.engine, MessageIdentity)]
    assert len(found) == len(set(found))
    said, sent = ({one[kind] for one in day.journal(at, kind)} for kind in ("said", "sent"))
    assert set(found) <= said | sent
