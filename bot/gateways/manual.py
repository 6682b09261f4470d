"""Rooms that no bot can enter: people carry posts out, and exported chat comes in by `replay`.

Nothing is ever handed over here. A delivery of such an account stays PENDING, on a list of things
to do, until a person says that it was posted or that it will not be (`by_hand.carried_out`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from bot.errors import SendRefused
from bot.gateway import (
    Capabilities,
    Event,
    LoggedIn,
    Person,
    Post,
    Posting,
    Read,
    RoomListing,
)

CAPABILITIES = Capabilities(
    # What an export of the chat says, whenever somebody brings one.
    read=Read.ARCHIVE,
    post=Posting.CONFIRM,
    images=True,
    links=True,
    mention_all=True,
    replay=True,
)


class ManualGateway:
    """An account behind which people do what a gateway would do. Implements `Gateway`."""

    def __init__(self, account: str, *, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._clock = clock
        self._closed = asyncio.Event()

    @property
    def account(self) -> str:
        """The account's stable name."""
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        """What people can do."""
        return CAPABILITIES

    async def events(self) -> AsyncIterator[Event]:
        """That it is there; nothing is heard until `close`."""
        yield LoggedIn(Person(f"manual:{self._account}", self._account), self._clock())
        await self._closed.wait()

    async def send(self, post: Post) -> str | None:
        """Raises SendRefused always: a person posts here."""
        raise SendRefused(f"群 {post.room} 由人来发,见 qunyun deliveries todo")

    async def recall(self, room: str, message: str) -> bool:
        """A person takes a post back in WeChat: False."""
        return False

    async def rooms(self) -> list[RoomListing]:
        """No room is listed: a rooms file names them."""
        return []

    async def members(self, room: str) -> list[Person]:
        """Nobody is listed: a memberships file names them."""
        return []

    async def close(self) -> None:
        """End the event stream."""
        self._closed.set()
