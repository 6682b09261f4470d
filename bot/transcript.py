"""What the log holds of parts of rooms' time, as the rules of signals see it."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Date, FromClause, Integer, and_, literal, select
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database, times
from bot.models import Contact, Message, MessageIdentity, Recall
from bot.models.columns import LogText
from bot.text.judging import Heard
from bot.times import Stretch

MESSAGE, IDENTITY, RECALL, CONTACT = database.tables(Message, MessageIdentity, Recall, Contact)


def read(session: Session, stretches: Sequence[Stretch]) -> dict[int, list[Heard]]:
    """Every standing message of the stretches, by room, in no order."""
    parts = database.given(
        session,
        {"day": Date(), "room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [
            (day, stretch.room_id, stretch.since, stretch.until)
            for stretch in stretches
            for day in times.utc_days(stretch.since, stretch.until)
        ],
    )
    rows = session.connection().execute(
        select(
            MESSAGE.c.id,
            IDENTITY.c.platform_id,
            MESSAGE.c.room_id,
            MESSAGE.c.contact_id,
            CONTACT.c.platform_id.label("sender"),
            MESSAGE.c.at,
            MESSAGE.c.type,
            MESSAGE.c.text,
            MESSAGE.c.mentions,
            MESSAGE.c.quote,
            MESSAGE.c.own,
            _is_recalled(IDENTITY).label("recalled"),
        )
        .select_from(parts)
        .join(
            MESSAGE,
            and_(
                MESSAGE.c.day == parts.c.day,
                MESSAGE.c.room_id == parts.c.room_id,
                MESSAGE.c.at >= parts.c.since,
                MESSAGE.c.at < parts.c.until,
            ),
        )
        .join(IDENTITY, IDENTITY.c.id == MESSAGE.c.id)
        .join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
    )
    heard: dict[int, list[Heard]] = defaultdict(list)
    for row in rows:
        heard[row.room_id].append(
            Heard(
                id=row.id,
                platform_id=row.platform_id,
                room_id=row.room_id,
                contact_id=row.contact_id,
                sender=row.sender,
                at=row.at,
                type=row.type,
                text=row.text,
                mentions=tuple(row.mentions or ()),
                quote=row.quote,
                own=row.own,
                recalled=bool(row.recalled),
            )
        )
    return heard


def recalled(session: Session, names: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these messages, by room id and platform id, somebody took back."""
    if not names:
        return set()
    named = database.given(session, {"room_id": Integer(), "platform_id": LogText()}, names)
    query = select(RECALL.c.room_id, RECALL.c.recalled).join(
        named, and_(RECALL.c.room_id == named.c.room_id, RECALL.c.recalled == named.c.platform_id)
    )
    return {(room, name) for room, name in session.connection().execute(query)}


def _is_recalled(named: FromClause) -> ColumnElement[bool]:
    return (
        select(literal(1))
        .where(RECALL.c.room_id == named.c.room_id, RECALL.c.recalled == named.c.platform_id)
        .exists()
    )
