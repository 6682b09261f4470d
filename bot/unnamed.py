"""Who opted out (不留名) is heard as nobody: a message counts, and holds neither who nor what. What
somebody did before they were forgotten, and that waited elsewhere, is not heard at all.

    events → without what was forgotten meanwhile, and quotes of it → without sender, name, text,
    mentions and quote of who opted out → recorded

Safe to repeat. Whoever asked for it is known again by an HMAC under the installation's salt, which
stands beside it: whoever has the database can try an id that they know, and read none.
"""

import datetime as dt
import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import delete, func, select
from sqlmodel import Session

from bot import database, quoted
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Said, TopicChanged
from bot.models import ForgottenContact, OptOut, Redacted

# Everybody who opted out, as one contact.
NOBODY = "unnamed:"
OPT_OUT, FORGOTTEN = database.tables(OptOut, ForgottenContact)
# PostgreSQL's advisory lock that whoever records shares, and whoever forgets has alone.
RECORDING = 7_302_005
# Before a word, where ids of people stand too: no id begins so.
_WORD = "「"

Marked = Callable[[str], str]


def hide(session: Session, events: Sequence[Event]) -> Sequence[Event]:
    """The events as they may be recorded, in the transaction that records them: one look at two
    tables that are nearly always empty.
    """
    if not database.is_sqlite(session):
        session.connection().execute(select(func.pg_advisory_xact_lock_shared(RECORDING)))
    events = _since(session, events)
    gone = _gone(session, (person for event in events for person in _people(event)))
    if not gone:
        return events
    hidden = (_hidden(event, gone) for event in events)
    return [event for event in hidden if event is not None]


def without(event: Event, people: Collection[str]) -> Event | None:
    """The event without these people, None where it is theirs: what they said, came or went."""
    if isinstance(event, Said) and event.sender in people:
        return None
    return _hidden(event, dict.fromkeys(people))


def forget(session: Session, people: Iterable[str], until: dt.datetime) -> None:
    """Take nothing in any more of what these people, by platform id, did up to an instant, wherever
    it waits. Waits for whoever records at this moment: what they had in their hands is in the log
    when this returns, and whoever comes later sees this. The first statement of a transaction.
    """
    if not database.is_sqlite(session):
        session.connection().execute(select(func.pg_advisory_xact_lock(RECORDING)))
    marked = _marked(salt := _salt(session))
    rows = [{"mark": marked(name), "salt": salt, "until": until} for name in sorted(people)]
    database.insert_rows(session, ForgottenContact, rows, replace=("until",))


def forget_words(session: Session, words: Iterable[str], until: dt.datetime) -> None:
    """Let what others wrote up to an instant, and that waits, quote these words and call these
    names no more. Waits as `forget` does, and comes after it.
    """
    if not database.is_sqlite(session):
        session.connection().execute(select(func.pg_advisory_xact_lock(RECORDING)))
    marked = _marked(salt := _salt(session))
    rows = [
        {"mark": marked(_WORD + word), "salt": salt, "until": until} for word in sorted(set(words))
    ]
    database.insert_rows(session, ForgottenContact, rows, replace=("until",))


def drop_forgotten(session: Session, before: dt.datetime) -> None:
    """Know those no more who were forgotten before an instant."""
    session.connection().execute(delete(FORGOTTEN).where(FORGOTTEN.c.until < before))


def forgotten(session: Session, people: Iterable[str]) -> set[str]:
    """Those of these people of whom we hold nothing, and want nothing."""
    return {person for person, contact in _gone(session, people).items() if contact is None}


def keep_no_version(session: Session, said: Iterable[tuple[int, dt.datetime]]) -> None:
    """Keep nothing else of these messages (id, at) of nobody, should they come again."""
    rows = [{"message_id": id, "at": at} for id, at in said]
    database.insert_rows(session, Redacted, rows, skip_existing=True)


def add(session: Session, contacts: Mapping[str, int | None], by: str, now: dt.datetime) -> int:
    """Let these contacts, by platform id, be nobody from now on; returns how many were not yet."""
    marked = _marked(salt := _salt(session))
    rows = [
        {"mark": marked(name), "salt": salt, "contact_id": id, "at": now, "by": by}
        for name, id in sorted(contacts.items())
    ]
    return database.insert_rows(session, OptOut, rows, skip_existing=True)


def remove(session: Session, contacts: Collection[str]) -> int:
    """Hear these contacts again as who they are; returns how many had opted out."""
    marks = [_marked(salt)(name) for salt in _salts(session) for name in contacts]
    return session.connection().execute(delete(OPT_OUT).where(OPT_OUT.c.mark.in_(marks))).rowcount


def count(session: Session) -> tuple[int, int]:
    """(contacts who opted out, those of them of whom we hold nothing)."""
    known = func.count(OPT_OUT.c.contact_id)
    row = (
        session.connection()
        .execute(select(func.count(OPT_OUT.c.mark), func.count(OPT_OUT.c.mark) - known))
        .one()
    )
    return row[0], row[1]


def among(session: Session, contact_ids: Collection[int]) -> int:
    """How many of these contacts opted out."""
    theirs = OPT_OUT.c.contact_id.in_(contact_ids)
    found = session.connection().scalar(select(func.count(OPT_OUT.c.mark)).where(theirs))
    return found or 0


def _gone(session: Session, people: Iterable[str]) -> dict[str, int | None]:
    """Those of these people who opted out, with the contact whose past we hold."""
    marks = select(OPT_OUT.c.mark, OPT_OUT.c.salt, OPT_OUT.c.contact_id)
    rows = {row.mark: row for row in session.connection().execute(marks)}
    marked = _known({mark: row.salt for mark, row in rows.items()}, people)
    return {person: rows[mark].contact_id for person, mark in marked.items()}


def _since(session: Session, events: Sequence[Event]) -> Sequence[Event]:
    """The events without what people did who were forgotten after that, and what quotes them."""
    if not events:
        return events
    oldest = min(event.at for event in events)
    later = select(FORGOTTEN).where(FORGOTTEN.c.until >= oldest)
    rows = {row.mark: row for row in session.connection().execute(later)}
    marked = _known(
        {mark: row.salt for mark, row in rows.items()},
        (one for event in events for one in (*_people(event), *_words(event))),
    )
    gone = {one: rows[mark].until for one, mark in marked.items()}
    if not gone:
        return events
    left = []
    for event in events:
        then = {one for one, until in gone.items() if event.at <= until}
        rest = without(event, then.intersection(_people(event)))
        if isinstance(rest, Said):
            words = frozenset(one.removeprefix(_WORD) for one in then.intersection(_words(event)))
            rest = replace(rest, text=quoted.without(rest.text, words))
        left += [rest] if rest is not None else []
    return left


def _known(salts: Mapping[str, str], people: Iterable[str]) -> dict[str, str]:
    """Those of these people whose mark is among these (each with its salt), each with the mark."""
    found: dict[str, str] = {}
    named = set(people) if salts else set[str]()
    for marked in map(_marked, sorted(set(salts.values()))):
        marks = {person: marked(person) for person in named}
        found |= {person: mark for person, mark in marks.items() if mark in salts}
    return found


def _salts(session: Session) -> list[str]:
    """One as a rule; two where the first two people asked at the same moment."""
    every = select(OPT_OUT.c.salt).union(select(FORGOTTEN.c.salt))
    return sorted(session.connection().scalars(every))


def _salt(session: Session) -> str:
    """The installation's, made where nobody asked yet."""
    return next(iter(_salts(session)), None) or secrets.token_hex(32)


def _marked(salt: str) -> Marked:
    key = bytes.fromhex(salt)
    return lambda name: hmac.digest(key, name.encode(errors="surrogatepass"), "sha256").hex()


def _people(event: Event) -> Collection[str]:
    match event:
        case Said():
            return (event.sender, *event.mentions)
        case Joined() | Left():
            return [person.id for person in event.people]
        case TopicChanged() | LoggedIn() | LoggedOut():
            return ()


def _words(event: Event) -> Collection[str]:
    """What it may quote, and whom it may call, told apart from ids."""
    return [_WORD + word for word in quoted.words(event.text)] if isinstance(event, Said) else ()


def _hidden(event: Event, gone: Mapping[str, int | None]) -> Event | None:
    """The event without who opted out; None where nothing is left. Comings and goings of somebody
    whose past we hold stay: who is in the room is no secret, and ends when they leave.
    """
    match event:
        case Said() if event.sender in gone:
            return replace(event, sender=NOBODY, name=None, text=None, mentions=(), quote=None)
        case Said() if not gone.keys().isdisjoint(event.mentions):
            return replace(event, mentions=tuple(id for id in event.mentions if id not in gone))
        case Joined() | Left():
            left = tuple(one for one in event.people if gone.get(one.id, 0) is not None)
            return replace(event, people=left) if left else None
        case _:
            return event
