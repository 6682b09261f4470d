"""Call webhooks: in threads of their own, so that no slow program holds anything of ours up."""

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Engine

from bot import database
from bot.webhooks import calls, door
from bot.webhooks.calls import Answer, Call
from bot.webhooks.door import Door

log = logging.getLogger(__name__)

AT_ONCE = 8
EVERY_SECONDS = 5.0

Result = TypeVar("Result")


class Write(Protocol):
    """Runs database work in the writer thread."""

    def __call__(self, work: Callable[[], Result]) -> Awaitable[Result]:
        """Run it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What calling takes: the database and its writer, the way out (opened when it is needed first,
    which takes a moment), the clock.
    """

    engine: Engine
    write: Write
    opened: Callable[[], Door]
    clock: Callable[[], dt.datetime]


async def run(caller: Caller, stop: asyncio.Event) -> None:
    """Make every call that is due, until `stop`."""
    loop = asyncio.get_running_loop()
    way: Door | None = None
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as threads:
        while not stop.is_set():
            if await loop.run_in_executor(threads, _waits, caller):
                if way is None:
                    way = await loop.run_in_executor(threads, caller.opened)
                await call_due(caller, way, threads)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()


async def call_due(caller: Caller, way: Door, threads: ThreadPoolExecutor) -> int:
    """Make the calls that are due, some at a time; returns how many were made."""

    def taken() -> list[Call]:
        with database.transaction(caller.engine) as session:
            return calls.take(session, caller.clock(), AT_ONCE)

    due = await caller.write(taken)
    loop = asyncio.get_running_loop()
    posting = [loop.run_in_executor(threads, door.post, way, each, caller.clock()) for each in due]
    answers = await asyncio.gather(*posting)
    await caller.write(lambda: _settle(caller, due, answers))
    return len(due)


def _waits(caller: Caller) -> bool:
    with database.reading(caller.engine) as session:
        return calls.waits(session, caller.clock())


def _settle(caller: Caller, due: Sequence[Call], answers: Sequence[Answer]) -> None:
    with database.transaction(caller.engine) as session:
        for call, answer in zip(due, answers, strict=True):
            state = calls.settle(session, call, answer, caller.clock())
            log.info("webhook %d: call %d: %s", call.webhook_id, call.key, state.value)
