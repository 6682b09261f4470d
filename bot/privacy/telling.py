"""Tell a person everything that is held of them, as one JSON object."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select, tuple_
from sqlmodel import Session, SQLModel

from bot import database, models
from bot.models import Contact, Identity, IdentityEdge, OrderEvent, OrderLine, ProfileTag, Room
from bot.orders import evidence
from bot.privacy import finding, mentioned
from bot.privacy.subject import Subject
from bot.privacy.traces import Traces

# Tables that hold rows about a contact, in the order in which they are told.
OF_CONTACT: tuple[type[SQLModel], ...] = (
    models.Membership, models.DailyCount, models.Signal, models.Mention, models.NeedMention,
    models.MemberWeek, models.OpenQuestion, models.Complaint, models.Invitation, models.Profile,
    models.ShortLink,
)  # fmt: skip

# What quotes members: what names a row, and where the quotes stand.
QUOTED: tuple[tuple[type[SQLModel], tuple[str, ...], tuple[str, ...]], ...] = (
    (models.Digest, ("week", "scope", "target"), ("figures", "comment")),
    (models.Delivery, ("key", "planned_at", "state"), ("text", "mentions")),
    (models.PickedQuestion, ("original_date", "at"), ("text",)),
    (models.Faq, ("id",), ("question", "answer", "alternatives")),
)

Rows = list[dict[str, object]]


def everything(session: Session, subject: Subject) -> dict[str, object]:
    """Everything held of somebody: by table, rows with their columns; rooms by platform id.

    Phones and buyer ids are held, and told, as pseudonyms only.
    """
    contact = database.table(Contact)
    messages = _messages(session, subject)
    told: dict[str, Rows] = {
        "contact": _rows(session, contact, contact.c.id.in_(subject.contacts)),
        "message": messages,
        "message_version": _versions(session, [row["id"] for row in messages]),
    }
    for model in OF_CONTACT:
        table = database.table(model)
        told[table.name] = _rows(session, table, table.c.contact_id.in_(subject.contacts))
    tags = database.table(ProfileTag)
    profiles = [row["id"] for row in told["profile"]]
    told["profile_tag"] = _rows(session, tags, tags.c.profile_id.in_(profiles))
    told |= _identity(session, subject) | _orders(session, subject) | _quoted(session, subject)
    return {
        "contacts": sorted(subject.contacts.values()),
        "rooms": _room_names(session, told),
        **{name: rows for name, rows in told.items() if rows},
    }


def _messages(session: Session, subject: Subject) -> Rows:
    return [
        _plain(row._mapping)
        for day in mentioned.days(session)
        for row in mentioned.own(session, day, subject.contacts).rows
    ]


def _versions(session: Session, ids: Collection[object]) -> Rows:
    version = database.table(models.MessageVersion)
    return _rows(session, version, version.c.message_id.in_(list(ids)))


def _identity(session: Session, subject: Subject) -> dict[str, Rows]:
    named = sorted((kind.value, value) for kind, value in subject.identifiers)
    identity, edge = database.tables(Identity, IdentityEdge)
    joins = or_(
        tuple_(edge.c.left_kind, edge.c.left_value).in_(named),
        tuple_(edge.c.right_kind, edge.c.right_value).in_(named),
    )
    return {
        "identity": _rows(session, identity, tuple_(identity.c.kind, identity.c.value).in_(named)),
        "identity_edge": _rows(session, edge, joins),
    }


def _orders(session: Session, subject: Subject) -> dict[str, Rows]:
    line, event = database.tables(OrderLine, OrderEvent)
    carried = [
        line.c[column].in_([value for kind, value in subject.identifiers if kind is wanted])
        for wanted, column in evidence.CARRIED.items()
    ]
    lines = _rows(session, line, or_(line.c.person_id.in_(subject.person_ids), *carried))
    orders = sorted({str(row["order_id"]) for row in lines})
    return {
        "order_line": lines,
        "order_event": _rows(session, event, event.c.order_id.in_(orders)),
        **_reasons(session, [row["id"] for row in lines]),
    }


def _reasons(session: Session, lines: Collection[object]) -> dict[str, Rows]:
    """What their orders were put down to, and on what evidence."""
    tables = database.tables(models.Attribution, models.AttributionEvidence)
    return {
        table.name: _rows(session, table, table.c.order_line_id.in_(list(lines)))
        for table in tables
    }


def _quoted(session: Session, subject: Subject) -> dict[str, Rows]:
    """Where digests and posts name or quote them: just those strings, the rest is others'."""
    traces = finding.look(session, subject).traces
    told: dict[str, Rows] = {}
    for model, names, columns in QUOTED:
        table = database.table(model)
        rows = session.connection().execution_options(yield_per=1_000).execute(select(table))
        told[table.name] = [
            {**{name: row[name] for name in names}, "quoted": words}
            for row in (_plain(each._mapping) for each in rows)
            if (words := [one for name in columns for one in _words(row.get(name), traces)])
        ]
    return told


def _words(value: object, traces: Traces) -> Iterator[str]:
    if isinstance(value, str) and traces.clean(value) != value:
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _words(one, traces)
    elif isinstance(value, list):
        for one in value:
            yield from _words(one, traces)


def _room_names(session: Session, told: Mapping[str, Rows]) -> dict[str, object]:
    rooms = {row["room_id"] for rows in told.values() for row in rows if "room_id" in row}
    room = database.table(Room).c
    rows = session.connection().execute(
        select(room.id, room.platform_id, room.topic).where(room.id.in_(rooms)).order_by(room.id)
    )
    return {str(id): {"platform_id": name, "topic": topic} for id, name, topic in rows}


def _rows(session: Session, table: Table, where: ColumnElement[bool]) -> Rows:
    found = session.connection().execute(select(table).where(where).order_by(*table.primary_key))
    return [_plain(row._mapping) for row in found]


def _plain(row: Mapping[Any, object]) -> dict[str, object]:
    return {str(name): _value(value) for name, value in row.items() if value is not None}


def _value(value: object) -> object:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
