"""Take a person out of the tables: messages, what quotes them, orders, identity."""

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Engine, Table, or_, select, tuple_, update
from sqlalchemy import delete as sql_delete
from sqlmodel import Session

from bot import database, memory
from bot.models import (
    Attribution,
    AttributionEvidence,
    Contact,
    EventState,
    IdentityCut,
    IdentityEdge,
    Message,
    MessageVersion,
    OptOut,
    OrderLine,
    Profile,
    ProfileTag,
    Redacted,
    ShopEvent,
    TypedNumber,
)
from bot.orders import evidence, people
from bot.privacy import places
from bot.privacy.mentioned import Hit
from bot.privacy.subject import Subject
from bot.privacy.traces import Traces

MESSAGE = database.table(Message)
CHUNK = 1_000


def delete(session: Session, hits: Sequence[Hit]) -> None:
    """Own messages of sealed days: as if their time had come. Their ids stay."""
    keys = [(hit.day, hit.room_id, hit.id) for hit in hits]
    _drop_versions(session, [hit.id for hit in hits])
    memory.disturb(session, {hit.room_id for hit in hits})
    session.connection().execute(
        sql_delete(MESSAGE).where(tuple_(MESSAGE.c.day, MESSAGE.c.room_id, MESSAGE.c.id).in_(keys))
    )


def redact(session: Session, hits: Sequence[Hit], now: dt.datetime) -> None:
    """Let messages say no more than they may; of one's own, only that there was one."""
    memory.disturb(session, {hit.room_id for hit in hits})
    for hit in hits:
        own: dict[str, object] = {"name": None, "topic": None, "quote": None} if hit.own else {}
        session.connection().execute(
            update(MESSAGE)
            .where(MESSAGE.c.day == hit.day, MESSAGE.c.room_id == hit.room_id)
            .where(MESSAGE.c.id == hit.id)
            .values(text=hit.text, mentions=hit.mentions, **own)
        )
    _drop_versions(session, [hit.id for hit in hits if hit.own])
    rows = [{"message_id": hit.id, "at": now} for hit in hits]
    database.insert_rows(session, Redacted, rows, skip_existing=True)


def _drop_versions(session: Session, ids: Sequence[int]) -> None:
    version = database.table(MessageVersion)
    session.connection().execute(sql_delete(version).where(version.c.message_id.in_(ids)))


def clean(engine: Engine, table: Table, columns: Sequence[str], traces: Traces) -> int:
    """Take traces out of a table, some rows a transaction; returns how many rows had any."""
    keys = list(table.primary_key)
    with database.reading(engine) as session:
        rows = (
            session.connection()
            .execution_options(yield_per=CHUNK)
            .execute(select(*keys, *(table.c[name] for name in columns)))
        )
        found: list[tuple[tuple[object, ...], dict[str, object]]] = []
        for row in rows:
            stands = dict(zip(columns, row[len(keys) :], strict=True))
            cleaned = {name: traces.clean(value) for name, value in stands.items()}
            if cleaned != stands:
                found.append((tuple(row[: len(keys)]), cleaned))
    for start in range(0, len(found), CHUNK):
        with database.transaction(engine) as session:
            for key, values in found[start : start + CHUNK]:
                named = [column == value for column, value in zip(keys, key, strict=True)]
                session.connection().execute(update(table).where(*named).values(values))
    return len(found)


def seal_orders(session: Session, subject: Subject, ids: Collection[int]) -> None:
    """Their own orders, and those of others that stand on what they said, stay as attributed."""
    told, touch, line = database.tables(Attribution, AttributionEvidence, OrderLine)
    spoken = database.given(session, {"id": touch.c.message_id.type}, [(id,) for id in ids])
    theirs = select(line.c.id).where(_is_theirs(line, subject))
    others = select(touch.c.order_line_id).where(touch.c.message_id.in_(select(spoken.c.id)))
    session.connection().execute(
        update(told)
        .values(sealed=True)
        .where(or_(told.c.order_line_id.in_(theirs), told.c.order_line_id.in_(others)))
    )


def drop_bodies(session: Session, subject: Subject, traces: Traces) -> int:
    """What shops told of them and nobody has read, or could: names and addresses stand in it.

    Returns how many went. Their orders that came so far stay.
    """
    event, line = database.tables(ShopEvent, OrderLine)
    connection = session.connection()
    orders = set(connection.scalars(select(line.c.order_id).where(_is_theirs(line, subject))))
    rows = connection.execute(select(event.c.id, event.c.body).where(event.c.body.is_not(None)))
    gone = [
        id
        for id, body in rows
        if any(order in body for order in orders) or traces.clean(body) != body
    ]
    connection.execute(
        update(event)
        .where(event.c.id.in_(gone))
        .values(body=None, contents=None, state=EventState.IGNORED, reason="本人要求删除")
    )
    return len(gone)


def _is_theirs(line: Table, subject: Subject) -> ColumnElement[bool]:
    return or_(
        line.c.person_id.in_(subject.person_ids),
        *(
            line.c[column].in_([value for kind, value in subject.identifiers if kind is wanted])
            for wanted, column in evidence.CARRIED.items()
        ),
    )


def cut(session: Session, subject: Subject, ids: Collection[int], pseudonym: str) -> None:
    """Cut every identifier from every other, and drop what was made of the person."""
    named = sorted((kind.value, value) for kind, value in subject.identifiers)
    for table in database.tables(IdentityEdge, IdentityCut):
        session.connection().execute(
            sql_delete(table).where(
                or_(
                    tuple_(table.c.left_kind, table.c.left_value).in_(named),
                    tuple_(table.c.right_kind, table.c.right_value).in_(named),
                )
            )
        )
    drop_profiles(session, subject)
    for model, column in places.ERASED.items():
        table = database.table(model)
        session.connection().execute(sql_delete(table).where(table.c[column].in_(subject.contacts)))
    typed = database.table(TypedNumber)
    spoken = database.given(session, {"id": typed.c.message_id.type}, [(id,) for id in ids])
    session.connection().execute(
        sql_delete(typed).where(typed.c.message_id.in_(select(spoken.c.id)))
    )
    ends = {(kind, pseudonym) for kind in evidence.CARRIED}
    people.resolve(session, {*subject.identifiers, *ends})


def drop_profiles(session: Session, subject: Subject) -> None:
    """Drop what was made of the person: profiles and their tags."""
    profile, tag = database.tables(Profile, ProfileTag)
    of_person = select(profile.c.id).where(
        or_(
            profile.c.person_id.in_(subject.person_ids),
            profile.c.contact_id.in_(subject.contacts),
        )
    )
    session.connection().execute(sql_delete(tag).where(tag.c.profile_id.in_(of_person)))
    session.connection().execute(sql_delete(profile).where(profile.c.id.in_(of_person)))


def rename(session: Session, subject: Subject, pseudonym: str) -> None:
    """Give the contacts a random name: what is counted of them is nobody's from now on."""
    contact, opted = database.tables(Contact, OptOut)
    theirs = opted.c.contact_id.in_(subject.contacts)
    session.connection().execute(update(opted).where(theirs).values(contact_id=None))
    for place, id in enumerate(sorted(subject.contacts)):
        # One human may have had several contacts, each with an id of its own.
        named = pseudonym if place == 0 else f"{pseudonym}.{place}"
        session.connection().execute(
            update(contact)
            .where(contact.c.id == id)
            .values(platform_id=named, name="", name_at=None)
        )
