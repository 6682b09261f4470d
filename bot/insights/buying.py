"""Who bought what, and where they were: order lines, buyers and their stays, as columns.

A constant number of statements, whatever the number of orders.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel import Session

from bot import bulk, database, links
from bot.insights import arrays, posts
from bot.insights.arrays import Flags, Ints, Stays
from bot.models import (
    Contact,
    Identity,
    IdentityKind,
    Membership,
    OrderLine,
    OrderStatus,
    Person,
    Role,
)
from bot.orders import short_links

LINE, IDENTITY, PERSON, CONTACT, STAY = database.tables(
    OrderLine, Identity, Person, Contact, Membership
)
STAFF = STAY.c.role.in_((Role.OPERATOR, Role.BOT))
# Whether a line came with any coupon or link at all, a campaign's or not.
TAGGED = or_(LINE.c.coupon.is_not(None), LINE.c.link.is_not(None))


class Carried(StrEnum):
    """What an order line itself has of a campaign."""

    COUPON = "coupon"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Bought:
    """Order lines, by id: `at` is when each was paid, `out` whether it was fully given back or
    cancelled, `marked` whether a campaign's coupon or link was used, `person` who bought it or
    UNKNOWN, `ours` whether that is an operator or a bot. Money is fen.
    """

    id: Ints
    product: Ints
    at: Ints
    amount: Ints
    refunded: Ints
    out: Flags
    marked: Flags
    person: Ints
    ours: Flags

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Buyers:
    """Contacts of the persons who bought, by contact, and their stays."""

    contact: Ints
    person: Ints
    stays: Stays
    stay_contact: Ints

    def persons_of(self, contacts: Ints) -> Ints:
        """Who these contacts are; UNKNOWN where none of the buyers."""
        if not len(self.contact):
            return np.full(len(contacts), arrays.UNKNOWN)
        place = np.minimum(np.searchsorted(self.contact, contacts), len(self.contact) - 1)
        return np.where(self.contact[place] == contacts, self.person[place], arrays.UNKNOWN)


def paid_in(since: dt.datetime | None, until: dt.datetime | None) -> ColumnElement[bool]:
    """The lines paid in `[since, until)`; without bounds, every line."""
    bounds: list[ColumnElement[bool]] = [LINE.c.id.is_not(None)]
    if since is not None:
        bounds.append(LINE.c.paid_at >= since)
    if until is not None:
        bounds.append(LINE.c.paid_at < until)
    return and_(*bounds)


def gather(session: Session, which: ColumnElement[bool]) -> tuple[Bought, Buyers]:
    """These lines and their buyers."""
    told = select(
        *(LINE.c.id, LINE.c.product_id, database.seconds(LINE.c.paid_at, session).label("at")),
        *(LINE.c.amount, LINE.c.refunded),
        case((LINE.c.status == OrderStatus.CANCELLED, 1), else_=0).label("cancelled"),
        func.coalesce(LINE.c.person_id, arrays.UNKNOWN).label("person"),
        case((TAGGED, 1), else_=0).label("tagged"),
    ).where(which)
    found = bulk.columns(session, told)
    order = np.argsort(found[0])
    ids, products, at, amount, refunded, cancelled, person, tagged = (each[order] for each in found)
    buyers, ours = _buyers(session, np.unique(person[person >= 0]))
    known = np.isin(person, buyers.person)
    bought = Bought(
        id=ids,
        product=products,
        at=at,
        amount=amount,
        refunded=refunded,
        out=(cancelled == 1) | ((refunded > 0) & (refunded >= amount)),
        marked=np.isin(
            ids, list(carried(session, bulk.among(LINE.c.id, ids[tagged == 1], session)))
        ),
        person=np.where(known, person, arrays.UNKNOWN),
        ours=np.isin(person, ours) & known,
    )
    return bought, buyers


def carried(session: Session, which: ColumnElement[bool]) -> dict[int, Carried]:
    """Which of these lines carry a campaign's coupon, or came through its link or a short one of
    ours; a line with both is its coupon's.
    """
    campaigns = posts.campaigns(session)
    known = {each.coupon.casefold() for each in campaigns if each.coupon}
    starts = tuple(each.link for each in campaigns if each.link)
    codes = {code for start in starts if (code := links.mark(links.code(start)))}
    rows = (
        session.connection()
        .execute(select(LINE.c.id, LINE.c.coupon, LINE.c.link).where(which, TAGGED))
        .all()
    )
    codes |= short_links.known(session, {link for _, _, link in rows if link})
    found: dict[int, Carried] = {}
    for line, coupon, link in rows:
        if coupon is not None and coupon.casefold() in known:
            found[line] = Carried.COUPON
        elif link is not None and (link.startswith(starts) or link in codes):
            found[line] = Carried.LINK
    return found


def our_persons(session: Session) -> Ints:
    """Everyone whose lines `gather` tells to be ours. Three statements."""
    staff = session.connection().scalars(select(STAY.c.contact_id).where(STAFF).distinct())
    contacts = sorted({*staff, *posts.our_contacts(session)})
    given = bulk.given(session, {"id": np.array(contacts, np.int64)})
    found = (
        select(IDENTITY.c.person_id)
        .distinct()
        .select_from(given)
        .join(CONTACT, CONTACT.c.id == given.c.id)
        .join(IDENTITY, IDENTITY.c.value == CONTACT.c.platform_id)
        .join(PERSON, PERSON.c.id == IDENTITY.c.person_id)
        .where(IDENTITY.c.kind == IdentityKind.CONTACT, PERSON.c.quarantined.is_(None))
    )
    (persons,) = bulk.columns(session, found)
    return persons


def _buyers(session: Session, persons: Ints) -> tuple[Buyers, Ints]:
    """The contacts and stays of these persons, and which of them are ours; a quarantined one or
    one without a contact is nobody we know.
    """
    given = bulk.given(session, {"id": persons})
    staff = case((STAFF, 1), else_=0)
    found = (
        select(
            *(CONTACT.c.id, IDENTITY.c.person_id, func.coalesce(STAY.c.room_id, -1).label("room")),
            func.coalesce(database.seconds(STAY.c.joined_at, session), 0).label("since"),
            func.coalesce(database.seconds(STAY.c.left_at, session), arrays.FOREVER).label("until"),
            staff.label("staff"),
        )
        .select_from(given)
        .join(IDENTITY, IDENTITY.c.person_id == given.c.id)
        .join(PERSON, PERSON.c.id == IDENTITY.c.person_id)
        .join(CONTACT, CONTACT.c.platform_id == IDENTITY.c.value)
        .outerjoin(STAY, STAY.c.contact_id == CONTACT.c.id)
        .where(IDENTITY.c.kind == IdentityKind.CONTACT, PERSON.c.quarantined.is_(None))
    )
    columns = bulk.columns(session, found)
    order = np.lexsort((columns[3], columns[2], columns[0]))
    contact, person, room, since, until, employed = (each[order] for each in columns)
    ours = (employed == 1) | np.isin(contact, list(posts.our_contacts(session)))
    there = room >= 0
    contacts, first = np.unique(contact, return_index=True)
    buyers = Buyers(
        contact=contacts,
        person=person[first],
        stays=Stays(person[there], room[there], since[there], until[there]),
        stay_contact=contact[there],
    )
    return buyers, np.unique(person[ours])
