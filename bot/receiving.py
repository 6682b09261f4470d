"""From a gateway's events to accepted rows and planned replies."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, and_, case, func, select, true, update
from sqlmodel import Session

from bot import (
    database,
    directory,
    ingest,
    leases,
    listening,
    outbox,
    reacting,
    roster,
    serving,
    unnamed,
)
from bot.deriving import Rules
from bot.gateway import Event, Joined, Left, LoggedIn, LoggedOut, Person, RoomListing, Said
from bot.ingest import Outcome
from bot.memory import Memory
from bot.models import Account, Contact, Room
from bot.reacting import Manners

log = logging.getLogger(__name__)

MANNERS = Manners()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a batch of events led to."""

    outcome: Outcome
    echoes: int
    replies: int
    cases: int


def take(
    engine: Engine,
    account_id: int,
    events: Sequence[Event],
    rules: Rules,
    now: dt.datetime,
    *,
    epoch: int | None = None,
    memory: Memory | None = None,
    manners: Manners = MANNERS,
) -> Taken:
    """Record a batch, and only then react to what is live in it.

    `epoch` is the caller's lease on the account, where it has one. When this returns, everything in
    the batch is accepted. A message of our own and the delivery that it settles are one
    transaction: whatever kills us, what is in the log is not uncertain.
    """
    with database.transaction(engine) as session:
        # Also of what handlers hear, and of copies that another account keeps.
        events = unnamed.hide(session, events)
        our_contacts = listening.ours(session)
        _follow_departures(session, events, our_contacts)
        heard = listening.hear(session, account_id, events, our_contacts, now)
        outcome = ingest.record(session, heard, rules, memory)
        serving.serve(session, account_id, {one.room for one in heard if isinstance(one, Said)})
        _follow_login(session, account_id, events, epoch, now)
        echoes = sum(
            outbox.echo(session, event)
            for event in events
            if isinstance(event, Said) and (event.own or event.sender in our_contacts)
        )
    with database.transaction(engine) as session:
        # Once more: whoever was forgotten since then is quoted nowhere.
        left = unnamed.hide(session, heard)
        spoken = [event for event in left if isinstance(event, Said | Joined)]
        reacted = reacting.follow(session, spoken, outcome, rules, now, manners)
    if reacted.held_back:
        log.info("account %d: %d replies held back", account_id, reacted.held_back)
    return Taken(outcome, echoes, reacted.replies, len(reacted.cases))


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
    left_out = {me, *unnamed.forgotten(session, [person.id for person in people])}
    others = {person.id: (at, person.name) for person in people if person.id not in left_out}
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
        leases.runs(account, now),
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
                    "logins": account.c.logins + 1,
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
