"""Verdicts as rows: the signals and mentions of messages."""

import datetime as dt
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import delete, select, tuple_
from sqlmodel import Session

from bot import appending, database
from bot.appending import Column
from bot.models import Mention, Signal
from bot.text import signals
from bot.text.judging import Heard, Verdict


def write(session: Session, verdicts: Sequence[Verdict], fresh: AbstractSet[int]) -> None:
    """Write what messages are, in the place of what stood for them.

    `fresh` are messages from which nothing was derived yet.
    """
    _drop(session, [one.message for one in verdicts if one.message.id not in fresh])
    append(session, verdicts)


def append(session: Session, verdicts: Sequence[Verdict]) -> None:
    """Write what messages are for which nothing stands."""
    signalled = [(one.message, sign) for one in verdicts for sign in one.signals]
    appending.append(
        session,
        Signal,
        _about([message for message, _ in signalled])
        | {
            "kind": [sign.kind.value for _, sign in signalled],
            "rule": [sign.rule for _, sign in signalled],
            "severity": [sign.severity for _, sign in signalled],
            "target_id": [sign.target for _, sign in signalled],
        },
    )
    named = [
        (one.message, product)
        for one in verdicts
        if one.products
        for product in sorted(one.products)
    ]
    appending.append(
        session,
        Mention,
        _about([message for message, _ in named])
        | {"product_id": [product for _, product in named]},
    )


def forget(session: Session, day: dt.date, room_id: int, message_id: int) -> None:
    """Drop what was derived from a message that no longer stands where it stood."""
    for derived in (Signal, Mention):
        stale = database.table(derived)
        session.connection().execute(
            delete(stale).where(
                stale.c.day == day, stale.c.room_id == room_id, stale.c.message_id == message_id
            )
        )


def _drop(session: Session, messages: Sequence[Heard]) -> None:
    keys = [(message.at.date(), message.room_id, message.id) for message in messages]
    for derived in (Signal, Mention) if keys else ():
        stale = database.table(derived)
        chosen = database.given(
            session, {name: stale.c[name].type for name in ("day", "room_id", "message_id")}, keys
        )
        session.connection().execute(
            delete(stale).where(
                tuple_(stale.c.day, stale.c.room_id, stale.c.message_id).in_(
                    select(chosen.c.day, chosen.c.room_id, chosen.c.message_id)
                )
            )
        )


def _about(messages: Sequence[Heard]) -> dict[str, Column]:
    return {
        "day": [message.at.date() for message in messages],
        "room_id": [message.room_id for message in messages],
        "message_id": [message.id for message in messages],
        "at": [message.at for message in messages],
        "contact_id": [message.contact_id for message in messages],
        "rule_version": [signals.RULE_VERSION] * len(messages),
    }
