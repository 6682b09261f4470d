"""The entries of wechaty's event stream, from numbers and JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from bot.gateways import wechaty_link


class _Kind(IntEnum):
    """wechaty-grpc, puppet/event.proto: the kinds that say something about rooms."""

    MESSAGE = 2
    ROOM_JOIN = 19
    ROOM_LEAVE = 20
    ROOM_TOPIC = 21
    SCAN = 22
    LOGIN = 25
    LOGOUT = 26
    DIRTY = 27


class _Payload(IntEnum):
    """wechaty-puppet, schemas/dirty.ts: the payloads that we keep something of."""

    CONTACT = 2
    ROOM = 3
    ROOM_MEMBER = 4


@dataclass(frozen=True, slots=True)
class Message:
    """Somebody said something; its content has to be asked for."""

    id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """People came in, or left or were removed. `at` is in seconds or milliseconds."""

    room: str
    people: tuple[str, ...]
    at: int
    joined: bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A room has a new name. `at` is in seconds or milliseconds."""

    room: str
    topic: str
    at: int


@dataclass(frozen=True, slots=True)
class Dirty:
    """What the gateway said about a room or a person no longer holds."""

    room: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The account is in; also sent to a client that connects later."""

    me: str


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The account is out, here or because it logged in elsewhere."""

    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """The account waits for a person to scan a code."""

    code: str


Signal = Message | Moved | Topic | Dirty | LoggedIn | LoggedOut | Scan


def read(entry: wechaty_link.Entry) -> Signal | None:  # noqa: PLR0911 (one return a kind)
    """What an entry says; None for heartbeats and whatever else is not ours."""
    payload = entry.payload
    room = _word(payload, "roomId")
    at = _number(payload, "timestamp")
    match entry.kind:
        case _Kind.MESSAGE:
            return Message(_word(payload, "messageId"))
        case _Kind.ROOM_JOIN:
            return Moved(room, _words(payload, "inviteeIdList"), at, joined=True)
        case _Kind.ROOM_LEAVE:
            return Moved(room, _words(payload, "removeeIdList"), at, joined=False)
        case _Kind.ROOM_TOPIC:
            return Topic(room, _word(payload, "newTopic"), at)
        case _Kind.SCAN:
            return Scan(_word(payload, "qrcode"))
        case _Kind.LOGIN:
            return LoggedIn(_word(payload, "contactId"))
        case _Kind.LOGOUT:
            return LoggedOut(_word(payload, "data"))
        case _Kind.DIRTY:
            return _dirty(_number(payload, "payloadType"), _word(payload, "payloadId"))
        case _:
            return None


def _dirty(type: int, id: str) -> Dirty | None:
    match type:
        case _Payload.CONTACT:
            return Dirty(person=id)
        case _Payload.ROOM | _Payload.ROOM_MEMBER:
            return Dirty(room=id)
        case _:
            return None


def _word(payload: dict[str, object], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _words(payload: dict[str, object], key: str) -> tuple[str, ...]:
    values = payload.get(key)
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


def _number(payload: dict[str, object], key: str) -> int:
    value = payload.get(key)
    return int(value) if isinstance(value, int | float) else 0
