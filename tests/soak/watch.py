"""Samples while it runs: memory and descriptors of each process, who owns which account, how long what
is said takes into the log, and what had come there before each kill.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

import httpx
import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot import database
from bot.models import Account, MessageIdentity
from tests.soak.fleet import GATEWAYS, ROOMS, Fleet, now
from tests.soak.verdict import Sample

SAMPLE_SECONDS = 5.0
# Processes that record side by side commit in another order than they number: looked at again.
LOOKED_BACK = 2_000
OWNERS_SECONDS = 0.5
PROBE_SECONDS = 2.0
LOOK_SECONDS = 0.05
# Longer than any outage: what comes later was never heard.
PATIENCE_SECONDS = 45.0

IDENTITY, ACCOUNT = database.tables(MessageIdentity, Account)


@dataclass(slots=True)
class Watch:
    """What was seen. `owners` holds (when, account, owner) at each change, `lags` (when said,
    seconds into the log), `accepted` platform ids.
    """

    fleet: Fleet
    memory: list[Sample] = field(default_factory=list)
    owners: list[tuple[float, int, str]] = field(default_factory=list)
    lags: list[tuple[float, float]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    newest: int = 0


async def memory(watch: Watch) -> None:
    """Look at every process that lives, again and again."""
    while True:
        for number, service in enumerate(watch.fleet.services):
            if not service.alive():
                continue
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(service.pid)
                megabytes = process.memory_info().rss / 2**20
                # One that was killed a moment ago is still listed, and holds nothing.
                if megabytes:
                    watch.memory.append(
                        Sample(now(), number, service.pid, megabytes, process.num_fds())
                    )
        await asyncio.sleep(SAMPLE_SECONDS)


async def owners(watch: Watch) -> None:
    """Who holds the lease of each account, noted as it changes."""
    known: dict[int, str] = {}
    query = select(ACCOUNT.c.id, ACCOUNT.c.lease_owner)
    while True:
        for account, owner in await _asked(watch, query):
            if known.get(account) != owner:
                known[account] = owner or ""
                watch.owners.append((now(), account, owner or ""))
        await asyncio.sleep(OWNERS_SECONDS)


async def acceptance(watch: Watch) -> None:
    """What is in the log must stay there: remember it as it comes."""
    while True:
        query = select(IDENTITY.c.id, IDENTITY.c.platform_id).where(
            IDENTITY.c.id > watch.newest - LOOKED_BACK
        )
        for number, name in await _asked(watch, query):
            watch.newest = max(watch.newest, number)
            watch.accepted.add(name)
        await asyncio.sleep(SAMPLE_SECONDS)


async def lag(watch: Watch, chance: random.Random) -> None:
    """Say something now and then, and see when it comes into the log."""
    while True:
        took = await probe(watch, chance.randrange(GATEWAYS), chance.randrange(ROOMS))
        if took is not None:
            watch.lags.append((now() - took, took))
        await asyncio.sleep(PROBE_SECONDS)


async def probe(watch: Watch, gateway: int, room: int) -> float | None:
    """Say something in a gateway's room: seconds until it is in the log, None if it never comes."""
    number = gateway * ROOMS + room + 1
    try:
        told = await watch.fleet.gateways[gateway].ask(
            "say",
            room=f"room{number}@chatroom",
            sender=f"wxid_{number}_1",
            text="在吗",
            type="Text",
        )
    except httpx.HTTPError:
        return None
    said, name = now(), str(told["id"])
    query = select(IDENTITY.c.id, IDENTITY.c.platform_id).where(
        IDENTITY.c.id > watch.newest - LOOKED_BACK, IDENTITY.c.platform_id == name
    )
    while now() - said < PATIENCE_SECONDS:
        if await _asked(watch, query) or name in watch.accepted:
            return now() - said
        await asyncio.sleep(LOOK_SECONDS)
    return None


async def _asked(watch: Watch, query: object) -> list[tuple[int, str]]:
    """Rows of two columns; none while the database is away."""

    def asked() -> list[tuple[int, str]]:
        with database.reading(watch.fleet.engine) as session:
            return [tuple(row) for row in session.connection().execute(query)]  # type: ignore[call-overload]

    try:
        return await asyncio.to_thread(asked)
    except SQLAlchemyError:
        return []
