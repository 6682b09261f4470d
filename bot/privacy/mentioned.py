"""A person's own messages, and those of others that name or quote them, found in the log."""

import datetime as dt
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, literal, or_, select
from sqlmodel import Session

from bot import database
from bot.models import Contact, Message, MessageIdentity
from bot.models.columns import escape
from bot.privacy.traces import Traces

MESSAGE, IDENTITY, CONTACT = database.tables(Message, MessageIdentity, Contact)


@dataclass(frozen=True, slots=True)
class Hit:
    """One message that has to change; `own` ones are the person's. `text` and `mentions` are as
    they will be: nothing of one's own stays.
    """

    day: dt.date
    room_id: int
    id: int
    at: dt.datetime
    own: bool
    text: str | None = None
    mentions: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """What somebody said, in the log of one UTC day."""

    rows: list[Row[Any]]

    @property
    def names(self) -> frozenset[str]:
        """The names that they had."""
        return frozenset(row.name for row in self.rows if row.name)

    @property
    def texts(self) -> frozenset[str]:
        """What they wrote."""
        return frozenset(row.text for row in self.rows if row.text)


def days(session: Session) -> list[dt.date]:
    """The UTC days of the log, in order."""
    found = session.connection().scalars(select(MESSAGE.c.day).distinct().order_by(MESSAGE.c.day))
    return list(found)


def own(session: Session, day: dt.date, contacts: Collection[int]) -> Own:
    """What these contacts said on a UTC day, with platform ids."""
    columns = [*MESSAGE.c, IDENTITY.c.platform_id]
    rows = session.connection().execute(
        select(*columns)
        .join(IDENTITY, IDENTITY.c.id == MESSAGE.c.id)
        .where(MESSAGE.c.day == day, MESSAGE.c.contact_id.in_(contacts))
        .order_by(MESSAGE.c.room_id, MESSAGE.c.at, MESSAGE.c.id)
    )
    return Own(list(rows.all()))


def by_others(
    session: Session, day: dt.date, contacts: Collection[int], traces: Traces, said: Collection[str]
) -> Iterator[Hit]:
    """What others said on a UTC day that names these contacts or quotes what they said (`said`:
    the platform ids of that), cleaned; none where nothing has to change.
    """
    rows = session.connection().execute(
        select(MESSAGE.c.room_id, MESSAGE.c.id, MESSAGE.c.at, MESSAGE.c.text, MESSAGE.c.mentions)
        .where(MESSAGE.c.day == day, MESSAGE.c.contact_id.not_in(contacts))
        .where(or_(MESSAGE.c.quote.in_(said), *_naming(session, traces)))
    )
    for room, id, at, text, mentions in rows:
        cleaned, called = traces.clean(text), traces.clean(mentions)
        if (cleaned, called) != (text, mentions):
            yield Hit(day, room, id, at, False, _text(cleaned), _mentions(called))


def _naming(session: Session, traces: Traces) -> Iterator[ColumnElement[bool]]:
    holds = func.instr if database.is_sqlite(session) else func.strpos
    stored = cast(MESSAGE.c.text, Text)
    for needle in traces.naming():
        yield holds(stored, literal(needle, Text)) > 0
    for id in sorted(traces.ids):
        # As the list stands in the database.
        quoted = json.dumps(id)
        yield holds(cast(MESSAGE.c.mentions, Text), literal(quoted, Text)) > 0
        yield holds(stored, literal(escape("@" + id), Text)) > 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _mentions(value: object) -> list[str] | None:
    return [str(one) for one in value] if isinstance(value, list) else None
