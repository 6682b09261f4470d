"""What members of a few rooms asked, answered and shared, in their own words.

A fixed number of queries whatever the number of rooms; texts are many, so they are fetched for as
many rooms as are written at once.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import BigInteger, Date, Integer, select
from sqlmodel import Session

from bot import database, times
from bot.digest.gather import Week, until_answered
from bot.models import Contact, Message, MessageIdentity, Role, Signal, SignalKind

# Candidates a room: a digest shows half as many, in different words.
MOST_OPEN, MOST_ANSWERED, MOST_SHARES = 16, 10, 30

SIGNALS = database.table(Signal).c


class Words(NamedTuple):
    """What one message said, and the name its sender had."""

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a member; `answers`: (message, contact) of other humans, in order of time."""

    message_id: int
    at: dt.datetime
    answers: tuple[tuple[int, int], ...]

    @property
    def answerers(self) -> int:
        """How many people answered."""
        return len({contact for _, contact in self.answers})


@dataclass(slots=True)
class Said:
    """One room's questions and shares (message ids) in order of time, the words there are, and what
    the platform calls these messages.
    """

    questions: list[Question] = field(default_factory=list)
    shares: list[int] = field(default_factory=list)
    words: dict[int, Words] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


class _Heard(NamedTuple):
    room: int
    message: int
    contact: int
    at: dt.datetime
    kind: SignalKind
    target: int | None


def gather(session: Session, week: Week, rooms: Collection[int]) -> dict[int, Said]:
    """What was said in these rooms, by room id; rooms that cannot be read are left out."""
    spans = {room: _span(week, room) for room in rooms if room not in week.unread}
    found: dict[int, Said] = {room: Said() for room in spans}
    heard = _heard(session, spans)
    answers = _answers(week, heard, spans)
    for one in heard:
        said, span = found[one.room], spans[one.room]
        if not span.since <= one.at < span.until or (one.room, one.contact) in week.roles:
            continue
        if one.kind is SignalKind.QUESTION:
            others = [each for each in answers.get(one.message, ()) if each[1] != one.contact]
            said.questions.append(Question(one.message, one.at, tuple(others)))
        elif one.kind is SignalKind.SHARE:
            said.shares.append(one.message)
    _add_words(session, found)
    return found


class _Span(NamedTuple):
    """A room's days as instants, and until when answers to what was asked in them are known."""

    since: dt.datetime
    until: dt.datetime
    answered: dt.datetime


def _span(week: Week, room: int) -> _Span:
    view = week.rooms[room]
    return _Span(*week.days.instants(view.zone), until_answered(view, week.days, week.now))


def _heard(session: Session, spans: Mapping[int, _Span]) -> list[_Heard]:
    days = [
        (day, room)
        for room, span in spans.items()
        for day in times.utc_days(span.since, span.answered)
    ]
    given = database.given(session, {"day": Date(), "room_id": Integer()}, days)
    kinds = (SignalKind.QUESTION, SignalKind.ANSWER, SignalKind.SHARE)
    names = ("room_id", "message_id", "contact_id", "at", "kind", "target_id")
    rows = session.connection().execute(
        select(*(SIGNALS[name] for name in names))
        .where(SIGNALS.day == given.c.day, SIGNALS.room_id == given.c.room_id)
        .where(SIGNALS.kind.in_(kinds))
        .order_by(SIGNALS.at, SIGNALS.message_id)
    )
    return [_Heard._make(row) for row in rows.all()]


def _answers(
    week: Week, heard: Iterable[_Heard], spans: Mapping[int, _Span]
) -> dict[int, list[tuple[int, int]]]:
    """(message, contact) of answers by humans, by the question's message."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in heard:
        if one.kind is SignalKind.ANSWER and one.target is not None:
            human = week.roles.get((one.room, one.contact)) is not Role.BOT
            if human and one.at < spans[one.room].answered:
                found[one.target].append((one.message, one.contact))
    return found


def _add_words(session: Session, found: Mapping[int, Said]) -> None:
    wanted = sorted({message for said in found.values() for message in _worth_quoting(said)})
    identity, message = database.table(MessageIdentity).c, database.table(Message).c
    contact = database.table(Contact).c
    given = database.given(session, {"id": BigInteger()}, [(id,) for id in wanted])
    rows = session.connection().execute(
        select(
            *(identity.room_id, identity.id, identity.platform_id),
            *(message.text, message.name, contact.name.label("latest")),
        )
        .where(identity.id == given.c.id)
        .where(message.day == identity.day, message.room_id == identity.room_id)
        .where(message.id == identity.id, contact.id == message.contact_id)
    )
    for room, id, platform_id, text, name, latest in rows.all():
        found[room].names[id] = platform_id
        if text is not None:
            found[room].words[id] = Words(text, name or latest)


def _worth_quoting(said: Said) -> set[int]:
    """The questions that got most answers and those that got none, and the latest shares."""
    open_ones = [one for one in said.questions if not one.answers]
    answered = sorted(
        (one for one in said.questions if one.answers), key=lambda one: -one.answerers
    )
    asked = [*open_ones[:MOST_OPEN], *answered[:MOST_ANSWERED]]
    return {
        *(one.message_id for one in asked),
        *(one.answers[0][0] for one in asked if one.answers),
        *said.shares[-MOST_SHARES:],
    }
