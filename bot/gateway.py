"""The chat platform as we see it: one protocol, its events, what each implementation can do.

Implementations live in `bot/gateways/`. Everything above talks to this file alone, so a
platform can die without taking the product along.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    """What a gateway can do. The core plans, shows and counts by these.

    `mention_all`: a post can call everyone in its room. `largest_image` is in bytes.
    `posts_per_room_month` and `posts_per_minute` are the platform's own limits.
    None: no limit that we know of. In the `crowded_minutes` of every hour the platform is likely
    to refuse posts.
    """

    read: Read
    post: Posting
    recall: bool = False
    images: bool = False
    links: bool = False
    mini_programs: bool = False
    members: bool = False
    replay: bool = False
    mention_all: bool = False
    largest_image: int | None = None
    posts_per_room_month: int | None = None
    posts_per_minute: int | None = None
    crowded_minutes: tuple[int, ...] = ()


def capabilities_as_json(capabilities: Capabilities) -> dict[str, object]:
    """Capabilities as plain words, flags, numbers and lists of them, to be stored as JSON."""
    plain = {
        name: str(value) if isinstance(value, StrEnum) else value
        for name, value in asdict(capabilities).items()
    }
    return plain | {"crowded_minutes": list(capabilities.crowded_minutes)}


def capabilities_from_json(raw: Mapping[str, object]) -> Capabilities:
    """What `capabilities_as_json` made, by this version or by another one.

    Keys that we do not know are ignored. What is missing or unreadable promises least: nothing is
    read, posts wait for a person, a flag is off, a number is no limit that we know of.
    """
    read, post = raw.get("read"), raw.get("post")
    return Capabilities(
        read=Read(read) if isinstance(read, str) and read in set(Read) else Read.NONE,
        post=Posting(post) if isinstance(post, str) and post in set(Posting) else Posting.CONFIRM,
        recall=raw.get("recall") is True,
        images=raw.get("images") is True,
        links=raw.get("links") is True,
        mini_programs=raw.get("mini_programs") is True,
        members=raw.get("members") is True,
        replay=raw.get("replay") is True,
        mention_all=raw.get("mention_all") is True,
        largest_image=_number(raw.get("largest_image")),
        posts_per_room_month=_number(raw.get("posts_per_room_month")),
        posts_per_minute=_number(raw.get("posts_per_minute")),
        crowded_minutes=_numbers(raw.get("crowded_minutes")),
    )


def _numbers(value: object) -> tuple[int, ...]:
    found = value if isinstance(value, list) else []
    return tuple(each for each in found if _number(each) is not None)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
class Link:
    """A link card to post. `image` is the URL of its picture, or empty."""

    title: str
    url: str
    description: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """A mini-program card to post (小程序).

    `app` is the program's appid or user name as the platform names it, `path` the page it opens
    (empty: its first), `image` the URL of its picture, or empty.
    """

    app: str
    title: str
    path: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One thing to put into one room: text, a picture, a link or a mini program.

    Exactly one of `text`, `image`, `link` and `mini_program` is given, and that is what is sent; a
    gateway refuses a post with several or with none, rather than losing one of them. `mentions`
    (contact ids) and `mention_all` belong to text and mean nothing beside the others. Where the
    gateway cannot call everyone, the text goes out without it.
    """

    room: str
    text: str = ""
    mentions: Sequence[str] = ()
    image: Image | None = None
    link: Link | None = None
    mini_program: MiniProgram | None = None
    mention_all: bool = False


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
