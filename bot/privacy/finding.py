"""What there is of a person in the log, and what to look for elsewhere."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session

from bot import database
from bot.models import Contact, IdentityKind, Product, Room, Series
from bot.privacy import mentioned
from bot.privacy.subject import Subject
from bot.privacy.traces import Traces


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a person in the log: its days, what to look for, names and ids of messages
    of their own, the rooms that they spoke in.
    """

    days: list[dt.date]
    traces: Traces
    said: frozenset[str]
    ids: frozenset[int]
    rooms: frozenset[int]


def look(session: Session, subject: Subject, pseudonym: str = "") -> Found:
    """Read the log for a person, who is `pseudonym` where traces are taken out."""
    contact = database.table(Contact).c
    named = select(contact.name).where(contact.id.in_(subject.contacts))
    names, texts, rows = set(session.connection().scalars(named)), set[str](), list[Row[Any]]()
    days = mentioned.days(session)
    for day in days:
        own = mentioned.own(session, day, subject.contacts)
        names |= own.names
        texts |= own.texts
        rows += own.rows
    ids = {value for kind, value in subject.identifiers if kind is not IdentityKind.ORDER}
    traces = Traces(
        ids=frozenset(ids | set(subject.contacts.values()) | subject.numbers),
        names=frozenset(names - {""}),
        texts=frozenset(texts),
        pseudonym=pseudonym,
        common=_common(session),
    )
    return Found(
        days,
        traces,
        frozenset(row.platform_id for row in rows),
        frozenset(row.id for row in rows),
        frozenset(row.room_id for row in rows),
    )


def _common(session: Session) -> frozenset[str]:
    """Words of ours that a nickname may equal."""
    columns = (
        database.table(Room).c.vertical,
        database.table(Room).c.topic,
        database.table(Product).c.name,
        database.table(Series).c.name,
    )
    found = (session.connection().scalars(select(column).distinct()) for column in columns)
    return frozenset(word for words in found for word in words)
