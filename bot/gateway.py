"""The chat platform as we see it: one protocol, its events, what each implementation can do.

Implementations live in `bot/gateways/`. Everything above talks to this file alone, so a
platform can die without taking the product along.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Read(StrEnum):
    """Which messages a gateway lets us see; anything but ALL makes a digest say 未采集."""

    ALL = "all"
    MENTION = "mention"
    ARCHIVE = "archive"
    NONE = "none"


class Posting(StrEnum):
    """Whether a post goes out by itself or is carried out and confirmed by a person."""

    DIRECT = "direct"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do. The core plans, shows and counts by these."""

    read: Read
    post: Posting
    recall: bool = False
    images: bool = False
    links: bool = False
    mini_programs: bool = False
    members: bool = False
    replay: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One message as the platform or a message log gave it (INTERFACES, "Message log").

    `at` is aware and whole seconds. `text` is None where the type has none. `type` is one of
    text, image, emoticon, link, mini_program, red_packet, file, video, voice, system, recall;
    an unknown type keeps its name. A recall names its message in `recalls`.
    `own` marks a message by a bot account (`self` in the log): the echo of what we sent.
    """

    id: str
    room: str
    sender: str
    at: datetime
    type: str
    text: str | None
    topic: str | None = None
    name: str | None = None
    mentions: tuple[str, ...] = ()
    quote: str | None = None
    recalls: str | None = None
    own: bool = False
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as the platform names it: platform id and display name (may be empty)."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """People came into a room."""

    room: str
    people: tuple[Person, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """People left a room or were removed; `people` may hold our own account."""

    room: str
    people: tuple[Person, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class TopicChanged:
    """A room has a new name."""

    room: str
    topic: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The account is in and its event stream starts here: what was said before is not seen."""

    me: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The account's event stream ended here; `reason` is for a person."""

    reason: str
    at: datetime


Event = Said | Joined | Left | TopicChanged | LoggedIn | LoggedOut


@dataclass(frozen=True, slots=True)
class RoomListing:
    """A room as the platform lists it."""

    id: str
    topic: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture to post: file name and bytes (a gateway refuses what is over its own limit)."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """One thing to put into one room: text with mentions (contact ids), or a picture."""

    room: str
    text: str = ""
    mentions: Sequence[str] = ()
    image: Image | None = None


class Gateway(Protocol):
    """One logged-in account of one platform.

    Every call has a time limit of its own. `send` raises GatewayUnavailable when nothing was
    handed over, SendRefused when the platform said no, SendUncertain when no answer came.
    """

    @property
    def account(self) -> str:
        """The account's stable name (never a secret)."""

    @property
    def capabilities(self) -> Capabilities:
        """What this platform lets us do."""

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens, in order inside each room, until `close`.

        Reconnects by itself, with backoff; a gap shows as LoggedOut … LoggedIn. Consumed by
        one reader; a slow reader slows the loading of payloads, memory stays bounded.
        """

    async def send(self, post: Post) -> str | None:
        """Hand over one post, once. Returns the platform's message id where it names one."""

    async def recall(self, room: str, message: str) -> bool:
        """Take a post back; False where the platform would not."""

    async def rooms(self) -> list[RoomListing]:
        """The rooms this account is in."""

    async def members(self, room: str) -> list[Person]:
        """The people in a room, our own account included."""

    async def close(self) -> None:
        """End the event stream and every connection. Safe to repeat."""
