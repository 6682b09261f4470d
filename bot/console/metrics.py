"""Figures for Prometheus, read from the database: one process shows those of all of them.

Never a name, never a word of a member.
"""

import datetime as dt

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from sqlalchemy import func, select
from sqlmodel import Session

from bot import database, heartbeats, vitals
from bot.console import shell
from bot.console.roles import ADMIN
from bot.models import Account, Delivery, DeliveryState, Operator, Person, Room, WebhookCall

DAY = dt.timedelta(days=1)
# A counter is made anew for each answer: when it was made says nothing.
disable_created_metrics()  # type: ignore[no-untyped-call]


def text(session: Session, open_pages: int, now: dt.datetime) -> bytes:
    """All of them, in the text format of Prometheus; `open_pages` are this process's streams."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    _deliveries(registry, session, now)
    _accounts(registry, session, now)
    _processes(registry, session, now)
    _work(registry, session, now)
    _gauge(registry, "open_pages", "Open streams of changes.").set(open_pages)
    return generate_latest(registry)


def _deliveries(registry: CollectorRegistry, session: Session, now: dt.datetime) -> None:
    due = _gauge(registry, "deliveries", "Deliveries of the last 24 hours, by state.", "state")
    delivery = database.table(Delivery)
    # Every state by name: the index leads with it.
    states = (
        select(delivery.c.state, func.count())
        .where(
            delivery.c.state.in_(list(DeliveryState)),
            delivery.c.due_at > now - DAY,
            delivery.c.due_at <= now,
        )
        .group_by(delivery.c.state)
    )
    counts = {row[0]: row[1] for row in session.connection().execute(states)}
    for state in DeliveryState:
        due.labels(state.value).set(counts.get(state, 0))


def _accounts(registry: CollectorRegistry, session: Session, now: dt.datetime) -> None:
    online = _gauge(registry, "account_online", "Whether an account is online.", "account")
    logins = Counter("qunyun_account_logins", "Log-ins recorded.", ["account"], registry=registry)
    spooled = _gauge(registry, "spooled_events", "Heard, not in the log yet.", "account")
    lag = _gauge(registry, "spool_lag_seconds", "Age of the oldest such event.", "account")
    refused = _gauge(registry, "refused_events", "Heard, refused by the database, kept.", "account")
    account = database.table(Account)
    for row in session.connection().execute(select(account)):
        name = str(row.id)
        online.labels(name).set(row.online)
        logins.labels(name).inc(row.logins)
        spooled.labels(name).set(row.spooled)
        lag.labels(name).set((now - (row.spooled_since or now)).total_seconds())
        refused.labels(name).set(row.refused)


def _processes(registry: CollectorRegistry, session: Session, now: dt.datetime) -> None:
    late = _gauge(
        registry, "loop_lag_seconds", "How late an event loop came to its work at most.", "process"
    )
    for owner, seconds in vitals.loop_lags(session, now).items():
        late.labels(owner).set(seconds)
    beats = _gauge(
        registry, "last_round_timestamp_seconds", "When a part last did its round.", "part"
    )
    for part, beat in heartbeats.last(session).items():
        beats.labels(part).set(beat.at.timestamp())


def _work(registry: CollectorRegistry, session: Session, now: dt.datetime) -> None:
    waiting = _gauge(
        registry, "waiting_for_people", "What waits for a person, by what it is.", "what"
    )
    admin = Operator(name="metrics", role=ADMIN, created_at=now)
    for what, number in shell.waiting(session, admin, now).items():
        waiting.labels(what).set(number)
    connection = session.connection()
    room, call, person = database.tables(Room, WebhookCall, Person)
    calls = _gauge(registry, "webhook_calls", "Calls of webhooks of 30 days, by state.", "state")
    states = select(call.c.state, func.count()).group_by(call.c.state)
    for state, number in connection.execute(states):
        calls.labels(state.value).set(number)
    rooms = connection.scalar(select(func.count()).select_from(room))
    _gauge(registry, "rooms", "Rooms known.").set(rooms or 0)
    doubtful = connection.scalar(
        select(func.count()).select_from(person).where(person.c.quarantined.is_not(None))
    )
    _gauge(registry, "people_quarantined", "Identities to look at.").set(doubtful or 0)


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"qunyun_{name}", about, labels, registry=registry)
