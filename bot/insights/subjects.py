"""Whom tags speak of: what every person bought, showed and did, and what they are compared with.

A fixed number of statements whatever the number of people. Operators, bots and our own accounts
are nobody here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, and_, case, func, select
from sqlmodel import Session

from bot import database, unnamed
from bot.insights import engagement, posts, tagging
from bot.insights.tagging import Norms, Shown, Spending, Subject, Talking
from bot.models import (
    Contact,
    DailyCount,
    Identity,
    IdentityKind,
    Membership,
    NeedMention,
    OptOut,
    OrderLine,
    OrderStatus,
    Person,
    Product,
)

TALK_DAYS, NEED_BACK = 28, 90
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """A subject and whose it is; `contact_id` is the contact who said most, else the first."""

    person_id: int | None
    contact_id: int | None
    subject: Subject


def gather(session: Session, as_of: dt.date, until: dt.datetime) -> list[Known]:
    """Everybody who ever bought, or spoke in the 28 local days before `as_of`.

    `until` is when that day begins.
    """
    persons = _persons(session)
    spending = _spending(session, until)
    talking, loudest = _talking(session, as_of)
    needs = _needs(session, as_of)
    categories = _categories(session, until)
    known: list[Known] = []
    for key in sorted({*spending, *talking} - _staff(session) - _opted_out(session)):
        is_person = key > 0
        contact_id = loudest.get(key) or (persons.get(key) if is_person else -key)
        bought = spending.get(key)
        if bought is None and is_person:
            # Known to be a buyer of nothing: the shops' identifiers would have told.
            bought = Spending()
        subject = Subject(talking.get(key, Talking()), bought, needs.get(key), categories.get(key))
        known.append(Known(key if is_person else None, contact_id, subject))
    return known


def norms(session: Session, until: dt.datetime, known: Sequence[Known]) -> Norms:
    """What everybody is compared with; the mean basket is of all orders, whoever bought."""
    bought = [one.subject.spending for one in known if one.subject.spending is not None]
    recent = sorted(each.net_90 for each in bought if each.orders_90)
    yearly = [each for each in bought if each.orders_365 and each.last_paid_at is not None]
    spoke = sorted(one.subject.talking.effective for one in known if one.subject.talking.effective)
    return Norms(
        until=until,
        mean_basket=_mean_basket(session, until),
        median_net=recent[len(recent) // 2] if recent else None,
        busy=spoke[int(tagging.BUSY_SHARE * len(spoke))] if spoke else None,
        last_paid=sorted(each.last_paid_at for each in yearly if each.last_paid_at is not None),
        orders=sorted(each.orders_365 for each in yearly),
        net=sorted(each.net_365 for each in yearly),
    )


def orders(until: dt.datetime) -> CTE:
    """Every order paid before a moment and not cancelled or given back whole, as a FROM clause:
    order_id, person_id (None: nobody we know), paid_at, net in fen.
    """
    line, person = database.tables(OrderLine, Person)
    # More cannot be given back than was paid.
    back = case((line.c.refunded > line.c.amount, line.c.amount), else_=line.c.refunded)
    net = func.sum(line.c.amount - back)
    return (
        select(
            line.c.order_id,
            func.max(case((person.c.quarantined.is_(None), person.c.id))).label("person_id"),
            func.min(line.c.paid_at, type_=line.c.paid_at.type).label("paid_at"),
            net.label("net"),
        )
        .outerjoin(person, person.c.id == line.c.person_id)
        .where(line.c.status != OrderStatus.CANCELLED, line.c.paid_at < until)
        .group_by(line.c.order_id)
        .having(net > 0)
        .cte("bought")
    )


def _key(persons: FromClause, contact: ColumnElement[int]) -> ColumnElement[int]:
    """A person's id, or minus the id of a contact whom no evidence ties to a buyer."""
    return func.coalesce(persons.c.person_id, -contact)


def _contacts() -> CTE:
    """Contacts of persons as a FROM clause: contact_id, person_id."""
    identity, person, contact = database.tables(Identity, Person, Contact)
    return (
        select(contact.c.id.label("contact_id"), identity.c.person_id)
        .join(contact, contact.c.platform_id == identity.c.value)
        .join(person, person.c.id == identity.c.person_id)
        .where(identity.c.kind == IdentityKind.CONTACT, person.c.quarantined.is_(None))
        .cte("known")
    )


def _persons(session: Session) -> dict[int, int]:
    """The first contact of each person that has one."""
    known = _contacts()
    rows = session.connection().execute(
        select(known.c.person_id, func.min(known.c.contact_id)).group_by(known.c.person_id)
    )
    return dict(rows.all())


def _staff(session: Session) -> set[int]:
    """Persons of whom a contact is an operator, a bot or one of our accounts."""
    known, stay = _contacts(), database.table(Membership)
    staff = select(stay.c.contact_id).where(stay.c.role.in_(engagement.LEFT_OUT))
    ours = posts.our_contacts(session)
    rows = session.connection().scalars(
        select(known.c.person_id).where(
            known.c.contact_id.in_(staff) | known.c.contact_id.in_(sorted(ours))
        )
    )
    return set(rows)


def _opted_out(session: Session) -> set[int]:
    """Who asked to be nobody, and everybody who is nobody, as `_key` has them."""
    known, opted, contact = _contacts(), database.table(OptOut).c, database.table(Contact).c
    asked = select(opted.contact_id).where(opted.contact_id.is_not(None))
    rows = session.connection().execute(
        select(contact.id, known.c.person_id)
        .outerjoin(known, known.c.contact_id == contact.id)
        .where(contact.id.in_(asked) | (contact.platform_id == unnamed.NOBODY))
    )
    return {row.person_id or -row.id for row in rows}


def _spending(session: Session, until: dt.datetime) -> dict[int, Spending]:
    bought = orders(until)

    def since(days: int, value: ColumnElement[Any] | int) -> ColumnElement[Any]:
        return func.sum(case((bought.c.paid_at >= until - days * DAY, value), else_=0))

    at = bought.c.paid_at
    rows = session.connection().execute(
        select(
            bought.c.person_id,
            func.count(),
            func.sum(bought.c.net),
            func.min(at, type_=at.type),
            func.max(at, type_=at.type),
            *(since(days, value) for days in (90, 365) for value in (1, bought.c.net)),
        )
        .where(bought.c.person_id.is_not(None))
        .group_by(bought.c.person_id)
    )
    return {
        person: Spending(count, int(net), first, last, *(int(one) for one in windows))
        for person, count, net, first, last, *windows in rows
    }


def _mean_basket(session: Session, until: dt.datetime) -> float | None:
    bought = orders(until)
    count, net = (
        session.connection()
        .execute(
            select(func.count(), func.sum(bought.c.net)).where(bought.c.paid_at >= until - 90 * DAY)
        )
        .one()
    )
    return int(net) / count if count else None


def _talking(session: Session, as_of: dt.date) -> tuple[dict[int, Talking], dict[int, int]]:
    """What each subject did, and their contact who said most."""
    counts, known = database.table(DailyCount).c, _contacts()
    key = _key(known, counts.contact_id)
    of_days = and_(
        counts.day >= as_of - TALK_DAYS * DAY,
        counts.day < as_of,
        counts.messages > 0,
        engagement.by_member(counts.room_id, counts.contact_id),
    )
    sums = [func.sum(counts[name]) for name in ("effective_messages", "questions", "answers")]
    joined = database.table(DailyCount).outerjoin(known, known.c.contact_id == counts.contact_id)
    rows = session.connection().execute(
        select(key, func.count(counts.day.distinct()), *sums, func.sum(counts.shares))
        .select_from(joined)
        .where(of_days)
        .group_by(key)
    )
    talking = {row[0]: Talking(*(int(value) for value in row[1:])) for row in rows}
    said = func.sum(counts.messages)
    by_contact = session.connection().execute(
        select(key, counts.contact_id)
        .select_from(joined)
        .where(of_days)
        .group_by(key, counts.contact_id)
        .order_by(key, said, counts.contact_id.desc())
    )
    # Of those of one subject, the last to come is the loudest.
    return talking, dict(by_contact.all())


def _needs(session: Session, as_of: dt.date) -> dict[int, Mapping[str, Shown]]:
    """Needs shown often enough for a tag, with the latest messages that showed them."""
    mention, known = database.table(NeedMention).c, _contacts()
    key = _key(known, mention.contact_id).label("key")
    shown = (
        select(key, mention.need, mention.message_id, mention.day, mention.at)
        .select_from(
            database.table(NeedMention).outerjoin(known, known.c.contact_id == mention.contact_id)
        )
        .where(mention.day >= as_of - NEED_BACK * DAY, mention.day < as_of)
        .where(engagement.by_member(mention.room_id, mention.contact_id))
        .cte("shown")
    )
    days = func.count(shown.c.day.distinct())
    often = (
        select(shown.c.key, shown.c.need, func.count().label("messages"), days.label("days"))
        .group_by(shown.c.key, shown.c.need)
        .having(func.count() >= tagging.NEED_MESSAGES, days >= tagging.NEED_DAYS)
        .cte("often")
    )
    latest = func.row_number().over(
        partition_by=(shown.c.key, shown.c.need),
        order_by=(shown.c.at.desc(), shown.c.message_id.desc()),
    )
    ranked = (
        select(often, shown.c.message_id, latest.label("place"))
        .join(shown, and_(shown.c.key == often.c.key, shown.c.need == often.c.need))
        .subquery()
    )
    rows = session.connection().execute(
        select(ranked).where(ranked.c.place <= tagging.EVIDENCE).order_by(ranked.c.place)
    )
    found: dict[int, dict[str, Shown]] = {}
    for row in rows:
        of_one = found.setdefault(row.key, {})
        before = of_one.get(row.need, Shown(row.messages, row.days))
        of_one[row.need] = Shown(row.messages, row.days, (*before.latest, row.message_id))
    return dict(found.items())


def _categories(session: Session, until: dt.datetime) -> dict[int, dict[str, int]]:
    """Orders of 365 days by category, of persons."""
    line, product, bought = *database.tables(OrderLine, Product), orders(until)
    rows = session.connection().execute(
        select(bought.c.person_id, product.c.category, func.count(bought.c.order_id.distinct()))
        .join(line, line.c.order_id == bought.c.order_id)
        .join(product, product.c.id == line.c.product_id)
        .where(
            bought.c.person_id.is_not(None),
            bought.c.paid_at >= until - 365 * DAY,
            line.c.refunded < line.c.amount,
            line.c.status != OrderStatus.CANCELLED,
            product.c.category != "",
        )
        .group_by(bought.c.person_id, product.c.category)
    )
    found: dict[int, dict[str, int]] = {}
    for person, category, count in rows:
        found.setdefault(person, {})[category] = count
    return found
