"""Who is one human across channels: persons, kept in step with the evidence.

    edges that count, identifiers of order lines → components → person, identity
        → the person of each order line → dirty lines

What an import touched and everything at once are resolved by the same function, to the same
components. Cutting an edge and resolving is as if it had never been said.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, String, delete, func, or_, select, update
from sqlmodel import Session

from bot import database
from bot.models import Identity, OrderLine, Person
from bot.models.columns import serial
from bot.orders import dirty, evidence, identity
from bot.orders.identity import Component, Edge, Identifier

IDENTITY, PERSON, LINE = database.tables(Identity, Person, OrderLine)
# PostgreSQL's advisory lock of whoever resolves: two at once would each miss the other's edges.
RESOLVING = 7_302_003


def resolve(session: Session, touched: Collection[Identifier] | None = None) -> None:
    """Derive persons, identities and the person of order lines; everything where `touched` is None.

    `touched` are the ends of edges that came or were cut, and identifiers of new order lines. A
    component keeps the person whom its members led to before, so that resolving again changes
    nothing. Lines that are another's now, or whose buyer is another human than before, are marked.
    """
    if touched is not None and not touched:
        return
    if not database.is_sqlite(session):
        session.connection().execute(select(func.pg_advisory_xact_lock(RESOLVING)))
    reach = _everything(session) if touched is None else _around(session, touched)
    groups = identity.components(
        [(edge.left, edge.right) for edge in reach.edges],
        reach.alone,
        evidence.accepted(session),
    )
    persons = _keep_persons(session, groups, reach.before)
    after = {
        member: person
        for group, person in zip(groups, persons, strict=True)
        for member in group.members
    }
    _write_identities(session, reach.before, after)
    reasons = {person: group.quarantined for person, group in zip(persons, groups, strict=True)}
    changed = _moved(reach.before, after) | _write_persons(session, reasons)
    gone = set(reach.before.values()) - set(persons)
    moved = _write_lines(session, None if touched is None else after, gone)
    _drop_persons(session, gone)
    dirty.mark(session, [*moved, *_lines_of(session, changed)])


@dataclass(frozen=True, slots=True)
class _Reach:
    """What is resolved at once: the person of each identifier as it stands, the edges that count,
    identifiers that an order line carries.
    """

    before: Mapping[Identifier, int]
    edges: Sequence[Edge]
    alone: Collection[Identifier]


def _everything(session: Session) -> _Reach:
    rows = session.connection().execute(
        select(IDENTITY.c.kind, IDENTITY.c.value, IDENTITY.c.person_id)
    )
    before = {(row[0], row[1]): row[2] for row in rows}
    return _Reach(before, evidence.edges(session), evidence.carried(session))


def _around(session: Session, touched: Collection[Identifier]) -> _Reach:
    """Everything that the touched identifiers are joined with now, or were before."""
    edges, seen, fresh = list[Edge](), set[Identifier](), set(touched)
    while fresh:
        seen |= fresh
        found = evidence.edges_at(session, fresh)
        edges += found
        fresh = {end for edge in found for end in (edge.left, edge.right)} - seen
    given = evidence.pairs(session, seen)
    rows = session.connection().execute(
        select(IDENTITY.c.kind, IDENTITY.c.value, IDENTITY.c.person_id).join(
            given, (IDENTITY.c.kind == given.c.kind) & (IDENTITY.c.value == given.c.value)
        )
    )
    before = {(row[0], row[1]): row[2] for row in rows}
    return _Reach(before, edges, evidence.carried_of(session, seen))


def _keep_persons(
    session: Session, groups: Sequence[Component], before: Mapping[Identifier, int]
) -> list[int]:
    """A person for each component: the oldest it led to before, else a new one."""
    taken: set[int] = set()
    kept: list[int | None] = []
    for group in groups:
        known = {before[member] for member in group.members if member in before}
        person_id = min(known - taken, default=None)
        kept.append(person_id)
        if person_id is not None:
            taken.add(person_id)
    missing = kept.count(None)
    highest = session.connection().scalar(select(func.max(PERSON.c.id))) or 0
    database.insert_rows(session, Person, [{"quarantined": None}] * missing)
    made = session.connection().scalars(
        select(PERSON.c.id).where(PERSON.c.id > highest).order_by(PERSON.c.id)
    )
    fresh = iter(made.all())
    return [next(fresh) if each is None else each for each in kept]


def _write_identities(
    session: Session, before: Mapping[Identifier, int], after: Mapping[Identifier, int]
) -> None:
    gone = before.keys() - after.keys()
    if gone:
        given = evidence.pairs(session, gone)
        session.connection().execute(
            delete(IDENTITY).where(
                select(given.c.kind)
                .where(given.c.kind == IDENTITY.c.kind, given.c.value == IDENTITY.c.value)
                .exists()
            )
        )
    rows = [
        {"kind": kind, "value": value, "person_id": person}
        for (kind, value), person in after.items()
        if before.get((kind, value)) != person
    ]
    database.insert_rows(session, Identity, rows, replace=("person_id",))


def _moved(before: Mapping[Identifier, int], after: Mapping[Identifier, int]) -> set[int]:
    """Persons who have other identifiers than before."""
    return {person for _, person in before.items() ^ after.items()} & set(after.values())


def _write_persons(session: Session, reasons: Mapping[int, str | None]) -> set[int]:
    """Quarantine persons, or let them go; returns those for whom that changed."""
    told = database.given(session, {"id": Integer(), "reason": String()}, reasons.items())
    rows = session.connection().execute(
        select(PERSON.c.id, told.c.reason)
        .join(told, told.c.id == PERSON.c.id)
        .where(PERSON.c.quarantined.is_distinct_from(told.c.reason))
    )
    changed = {row[0]: row[1] for row in rows}
    if changed:
        other = database.given(session, {"id": Integer(), "reason": String()}, changed.items())
        session.connection().execute(
            update(PERSON).values(quarantined=other.c.reason).where(PERSON.c.id == other.c.id)
        )
    return set(changed)


def _write_lines(
    session: Session, members: Collection[Identifier] | None, gone: Collection[int]
) -> list[int]:
    """Lead the order lines that carry these identifiers, or led to persons who are gone, to whom
    their strongest identifier says; returns the lines that moved.
    """
    query, led = select(LINE.c.id), list[ColumnElement[int]]()
    for kind in identity.STRENGTH:
        named, column = IDENTITY.alias(kind.value), evidence.CARRIED.get(kind, "order_id")
        query = query.outerjoin(named, (named.c.kind == kind) & (named.c.value == LINE.c[column]))
        led.append(named.c.person_id)
    person = func.coalesce(*led)
    query = query.add_columns(person).where(LINE.c.person_id.is_distinct_from(person))
    if members is not None:
        query = query.where(or_(*_carrying(session, members, gone)))
    moved = [(row[0], row[1]) for row in session.connection().execute(query)]
    if moved:
        given = database.given(session, {"id": serial(), "person_id": Integer()}, moved)
        session.connection().execute(
            update(LINE).values(person_id=given.c.person_id).where(LINE.c.id == given.c.id)
        )
    return [line for line, _ in moved]


def _carrying(
    session: Session, members: Collection[Identifier], gone: Collection[int]
) -> list[ColumnElement[bool]]:
    """Conditions, one an index, on the lines that these identifiers and persons are about."""
    found: list[ColumnElement[bool]] = []
    for kind in identity.STRENGTH:
        values = [(value,) for each, value in members if each == kind]
        if values:
            given = database.given(session, {"value": String()}, values)
            column = LINE.c[evidence.CARRIED.get(kind, "order_id")]
            found.append(column.in_(select(given.c.value)))
    persons = database.given(session, {"id": Integer()}, [(each,) for each in sorted(gone)])
    found.append(LINE.c.person_id.in_(select(persons.c.id)))
    return found


def _drop_persons(session: Session, gone: Collection[int]) -> None:
    if gone:
        given = database.given(session, {"id": Integer()}, [(each,) for each in sorted(gone)])
        session.connection().execute(delete(PERSON).where(PERSON.c.id.in_(select(given.c.id))))


def _lines_of(session: Session, persons: Collection[int]) -> list[int]:
    given = database.given(session, {"id": Integer()}, [(each,) for each in sorted(persons)])
    rows = session.connection().scalars(
        select(LINE.c.id).join(given, given.c.id == LINE.c.person_id)
    )
    return list(rows)
