"""Questions and who answered them: response rates and waiting times (DESIGN §7)."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from bot import database
from bot.insights import engagement, statistics
from bot.insights.engagement import Days, RoomView
from bot.models import Role, Signal, SignalKind

SIGNALS = database.table(Signal).c
PROMPT = dt.timedelta(hours=24)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question; `role` is None for an ordinary member."""

    message_id: int
    contact_id: int
    at: dt.datetime
    role: Role | None


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a member, and its answers by other humans in order of time."""

    room_id: int
    message_id: int
    contact_id: int
    at: dt.datetime
    answers: tuple[Answer, ...]

    @property
    def first(self) -> Answer | None:
        """The first human answer, operators included."""
        return next(iter(self.answers), None)

    @property
    def first_by_member(self) -> Answer | None:
        """The first answer by a member."""
        return next((answer for answer in self.answers if answer.role is None), None)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of `asked` questions were answered within 24 hours."""

    answered: int
    asked: int

    @property
    def share(self) -> float | None:
        """The rate, None without a question."""
        return self.answered / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Responses:
    """What became of some questions. Times are seconds, None where too few were answered.

    The rates are over questions that have been watched for 24 hours; `young` have not.
    """

    questions: int
    young: int
    by_anyone: Rate
    by_members: Rate
    median: float | None
    p90: float | None
    unanswered: tuple[Question, ...]


def questions(
    session: Session,
    views: Mapping[int, RoomView],
    days: Days,
    horizon: dt.datetime,
    roles: Mapping[tuple[int, int], Role],
) -> dict[int, list[Question]]:
    """Per room: what members asked in these days, with the answers that came before `horizon`."""
    asked = _signals(session, views, days, SignalKind.QUESTION)
    answers = _answers(session, days, horizon, roles)
    found: dict[int, list[Question]] = defaultdict(list)
    for room, message, contact, at in asked:
        others = (answer for answer in answers.get(message, ()) if answer.contact_id != contact)
        found[room].append(Question(room, message, contact, at, tuple(others)))
    return dict(found)


def shares(
    session: Session, views: Mapping[int, RoomView], days: Days
) -> dict[int, list[tuple[int, int]]]:
    """Per room: (message, contact) of what members shared in these days, in order of time."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for room, message, contact, _ in _signals(session, views, days, SignalKind.SHARE):
        found[room].append((message, contact))
    return dict(found)


def responses(asked: Iterable[Question], horizon: dt.datetime) -> Responses:
    """Sum up what became of questions that were watched until `horizon`."""
    every = list(asked)
    old = [question for question in every if question.at + PROMPT <= horizon]
    waits = [_wait(question, horizon) for question in every]
    return Responses(
        questions=len(every),
        young=len(every) - len(old),
        by_anyone=_rate(old, [question.first for question in old]),
        by_members=_rate(old, [question.first_by_member for question in old]),
        median=statistics.waiting_quantile(waits, 0.5),
        p90=statistics.waiting_quantile(waits, 0.9),
        unanswered=tuple(question for question in every if not question.answers),
    )


def _rate(asked: Sequence[Question], firsts: Sequence[Answer | None]) -> Rate:
    in_time = sum(
        first is not None and first.at - question.at <= PROMPT
        for question, first in zip(asked, firsts, strict=True)
    )
    return Rate(in_time, len(asked))


def _wait(question: Question, horizon: dt.datetime) -> statistics.Wait:
    first = question.first
    # The rules see no answer later than this, so nothing was watched for beyond it.
    watched_until = min(max(horizon, question.at), question.at + PROMPT)
    until = first.at if first else watched_until
    return statistics.Wait((until - question.at).total_seconds(), ended=first is not None)


def _signals(
    session: Session, views: Mapping[int, RoomView], days: Days, kind: SignalKind
) -> list[tuple[int, int, int, dt.datetime]]:
    """(room, message, contact, at) of members' signals of one kind in these room-local days."""
    bounds = {view.zone: days.instants(view.zone) for view in views.values()}
    rows = session.connection().execute(
        select(SIGNALS.room_id, SIGNALS.message_id, SIGNALS.contact_id, SIGNALS.at)
        .where(SIGNALS.kind == kind, _near(days.since, days.until))
        .where(engagement.by_member(SIGNALS.room_id, SIGNALS.contact_id))
        .order_by(SIGNALS.at, SIGNALS.message_id)
    )
    found = []
    for room, message, contact, at in rows:
        since_at, until_at = bounds[views[room].zone]
        if since_at <= at < until_at:
            found.append((room, message, contact, at))
    return found


def _answers(
    session: Session,
    days: Days,
    horizon: dt.datetime,
    roles: Mapping[tuple[int, int], Role],
) -> dict[int, list[Answer]]:
    rows = session.connection().execute(
        select(
            SIGNALS.room_id, SIGNALS.target_id, SIGNALS.message_id, SIGNALS.contact_id, SIGNALS.at
        )
        .where(SIGNALS.kind == SignalKind.ANSWER, SIGNALS.target_id.is_not(None))
        .where(_near(days.since, horizon.date() + DAY), SIGNALS.at < horizon)
        .order_by(SIGNALS.at, SIGNALS.message_id)
    )
    found: dict[int, list[Answer]] = defaultdict(list)
    for room, target, message, contact, at in rows:
        role = roles.get((room, contact))
        if role is not Role.BOT:
            found[target].append(Answer(message, contact, at, role))
    return dict(found)


def _near(since: dt.date, until: dt.date) -> ColumnElement[bool]:
    """Signals lead with the UTC day: a local day lies within a day of it in every zone."""
    return (SIGNALS.day >= since - DAY) & (SIGNALS.day < until + DAY)
