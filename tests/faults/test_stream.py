"""Gateways and the log in processes of their own, a stream between them, and each of them killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import database
from bot.bench import nats_server
from bot.bench.nats_server import NatsServer
from bot.models import Faq
from tests import parts
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation
from tests.faults.test_spool import has_spooled, once, spooled

ROUNDS = 5 if LONG else 1
QUESTION, ANSWER = "几点开始?", "晚上八点哦"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    parts.require("nats", nats_server.program() is not None, "run `make install`")
    running = NatsServer(tmp_path / "nats")
    running.start()
    yield running
    running.kill()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_stream_a_gateway_and_workers_that_are_killed_lose_and_double_nothing(
    installation: Installation, server: NatsServer
) -> None:
    day.prepare(installation)
    with database.transaction(installation.engine) as session:
        session.add(Faq(vertical="", question=QUESTION, answer=ANSWER))
    listening = installation.service(parts="gateways,deliveries", stream_url=server.url)
    workers = [
        installation.service(
            parts="ingest", stream_url=server.url, home=str(installation.home / name)
        )
        for name in ("one", "two")
    ]
    for service in (listening, *workers):
        service.start()
    await day.speak(installation, listening)
    for _ in range(ROUNDS):
        server.kill()
        said = await day.say(installation, 200)
        await day.until(has_spooled(installation, 200), "spooled")
        # Whoever heard it dies before the stream is back.
        listening.kill()
        assert said <= spooled(installation)
        server.start()
        listening.start()
        await day.until(listening.says("is online"), "the account online")
        said |= await day.say(installation, 200)
        await day.until(
            day.has_logged(
                installation, len(installation.accepted) + installation.chance.randrange(200)
            ),
            "some in the log",
        )
        # One worker dies in the middle, the other one goes on with its lots.
        workers[0].kill()
        await day.accept(installation, said)
        workers[0].start()
    await installation.node.ask("burst", messages=1, rooms=1, texts=[QUESTION])
    await day.until(lambda: any(ANSWER in text for text in day.posted(installation)), "the answer")
    await day.until(workers[0].says("recording shard 0"), "the worker at work")
    for service in (listening, *workers):
        service.stop()
    once(installation)
    assert spooled(installation) == set()
