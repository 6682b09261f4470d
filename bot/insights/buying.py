"""Who bought what, and where they were: order lines, buyers and their stays, as columns.

A constant number of statements, whatever the number of orders.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Integer, and_, select
from sqlmodel import Session

from bot import database, links
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
    rows = session.connection().execute(
        select(
            *(LINE.c.id, LINE.c.product_id, database.seconds(LINE.c.paid_at, session)),
            *(LINE.c.amount, LINE.c.refunded, LINE.c.status, LINE.c.person_id),
            *(LINE.c.coupon, LINE.c.link),
        )
        .where(which)
        .order_by(LINE.c.id)
    )
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 9
    ids, products, at, amount, refunded = (np.array(each, np.int64) for each in columns[:5])
    person = np.array([arrays.UNKNOWN if each is None else each for each in columns[6]], np.int64)
    cancelled = np.array([each == OrderStatus.CANCELLED for each in columns[5]], bool)
    buyers, ours = _buyers(session, np.unique(person[person >= 0]))
    known = np.isin(person, buyers.person)
    bought = Bought(
        id=ids,
        product=products,
        at=at,
        amount=amount,
        refunded=refunded,
        out=cancelled | ((refunded > 0) & (refunded >= amount)),
        marked=_marked(session, columns[7], columns[8]),
        person=np.where(known, person, arrays.UNKNOWN),
        ours=np.isin(person, ours) & known,
    )
    return bought, buyers


def _marked(session: Session, coupons: Sequence[str | None], told: Sequence[str | None]) -> Flags:
    """Which lines carry a campaign's coupon, or came through its link or a short one of ours."""
    campaigns = posts.campaigns(session)
    known = {each.coupon.casefold() for each in campaigns if each.coupon}
    starts = tuple(each.link for each in campaigns if each.link)
    codes = {code for start in starts if (code := links.mark(links.code(start)))}
    codes |= short_links.known(session, {link for link in told if link})
    return np.array(
        [
            (coupon is not None and coupon.casefold() in known)
            or (link is not None and (link.startswith(starts) or link in codes))
            for coupon, link in zip(coupons, told, strict=True)
        ],
        bool,
    )


def _buyers(session: Session, persons: Ints) -> tuple[Buyers, Ints]:
    """The contacts and stays of these persons, and which of them are ours; a quarantined one or
    one without a contact is nobody we know.
    """
    given = database.given(session, {"id": Integer()}, [(each,) for each in persons.tolist()])
    rows = session.connection().execute(
        select(
            *(CONTACT.c.id, IDENTITY.c.person_id, STAY.c.room_id, STAY.c.role),
            database.seconds(STAY.c.joined_at, session),
            database.seconds(STAY.c.left_at, session),
        )
        .select_from(given)
        .join(IDENTITY, IDENTITY.c.person_id == given.c.id)
        .join(PERSON, PERSON.c.id == IDENTITY.c.person_id)
        .join(CONTACT, CONTACT.c.platform_id == IDENTITY.c.value)
        .outerjoin(STAY, STAY.c.contact_id == CONTACT.c.id)
        .where(IDENTITY.c.kind == IdentityKind.CONTACT, PERSON.c.quarantined.is_(None))
        .order_by(CONTACT.c.id, STAY.c.room_id, STAY.c.joined_at)
    )
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 6
    contact, person, room, role, since, until = columns
    staff = posts.our_contacts(session)
    ours = {
        who
        for one, who, what in zip(contact, person, role, strict=True)
        if one in staff or what in (Role.OPERATOR, Role.BOT)
    }
    known = dict(zip(contact, person, strict=True))
    there = [place for place, each in enumerate(room) if each is not None]
    stays = Stays(
        person=np.array([person[x] for x in there], np.int64),
        room=np.array([room[x] for x in there], np.int64),
        since=np.array([since[x] for x in there], np.int64),
        until=np.array([arrays.FOREVER if until[x] is None else until[x] for x in there], np.int64),
    )
    contacts = np.array(sorted(known), np.int64)
    buyers = Buyers(
        contact=contacts,
        person=np.array([known[each] for each in contacts.tolist()], np.int64),
        stays=stays,
        stay_contact=np.array([contact[x] for x in there], np.int64),
    )
    return buyers, np.array(sorted(ours), np.int64)
