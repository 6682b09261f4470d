"""Events as bytes, for what stands between a gateway and the log: a spool on disk, a stream.

JSON in ASCII, so that lone surrogates and NUL come back as they were.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields

from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Person, Said, TopicChanged

KINDS: Mapping[str, type[Event]] = {
    kind.__name__: kind for kind in (Said, Joined, Left, TopicChanged, LoggedIn, LoggedOut)
}
NAMES: Mapping[type[Event], Sequence[str]] = {
    kind: [each.name for each in fields(kind)]
    for kind in (Said, Joined, Left, TopicChanged, LoggedIn, LoggedOut)
}


def encode(event: Event) -> bytes:
    """One event as a JSON object on one line; `kind` is its type's name."""
    told = {name: getattr(event, name) for name in NAMES[type(event)]}
    told["kind"] = type(event).__name__
    return json.dumps(told, separators=(",", ":"), default=_plain).encode("ascii")


def decode(encoded: bytes) -> Event:
    """What `encode` was given, by this version, an earlier one, or a later one that tells more,
    which is left out. Raises ValueError.
    """
    try:
        told = json.loads(encoded)
        kind = KINDS[told.pop("kind")]
        told = {name: told[name] for name in NAMES[kind] if name in told}
        told["at"] = dt.datetime.fromisoformat(told["at"])
        if "mentions" in told:
            told["mentions"] = tuple(told["mentions"])
        if "people" in told:
            told["people"] = tuple(Person(*person) for person in told["people"])
        if "me" in told:
            told["me"] = Person(*told["me"])
        return kind(**told)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an event: {type(error).__name__}") from error


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Person):
        return [value.id, value.name]
    raise TypeError(type(value).__name__)
