"""Who is one human across channels: identifiers joined by evidence, never by likelihood.

    edges (unionid, phone HMAC, buyer id HMAC, contact) → components → persons

A component that cannot be one human is quarantined: it stays one person, gives no credit, and
waits for somebody to look. Taking an edge away and resolving again takes the component apart.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, String, bindparam, delete, select, update
from sqlmodel import Session

from bot import database
from bot.models import Identity, IdentityEdge, IdentityKind, OrderLine, Person
from bot.models.columns import escape, serial

# (kind, value); a contact's value is its platform id as the database holds it.
Identifier = tuple[IdentityKind, str]

# Strength of evidence, strongest first: also the order in which an order line is resolved.
STRENGTH = (IdentityKind.UNIONID, IdentityKind.PHONE, IdentityKind.BUYER)
MOST_CONTACTS = 5


@dataclass(frozen=True, slots=True)
class Component:
    """Identifiers that evidence joins, in order; `quarantined`: why they cannot be one human."""

    members: tuple[Identifier, ...]
    quarantined: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """That two identifiers are one human: who said so, and when."""

    left: Identifier
    right: Identifier
    source: str
    at: dt.datetime


def contact(platform_id: str) -> Identifier:
    """The identifier of a contact."""
    return IdentityKind.CONTACT, escape(platform_id)


def components(edges: Iterable[tuple[Identifier, Identifier]]) -> tuple[Component, ...]:
    """Connected components, each in order, by their first member: whatever the order of edges."""
    parents: dict[Identifier, Identifier] = {}
    for left, right in edges:
        one, other = sorted((_root(parents, left), _root(parents, right)))
        # The smaller identifier is the root, so that the outcome has no history.
        parents[other] = one
    grouped: defaultdict[Identifier, list[Identifier]] = defaultdict(list)
    for identifier in list(parents):
        grouped[_root(parents, identifier)].append(identifier)
    return tuple(
        Component(tuple(sorted(members)), _quarantine(members))
        for _, members in sorted(grouped.items())
    )


def record_evidence(session: Session, evidence: Iterable[Evidence]) -> int:
    """Keep evidence; the same from the same source again changes nothing. Returns what was new."""
    rows = []
    for one in evidence:
        left, right = sorted((one.left, one.right))
        if left == right:
            continue
        rows.append(
            {
                "left_kind": left[0],
                "left_value": left[1],
                "right_kind": right[0],
                "right_value": right[1],
                "source": one.source,
                "at": one.at,
            }
        )
    return database.insert_rows(session, IdentityEdge, rows, skip_existing=True)


def resolve(session: Session) -> None:
    """Derive persons, identities and the person of every order line from the evidence.

    A component keeps the person whom its members led to before, so that resolving again changes
    nothing.
    """
    groups = components(_edges(session))
    persons = _keep_persons(session, groups)
    wanted = {
        member: person
        for group, person in zip(groups, persons, strict=True)
        for member in group.members
    }
    _write_identities(session, wanted)
    _write_lines(session, wanted)
    _write_persons(session, dict(zip(persons, groups, strict=True)))


def _root(parents: dict[Identifier, Identifier], identifier: Identifier) -> Identifier:
    root = identifier
    while (above := parents.setdefault(root, root)) != root:
        root = above
    # Shorten the path, so that long chains stay cheap.
    while identifier != root:
        parents[identifier], identifier = root, parents[identifier]
    return root


def _quarantine(members: Sequence[Identifier]) -> str | None:
    kinds = Counter(kind for kind, _ in members)
    if kinds[IdentityKind.UNIONID] > 1:
        return f"{kinds[IdentityKind.UNIONID]} 个 unionid 连成一人"
    if kinds[IdentityKind.CONTACT] > MOST_CONTACTS:
        return f"{kinds[IdentityKind.CONTACT]} 个微信账号连成一人"
    return None


def _edges(session: Session) -> list[tuple[Identifier, Identifier]]:
    edge = database.table(IdentityEdge).c
    rows = session.connection().execute(
        select(edge.left_kind, edge.left_value, edge.right_kind, edge.right_value)
    )
    return [((row[0], row[1]), (row[2], row[3])) for row in rows]


def _keep_persons(session: Session, groups: Sequence[Component]) -> list[int]:
    """A person for each component: the one it led to before, else a new one."""
    identity, person = database.table(Identity).c, database.table(Person).c
    before: dict[Identifier, int] = {
        (row.kind, row.value): row.person_id
        for row in session.connection().execute(
            select(identity.kind, identity.value, identity.person_id)
        )
    }
    taken: set[int] = set()
    kept: list[int | None] = []
    for group in groups:
        known = (before[member] for member in group.members if member in before)
        person_id = next((each for each in known if each not in taken), None)
        kept.append(person_id)
        if person_id is not None:
            taken.add(person_id)
    missing = kept.count(None)
    last = session.connection().execute(select(person.id).order_by(person.id.desc()).limit(1))
    highest = last.scalar() or 0
    database.insert_rows(session, Person, [{"quarantined": None}] * missing)
    made = session.connection().execute(
        select(person.id).where(person.id > highest).order_by(person.id)
    )
    fresh = iter(made.scalars().all())
    return [next(fresh) if each is None else each for each in kept]


def _write_identities(session: Session, wanted: Mapping[Identifier, int]) -> None:
    identity = database.table(Identity)
    standing = {
        (row.kind, row.value): row.person_id
        for row in session.connection().execute(select(identity))
    }
    gone = standing.keys() - wanted.keys()
    if gone:
        session.connection().execute(
            delete(identity).where(
                identity.c.kind == bindparam("of"), identity.c.value == bindparam("named")
            ),
            [{"of": kind, "named": value} for kind, value in gone],
        )
    rows = [
        {"kind": kind, "value": value, "person_id": person}
        for (kind, value), person in wanted.items()
        if standing.get((kind, value)) != person
    ]
    database.insert_rows(session, Identity, rows, replace=("person_id",))


def _write_lines(session: Session, wanted: Mapping[Identifier, int]) -> None:
    line = database.table(OrderLine)
    rows = session.connection().execute(
        select(line.c.id, line.c.unionid, line.c.phone, line.c.buyer, line.c.person_id)
    )
    moved = []
    for row in rows:
        named = zip(STRENGTH, (row.unionid, row.phone, row.buyer), strict=True)
        led = (wanted.get((kind, value)) for kind, value in named if value)
        person = next((each for each in led if each is not None), None)
        if person != row.person_id:
            moved.append((row.id, person))
    if moved:
        given = database.given(session, {"id": serial(), "person_id": Integer()}, moved)
        session.connection().execute(
            update(line).values(person_id=given.c.person_id).where(line.c.id == given.c.id)
        )


def _write_persons(session: Session, wanted: Mapping[int, Component]) -> None:
    person = database.table(Person)
    standing = {row.id: row.quarantined for row in session.connection().execute(select(person))}
    gone = [(person_id,) for person_id in standing.keys() - wanted.keys()]
    if gone:
        given = database.given(session, {"id": Integer()}, gone)
        session.connection().execute(delete(person).where(person.c.id.in_(select(given.c.id))))
    changed = [
        (person_id, group.quarantined)
        for person_id, group in wanted.items()
        if standing[person_id] != group.quarantined
    ]
    if changed:
        told = database.given(session, {"id": Integer(), "reason": String()}, changed)
        session.connection().execute(
            update(person).values(quarantined=told.c.reason).where(person.c.id == told.c.id)
        )
