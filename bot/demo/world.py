"""A simulated community at work with an app: what is still to happen, and what happened so far."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from bot.demo.community import Community, Room
from bot.demo.content import Promo
from bot.demo.shopping import Purchase
from bot.demo.stage import Spoken
from bot.gateway import Event, Person
from bot.gateways.memory import MemoryGateway
from bot.process import App


@dataclass(slots=True)
class Clock:
    """The demo's time."""

    now: dt.datetime

    def __call__(self) -> dt.datetime:
        """What time it is."""
        return self.now

    def reach(self, at: dt.datetime) -> None:
        """Go on to `at`, unless it is past already."""
        self.now = max(self.now, at)


@dataclass(frozen=True, slots=True)
class Moved:
    """People who come into a room together (`joins`), or leave it."""

    room: str
    people: tuple[Person, ...]
    joins: bool


@dataclass(slots=True)
class World:
    """A community at work with an app: what is still to happen, and what happened so far.

    `unread` counts the events that stand in each account's stream, `heard` holds those that the
    app has not taken yet by room ("": of no room). `own_words` counts what rooms said of
    themselves by (room, local day); `lifts` holds, by kind of day, how many messages of members
    each opening started on its day.
    """

    everybody: Community
    app: App
    clock: Clock
    accounts: dict[str, tuple[int, MemoryGateway]]
    rooms: dict[str, Room]
    renewed_at: dt.datetime
    to_come: list[tuple[dt.datetime, int, Spoken | Moved]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)
    heard: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    unread: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reacted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    promos: dict[str, tuple[Promo, dt.datetime]] = field(default_factory=dict)
    purchases: list[Purchase] = field(default_factory=list)
    own_words: dict[tuple[str, dt.date], int] = field(default_factory=dict)
    lifts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    messages: int = 0


def found(everybody: Community, app: App, clock: Clock, gateways: Sequence[MemoryGateway]) -> World:
    """A world in which nothing has happened yet."""
    ids = dict(app.accounts)
    accounts = {
        gateway.account: (account_id, gateway)
        for account_id, gateway in zip(ids, gateways, strict=True)
    }
    rooms = {room.id: room for room in everybody.rooms}
    made = World(everybody, app, clock, accounts, rooms, clock())
    for name in accounts:
        # A gateway says that it is logged in as soon as it is made.
        made.unread[name] = 1
    return made


def numbered(made: World) -> list[tuple[str, Purchase]]:
    """Every purchase so far with its order number, in the order of their causes."""
    return [(f"D{number:06d}", each) for number, each in enumerate(made.purchases, 1)]
