"""How many pages are made at once: more only wait for the processor, and each holds a connection
of the database and the memory of a page meanwhile.

Whoever only reads waits for no change: changes have turns of their own, and a turn is over as soon
as the answer begins, however slowly it is fetched.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 4
READING = {"GET", "HEAD", "OPTIONS"}
# They ask the database next to nothing, never end, or take long and are asked for seldom.
AT_ANY_TIME = ("/static/", "/healthz", "/events", "/data/export/", "/l/")


def _turns() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Turns:
    """A layer of the console."""

    app: ASGIApp
    reading: asyncio.Semaphore = field(default_factory=_turns)
    changing: asyncio.Semaphore = field(default_factory=_turns)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through when it is its turn."""
        if scope["type"] != "http" or scope["path"].startswith(AT_ANY_TIME):
            await self.app(scope, receive, send)
            return
        turns = self.reading if scope["method"] in READING else self.changing
        await turns.acquire()
        over = _once(turns.release)

        async def sending(message: Message) -> None:
            over()
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            over()


def _once(act: Callable[[], None]) -> Callable[[], None]:
    done = False

    def wrapped() -> None:
        nonlocal done
        if not done:
            done = True
            act()

    return wrapped
