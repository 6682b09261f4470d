"""The one way in: what gateways and message logs tell becomes rows, once each.

A batch is one transaction of bulk statements. Safe to repeat: (room, platform id) names a
message, and the same again changes nothing. Whatever the order of arrival, the same messages
give the same standing rows and the same derived tables.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, select, update
from sqlmodel import Session

from bot import database, deriving, directory, roster, sealing, versions
from bot.deriving import Rules
from bot.directory import Named
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Said, TopicChanged
from bot.memory import Memory
from bot.models import Account, LateKind, Message, MessageIdentity, Recall
from bot.sealing import Came
from bot.text import judging
from bot.times import Stretch
from bot.versions import Name, Replacement


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: `accepted` were new; `conflicts` are among the duplicates.

    `new` maps (room, platform id) of each accepted message to its id.
    """

    accepted: int
    duplicates: int
    conflicts: int
    new: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class _Known:
    """Keys of the rooms, contacts and accounts that a batch names, by platform id or name."""

    rooms: Mapping[str, int]
    contacts: Mapping[str, int]
    accounts: Mapping[str, int]


def record(
    session: Session, events: Sequence[Event], rules: Rules, memory: Memory | None = None
) -> Outcome:
    """Record a batch of events in order. Raises nothing for any content that `Said` can hold.

    `memory` is what the caller remembers between batches; it only saves time.
    """
    said = [event for event in events if isinstance(event, Said)]
    rooms = _rooms(session, events)
    deriving.lock_rooms(session, rooms.values())
    new = _take_identities(session, said, rooms)
    first, again = _split(said, new)
    known = _know(session, events, rooms, first, again)
    touched = _insert(session, [(one, new[one.room, one.id]) for one in first], known)
    conflicts, replacements = versions.settle(
        session, [((known.rooms[one.room], one.id), one) for one in again]
    )
    for replacement in _unsealed(session, replacements):
        touched += _replace(session, replacement, known)
    deriving.derive(session, touched, rules, memory, frozenset(new.values()))
    _record_members(session, events, known)
    return Outcome(len(first), len(again), conflicts, new)


def _rooms(session: Session, events: Iterable[Event]) -> dict[str, int]:
    topics: dict[str, Named] = {}
    for event in events:
        match event:
            case Said() | TopicChanged():
                _latest(topics, event.room, event.at, event.topic)
            case Joined() | Left():
                _latest(topics, event.room, event.at, None)
            case LoggedIn() | LoggedOut():
                pass
    return directory.rooms(session, topics)


def _know(
    session: Session,
    events: Iterable[Event],
    rooms: Mapping[str, int],
    first: Iterable[Said],
    again: Iterable[Said],
) -> _Known:
    """Contacts are made of who says something new or moves; what comes again makes none, since its
    sender may have asked to be forgotten.
    """
    names: dict[str, Named] = {}
    for event in events:
        match event:
            case Joined() | Left():
                for person in event.people:
                    _latest(names, person.id, event.at, person.name)
            case LoggedIn():
                _latest(names, event.me.id, event.at, event.me.name)
            case Said() | TopicChanged() | LoggedOut():
                pass
    for said in first:
        _latest(names, said.sender, said.at, said.name)
    repeated: dict[str, Named] = {}
    for said in again:
        _latest(repeated, said.sender, said.at, said.name)
    accounts = {said.account for said in (*first, *again) if said.account}
    account = database.table(Account)
    named = select(account.c.name, account.c.id).where(account.c.name.in_(accounts))
    return _Known(
        rooms,
        directory.contacts(session, names) | directory.known_contacts(session, repeated),
        dict(session.connection().execute(named).all()) if accounts else {},
    )


def _latest(seen: dict[str, Named], key: str, at: dt.datetime, name: str | None) -> None:
    before = seen.setdefault(key, None)
    if name and (before is None or (at, name) > before):
        seen[key] = (at, name)


def _take_identities(
    session: Session, said: Sequence[Said], known: Mapping[str, int]
) -> dict[tuple[str, str], int]:
    """Take the names that are new, in order of arrival: (room, platform id) → id."""
    rooms = {key: room for room, key in known.items()}
    fresh = database.insert_new(
        session,
        MessageIdentity,
        ("room_id", "platform_id", "day"),
        [(known[one.room], one.id, one.at.date()) for one in said],
        ("id", "room_id", "platform_id"),
    )
    return {(rooms[row.room_id], row.platform_id): row.id for row in fresh}


def _split(
    said: Iterable[Said], new: Mapping[tuple[str, str], int]
) -> tuple[list[Said], list[Said]]:
    """The first of each new name, and everything that came again, in the batch or before it."""
    first: dict[tuple[str, str], Said] = {}
    again: list[Said] = []
    for one in said:
        name = (one.room, one.id)
        if name in new and name not in first:
            first[name] = one
        else:
            again.append(one)
    return list(first.values()), again


def _insert(session: Session, said: Sequence[tuple[Said, int]], known: _Known) -> list[Stretch]:
    """Insert new messages; returns what has to be judged again because of them."""
    database.insert_rows(session, Message, [_row(one, key, known) for one, key in said])
    recalled = [
        (known.rooms[one.room], one.recalls, key)
        for one, key in said
        if one.type == "recall" and one.recalls
    ]
    database.insert_rows(
        session,
        Recall,
        [{"room_id": room, "recalled": name, "message_id": key} for room, name, key in recalled],
    )
    rows = [(key, known.rooms[one.room], one.at) for one, key in said]
    sealing.late(session, [Came(LateKind.MESSAGE, *row) for row in rows])
    taken_back = [(room, name) for room, name, _ in recalled]
    sealing.late_recalls(session, taken_back)
    return _stretches((room, at) for _, room, at in rows) + _recalled_stretches(session, taken_back)


def _unsealed(session: Session, replacements: Sequence[Replacement]) -> list[Replacement]:
    """Without those of sealed days: what stands there keeps standing, the others are kept aside."""
    came = [
        Came(LateKind.VERSION, one.row.id, one.row.room_id, at)
        for one in replacements
        for at in (one.row.at, one.winner.at)
    ]
    late = sealing.late(session, came)
    return [one for one in replacements if one.row.id not in late]


def _replace(session: Session, replacement: Replacement, known: _Known) -> list[Stretch]:
    """Let another version stand; conflicts are rare, so this goes one by one."""
    row, winner = replacement.row, replacement.winner
    sender = directory.contacts(session, {winner.sender: None})
    known = replace(known, contacts={**known.contacts, **sender})
    message, identity, recall = database.tables(Message, MessageIdentity, Recall)
    connection = session.connection()
    no_longer = connection.execute(
        select(recall.c.room_id, recall.c.recalled).where(recall.c.message_id == row.id)
    )
    touched = [
        _stretch(row.room_id, row.at, row.at),
        *_recalled_stretches(session, no_longer.all()),
    ]
    connection.execute(delete(recall).where(recall.c.message_id == row.id))
    connection.execute(
        delete(message).where(
            message.c.day == row.day, message.c.room_id == row.room_id, message.c.id == row.id
        )
    )
    deriving.forget(session, row.day, row.room_id, row.id)
    connection.execute(update(identity).where(identity.c.id == row.id).values(day=winner.at.date()))
    return touched + _insert(session, [(winner, row.id)], known)


def _row(said: Said, key: int, known: _Known) -> dict[str, object]:
    return {
        "day": said.at.date(),
        "room_id": known.rooms[said.room],
        "id": key,
        "contact_id": known.contacts[said.sender],
        "account_id": known.accounts.get(said.account) if said.account else None,
        "at": said.at,
        "type": said.type,
        "text": said.text,
        "name": said.name,
        "topic": said.topic,
        "mentions": list(said.mentions) or None,
        "quote": said.quote,
        "recalls": said.recalls,
        "own": said.own,
    }


def _stretches(messages: Iterable[tuple[int, dt.datetime]]) -> list[Stretch]:
    """What messages, given as (room, at), can change, in few stretches."""
    times: dict[int, list[dt.datetime]] = defaultdict(list)
    for room, at in messages:
        times[room].append(at)
    found = []
    for room, said in times.items():
        said.sort()
        since = last = said[0]
        for at in said:
            if at - last > judging.LOOK_BACK:
                found.append(_stretch(room, since, last))
                since = at
            last = at
        found.append(_stretch(room, since, last))
    return found


def _stretch(room: int, first: dt.datetime, last: dt.datetime) -> Stretch:
    # A message can change its own verdict and those of the 24 hours after it, ends included.
    return Stretch(room, first, last + judging.LOOK_BACK + dt.timedelta(seconds=1))


def _recalled_stretches(session: Session, recalled: Sequence[Name]) -> list[Stretch]:
    rows = versions.standing(session, recalled)
    sealing.late(session, [Came(LateKind.RECALL, row.id, row.room_id, row.at) for row in rows])
    return _stretches((row.room_id, row.at) for row in rows)


def _record_members(session: Session, events: Iterable[Event], known: _Known) -> None:
    for event in events:
        match event:
            case Joined() | Left():
                change = roster.join if isinstance(event, Joined) else roster.leave
                people = [known.contacts[person.id] for person in event.people]
                change(session, known.rooms[event.room], people, event.at)
            case Said() | TopicChanged() | LoggedIn() | LoggedOut():
                pass
