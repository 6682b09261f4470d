"""`qunyun run` before a gateway that is killed, frozen, refuses or is slow."""

import asyncio
import os

import pytest

from bot import database, pauses
from bot.models import DeliveryState, Pause, PauseScope
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation
from tests.saying import rows

FROZEN_SECONDS = float(os.environ.get("QUNYUN_FAULTS_FROZEN_SECONDS", "60")) if LONG else 0
FEW = 10 if LONG else 3

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_gateway_that_is_killed_and_then_frozen(installation: Installation) -> None:
    node = installation.node
    day.prepare(installation)
    service = installation.service(send_timeout_seconds="1")
    await node.ask("behave", slow=0.1)
    service.start()
    await day.speak(installation, service)
    await day.until(day.more_posts(installation, FEW), "posts")

    node.kill()
    await day.until(service.says("is out"), "the outage noticed")
    day.check(installation)
    await installation.restart_gateway()
    await node.ask("behave", slow=0.1)
    await day.until(day.more_posts(installation, FEW), "posts")

    held = sum(row.state is DeliveryState.UNCERTAIN for row in day.deliveries(installation))
    node.freeze()
    # The freeze lasts longer than a send may take, and in the long form much longer: the outage
    # is noticed, and one attempt after another to come back ends in vain.
    await day.until(day.some_in(installation, DeliveryState.UNCERTAIN, held + 1), "a timeout")
    await asyncio.sleep(FROZEN_SECONDS)
    node.thaw()
    await day.finish(installation, service)


async def test_a_gateway_that_refuses_and_then_is_slow(installation: Installation) -> None:
    node = installation.node
    day.prepare(installation)
    service = installation.service(send_timeout_seconds="0.3")
    await node.ask("behave", slow=0.1, refuse="内容违规")
    service.start()
    await day.until(day.some_in(installation, DeliveryState.FAILED, FEW), "refusals")

    await node.ask("behave", refuse="操作过于频繁,请稍后再试")
    await day.until(lambda: bool(rows(installation.engine, Pause)), "the account paused")
    # What is paused is not even tried: nothing more comes while members speak.
    tries = await node.ask("attempts")
    await day.speak(installation, service)
    assert await node.ask("attempts") == tries
    day.check(installation)
    refused = len(
        [row for row in day.deliveries(installation) if row.state is DeliveryState.FAILED]
    )
    assert refused >= FEW
    assert day.posted(installation) == []

    await node.ask("behave", refuse=None, slow=0.6)
    with database.transaction(installation.engine) as session:
        (pause,) = rows(installation.engine, Pause)
        resumed = pauses.resume(
            session, PauseScope.ACCOUNT, pause.target_id, "好了", "小李", day.now()
        )
        assert resumed
    await day.say(installation, 1)
    # Nothing is answered in time, and every echo comes later all the same.
    await day.until(day.some_in(installation, DeliveryState.UNCERTAIN), "a timeout")
    await day.until(day.some_in(installation, DeliveryState.SENT, FEW), "echoes")
    # What was refused goes again because an operator says so.
    assert await day.finish(installation, service) >= refused
