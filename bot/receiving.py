"""From a gateway's events to accepted rows and planned replies."""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Row, and_, case, func, select, true, update
from sqlmodel import Session

from bot import (
    counting,
    database,
    directory,
    errors,
    ingest,
    listening,
    outbox,
    roster,
    serving,
    times,
)
from bot.deriving import Rules
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Person, RoomListing, Said
from bot.ingest import Outcome
from bot.intents import Intent
from bot.memory import Memory
from bot.models import Account, Contact, DeliveryKind, Faq, Room, Signal, SignalKind
from bot.text import similarity
from handlers import HANDLERS, Handler, react
from handlers.moment import Moment

log = logging.getLogger(__name__)

# Replies are for conversations that are going on: older events never get one, and a reply that
# could not go out in that time is pointless.
LIVE = dt.timedelta(minutes=5)
REPLIES_FIRST = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch of events led to."""

    outcome: Outcome
    echoes: int
    replies: int


def take(
    engine: Engine,
    account_id: int,
    events: Sequence[Event],
    rules: Rules,
    now: dt.datetime,
    handlers: Sequence[Handler] = HANDLERS,
    memory: Memory | None = None,
    *,
    epoch: int | None = None,
) -> Taken:
    """Record a batch, and only then react to what is live in it.

    `epoch` is the caller's lease on the account, where it has one. When this returns, everything
    in the batch is accepted.
    """
    with database.transaction(engine) as session:
        our_contacts = listening.ours(session)
        _follow_departures(session, events, our_contacts)
        heard = listening.hear(session, account_id, events, our_contacts, now)
        outcome = ingest.record(session, heard, rules, memory)
        serving.serve(session, account_id, {one.room for one in heard if isinstance(one, Said)})
        _follow_login(session, account_id, events, epoch, now)
    with database.transaction(engine) as session:
        echoes = sum(
            outbox.echo(session, event)
            for event in events
            if isinstance(event, Said) and (event.own or event.sender in our_contacts)
        )
        replies = _react(session, heard, outcome, rules.zone, now, handlers)
    return Taken(outcome, echoes, replies)


def list_room(
    session: Session,
    account_id: int,
    listing: RoomListing,
    people: Sequence[Person],
    me: str,
    at: dt.datetime,
) -> None:
    """Record what a gateway lists of one room. Our own account is no member; a room that nobody
    serves yet is served by this account.
    """
    room_id = directory.rooms(session, {listing.id: (at, listing.topic)})[listing.id]
    others = {person.id: (at, person.name) for person in people if person.id != me}
    contacts = directory.contacts(session, others)
    roster.list_members(session, room_id, list(contacts.values()), at)
    serving.present(session, account_id, room_id)
    serving.serve(session, account_id, [listing.id])
    room = database.table(Room)
    # Whoever lists a room is in it, whatever a refusal said before.
    session.connection().execute(
        update(room)
        .where(room.c.id == room_id, room.c.account_id == account_id)
        .values(unavailable_reason=None)
    )


def _follow_departures(
    session: Session, events: Sequence[Event], our_contacts: Mapping[str, int]
) -> None:
    """An account of ours that is no longer in a room, whoever saw it go, serves it no more."""
    for event in events:
        if not isinstance(event, Left):
            continue
        gone = [our_contacts[person.id] for person in event.people if person.id in our_contacts]
        if not gone:
            continue
        (room_id,) = directory.rooms(session, {event.room: None}).values()
        for account_id in gone:
            outbox.reassign(
                session, serving.lost(session, account_id, room_id, "账号已不在群里", event.at)
            )


def _follow_login(
    session: Session, account_id: int, events: Sequence[Event], epoch: int | None, now: dt.datetime
) -> None:
    account, contact = database.tables(Account, Contact)
    # A process that is not let in says nothing of the account that another one holds.
    owned_by_others = and_(
        account.c.lease_owner.is_not(None),
        account.c.lease_until > now,
        account.c.lease_epoch != (epoch or 0),
    )
    for event in events:
        values: dict[str, object] = {}
        match event:
            case LoggedIn():
                me = select(contact.c.id).where(contact.c.platform_id == event.me.id)
                values = {
                    "online": True,
                    "state_at": case((account.c.online, account.c.state_at), else_=event.at),
                    "state_reason": "",
                    "contact_id": me.scalar_subquery(),
                    "first_online_at": func.coalesce(account.c.first_online_at, event.at),
                }
            case LoggedOut():
                # Since when it is away counts, however often it says why.
                away = ~account.c.online & account.c.state_at.is_not(None)
                values = {
                    "online": False,
                    "state_at": case((away, account.c.state_at), else_=event.at),
                    "state_reason": event.reason,
                }
            case _:
                continue
        heard = ~owned_by_others if isinstance(event, LoggedOut) else true()
        session.connection().execute(
            update(account).where(account.c.id == account_id, heard).values(values)
        )


def _react(
    session: Session,
    events: Sequence[Event],
    outcome: Outcome,
    zone: ZoneInfo,
    now: dt.datetime,
    handlers: Sequence[Handler],
) -> int:
    """Plan the replies of the handlers to live events; each event in a savepoint of its own."""
    live = [
        event
        for event in events
        if isinstance(event, Joined)
        or (isinstance(event, Said) and not event.own and (event.room, event.id) in outcome.new)
    ]
    live = [event for event in live if now - event.at <= LIVE]
    if not live:
        return 0
    rooms = _rooms(session, {event.room for event in live})
    signals = _signals(
        session,
        [
            (event.at.date(), rooms[event.room].id, outcome.new[event.room, event.id])
            for event in live
            if isinstance(event, Said)
        ],
    )
    answers = _answers(session)
    planned = 0
    for event in live:
        room = rooms[event.room]
        message = outcome.new[event.room, event.id] if isinstance(event, Said) else None
        kinds = signals.get(message or 0, frozenset())
        checked_in = (
            _checked_in(session, room, event.at, zone) if SignalKind.CHECK_IN in kinds else 0
        )
        moment = Moment(
            event, room.topic, room.vertical, kinds,
            answers.get("", {}) | answers.get(room.vertical, {}), checked_in,
        )  # fmt: skip
        planned += _plan_reply(session, moment, room, message, now, handlers)
    return planned


def _plan_reply(
    session: Session,
    moment: Moment,
    room: Row[*tuple[object, ...]],
    message: int | None,
    now: dt.datetime,
    handlers: Sequence[Handler],
) -> int:
    key = f"reply:{message}" if message else f"reply:join:{room.id}:{moment.event.at:%Y%m%d%H%M%S}"
    savepoint = session.begin_nested()
    try:
        reply = react(moment, handlers)
        planned = 0
        if reply is not None:
            intent = Intent(
                key=key,
                kind=DeliveryKind.REPLY,
                room_id=room.id,
                account_id=room.account_id,
                text=reply.text,
                mentions=reply.mentions,
                due_at=now,
                expires_at=now + LIVE,
                priority=REPLIES_FIRST,
            )
            planned = outbox.plan(session, [intent], now)
        savepoint.commit()
    except Exception as error:  # noqa: BLE001  # a handler's bug must not take the message along
        savepoint.rollback()
        where = errors.where(error)
        log.error("a handler failed on %s in room %s: %s", key, room.id, where)  # noqa: TRY400
        return 0
    return planned


def _rooms(session: Session, names: set[str]) -> dict[str, Row[*tuple[object, ...]]]:
    room = database.table(Room)
    rows = session.connection().execute(select(room).where(room.c.platform_id.in_(names)))
    return {row.platform_id: row for row in rows}


def _signals(
    session: Session, messages: Sequence[tuple[dt.date, int, int]]
) -> dict[int, frozenset[SignalKind]]:
    """The signals of messages named by (UTC day, room id, id)."""
    if not messages:
        return {}
    signal = database.table(Signal)
    keys = ("day", "room_id", "message_id")
    chosen = database.given(session, {key: signal.c[key].type for key in keys}, messages)
    found: dict[int, set[SignalKind]] = defaultdict(set)
    rows = session.connection().execute(
        select(signal.c.message_id, signal.c.kind).join(
            chosen, and_(*(chosen.c[key] == signal.c[key] for key in keys))
        )
    )
    for row in rows:
        found[row.message_id].add(row.kind)
    return {message: frozenset(kinds) for message, kinds in found.items()}


def _answers(session: Session) -> Mapping[str, dict[str, str]]:
    """Curated answers by vertical and normalised question."""
    faq = database.table(Faq)
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    for row in session.connection().execute(select(faq)):
        for question in (row.question, *row.alternatives):
            answers[row.vertical][similarity.normalise(question)] = row.answer
    return answers


def _checked_in(
    session: Session, room: Row[*tuple[object, ...]], at: dt.datetime, zone: ZoneInfo
) -> int:
    """How many members checked in in this room on the local day of `at`, up to `at`."""
    own = ZoneInfo(str(room.zone)) if room.zone else zone
    since, _ = counting.local_day(at.astimezone(own).date(), own)
    signal = database.table(Signal)
    counted = select(func.count(signal.c.contact_id.distinct())).where(
        signal.c.day.in_(times.utc_days(since, at + dt.timedelta(seconds=1))),
        signal.c.room_id == room.id,
        signal.c.kind == SignalKind.CHECK_IN,
        signal.c.at.between(since, at),
    )
    return session.connection().execute(counted).scalar_one()
