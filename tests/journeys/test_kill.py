"""`qunyun run`, killed with SIGKILL in the middle of a Q&A day: counted at the gateway."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import Engine

from bot import database, outbox
from bot.bench import node_gateway
from bot.bench.node_gateway import NodeGateway
from bot.models import Delivery, DeliveryState, Room
from bot.outbox import Decision
from tests import parts
from tests.journeys.test_first_day import journal, now, plan_qa_day
from tests.saying import rows

ROOMS = 30
PATIENCE = 120


def start(engine: Engine, home: Path, url: str) -> "subprocess.Popen[bytes]":
    """The real thing in a process of its own."""
    environment = os.environ | {
        "QUNYUN_HOME": str(home),
        "QUNYUN_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "QUNYUN_GATEWAYS": url,
        "QUNYUN_QUIET_HOURS": "",
        "QUNYUN_RANDOM_GAP_SECONDS": "0",
        "QUNYUN_POSTS_PER_MINUTE": "10000",
        "QUNYUN_CONSOLE_PORT": "0",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "run"], env=environment, cwd=home, stderr=subprocess.PIPE
    )


async def posted(node: NodeGateway, count: int) -> None:
    """Ask the gateway until it has received so many posts since it started."""
    async with asyncio.timeout(PATIENCE):
        while len((await node.ask("sent"))["list"]) < count:  # type: ignore[arg-type]  # a list of posts
            pass


async def test_a_killed_process_posts_nothing_twice_and_lists_what_it_may_have_lost(
    engine: Engine, tmp_path: Path
) -> None:
    absent = node_gateway.missing()
    parts.require("node", absent is None, f"{absent}; run `make install`")
    book = tmp_path / "journal.jsonl"
    node = NodeGateway(rooms=ROOMS, members=3, journal=book)
    await node.start()
    with database.transaction(engine) as session:
        for number in range(1, ROOMS + 1):
            session.add(Room(platform_id=f"room{number}@chatroom", topic=f"{number} 群"))
    try:
        await node.ask("behave", slow=0.05)
        first = start(engine, tmp_path, node.url)
        await serving(node, engine, first)
        plan_qa_day(engine)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        second = start(engine, tmp_path, node.url)
        await posted(node, 5)
        os.kill(second.pid, signal.SIGKILL)
        second.communicate()
        before = {row.state for row in rows(engine, Delivery)}
        assert DeliveryState.SENT in before

        third = start(engine, tmp_path, node.url)
        await settled(node, engine)
        decided = decide(engine, {one["room"] for one in journal(book, "sent")})
        await posted(node, ROOMS)
        await settled(node, engine)
        third.send_signal(signal.SIGTERM)
        _, errors = third.communicate(timeout=PATIENCE)
        assert third.returncode == 0, errors.decode()
    finally:
        node.kill()
    assert decided <= 1
    assert {row.state for row in rows(engine, Delivery)} == {DeliveryState.SENT}
    assert Counter(one["room"] for one in journal(book, "sent")) == dict.fromkeys(
        (f"room{number}@chatroom" for number in range(1, ROOMS + 1)), 1
    )


async def serving(node: NodeGateway, engine: Engine, process: "subprocess.Popen[bytes]") -> None:
    """Until the process has taken every room into service."""
    async with asyncio.timeout(PATIENCE):
        while any(row.account_id is None for row in rows(engine, Room)):
            assert process.poll() is None
            await node.ask("attempts")


async def settled(node: NodeGateway, engine: Engine) -> None:
    """Until every delivery was sent or waits for an operator."""
    done = {DeliveryState.SENT, DeliveryState.UNCERTAIN}
    async with asyncio.timeout(PATIENCE):
        while not {row.state for row in rows(engine, Delivery)} <= done:
            await node.ask("attempts")


def decide(engine: Engine, arrived: set[str]) -> int:
    """What an operator does who looks into the rooms; returns how many there were to decide."""
    held = [row for row in rows(engine, Delivery) if row.state is DeliveryState.UNCERTAIN]
    for row in held:
        came = row.key.rpartition(":")[2] in arrived
        with database.transaction(engine) as session:
            decision = Decision.SENT if came else Decision.RESEND
            assert outbox.decide(session, row.id, decision, "小李", now())
    return len(held)
