"""Two contents under one message id: which one stands, and the others kept aside."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, and_, select
from sqlmodel import Session

from bot import database
from bot.gateway import Said
from bot.models import Contact, Message, MessageIdentity, MessageVersion, Redacted
from bot.models.columns import LogText

# A room's id and a message's platform id.
Name = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another version now stands for the message whose row was `row`."""

    row: Row[Any]
    winner: Said


def stands(versions: Iterable[Said]) -> Said:
    """The version of a message that stands: the earlier `at`, then the smaller text, then the
    smaller digest, so that the order of arrival never matters.
    """
    return min(versions, key=lambda said: (said.at, said.text or "", digest(said)))


def digest(said: Said) -> str:
    """What a message says, in 64 hexadecimal digits; names, topic and account are no part of it."""
    return hashlib.sha256(json.dumps(_content(said)).encode()).hexdigest()


def settle(session: Session, again: Sequence[tuple[Name, Said]]) -> tuple[int, list[Replacement]]:
    """Compare messages that came again with what stands, and keep the losing versions aside.

    Returns how many said something else than what stood when they came, and what now has to be
    replaced. Safe to repeat.
    """
    rows = {
        (row.room_id, row.platform_id): row
        for row in standing(session, sorted({name for name, _ in again}))
    }
    redacted = _redacted(session, [row.id for row in rows.values()])
    rows = {name: row for name, row in rows.items() if row.id not in redacted}
    known = {name: _said(row) for name, row in rows.items()}
    conflicts = 0
    aside: dict[tuple[int, str], Said] = {}
    for name, one in again:
        if name not in known or digest(one) == digest(known[name]):
            continue
        conflicts += 1
        winner = stands((known[name], one))
        loser = known[name] if winner is one else one
        aside[rows[name].id, digest(loser)] = loser
        known[name] = winner
    _keep_aside(session, aside)
    return conflicts, [
        Replacement(rows[name], winner)
        for name, winner in known.items()
        if digest(winner) != digest(_said(rows[name]))
    ]


def _redacted(session: Session, ids: Sequence[int]) -> set[int]:
    """Those messages that hold less than they did, because somebody asked to be forgotten."""
    if not ids:
        return set()
    redacted = database.table(Redacted).c
    given = database.given(session, {"id": redacted.message_id.type}, [(id,) for id in ids])
    rows = session.connection().scalars(
        select(redacted.message_id).join(given, given.c.id == redacted.message_id)
    )
    return set(rows)


def standing(session: Session, names: Sequence[Name]) -> Sequence[Row[Any]]:
    """The standing message rows by name, with `platform_id` and the `sender`'s platform id."""
    if not names:
        return []
    identity, message, contact = database.tables(MessageIdentity, Message, Contact)
    wanted = database.given(session, {"room_id": Integer(), "platform_id": LogText()}, names)
    query = (
        select(message, identity.c.platform_id, contact.c.platform_id.label("sender"))
        .select_from(wanted)
        .join(
            identity,
            and_(
                identity.c.room_id == wanted.c.room_id,
                identity.c.platform_id == wanted.c.platform_id,
            ),
        )
        .join(
            message,
            and_(
                message.c.day == identity.c.day,
                message.c.room_id == identity.c.room_id,
                message.c.id == identity.c.id,
            ),
        )
        .join(contact, contact.c.id == message.c.contact_id)
    )
    return session.connection().execute(query).all()


def _content(said: Said) -> dict[str, object]:
    return {
        "sender": said.sender,
        "at": said.at.isoformat(),
        "type": said.type,
        "text": said.text,
        "mentions": list(said.mentions),
        "quote": said.quote,
        "recalls": said.recalls,
        "self": said.own,
    }


def _said(row: Row[Any]) -> Said:
    return Said(
        id=row.platform_id,
        room=str(row.room_id),
        sender=row.sender,
        at=row.at,
        type=row.type,
        text=row.text,
        topic=row.topic,
        name=row.name,
        mentions=tuple(row.mentions or ()),
        quote=row.quote,
        recalls=row.recalls,
        own=row.own,
    )


def _keep_aside(session: Session, aside: Mapping[tuple[int, str], Said]) -> None:
    database.insert_rows(
        session,
        MessageVersion,
        [
            {"message_id": key, "digest": version, "content": _content(said)}
            for (key, version), said in aside.items()
        ],
        skip_existing=True,
    )
