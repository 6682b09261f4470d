"""Which account listens to a room, so that two accounts in one room log each message once.

Two accounts see one message under two ids. So one of them listens, and what the others hear is
kept aside for `KEPT`. When the listener is away, or was, what another account heard meanwhile is
looked for in the log by room, sender, second, type and text, as often as it was said, and what
the log lacks is recorded.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlmodel import Session

from bot import database, deriving, directory, leases
from bot.gateway import Event, Joined, Left, LoggedIn, Said, TopicChanged
from bot.models import Account, AccountRoom, Contact, Message, MessageIdentity, Overheard, Room

KEPT = dt.timedelta(minutes=10)
# A listener that logged nothing of what another account heard so long ago is deaf there.
DEAF = dt.timedelta(minutes=5)

ACCOUNT, PRESENT, CONTACT, IDENTITY, MESSAGE, OVERHEARD, ROOM = database.tables(
    Account, AccountRoom, Contact, MessageIdentity, Message, Overheard, Room
)

# What two hearings of one message have in common: room, sender, second, type, text.
Content = tuple[int, str, dt.datetime, str, str | None]


class _Ear(NamedTuple):
    """A room as this account hears it; `since` is when the listener changed last, if ever."""

    room_id: int
    mine: bool
    since: dt.datetime | None

    def doubtful(self, at: dt.datetime) -> bool:
        """Whether what was said then may be in the log already, from another account."""
        return self.since is not None and abs(at - self.since) <= KEPT


def ours(session: Session) -> dict[str, int]:
    """Our accounts by the platform ids of the contacts that they are."""
    named = select(CONTACT.c.platform_id, ACCOUNT.c.id).join(
        ACCOUNT, ACCOUNT.c.contact_id == CONTACT.c.id
    )
    return {row.platform_id: row.id for row in session.connection().execute(named)}


def hear(
    session: Session,
    account_id: int,
    events: Sequence[Event],
    our_contacts: Collection[str],
    now: dt.datetime,
) -> list[Event]:
    """What is to be recorded of an account's events, in order; the rest is kept aside.

    What any of our accounts says is marked `own`. A room that nobody listens to is listened to
    by this account from now on. Safe to repeat.
    """
    told = [_owned(event, our_contacts) for event in events]
    missing = _fill_gaps(session, account_id, events, now)
    ears = _ears(session, account_id, told, now)
    aside = [one for one in told if isinstance(one, Said) and not _passes(one, ears)]
    _keep(session, account_id, aside, ears)
    in_doubt = {ear.room_id for ear in ears.values() if ear.since is not None}
    missing += _missing(session, account_id, in_doubt)
    return [*missing, *(one for one in told if _passes(one, ears))]


def take_over(session: Session, now: dt.datetime) -> list[Event]:
    """Let accounts that heard something step in where the listener is away or deaf, and forget
    what is settled and older than `KEPT`; returns what is to be recorded.
    """
    rows = session.connection().execute(
        select(OVERHEARD.c.room_id, OVERHEARD.c.account_id)
        .join(ROOM, ROOM.c.id == OVERHEARD.c.room_id)
        .join(ACCOUNT, ACCOUNT.c.id == OVERHEARD.c.account_id)
        .where(
            ~OVERHEARD.c.settled,
            or_(
                ROOM.c.listener_id.is_(None),
                ROOM.c.listener_id.not_in(_attentive(now)),
                and_(OVERHEARD.c.at < now - DEAF, ~_logged_since(now)),
            ),
            OVERHEARD.c.account_id.in_(_attentive(now)),
        )
        .distinct()
        .order_by(OVERHEARD.c.room_id, OVERHEARD.c.account_id)
    )
    heirs: dict[int, int] = {}
    for row in rows:
        heirs.setdefault(row.room_id, row.account_id)
    missing: list[Event] = []
    deriving.lock_rooms(session, heirs)
    for account_id in sorted(set(heirs.values())):
        rooms = {room for room, heir in heirs.items() if heir == account_id}
        _listen(session, account_id, rooms, now)
        missing += _missing(session, account_id, rooms)
    # What was said long before it was heard still waits for the listener to be known.
    old = or_(
        and_(OVERHEARD.c.settled, OVERHEARD.c.at < now - KEPT), OVERHEARD.c.at < now - 3 * KEPT
    )
    session.connection().execute(delete(OVERHEARD).where(old))
    return missing


def _logged_since(now: dt.datetime) -> ColumnElement[bool]:
    """That the listener logged something in the room at or after the moment of what was heard."""
    yesterday = (now - dt.timedelta(days=1)).date()
    return exists().where(
        MESSAGE.c.day >= yesterday,
        MESSAGE.c.room_id == OVERHEARD.c.room_id,
        MESSAGE.c.account_id == ROOM.c.listener_id,
        MESSAGE.c.at >= OVERHEARD.c.at,
    )


def _owned(event: Event, our_contacts: Collection[str]) -> Event:
    if isinstance(event, Said) and not event.own and event.sender in our_contacts:
        return replace(event, own=True)
    return event


def _passes(event: Event, ears: Mapping[str, _Ear]) -> bool:
    """Whether an event is recorded as it comes: of no room, or the listener's and new for sure."""
    if isinstance(event, Said):
        ear = ears[event.room]
        return ear.mine and not ear.doubtful(event.at)
    if isinstance(event, Joined | Left | TopicChanged):
        return ears[event.room].mine
    return True


def _ears(
    session: Session, account_id: int, events: Sequence[Event], now: dt.datetime
) -> dict[str, _Ear]:
    """How this account hears each room that its events name, which it may take over here."""
    named = {one.room for one in events if isinstance(one, Said | Joined | Left | TopicChanged)}
    if not named:
        return {}
    ids = directory.rooms(session, dict.fromkeys(named))
    deriving.lock_rooms(session, ids.values())
    given = database.given(session, {"room_id": Integer()}, [(room,) for room in ids.values()])
    attentive = ROOM.c.listener_id.in_(_attentive(now)).label("attentive")
    shared = _shared(account_id).label("shared")
    rows = session.connection().execute(
        select(ROOM.c.id, ROOM.c.listener_id, ROOM.c.listener_since, attentive, shared).where(
            ROOM.c.id.in_(select(given.c.room_id))
        )
    )
    ears, first, again = {}, set(), set()
    names = {room: name for name, room in ids.items()}
    for row in rows:
        mine, since = True, row.listener_since
        if row.listener_id is None and since is None and not row.shared:
            first.add(row.id)
        elif row.listener_id != account_id and not row.attentive:
            again.add(row.id)
            since = now
        else:
            mine = row.listener_id == account_id
        ears[names[row.id]] = _Ear(row.id, mine, since)
    _listen(session, account_id, first, None)
    _listen(session, account_id, again, now)
    return ears


def _shared(account_id: int) -> ColumnElement[bool]:
    """That another account is in the room as well."""
    return or_(
        exists().where(OVERHEARD.c.room_id == ROOM.c.id, OVERHEARD.c.account_id != account_id),
        exists().where(PRESENT.c.room_id == ROOM.c.id, PRESENT.c.account_id != account_id),
    )


def _attentive(now: dt.datetime) -> Any:
    """The ids of accounts that hear what is said now, as far as we know."""
    return select(ACCOUNT.c.id).where(ACCOUNT.c.online, leases.runs(ACCOUNT, now))


def _listen(
    session: Session, account_id: int, rooms: Collection[int], since: dt.datetime | None
) -> None:
    """From here on this account listens there; `since` where somebody else did before."""
    if not rooms:
        return
    session.connection().execute(
        update(ROOM)
        .where(ROOM.c.id.in_(rooms))
        .values(listener_id=account_id, listener_since=since)
    )


def _keep(
    session: Session, account_id: int, heard: Sequence[Said], ears: Mapping[str, _Ear]
) -> None:
    database.insert_rows(
        session,
        Overheard,
        [
            {
                "account_id": account_id,
                "room_id": ears[one.room].room_id,
                "platform_id": one.id,
                "at": one.at,
                "said": asdict(one) | {"at": one.at.isoformat()},
                "settled": False,
            }
            for one in heard
        ],
        skip_existing=True,
    )


def _fill_gaps(
    session: Session, account_id: int, events: Sequence[Event], now: dt.datetime
) -> list[Event]:
    """When a listener comes back: what others heard meanwhile and the log lacks."""
    if not any(isinstance(event, LoggedIn) for event in events):
        return []
    query = select(ROOM.c.id).where(ROOM.c.listener_id == account_id, _shared(account_id))
    rooms = set(session.connection().scalars(query))
    deriving.lock_rooms(session, rooms)
    _listen(session, account_id, rooms, now)
    ears = select(OVERHEARD.c.account_id).where(OVERHEARD.c.room_id.in_(rooms)).distinct()
    missing: list[Event] = []
    for other in sorted(session.connection().scalars(ears)):
        missing += _missing(session, other, rooms)
    return missing


def _missing(session: Session, account_id: int, rooms: Collection[int]) -> list[Event]:
    """Settle what an account heard in these rooms, where it listens now or before it was known
    who does: what the log lacks of it, in order.
    """
    if not rooms:
        return []
    rows = session.connection().execute(
        select(OVERHEARD)
        .join(ROOM, ROOM.c.id == OVERHEARD.c.room_id)
        .where(
            OVERHEARD.c.account_id == account_id,
            OVERHEARD.c.room_id.in_(rooms),
            ~OVERHEARD.c.settled,
            or_(ROOM.c.listener_id == account_id, OVERHEARD.c.at <= ROOM.c.listener_since),
        )
        .order_by(OVERHEARD.c.id)
    )
    heard = list(rows)
    if not heard:
        return []
    logged = _logged(session, account_id, heard)
    twins = {
        row.id: logged[_content(row)].pop(0) if logged[_content(row)] else None for row in heard
    }
    session.connection().execute(
        update(OVERHEARD)
        .where(OVERHEARD.c.id == bindparam("heard"))
        .values(settled=True, twin=bindparam("found")),
        [{"heard": row_id, "found": twin} for row_id, twin in twins.items()],
    )
    names = _names(session, account_id, rooms)
    return [_said(row, names) for row in heard if twins[row.id] is None]


def _logged(
    session: Session, account_id: int, heard: Sequence[Row[Any]]
) -> dict[Content, list[str]]:
    """What the log has from others around that time, and no hearing of this account was found
    to be: platform ids by content, in the order of the log.
    """
    rooms = {row.room_id for row in heard}
    since, until = min(row.at for row in heard), max(row.at for row in heard)
    taken = select(OVERHEARD.c.twin).where(
        OVERHEARD.c.account_id == account_id,
        OVERHEARD.c.room_id == MESSAGE.c.room_id,
        OVERHEARD.c.twin == IDENTITY.c.platform_id,
    )
    rows = session.connection().execute(
        select(
            MESSAGE.c.room_id,
            CONTACT.c.platform_id.label("sender"),
            MESSAGE.c.at,
            MESSAGE.c.type,
            MESSAGE.c.text,
            IDENTITY.c.platform_id,
        )
        .join(IDENTITY, IDENTITY.c.id == MESSAGE.c.id)
        .join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .where(
            MESSAGE.c.day.between(since.date(), until.date()),
            MESSAGE.c.room_id.in_(rooms),
            MESSAGE.c.at.between(since, until),
            or_(MESSAGE.c.account_id.is_(None), MESSAGE.c.account_id != account_id),
            ~taken.exists(),
        )
        .order_by(MESSAGE.c.id)
    )
    found: dict[Content, list[str]] = defaultdict(list)
    for row in rows:
        found[row.room_id, row.sender, row.at, row.type, row.text].append(row.platform_id)
    return found


def _names(session: Session, account_id: int, rooms: Collection[int]) -> dict[str, str]:
    """Under which ids the log knows what this account knows under others."""
    rows = session.connection().execute(
        select(OVERHEARD.c.platform_id, OVERHEARD.c.twin).where(
            OVERHEARD.c.account_id == account_id,
            OVERHEARD.c.room_id.in_(rooms),
            OVERHEARD.c.twin.is_not(None),
        )
    )
    return {row.platform_id: row.twin for row in rows}


def _content(row: Row[Any]) -> Content:
    said = row.said
    return row.room_id, said["sender"], row.at, said["type"], said["text"]


def _said(row: Row[Any], names: Mapping[str, str]) -> Said:
    told = dict(row.said) | {"at": row.at, "mentions": tuple(row.said["mentions"])}
    quote, recalls = told["quote"], told["recalls"]
    return Said(**told | {"quote": names.get(quote, quote), "recalls": names.get(recalls, recalls)})
