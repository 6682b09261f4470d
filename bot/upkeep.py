"""What every tick does beside planning: who serves and who listens, what is too late, alerts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from bot import alerting, ingest, listening, outbox, serving
from bot.deriving import Rules
from bot.memory import Memory
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Kept:
    """What upkeep did: `taken_over` are new accounts by room id, the others are counts."""

    taken_over: Mapping[int, int]
    filled_in: int
    expired: int
    alerts: int


def keep(
    session: Session, settings: Settings, rules: Rules, memory: Memory, now: dt.datetime
) -> Kept:
    """Do what time asks for. Safe to repeat, by any process."""
    taken_over = serving.take_over(session, now)
    outbox.reassign(session, taken_over)
    filled_in = ingest.record(session, listening.take_over(session, now), rules, memory)
    expired = outbox.expire(session, now)
    alerts = outbox.plan(session, alerting.alerts(session, settings, now), now)
    return Kept(taken_over, filled_in.accepted, expired, alerts)
