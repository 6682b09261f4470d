"""From messages just recorded to what comes of them: replies, cases, questions, orders.

Only live messages are reacted to, at most five minutes old: replay, rebuild and catch-up never
are. Handlers only say what is to be done; it is done here, for the whole batch at once, but for
what operators order, each in a savepoint of its own.
"""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, and_, func, select
from sqlmodel import Session

from bot import (
    complaints,
    counting,
    database,
    desk,
    errors,
    faq,
    ordering,
    outbox,
    quotas,
    times,
)
from bot.deriving import Rules
from bot.gateway import Joined, Said
from bot.ingest import Outcome
from bot.insights import so_far
from bot.intents import Intent
from bot.models import Contact, Membership, Operator, Role, Room, Signal, SignalKind
from bot.models.columns import LogText
from bot.quotas import Quotas
from bot.text.retrieval import Curated
from handlers import HANDLERS, Handler, operator_command, react
from handlers.moment import Case, Command, Grievance, Moment, Reply, Unanswered

log = logging.getLogger(__name__)

# Replies are for conversations that are going on: older events never get one.
LIVE = dt.timedelta(minutes=5)

ROOM, SIGNAL, STAY, CONTACT, OPERATOR = database.tables(Room, Signal, Membership, Contact, Operator)


@dataclass(frozen=True, slots=True)
class Manners:
    """Who is asked what to say, in order, and how often an hour the bot may speak in one room."""

    handlers: Sequence[Handler] = HANDLERS
    per_room_hour: int = 20


@dataclass(slots=True)
class Reacted:
    """What came of a batch: `held_back` replies would have been too many for their rooms; `wanted`
    are those that will be planned.
    """

    replies: int = 0
    held_back: int = 0
    wanted: list[Intent] = field(default_factory=list)
    cases: list[complaints.Heard] = field(default_factory=list)
    questions: list[desk.Asked] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is known about a batch, gathered once.

    `signals` go by our id of the message, and so does `checked_in`: how many members checked in
    that day, up to it. `staff` are (room, contact) platform ids of operators.
    """

    rooms: Mapping[str, Row[Any]]
    signals: Mapping[int, Sequence[Row[Any]]]
    checked_in: Mapping[int, int]
    staff: frozenset[tuple[str, str]]
    answers: Curated
    quotas: Quotas
    zone: ZoneInfo
    handlers: Sequence[Handler]
    now: dt.datetime


def follow(
    session: Session,
    events: Sequence[Said | Joined],
    outcome: Outcome,
    rules: Rules,
    now: dt.datetime,
    manners: Manners,
) -> Reacted:
    """React to what is live among the events, and note which open questions were answered."""
    told = [event for event in events if isinstance(event, Joined) or _is_new(event, outcome)]
    said = [event for event in told if isinstance(event, Said)]
    live = [event for event in told if now - event.at <= LIVE]
    reacted = Reacted()
    if not said and not live:
        return reacted
    rooms = _rooms(session, {event.room for event in (*said, *live)})
    keys = {
        outcome.new[event.room, event.id]: (event.at.date(), rooms[event.room].id) for event in said
    }
    signals = _signals(session, keys)
    if live:
        scene = _Scene(
            rooms,
            signals,
            _checked_in(session, signals, {row.id: row for row in rooms.values()}, rules.zone),
            _staff(session, live),
            faq.curated(session, rules.segmenter),
            quotas.standing(
                session, [rooms[event.room].id for event in live], now, manners.per_room_hour
            ),
            rules.zone,
            manners.handlers,
            now,
        )
        for event in live:
            message = outcome.new[event.room, event.id] if isinstance(event, Said) else None
            _attempt(session, scene, event, message, reacted)
    reacted.replies += outbox.plan(session, reacted.wanted, now, revive=False)
    desk.ask(session, reacted.questions)
    complaints.open_cases(session, reacted.cases)
    desk.answered(session, _answers(signals))
    return reacted


def _is_new(event: Said, outcome: Outcome) -> bool:
    return not event.own and (event.room, event.id) in outcome.new


def _attempt(
    session: Session,
    scene: _Scene,
    event: Said | Joined,
    message: int | None,
    reacted: Reacted,
) -> None:
    """React to one event; a handler's bug must not take the message along."""
    try:
        if _by_operator(scene, event):
            # What they order is read and written at once.
            with session.begin_nested():
                _react(session, scene, event, message, reacted)
        else:
            _react(session, scene, event, message, reacted)
    except Exception as error:  # noqa: BLE001  # a handler's bug: the message stays
        what = f"message {message}" if message else "an arrival"
        log.error(  # noqa: TRY400
            "a handler failed on %s in room %s: %s",
            what,
            scene.rooms[event.room].id,
            errors.where(error),
        )


def _react(
    session: Session,
    scene: _Scene,
    event: Said | Joined,
    message: int | None,
    reacted: Reacted,
) -> None:
    room = scene.rooms[event.room]
    moment = _moment(session, scene, event, message)
    match react(moment, scene.handlers):
        case Reply() as reply:
            wanted = quotas.intent(scene.quotas, reply, room, message, scene.now)
            if wanted is not None:
                reacted.wanted.append(wanted)
            reacted.held_back += wanted is None
        case Case(grievance):
            reacted.cases.append(
                complaints.Heard(
                    *_whose(scene, message, room), event.at, grievance.severity, grievance.rule
                )
            )
        case Unanswered():
            reacted.questions.append(desk.Asked(*_whose(scene, message, room), event.at))
        case Command() as command:
            if isinstance(event, Said) and message is not None:
                by = _by(session, event.sender)
                reacted.replies += ordering.carry_out(
                    session, command, room, message, by, scene.now
                )
        case None:
            pass


def _whose(scene: _Scene, message: int | None, room: Row[Any]) -> tuple[int, int, int]:
    """(message, room, contact) of a message that has a signal."""
    signal = scene.signals[message or 0][0]
    return signal.message_id, room.id, signal.contact_id


def _moment(
    session: Session,
    scene: _Scene,
    event: Said | Joined,
    message: int | None,
) -> Moment:
    room, signals = scene.rooms[event.room], scene.signals.get(message or 0, ())
    kinds = frozenset(signal.kind for signal in signals)
    by_operator = _by_operator(scene, event)
    wants_week = by_operator and _wants_week(event)
    return Moment(
        event=event,
        topic=room.topic,
        vertical=room.vertical,
        signals=kinds,
        answers=scene.answers,
        checked_in=scene.checked_in.get(message or 0, 0),
        by_operator=by_operator,
        grievance=next(
            (
                Grievance(signal.severity, signal.rule)
                for signal in signals
                if signal.kind is SignalKind.COMPLAINT
            ),
            None,
        ),
        week=so_far.week(session, room.id, scene.now, _zone(room, scene.zone))
        if wants_week
        else None,
    )


def _by_operator(scene: _Scene, event: Said | Joined) -> bool:
    return isinstance(event, Said) and (event.room, event.sender) in scene.staff


def _zone(room: Row[Any], otherwise: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(str(room.zone)) if room.zone else otherwise


def _wants_week(event: Said | Joined) -> bool:
    return (
        isinstance(event, Said) and operator_command.parted(event.text)[0] == operator_command.WEEK
    )


def _rooms(session: Session, names: set[str]) -> dict[str, Row[Any]]:
    rows = session.connection().execute(
        select(ROOM).where(ROOM.c.platform_id.in_(_given(session, names)))
    )
    return {row.platform_id: row for row in rows}


def _given(session: Session, names: Collection[str]) -> Select[tuple[str]]:
    """Platform ids of ours, to be looked for."""
    given = database.given(session, {"name": LogText()}, [(name,) for name in sorted(names)])
    return select(given.c.name)


def _signals(
    session: Session, messages: Mapping[int, tuple[dt.date, int]]
) -> dict[int, list[Row[Any]]]:
    """The signals of messages given as our id → (UTC day, our id of the room)."""
    if not messages:
        return {}
    keys = ("day", "room_id", "message_id")
    chosen = database.given(
        session,
        {key: SIGNAL.c[key].type for key in keys},
        [(day, room, message) for message, (day, room) in messages.items()],
    )
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    rows = session.connection().execute(
        select(SIGNAL).join(chosen, and_(*(chosen.c[key] == SIGNAL.c[key] for key in keys)))
    )
    for row in rows:
        found[row.message_id].append(row)
    return dict(found)


def _staff(session: Session, live: Sequence[Said | Joined]) -> frozenset[tuple[str, str]]:
    """(room, contact) of the operators among those who speak: by their role in the room, or
    because they sign in to the console.
    """
    senders = {event.sender for event in live if isinstance(event, Said)}
    if not senders:
        return frozenset()
    in_rooms = session.connection().execute(
        select(ROOM.c.platform_id, CONTACT.c.platform_id)
        .join(STAY, STAY.c.room_id == ROOM.c.id)
        .join(CONTACT, CONTACT.c.id == STAY.c.contact_id)
        .where(CONTACT.c.platform_id.in_(_given(session, senders)), STAY.c.role == Role.OPERATOR)
    )
    everywhere = session.connection().scalars(
        select(CONTACT.c.platform_id)
        .join(OPERATOR, OPERATOR.c.contact_id == CONTACT.c.id)
        .where(
            CONTACT.c.platform_id.in_(_given(session, senders)), OPERATOR.c.disabled_at.is_(None)
        )
    )
    listed = set(everywhere)
    return frozenset(
        {(room, contact) for room, contact in in_rooms}
        | {
            (event.room, event.sender)
            for event in live
            if isinstance(event, Said) and event.sender in listed
        }
    )


def _by(session: Session, sender: str) -> str:
    """An operator's name for the audit: that of the console, else the one in the room."""
    row = (
        session.connection()
        .execute(
            select(OPERATOR.c.name, CONTACT.c.name)
            .select_from(CONTACT)
            .outerjoin(OPERATOR, OPERATOR.c.contact_id == CONTACT.c.id)
            .where(CONTACT.c.platform_id == sender)
        )
        .first()
    )
    name = (row[0] or row[1]) if row is not None else ""
    return f"{name or sender}(群里)"


def _answers(signals: Mapping[int, Sequence[Row[Any]]]) -> list[desk.Answered]:
    return [
        desk.Answered(signal.target_id, signal.message_id, signal.at, signal.rule != "window")
        for found in signals.values()
        for signal in found
        if signal.kind is SignalKind.ANSWER
    ]


def _checked_in(
    session: Session,
    signals: Mapping[int, Sequence[Row[Any]]],
    rooms: Mapping[int, Row[Any]],
    zone: ZoneInfo,
) -> dict[int, int]:
    """How many members checked in in its room on the local day of each message that is a check-in,
    up to it.
    """
    given: list[tuple[object, ...]] = []
    for found in signals.values():
        for one in found:
            if one.kind is SignalKind.CHECK_IN:
                here = _zone(rooms[one.room_id], zone)
                since, _ = counting.local_day(one.at.astimezone(here).date(), here)
                days = times.utc_days(since, one.at + dt.timedelta(seconds=1))
                given += [(one.message_id, day, one.room_id, since, one.at) for day in days]
    if not given:
        return {}
    kinds = {"message": SIGNAL.c.message_id, "day": SIGNAL.c.day, "room": SIGNAL.c.room_id}
    kinds |= {"since": SIGNAL.c.at, "until": SIGNAL.c.at}
    wanted = database.given(
        session,
        {name: column.type for name, column in kinds.items()},
        given,
    )
    counted = (
        select(wanted.c.message, func.count(SIGNAL.c.contact_id.distinct()))
        .join(SIGNAL, and_(SIGNAL.c.day == wanted.c.day, SIGNAL.c.room_id == wanted.c.room))
        .where(
            SIGNAL.c.kind == SignalKind.CHECK_IN,
            SIGNAL.c.at.between(wanted.c.since, wanted.c.until),
        )
        .group_by(wanted.c.message)
    )
    return dict(session.connection().execute(counted).all())
