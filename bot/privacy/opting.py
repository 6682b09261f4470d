"""Opt out (不留名) and in again: what somebody says from now on is nobody's, or theirs again.

Opting out drops what was made of the person; what they said so far stays until it is forgotten or
has had its time. Before or after that makes no difference: `contact:ID` may be nobody we know.
"""

import datetime as dt

from sqlalchemy import select
from sqlmodel import Session

from bot import database, unnamed
from bot.models import Audit, Contact
from bot.privacy import erasing, subject


def opt_out(session: Session, asked: str, secret: bytes, by: str, now: dt.datetime) -> int:
    """Let somebody, as `subject.find` takes them, be nobody from now on; returns how many contacts
    had not opted out yet. `contact:ID` may be somebody we never heard or have forgotten. Safe to
    repeat. Raises InvalidInput.
    """
    stranger = _stranger(session, asked)
    if stranger is not None:
        contacts: dict[str, int | None] = {stranger: None}
    else:
        found = subject.find(session, asked, secret)
        erasing.drop_profiles(session, found)
        contacts = {name: id for id, name in found.contacts.items()}
    new = unnamed.add(session, contacts, by, now)
    _note(session, "privacy.opt_out", new, by, now)
    return new


def opt_in(session: Session, asked: str, secret: bytes, by: str, now: dt.datetime) -> int:
    """Hear somebody again as who they are, from now on; returns how many contacts had opted out.
    Raises InvalidInput.
    """
    stranger = _stranger(session, asked)
    if stranger is not None:
        names = [stranger]
    else:
        names = list(subject.find(session, asked, secret).contacts.values())
    gone = unnamed.remove(session, names)
    _note(session, "privacy.opt_in", gone, by, now)
    return gone


def _stranger(session: Session, asked: str) -> str | None:
    """The id of a contact of whom we hold nothing."""
    kind, _, name = asked.partition(":")
    contact = database.table(Contact).c
    if kind != "contact" or not name:
        return None
    known = session.connection().scalar(select(contact.id).where(contact.platform_id == name))
    return name if known is None else None


def _note(session: Session, action: str, contacts: int, by: str, now: dt.datetime) -> None:
    """Write down that somebody asked, and not who."""
    if contacts:
        after = {"contacts": contacts}
        session.add(Audit(at=now, by=by, action=action, object="person", after=after))
        session.flush()
