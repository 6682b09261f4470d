"""A whole community in this process: for the demo, for previews and for tests.

Everything a platform does to us can be asked of it: people speak, join, leave and recall;
posts are echoed, refused, throttled, left unanswered; the account is thrown out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot import errors, gateway
from bot.gateways import contents, stream
from bot.gateways import mentions as mention_prefix

EVERYTHING = gateway.Capabilities(
    read=gateway.Read.ALL,
    post=gateway.Posting.DIRECT,
    recall=True,
    images=True,
    links=True,
    mini_programs=True,
    members=True,
    mention_all=True,
    # That of wechaty, so that a demo refuses what a real gateway would refuse.
    largest_image=3_000_000,
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A post that reached its room, as the room saw it: one of text, picture, link, program.

    `text` begins with its mentions. `mention_all` is true where everyone was called.
    """

    id: str
    room: str
    text: str
    mentions: tuple[str, ...]
    image: gateway.Image | None
    at: datetime
    link: gateway.Link | None = None
    mini_program: gateway.MiniProgram | None = None
    mention_all: bool = False

    @property
    def type(self) -> str:
        """The message log's word for what was posted."""
        if self.image:
            return "image"
        if self.link:
            return "link"
        return "mini_program" if self.mini_program else "text"


@dataclass(slots=True)
class _Room:
    topic: str
    owner: str | None
    people: dict[str, gateway.Person]


@dataclass(slots=True)
class _Fault:
    """What the next sends meet: `raised` is the error, `arrives` whether the room sees it."""

    raised: errors.QunyunError
    arrives: bool
    room: str | None
    times: int | None


@dataclass(slots=True)
class _Platform:
    rooms: dict[str, _Room] = field(default_factory=dict)
    faults: list[_Fault] = field(default_factory=list)
    recalled: set[str] = field(default_factory=set)


class MemoryGateway:
    """The Gateway protocol without a network. `sent` lists what reached the rooms, in order.

    `first` is the number of the first message id: a restarted community goes on counting.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], datetime],
        capabilities: gateway.Capabilities = EVERYTHING,
        first: int = 1,
    ) -> None:
        self.me = gateway.Person(f"bot-{name}", "群运助手")
        self.sent: list[Sent] = []
        self.echoes = True
        self._account = name
        self._clock = clock
        self._capabilities = capabilities
        self._next = first
        self._platform = _Platform()
        self._stream = stream.Stream()
        self._logged_in = False
        self._closed = False
        self.log_in()

    @property
    def account(self) -> str:
        """The NAME of `memory://NAME`."""
        return self._account

    @property
    def capabilities(self) -> gateway.Capabilities:
        """What was asked for at construction; everything, unless a test says otherwise."""
        return self._capabilities

    def events(self) -> stream.Stream:
        """What happened since construction and what happens from here on."""
        return self._stream

    async def send(self, post: gateway.Post) -> str | None:
        """Put a post into its room and echo it, unless a fault was asked for."""
        self._require_login()
        contents.only(post, self._capabilities)
        room = self._platform.rooms.get(post.room)
        if room is None:
            raise errors.SendRefused("机器人不在这个群里", gone=True)
        fault = self._fault(post.room)
        if fault is not None and not fault.arrives:
            raise fault.raised
        sent = self._as_seen(post, room)
        self.sent.append(sent)
        if self.echoes:
            self._echo(sent)
        if fault is not None:
            raise fault.raised
        return sent.id

    async def recall(self, room: str, message: str) -> bool:
        """Take one of our own posts back, once."""
        self._require_login()
        known = any(sent.id == message and sent.room == room for sent in self.sent)
        if not known or message in self._platform.recalled:
            return False
        self._platform.recalled.add(message)
        self.say(room, self.me.id, None, type="recall", recalls=message)
        return True

    async def rooms(self) -> list[gateway.RoomListing]:
        """Every room that was added and not left."""
        self._require_login()
        return [
            gateway.RoomListing(id, room.topic, room.owner)
            for id, room in self._platform.rooms.items()
        ]

    async def members(self, room: str) -> list[gateway.Person]:
        """The people of one room, our own account first; empty for a room we are not in."""
        self._require_login()
        found = self._platform.rooms.get(room)
        return [] if found is None else list(found.people.values())

    async def close(self) -> None:
        """End the stream after what is in it."""
        self._closed = True
        self._stream.end()

    def add_room(
        self,
        id: str,
        topic: str,
        people: Iterable[gateway.Person] = (),
        *,
        owner: str | None = None,
    ) -> None:
        """Found a room with our account in it, silently: the account was always there."""
        members = {person.id: person for person in (self.me, *people)}
        self._platform.rooms[id] = _Room(topic, owner, members)

    def say(
        self,
        room: str,
        sender: str,
        text: str | None,
        *,
        type: str = "text",
        id: str | None = None,
        at: datetime | None = None,
        mentions: Iterable[str] = (),
        quote: str | None = None,
        recalls: str | None = None,
    ) -> gateway.Said:
        """Let somebody say something. Unheard while the account is out: no platform replays."""
        known = self._platform.rooms[room]
        person = known.people.get(sender)
        said = gateway.Said(
            id=id or self._id(),
            room=room,
            sender=sender,
            at=at.replace(microsecond=0) if at else self._now(),
            type=type,
            text=text,
            topic=known.topic,
            name=person.name if person else None,
            mentions=tuple(mentions),
            quote=quote,
            recalls=recalls,
            own=sender == self.me.id,
            account=self._account,
        )
        self._tell(said)
        return said

    def join(self, room: str, *people: gateway.Person) -> None:
        """Let people come into a room."""
        self._platform.rooms[room].people.update({person.id: person for person in people})
        self._tell(gateway.Joined(room, people, self._now()))

    def leave(self, room: str, *people: gateway.Person) -> None:
        """Let people leave a room; where our own account leaves, the room is gone for us."""
        members = self._platform.rooms[room].people
        for person in people:
            members.pop(person.id, None)
        if self.me.id not in members:
            del self._platform.rooms[room]
        self._tell(gateway.Left(room, people, self._now()))

    def change_topic(self, room: str, topic: str) -> None:
        """Rename a room."""
        self._platform.rooms[room].topic = topic
        self._tell(gateway.TopicChanged(room, topic, self._now()))

    def log_out(self, reason: str) -> None:
        """Throw the account out; sends are refused as unavailable until `log_in`."""
        self._tell(gateway.LoggedOut(reason, self._now()))
        self._logged_in = False

    def log_in(self) -> None:
        """Let the account in (again)."""
        self._logged_in = True
        self._tell(gateway.LoggedIn(self.me, self._now()))

    def refuse(
        self,
        reason: str,
        *,
        throttled: bool = False,
        room: str | None = None,
        times: int | None = None,
    ) -> None:
        """Refuse sends: into one room or all, the next `times` or until `recover`."""
        raised = errors.SendRefused(reason, throttled=throttled)
        self._platform.faults.append(_Fault(raised, False, room, times))

    def time_out(
        self, *, arrives: bool = True, room: str | None = None, times: int | None = None
    ) -> None:
        """Leave sends unanswered; with `arrives` the room sees the post and the echo comes."""
        raised = errors.SendUncertain("通道没有在时限内答复")
        self._platform.faults.append(_Fault(raised, arrives, room, times))

    def be_unavailable(self, *, room: str | None = None, times: int | None = None) -> None:
        """Be out of reach for sends: nothing is handed over."""
        raised = errors.GatewayUnavailable("通道连不上")
        self._platform.faults.append(_Fault(raised, False, room, times))

    def recover(self) -> None:
        """Answer sends again, echoes included."""
        self._platform.faults.clear()
        self.echoes = True

    def _as_seen(self, post: gateway.Post, room: _Room) -> Sent:
        """A post as its room sees it, mentions in front of the text."""
        everyone = bool(post.text) and post.mention_all and self._capabilities.mention_all
        mentioned = tuple(post.mentions) if post.text else ()
        names = [room.people[id].name for id in mentioned if id in room.people]
        called = [mention_prefix.EVERYONE, *names] if everyone else names
        return Sent(
            id=self._id(),
            room=post.room,
            text=mention_prefix.prefixed(post.text, called),
            mentions=mentioned,
            image=post.image,
            at=self._now(),
            link=post.link,
            mini_program=post.mini_program,
            mention_all=everyone,
        )

    def _echo(self, sent: Sent) -> None:
        text = f"{sent.link.title}\n{sent.link.url}" if sent.link else sent.text or None
        self.say(
            sent.room,
            self.me.id,
            text,
            type=sent.type,
            id=sent.id,
            at=sent.at,
            mentions=sent.mentions,
        )

    def _fault(self, room: str) -> _Fault | None:
        """The fault that this send meets, counted down."""
        for fault in self._platform.faults:
            if fault.room in (None, room) and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def _id(self) -> str:
        id = f"m{self._next}"
        self._next += 1
        return id

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)

    def _tell(self, event: gateway.Event) -> None:
        if self._logged_in and not self._closed:
            self._stream.put_now(event)

    def _require_login(self) -> None:
        if self._closed or not self._logged_in:
            raise errors.GatewayUnavailable("账号未登录")
