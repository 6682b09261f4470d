"""Who bought and what they saw: everything that attribution needs, in a constant number of
statements whatever the number of orders.
"""

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.insights import hearing, speaking
from bot.insights.speaking import Speech, Window
from bot.insights.touches import Candidate, Stream
from bot.models import (
    Contact,
    Identity,
    IdentityKind,
    Membership,
    OrderLine,
    OrderStatus,
    Person,
    Role,
    Touch,
)

LOOK_BACK = dt.timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a buyer in a room, `[joined_at, left_at)`."""

    room_id: int
    joined_at: dt.datetime
    left_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Buyer:
    """A resolved buyer: their contacts and stays; `ours` is an operator or a bot."""

    contact_ids: frozenset[int]
    stays: tuple[Stay, ...]
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Bought:
    """What attribution reads of one order line. `marked`: by a campaign's coupon or link."""

    id: int
    order_id: str
    line_no: int
    product_id: int
    amount: int
    refunded: int
    paid_at: dt.datetime
    status: OrderStatus
    marked: bool
    person_id: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """One order line, its buyer (None: unresolved), touches of the product and the buyer's talk.

    Touches are those in rooms of the buyer while they were there, up to 72 hours before, in order.
    """

    bought: Bought
    buyer: Buyer | None = None
    touches: tuple[Candidate, ...] = ()
    speeches: tuple[Speech, ...] = ()


def gather(session: Session, since: dt.datetime, until: dt.datetime) -> list[Case]:
    """The case of every order line paid in `[since, until)`, by order and line."""
    lines = _lines(session, since, until)
    if not lines:
        return []
    first, last = min(line.paid_at for line in lines), max(line.paid_at for line in lines)
    buyers = _buyers(session)
    streams = hearing.gather(session, {line.product_id for line in lines}, first - LOOK_BACK, last)
    moments = {stream: [each.at for each in found] for stream, found in streams.items()}
    cases = [_case(line, buyers.get(line.person_id or 0), streams, moments) for line in lines]
    speeches = speaking.gather(session, [window for case in cases for window in _windows(case)])
    return [_with_speeches(case, speeches) for case in cases]


def _lines(session: Session, since: dt.datetime, until: dt.datetime) -> list[Bought]:
    line, campaigns = database.table(OrderLine), hearing.campaigns(session)
    coupons = {row.coupon.casefold() for row in campaigns if row.coupon}
    links = tuple(row.link for row in campaigns if row.link)
    rows = session.connection().execute(
        select(line).where(line.c.paid_at >= since, line.c.paid_at < until)
    )
    return [
        Bought(
            id=row.id,
            order_id=row.order_id,
            line_no=row.line_no,
            product_id=row.product_id,
            amount=row.amount,
            refunded=row.refunded,
            paid_at=row.paid_at,
            status=row.status,
            marked=(row.coupon or "").casefold() in coupons
            or (row.link is not None and row.link.startswith(links)),
            person_id=row.person_id,
        )
        for row in sorted(rows, key=lambda row: (row.order_id, row.line_no))
    ]


def _buyers(session: Session) -> dict[int, Buyer]:
    """Buyers by person; a quarantined person or one without a contact is nobody we know."""
    identity, person, contact, membership = database.tables(Identity, Person, Contact, Membership)
    rows = session.connection().execute(
        select(
            identity.c.person_id,
            contact.c.id.label("contact_id"),
            membership.c.room_id,
            membership.c.joined_at,
            membership.c.left_at,
            membership.c.role,
        )
        .join(person, person.c.id == identity.c.person_id)
        .join(contact, contact.c.platform_id == identity.c.value)
        .outerjoin(membership, membership.c.contact_id == contact.c.id)
        .where(identity.c.kind == IdentityKind.CONTACT, person.c.quarantined.is_(None))
    )
    contacts: defaultdict[int, set[int]] = defaultdict(set)
    stays: defaultdict[int, list[Stay]] = defaultdict(list)
    ours = {*hearing.our_contacts(session)}
    for row in rows:
        contacts[row.person_id].add(row.contact_id)
        if row.room_id is not None:
            stays[row.person_id].append(Stay(row.room_id, row.joined_at, row.left_at))
        if row.role in (Role.OPERATOR, Role.BOT):
            ours.add(row.contact_id)
    return {
        person_id: Buyer(
            contact_ids=frozenset(ids),
            stays=tuple(sorted(stays[person_id], key=lambda stay: (stay.room_id, stay.joined_at))),
            ours=not ours.isdisjoint(ids),
        )
        for person_id, ids in contacts.items()
    }


def covers(stay: Stay, at: dt.datetime) -> bool:
    """Whether a stay includes a moment."""
    return stay.joined_at <= at and (stay.left_at is None or at < stay.left_at)


def _case(
    bought: Bought,
    buyer: Buyer | None,
    streams: Mapping[Stream, Sequence[Candidate]],
    moments: Mapping[Stream, Sequence[dt.datetime]],
) -> Case:
    if buyer is None:
        return Case(bought)
    found: list[Candidate] = []
    for room_id in sorted({stay.room_id for stay in buyer.stays}):
        stream = room_id, bought.product_id
        times = moments.get(stream, ())
        start = bisect_left(times, bought.paid_at - LOOK_BACK)
        end = bisect_left(times, bought.paid_at)
        stays = [stay for stay in buyer.stays if stay.room_id == room_id]
        found += [
            candidate
            for candidate in streams.get(stream, ())[start:end]
            if any(covers(stay, candidate.at) for stay in stays)
        ]
    found.sort(key=lambda candidate: (candidate.at, candidate.name))
    return Case(bought, buyer, tuple(found))


def _windows(case: Case) -> list[Window]:
    """Where and when the buyer's talk decides the grade of a touch."""
    if case.buyer is None:
        return []
    since: dict[int, dt.datetime] = {}
    for touch in case.touches:
        if touch.touch == Touch.ORGANIC:
            since.setdefault(touch.room_id, touch.at)
    return [
        Window(room_id, contact_id, at, case.bought.paid_at)
        for room_id, at in since.items()
        for contact_id in sorted(case.buyer.contact_ids)
    ]


def _with_speeches(case: Case, speeches: Mapping[tuple[int, int], Sequence[Speech]]) -> Case:
    heard: list[Speech] = []
    for window in _windows(case):
        told = speeches.get((window.room_id, window.contact_id), ())
        start = bisect_left(told, window.since, key=lambda speech: speech.at)
        end = bisect_left(told, window.until, key=lambda speech: speech.at)
        heard += told[start:end]
    return replace(case, speeches=tuple(heard)) if heard else case
