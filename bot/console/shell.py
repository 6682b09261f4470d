"""What stands around every page: whether all is paused, and how much waits for a person."""

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlmodel import Session

from bot import complaints, database, desk, holding
from bot.console import roles
from bot.gateway import Posting
from bot.models import (
    Account,
    Delivery,
    DeliveryState,
    Operator,
    Pause,
    PauseScope,
    Room,
    Series,
    SeriesState,
)

RECENT = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Paused:
    """Everything is held back."""

    reason: str
    by: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Frame:
    """The numbers of the shell; `waiting` goes by the names that the menu counts."""

    paused: Paused | None = None
    waiting: dict[str, int] = field(default_factory=dict)


def gather(session: Session, operator: Operator | None, now: dt.datetime) -> Frame:
    """The shell of an operator's page, in two queries; empty where nobody is signed in."""
    if operator is None:
        return Frame()
    return Frame(paused(session), waiting(session, operator, now))


def paused(session: Session) -> Paused | None:
    """The pause of everything, where one is in force."""
    pauses = database.table(Pause)
    row = (
        session.connection()
        .execute(
            select(pauses.c.reason, pauses.c.by, pauses.c.at)
            .where(pauses.c.scope == PauseScope.ALL, pauses.c.resumed_at.is_(None))
            .order_by(pauses.c.id.desc())
            .limit(1)
        )
        .first()
    )
    return Paused(*row) if row else None


def waiting(session: Session, operator: Operator, now: dt.datetime) -> dict[str, int]:
    """What waits for a person: approvals, uncertain and failed posts, posts to make by hand,
    questions, complaints.

    Failures older than a week are history. One query, over indexed states.
    """
    delivery, room, account, series = database.tables(Delivery, Room, Account, Series)
    seen = select(room.c.id).where(roles.in_scope(operator, room))
    by_hand = select(account.c.id).where(account.c.posting == Posting.CONFIRM)

    def held(work: holding.Work, *which: ColumnElement[bool]) -> ColumnElement[int]:
        counted = select(func.count()).select_from(work.table).where(work.waiting, *which)
        if not roles.sees_all(operator):
            counted = counted.where(work.table.c.room_id.in_(seen))
        return counted.scalar_subquery()

    def deliveries(*which: ColumnElement[bool]) -> ColumnElement[int]:
        counted = select(func.count()).select_from(delivery)
        if not roles.sees_all(operator):
            which = (*which, delivery.c.room_id.in_(seen))
        return counted.where(and_(true(), *which)).scalar_subquery()

    counts = {
        "approvals": select(func.count())
        .select_from(series)
        .where(series.c.state == SeriesState.IN_REVIEW)
        .scalar_subquery(),
        "uncertain": deliveries(delivery.c.state == DeliveryState.UNCERTAIN),
        "failed": deliveries(
            delivery.c.state == DeliveryState.FAILED, delivery.c.due_at >= now - RECENT
        ),
        "questions": held(desk.WORK, desk.QUESTION.c.listed_at <= now),
        "complaints": held(complaints.WORK),
        "todo": deliveries(
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.due_at <= now,
            delivery.c.account_id.in_(by_hand),
        ),
    }
    row = (
        session.connection()
        .execute(select(*(counted.label(name) for name, counted in counts.items())))
        .one()
    )
    return {name: int(row._mapping[name]) for name in counts}
