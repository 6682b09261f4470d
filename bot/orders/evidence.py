"""What was said of who is who: edges, kept for ever, and what people decided about them.

An edge is never edited. A cut takes two identifiers apart whoever joins them, an acceptance says
that a component which looked wrong is right; both can be taken back.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import FromClause, Select, String, and_, select, union_all, update
from sqlmodel import Session

from bot import database
from bot.models import IdentityAcceptance, IdentityCut, IdentityEdge, IdentityKind, OrderLine
from bot.models.columns import choice, escape
from bot.orders.identity import Edge, Identifier

EDGE, CUT = database.tables(IdentityEdge, IdentityCut)
ENDS = ("left_kind", "left_value", "right_kind", "right_value")
# The identifiers that an order line carries itself.
CARRIED = {
    IdentityKind.UNIONID: "unionid",
    IdentityKind.PHONE: "phone",
    IdentityKind.BUYER: "buyer",
}


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


def record(session: Session, told: Iterable[Evidence]) -> int:
    """Keep evidence, since it was first said; the same from the same source again changes nothing.

    Returns what was new.
    """
    first: dict[tuple[object, ...], dt.datetime] = {}
    for one in told:
        if one.left != one.right:
            key = (*ends_of(one.left, one.right), one.source)
            first[key] = min(one.at, first.get(key, one.at))
    names = (*ENDS, "source", "at")
    rows = [(*key, at) for key, at in first.items()]
    new = database.insert_rows(
        session,
        IdentityEdge,
        [dict(zip(names, row, strict=True)) for row in rows],
        skip_existing=True,
    )
    if new < len(rows):
        given = database.given(session, {name: EDGE.c[name].type for name in names}, rows)
        same = and_(*(EDGE.c[name] == given.c[name] for name in names[:-1]))
        session.connection().execute(
            update(EDGE).values(at=given.c.at).where(same, EDGE.c.at > given.c.at)
        )
    return new


def ends_of(left: Identifier, right: Identifier) -> tuple[IdentityKind, str, IdentityKind, str]:
    """Two identifiers as an edge's columns hold them, whichever came first."""
    one, other = sorted((left, right))
    return (*one, *other)


def edges(session: Session) -> list[Edge]:
    """Every edge that counts."""
    return [_edge(row) for row in session.connection().execute(_counting())]


def edges_at(session: Session, identifiers: Collection[Identifier]) -> list[Edge]:
    """The edges that count and have an end among these identifiers."""
    given = pairs(session, identifiers)
    found = union_all(
        *(
            _counting().join(
                given,
                and_(
                    EDGE.c[f"{side}_kind"] == given.c.kind,
                    EDGE.c[f"{side}_value"] == given.c.value,
                ),
            )
            for side in ("left", "right")
        )
    )
    rows = session.connection().execute(found)
    return [Edge(*each) for each in {(e.left, e.right, e.at) for e in map(_edge, rows)}]


def accepted(session: Session) -> list[frozenset[Identifier]]:
    """The sets of unionids and contacts that somebody found to be one human."""
    rows = session.connection().scalars(select(database.table(IdentityAcceptance).c.members))
    return [frozenset((IdentityKind(kind), value) for kind, value in each) for each in rows]


def carried(session: Session) -> set[Identifier]:
    """Every identifier that an order line carries."""
    line = database.table(OrderLine).c
    return {
        (kind, value)
        for kind, column in CARRIED.items()
        for value in session.connection().scalars(
            select(line[column]).where(line[column].is_not(None)).distinct()
        )
    }


def carried_by(session: Session, order_ids: Collection[str]) -> set[Identifier]:
    """Every identifier that the lines of these orders carry."""
    line = database.table(OrderLine).c
    given = database.given(session, {"order_id": String()}, [(each,) for each in order_ids])
    rows = session.connection().execute(
        select(*(line[column] for column in CARRIED.values())).join(
            given, given.c.order_id == line.order_id
        )
    )
    return {
        (kind, value)
        for row in rows
        for kind, value in zip(CARRIED, row, strict=True)
        if value is not None
    }


def carried_of(session: Session, identifiers: Collection[Identifier]) -> set[Identifier]:
    """Of these identifiers, those that an order line carries."""
    line, found = database.table(OrderLine).c, set[Identifier]()
    for kind, column in CARRIED.items():
        values = [(value,) for each, value in identifiers if each == kind]
        if values:
            given = database.given(session, {"value": String()}, values)
            named = select(line[column]).join(given, given.c.value == line[column]).distinct()
            found |= {(kind, value) for value in session.connection().scalars(named)}
    return found


def pairs(session: Session, identifiers: Collection[Identifier]) -> FromClause:
    """Identifiers as a FROM clause: kind, value."""
    return database.given(session, {"kind": choice(IdentityKind), "value": String()}, identifiers)


def _counting() -> Select[Any]:
    """Edges that nobody cut."""
    same = [EDGE.c[name] == CUT.c[name] for name in ENDS]
    return (
        select(*(EDGE.c[name] for name in ENDS), EDGE.c.at)
        .outerjoin(CUT, and_(*same))
        .where(CUT.c.left_kind.is_(None))
    )


def _edge(row: Any) -> Edge:
    return Edge((row[0], row[1]), (row[2], row[3]), row[4])
