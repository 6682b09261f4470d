"""Order numbers that members typed in a room: the weakest evidence of who bought.

    a UTC day of messages → typed_number (which message, not which number)
        → edges contact–order and order–buyer, source "typed" → persons

A number counts where it is exactly that of an order we know; whose message tells nothing (several
contacts typed it, it contradicts stronger evidence) is decided in `identity`. What operators and
bots type is a customer's.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import Engine, String, and_, delete, select
from sqlmodel import Session

from bot import database, day_reads
from bot.models import (
    Account,
    Contact,
    IdentityEdge,
    IdentityKind,
    Membership,
    Message,
    Operator,
    OrderLine,
    Role,
    TypedNumber,
)
from bot.orders import evidence, people
from bot.orders.evidence import Evidence
from bot.orders.identity import STRENGTH, Identifier

KIND, VERSION = "order numbers", 1
SOURCE = "typed"
EVER = dt.date(1970, 1, 1)
# Shorter numbers are prices, ages and bus lines.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{0,4}\d[\d-]{8,30}\d(?![0-9A-Za-z])")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_STAFF = (Role.OPERATOR, Role.BOT)


def steps(engine: Engine, since: dt.date) -> Iterator[int]:
    """Look for numbers on every UTC day from `since` on whose log changed, then bind what was
    found, each in a transaction of its own; the last step gives the edges that are new. Safe to
    repeat.
    """
    with database.reading(engine) as session:
        days = day_reads.stale(session, KIND, VERSION, since)
    for day in days:
        with database.transaction(engine) as session:
            derive(session, day)
        yield 0
    with database.transaction(engine) as session:
        yield bind(session)


def refresh(engine: Engine, since: dt.date) -> int:
    """Take all the steps; returns the edges that are new."""
    return sum(steps(engine, since))


def numbers(text: str) -> frozenset[str]:
    """What may be order numbers in a text; a mobile number is none."""
    return frozenset(each for each in _NUMBER.findall(text) if not _MOBILE.fullmatch(each))


def derive(session: Session, log: day_reads.Log) -> None:
    """Look again for the messages of one UTC day that hold a number."""
    typed = database.table(TypedNumber)
    session.connection().execute(delete(typed).where(typed.c.day == log.day))
    for part in day_reads.texts(session, log.day):
        rows = [
            {"day": log.day, "room_id": row.room_id, "message_id": row.id}
            for row in part
            if numbers(row.text)
        ]
        database.insert_rows(session, TypedNumber, rows)
    day_reads.note(session, KIND, log)


def bind(session: Session) -> int:
    """Tie the orders whose number a member typed to that member; returns the edges that are new.

    Evidence that came from somebody who turned out to be an operator goes.
    """
    staff = _staff(session)
    told: list[Evidence] = []
    for number, contact, at in _typed(session, staff):
        order = (IdentityKind.ORDER, number)
        told.append(Evidence((IdentityKind.CONTACT, contact), order, SOURCE, at))
    buyers = _buyers(session, {one.right[1] for one in told})
    known = [one for one in told if one.right[1] in buyers]
    known += [
        Evidence(one.right, buyer, SOURCE, one.at)
        for one in known
        if (buyer := buyers[one.right[1]]) is not None
    ]
    gone = _drop(session, staff)
    new = evidence.record(session, known)
    if new or gone:
        people.resolve(session, gone | {end for one in known for end in (one.left, one.right)})
    return new


def _typed(session: Session, staff: set[str]) -> Iterator[tuple[str, str, dt.datetime]]:
    """(number, contact, at) of what stands in the texts now."""
    typed, message, contact = database.tables(TypedNumber, Message, Contact)
    rows = session.connection().execute(
        select(message.c.text, message.c.at, contact.c.platform_id)
        .select_from(typed)
        .join(
            message,
            and_(
                message.c.day == typed.c.day,
                message.c.room_id == typed.c.room_id,
                message.c.id == typed.c.message_id,
            ),
        )
        .join(contact, contact.c.id == message.c.contact_id)
        .where(message.c.text.is_not(None))
    )
    for row in rows:
        platform_id = evidence.contact(row.platform_id)[1]
        if platform_id not in staff:
            for number in sorted(numbers(row.text)):
                yield number, platform_id, row.at


def _buyers(session: Session, order_ids: set[str]) -> Mapping[str, Identifier | None]:
    """The strongest identifier that each of these orders carries, of those that we know."""
    line = database.table(OrderLine)
    given = database.given(session, {"order_id": String()}, [(each,) for each in order_ids])
    columns = [evidence.CARRIED[kind] for kind in STRENGTH if kind in evidence.CARRIED]
    rows = session.connection().execute(
        select(line.c.order_id, *(line.c[column] for column in columns))
        .join(given, given.c.order_id == line.c.order_id)
        .order_by(line.c.order_id, line.c.line_no)
    )
    found: defaultdict[str, list[Identifier]] = defaultdict(list)
    for order_id, *values in rows:
        found[order_id] += [
            (kind, value) for kind, value in zip(STRENGTH, values, strict=False) if value
        ]
    return {
        order_id: min(each, key=lambda one: (STRENGTH.index(one[0]), one[1]), default=None)
        for order_id, each in found.items()
    }


def _staff(session: Session) -> set[str]:
    """Platform ids, as the database holds them, of operators, bots and our own accounts."""
    contact, stay, account, operator = database.tables(Contact, Membership, Account, Operator)
    ours = (
        select(stay.c.contact_id)
        .where(stay.c.role.in_(_STAFF))
        .union(
            select(account.c.contact_id).where(account.c.contact_id.is_not(None)),
            select(operator.c.contact_id).where(operator.c.contact_id.is_not(None)),
        )
    )
    rows = session.connection().scalars(select(contact.c.platform_id).where(contact.c.id.in_(ours)))
    return {evidence.contact(each)[1] for each in rows}


def _drop(session: Session, staff: set[str]) -> set[Identifier]:
    """Forget what came of numbers that staff typed; returns the ends of what went."""
    edge = database.table(IdentityEdge)
    given = database.given(session, {"value": String()}, [(each,) for each in sorted(staff)])
    rows = session.connection().execute(
        delete(edge)
        .where(
            edge.c.source == SOURCE,
            edge.c.left_kind == IdentityKind.CONTACT,
            edge.c.left_value.in_(select(given.c.value)),
        )
        .returning(edge.c.left_value, edge.c.right_kind, edge.c.right_value)
    )
    gone: set[Identifier] = set()
    for row in rows:
        gone |= {(IdentityKind.CONTACT, row[0]), (row[1], row[2])}
    return gone
