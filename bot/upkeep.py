"""What every tick does beside planning: who serves and who listens, what is too late, alerts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import (
    alerting,
    database,
    deriving,
    ingest,
    listening,
    outbox,
    serving,
    terms,
    times,
)
from bot.deriving import Rules
from bot.memory import Memory
from bot.models import Message
from bot.settings import Settings
from bot.times import Stretch
from bot.webhooks import calls, happenings

# A process that reads products late has judged recent messages, and what they changed, without.
RULES_LAG = dt.timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Kept:
    """What upkeep did: `taken_over` are new accounts by room id, `abandoned` what was left by
    owners that are no more (released, uncertain); the others are counts.
    """

    taken_over: Mapping[int, int]
    abandoned: tuple[int, int]
    filled_in: int
    expired: int
    alerts: int


def keep(
    session: Session, settings: Settings, rules: Rules, memory: Memory, now: dt.datetime
) -> Kept:
    """Do what time asks for. Safe to repeat, by any process."""
    taken_over = serving.take_over(session, now)
    outbox.reassign(session, taken_over)
    abandoned = outbox.recover_abandoned(session, now)
    filled_in = ingest.record(session, listening.take_over(session, now), rules, memory)
    expired = outbox.expire(session, now)
    alerts = outbox.plan(session, alerting.alerts(session, settings, now), now)
    happenings.note(session, now)
    calls.forget(session, now)
    return Kept(taken_over, abandoned, filled_in.accepted, expired, alerts)


def alert(engine: Engine, settings: Settings, now: dt.datetime) -> int:
    """Tell operators of what they should know now, between two ticks; returns the new alerts."""
    with database.transaction(engine) as session:
        return outbox.plan(session, alerting.alerts(session, settings, now), now)


def fresh_rules(session: Session, rules: Rules, now: dt.datetime) -> Rules | None:
    """The rules, where another process imported products, campaigns or words; what they change in
    recent messages is derived again. None where nothing changed.
    """
    if terms.load(session) == rules.terms:
        return None
    fresh = deriving.load_rules(session, rules.zone)
    until = now + dt.timedelta(seconds=1)
    since = until - RULES_LAG
    message = database.table(Message)
    rooms = session.connection().scalars(
        select(message.c.room_id)
        .where(message.c.day.in_(times.utc_days(since, until)), message.c.at >= since)
        .distinct()
    )
    deriving.derive(session, [Stretch(room, since, until) for room in rooms], fresh)
    return fresh
