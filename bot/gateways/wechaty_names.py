"""What rooms and people are called, asked once and kept until the gateway says it changed."""

from __future__ import annotations

from bot import gateway
from bot.gateways import wechaty_link

# Names of this many people are kept; then all are asked for again.
KEPT = 100_000


class Names:
    """Topics and names of one account. Answers None for what the gateway would not tell."""

    def __init__(self) -> None:
        self._topics: dict[str, str] = {}
        self._people: dict[str, dict[str, str]] = {}
        self._count = 0

    async def topic(self, link: wechaty_link.Link, room: str) -> str | None:
        """A room's topic."""
        if room not in self._topics:
            listing = await self.listing(link, room)
            return listing.topic or None
        return self._topics[room]

    async def listing(self, link: wechaty_link.Link, room: str) -> gateway.RoomListing:
        """A room as the gateway lists it now; an unreadable one has an empty topic."""
        try:
            listing = await link.room(room)
        except wechaty_link.Refused:
            return gateway.RoomListing(room, "")
        self._topics[room] = listing.topic
        return listing

    async def person(self, link: wechaty_link.Link, room: str, id: str) -> str | None:
        """What a person is called in a room: the alias there, else the contact's own name."""
        known = self._people.get(room, {}).get(id)
        if known is not None:
            return known
        try:
            name = await link.member_name(room, id) or await link.contact_name(id)
        except wechaty_link.Refused:
            return None
        self._keep(room, id, name)
        return name

    def rename(self, room: str, topic: str) -> None:
        """A topic event: the gateway's own copy may lag behind it."""
        self._topics[room] = topic

    def forget(self, *, room: str = "", person: str = "") -> None:
        """The gateway says that its copy changed."""
        self._topics.pop(room, None)
        self._people.pop(room, None)
        if person:
            for people in self._people.values():
                people.pop(person, None)

    def _keep(self, room: str, id: str, name: str) -> None:
        if self._count >= KEPT:
            self._people.clear()
            self._count = 0
        self._people.setdefault(room, {})[id] = name
        self._count += 1
