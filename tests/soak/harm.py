"""What is done to the fleet: a process is killed every minute, and in between whatever chance says."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot import database, pauses
from bot.models import PauseScope
from tests.faults.installation import now as operators_clock
from tests.faults.test_postgresql import control, started_with
from tests.soak import settle
from tests.soak.fleet import GATEWAYS, Fleet, now

MINUTE = 60.0
# The last process is spared, so that its memory can be watched; it is frozen now and then.
SPARED = GATEWAYS - 1
SOON, LATE = 2.0, 40.0
# Longer than a lease lasts.
FROZEN = 20.0
# How long the database or the stream is away.
AWAY = 15.0


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, when (seconds since the epoch), to which service or gateway, and the id of the
    process where there is one.
    """

    at: float
    what: str
    who: int
    process: int = 0


@dataclass(slots=True)
class Harm:
    """The fleet, chance, what was done so far, and the ids of what kills found accepted and waiting.
    Services in `down` are meant to be dead.
    """

    fleet: Fleet
    chance: random.Random
    done: list[Done] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    down: set[int] = field(default_factory=set)
    starts: int = 0

    def note(self, what: str, who: int) -> None:
        """Write down that something was done now."""
        self.done.append(Done(now(), what, who))


async def kills(harm: Harm) -> None:
    """SIGKILL a process every minute. Most come back at once; every third one stays away for so
    long that another one has to step in.
    """
    number = 0
    while True:
        await asyncio.sleep(MINUTE - LATE)
        who = harm.chance.randrange(SPARED)
        service = harm.fleet.services[who]
        # Nobody reaps it at once: like one on another machine, it may be dead or slow.
        harm.down.add(who)
        harm.done.append(Done(now(), "killed", who, service.pid))
        service.strike()
        number += 1
        try:
            away = LATE if number % 3 == 0 else SOON
            await asyncio.sleep(away)
        finally:
            service.kill()
            harm.accepted |= harm.fleet.waiting(who)
            service.start()
            harm.down.discard(who)
            harm.note("started", who)
        await asyncio.sleep(LATE - away)


async def restarts(harm: Harm) -> None:
    """What systemd does: a process that ended by itself, for want of a database, is started again."""
    while True:
        for who, service in enumerate(harm.fleet.services):
            if who not in harm.down and not service.alive():
                service.start()
                harm.note("came back", who)
        await asyncio.sleep(SOON)


async def harms(harm: Harm) -> None:
    """One thing after the other, at random, each undone before the next."""
    one: list[Callable[[Harm], Awaitable[None]]] = [
        kill_gateway, freeze_gateway, slow_gateway, lose_echoes, restart_database, stop_database,
        freeze_process, pause_everything,
    ]  # fmt: skip
    if harm.fleet.stream is not None:
        one.append(kill_stream)
    while True:
        for each in harm.chance.sample(one, len(one)):
            await asyncio.sleep(harm.chance.uniform(5, 15))
            await each(harm)


async def kill_gateway(harm: Harm) -> None:
    """A gateway dies and comes back."""
    who = harm.chance.randrange(GATEWAYS)
    gateway = harm.fleet.gateways[who]
    gateway.kill()
    harm.note("gateway killed", who)
    try:
        await asyncio.sleep(3)
    finally:
        harm.starts += 1
        gateway.launch(first=(who + 1) * 10_000_000 + harm.starts * 100_000)


async def freeze_gateway(harm: Harm) -> None:
    """A gateway stands still for a while."""
    who = harm.chance.randrange(GATEWAYS)
    harm.fleet.gateways[who].freeze()
    harm.note("gateway frozen", who)
    try:
        await asyncio.sleep(8)
    finally:
        harm.fleet.gateways[who].thaw()


async def slow_gateway(harm: Harm) -> None:
    """A gateway answers late."""
    await _behave(harm, "gateway slow", slow=0.5)


async def lose_echoes(harm: Harm) -> None:
    """Answers fail to come, echoes come late, in any order, or never."""
    await _behave(harm, "echoes lost", unanswered=0.1, lost=0.3, late=2)


async def restart_database(harm: Harm) -> None:
    """PostgreSQL is restarted under everybody."""
    harm.note("database restarted", 0)
    mode = harm.chance.choice(["fast", "immediate"])
    await asyncio.to_thread(control, harm.fleet.server, "restart", mode)


async def stop_database(harm: Harm) -> None:
    """PostgreSQL is away for a while."""
    server = harm.fleet.server
    options = started_with(server)
    harm.note("database stopped", 0)
    await asyncio.to_thread(control, server, "stop", "immediate")
    try:
        await asyncio.sleep(AWAY)
    finally:
        control(server, "start", "fast", options)
        harm.note("database back", 0)


async def kill_stream(harm: Harm) -> None:
    """The stream dies and comes back."""
    assert harm.fleet.stream is not None
    harm.note("stream killed", 0)
    harm.fleet.stream.kill()
    try:
        await asyncio.sleep(AWAY)
    finally:
        harm.fleet.stream.start()


async def freeze_process(harm: Harm) -> None:
    """A process sleeps for longer than its leases last."""
    harm.fleet.services[SPARED].freeze()
    harm.note("process frozen", SPARED)
    try:
        await asyncio.sleep(FROZEN)
    finally:
        harm.fleet.services[SPARED].thaw()
        harm.note("process thawed", SPARED)


async def pause_everything(harm: Harm) -> None:
    """An operator holds everything for a moment."""
    harm.note("paused", 0)
    await settle.until(lambda: _pause(harm.fleet, pauses.pause), "the pause")
    try:
        await asyncio.sleep(5)
    finally:
        # Cancelled or not.
        await asyncio.shield(settle.until(lambda: _pause(harm.fleet, pauses.resume), "its end"))


def _pause(fleet: Fleet, how: Callable[..., bool]) -> bool:
    with database.transaction(fleet.engine) as session:
        how(session, PauseScope.ALL, None, "演练", "小李", operators_clock())
    return True


async def _behave(harm: Harm, what: str, **how: object) -> None:
    who = harm.chance.randrange(GATEWAYS)
    harm.note(what, who)
    gateway = harm.fleet.gateways[who]
    await gateway.ask("behave", **how)
    try:
        await asyncio.sleep(12)
    finally:
        await gateway.ask("behave", **dict.fromkeys(how, 0))
