"""Samples while it runs: memory and descriptors of the spared process, who owns which account, how
long what is said takes into the log, and what had come there before each kill.
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
from tests.soak.harm import SPARED

SAMPLE_SECONDS = 5.0
OWNERS_SECONDS = 0.5
PROBE_SECONDS = 2.0
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 60.0

IDENTITY, ACCOUNT = database.tables(MessageIdentity, Account)


@dataclass(slots=True)
class Watch:
    """What was seen. `memory` holds (when, resident MB, descriptors), `owners` (when, account,
    owner) at each change, `lags` (when said, seconds into the log), `accepted` platform ids.
    """

    fleet: Fleet
    memory: list[tuple[float, float, int]] = field(default_factory=list)
    owners: list[tuple[float, int, str]] = field(default_factory=list)
    lags: list[tuple[float, float]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    newest: int = 0


async def memory(watch: Watch) -> None:
    """Look at the spared process again and again."""
    while True:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(watch.fleet.services[SPARED].pid)
            megabytes = process.memory_info().rss / 1e6
            watch.memory.append((now(), megabytes, process.num_fds()))
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
        query = select(IDENTITY.c.id, IDENTITY.c.platform_id).where(IDENTITY.c.id > watch.newest)
        for number, name in await _asked(watch, query):
            watch.newest = max(watch.newest, number)
            watch.accepted.add(name)
        await asyncio.sleep(SAMPLE_SECONDS)


async def lag(watch: Watch, chance: random.Random) -> None:
    """Say something now and then, and see when it comes into the log."""
    while True:
        who = chance.randrange(GATEWAYS)
        number = who * ROOMS + chance.randrange(ROOMS) + 1
        try:
            told = await watch.fleet.gateways[who].ask(
                "say",
                room=f"room{number}@chatroom",
                sender=f"wxid_{number}_1",
                text="在吗",
                type="Text",
            )
        except httpx.HTTPError:
            told = {}
        if "id" in told:
            await _arrival(watch, str(told["id"]))
        await asyncio.sleep(PROBE_SECONDS)


async def _arrival(watch: Watch, name: str) -> None:
    said = now()
    query = select(IDENTITY.c.id, IDENTITY.c.platform_id).where(
        IDENTITY.c.id > watch.newest, IDENTITY.c.platform_id == name
    )
    while now() - said < PATIENCE_SECONDS:
        if await _asked(watch, query) or name in watch.accepted:
            watch.lags.append((said, now() - said))
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _asked(watch: Watch, query: object) -> list[tuple[int, str]]:
    """Rows of two columns; none while the database is away."""

    def asked() -> list[tuple[int, str]]:
        with database.reading(watch.fleet.engine) as session:
            return [tuple(row) for row in session.connection().execute(query)]  # type: ignore[call-overload]

    try:
        return await asyncio.to_thread(asked)
    except SQLAlchemyError:
        return []
