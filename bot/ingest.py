"""The one way in: what gateways and message logs tell becomes rows, once each.

A batch is one transaction of bulk statements. Safe to repeat: (room, platform id) names a
message, and the same again changes nothing. Whatever the order of arrival, the same messages
give the same standing rows and the same derived tables.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

from sqlalchemy import delete, func, select, update
from sqlmodel import Session

from bot import (
    appending,
    database,
    deriving,
    directory,
    roster,
    sealing,
    transcript,
    unnamed,
    verdicts,
    versions,
)
from bot.appending import Columns
from bot.deriving import Rules
from bot.directory import Named
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Said, TopicChanged
from bot.memory import Memory
from bot.models import Account, LateKind, Message, MessageIdentity, Recall
from bot.sealing import Came
from bot.text.judging import Heard
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
    events = unnamed.hide(session, events)
    said = [event for event in events if isinstance(event, Said)]
    rooms = _rooms(session, events)
    deriving.lock_rooms(session, rooms.values())
    first, again = _take_identities(session, said, rooms)
    known = _know(session, events, rooms, [one for one, _ in first], again)
    touched, fresh = _insert(session, first, known)
    nobody = [(key, one.at) for one, key in first if one.sender == unnamed.NOBODY]
    unnamed.keep_no_version(session, nobody)
    # What was said before somebody opted out, and comes again, stays as it was said.
    told = [one for one in again if one.sender != unnamed.NOBODY]
    conflicts, replacements = versions.settle(
        session, [((known.rooms[one.room], one.id), one) for one in told]
    )
    for replacement in _unsealed(session, replacements):
        touched += _replace(session, replacement, known)
    deriving.derive(session, touched, rules, memory, fresh)
    _record_members(session, events, known)
    new = {(one.room, one.id): key for one, key in first}
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
    session: Session, said: Sequence[Said], rooms: Mapping[str, int]
) -> tuple[list[tuple[Said, int]], list[Said]]:
    """Take the names that are new: the first message of each with its id, in order of arrival, and
    everything that came again, in the batch or before it.
    """
    if not said:
        return [], []
    ids = _next_ids(session, len(said))
    columns: Columns = {
        "id": ids,
        "room_id": [rooms[one.room] for one in said],
        "platform_id": [one.id for one in said],
        "day": [one.at.date() for one in said],
    }
    numbered = list(zip(said, ids, strict=True))
    if appending.append_new(session, MessageIdentity, columns) == len(said):
        return numbered, []
    identity = database.table(MessageIdentity)
    between = identity.c.id.between(ids[0], ids[-1])
    taken = set(session.connection().scalars(select(identity.c.id).where(between)))
    return (
        [(one, key) for one, key in numbered if key in taken],
        [one for one, key in numbered if key not in taken],
    )


def _next_ids(session: Session, count: int) -> Sequence[int]:
    """Ids for so many new names, ascending; those of names that came again are never used."""
    identity, connection = database.table(MessageIdentity), session.connection()
    if database.is_sqlite(session):
        last = connection.scalar(select(func.max(identity.c.id))) or 0
        return range(last + 1, last + 1 + count)
    sequence = func.pg_get_serial_sequence(identity.name, identity.c.id.name)
    each = func.generate_series(1, count).table_valued("n")
    return connection.scalars(select(func.nextval(sequence)).select_from(each)).all()


def _insert(
    session: Session, said: Sequence[tuple[Said, int]], known: _Known
) -> tuple[list[Stretch], list[Heard]]:
    """Insert new messages; returns what has to be judged again because of them, and them."""
    messages, ids = [one for one, _ in said], [key for _, key in said]
    rooms = [known.rooms[one.room] for one in messages]
    contacts = [known.contacts[one.sender] for one in messages]
    appending.append(session, Message, _columns(messages, ids, rooms, contacts, known))
    recalled = [
        (room, one.recalls, key)
        for one, key, room in zip(messages, ids, rooms, strict=True)
        if one.type == "recall" and one.recalls
    ]
    database.insert_rows(
        session,
        Recall,
        [{"room_id": room, "recalled": name, "message_id": key} for room, name, key in recalled],
    )
    at = [one.at for one in messages]
    sealing.late(session, list(map(Came, repeat(LateKind.MESSAGE), ids, rooms, at)))
    taken_back = [(room, name) for room, name, _ in recalled]
    sealing.late_recalls(session, taken_back)
    names = list(zip(rooms, [one.id for one in messages], strict=True))
    gone = transcript.recalled(session, names)
    fresh = [
        _heard(one, key, room, contact, (room, one.id) in gone)
        for one, key, room, contact in zip(messages, ids, rooms, contacts, strict=True)
    ]
    return _recalled_stretches(session, taken_back), fresh


def _heard(said: Said, key: int, room: int, contact: int, recalled: bool) -> Heard:
    # By place, for every message: by name takes twice as long.
    return Heard(
        key,
        said.id,
        room,
        contact,
        said.sender,
        said.at,
        said.type,
        said.text,
        said.mentions,
        said.quote,
        said.own,
        recalled,
    )


def _columns(
    said: Sequence[Said],
    ids: Sequence[int],
    rooms: Sequence[int],
    contacts: Sequence[int],
    known: _Known,
) -> Columns:
    return {
        "day": [one.at.date() for one in said],
        "room_id": rooms,
        "id": ids,
        "contact_id": contacts,
        "account_id": [known.accounts.get(one.account or "") for one in said],
        "at": [one.at for one in said],
        "type": [one.type for one in said],
        "text": [one.text for one in said],
        "name": [one.name for one in said],
        "topic": [one.topic for one in said],
        "mentions": [list(one.mentions) or None for one in said],
        "quote": [one.quote for one in said],
        "recalls": [one.recalls for one in said],
        "own": [one.own for one in said],
    }


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
        deriving.touched(row.room_id, row.at),
        *_recalled_stretches(session, no_longer.all()),
    ]
    connection.execute(delete(recall).where(recall.c.message_id == row.id))
    connection.execute(
        delete(message).where(
            message.c.day == row.day, message.c.room_id == row.room_id, message.c.id == row.id
        )
    )
    verdicts.forget(session, row.day, row.room_id, row.id)
    connection.execute(update(identity).where(identity.c.id == row.id).values(day=winner.at.date()))
    recalled, _ = _insert(session, [(winner, row.id)], known)
    return [*touched, *recalled, deriving.touched(row.room_id, winner.at)]


def _recalled_stretches(session: Session, recalled: Sequence[Name]) -> list[Stretch]:
    rows = versions.standing(session, recalled)
    sealing.late(session, [Came(LateKind.RECALL, row.id, row.room_id, row.at) for row in rows])
    return [deriving.touched(row.room_id, row.at) for row in rows]


def _record_members(session: Session, events: Iterable[Event], known: _Known) -> None:
    for event in events:
        match event:
            case Joined() | Left():
                change = roster.join if isinstance(event, Joined) else roster.leave
                people = [known.contacts[person.id] for person in event.people]
                change(session, known.rooms[event.room], people, event.at)
            case Said() | TopicChanged() | LoggedIn() | LoggedOut():
                pass
