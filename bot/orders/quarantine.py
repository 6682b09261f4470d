"""Persons who cannot be one human, for somebody to look at: what joins them, and what to do.

    quarantined person → cut an edge (the component comes apart) | accept (they are one human)
    cut edge → restore

Every decision says why, is written down, can be taken back, and is in force at once: order lines
whose buyer is another human then are marked. More evidence of the same never undoes a cut; a
component that grows beyond what was accepted is quarantined again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, and_, delete, func, or_, select
from sqlmodel import Session

from bot import database
from bot.errors import Fault, InvalidInput
from bot.models import (
    Audit,
    Contact,
    Identity,
    IdentityAcceptance,
    IdentityCut,
    IdentityEdge,
    IdentityKind,
    OrderLine,
    Person,
)
from bot.orders import evidence, identity, people
from bot.orders.identity import Edge, Identifier

EDGE, CUT, IDENTITY, PERSON = database.tables(IdentityEdge, IdentityCut, Identity, Person)


@dataclass(frozen=True, slots=True)
class Said:
    """One edge: `id` names it, `suspect` where the conflict would not be without it."""

    id: int
    left: Identifier
    right: Identifier
    source: str
    at: dt.datetime
    suspect: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A quarantined person. `since` is when the last of the evidence was said.

    `names` are those of the contacts by identifier; `orders` would be theirs.
    """

    person_id: int
    reason: str
    since: dt.datetime
    members: tuple[Identifier, ...]
    names: Mapping[Identifier, str]
    orders: int
    edges: tuple[Said, ...]


def listed(session: Session) -> tuple[Case, ...]:
    """Every quarantined person, the one with the most orders first."""
    rows = session.connection().execute(
        select(IDENTITY.c.person_id, PERSON.c.quarantined, IDENTITY.c.kind, IDENTITY.c.value)
        .join(PERSON, PERSON.c.id == IDENTITY.c.person_id)
        .where(PERSON.c.quarantined.is_not(None))
        .order_by(IDENTITY.c.person_id, IDENTITY.c.kind, IDENTITY.c.value)
    )
    reasons: dict[int, str] = {}
    members: dict[int, list[Identifier]] = defaultdict(list)
    for person_id, reason, kind, value in rows:
        reasons[person_id] = reason
        members[person_id].append((kind, value))
    everybody = [each for of_one in members.values() for each in of_one]
    said, names = _said(session, everybody), _names(session, everybody)
    orders = _orders(session, reasons)
    cases = [
        _case(person_id, reasons[person_id], of_one, said, names, orders.get(person_id, 0))
        for person_id, of_one in members.items()
    ]
    return tuple(sorted(cases, key=lambda case: (-case.orders, case.person_id)))


def cut(session: Session, edge_id: int, reason: str, by: str, now: dt.datetime) -> None:
    """Say that the ends of an edge are two humans, whoever else joins them. Raises InvalidInput."""
    ends = _ends(session, edge_id)
    row = dict(zip(evidence.ENDS, ends, strict=True)) | {"by": by, "at": now, "reason": reason}
    if not database.insert_rows(session, IdentityCut, [row], skip_existing=True):
        raise InvalidInput(Fault(f"线索 {edge_id}", 0, "", "已经断开", "不用再断"))
    people.resolve(session, {ends[:2], ends[2:]})
    _note(session, now, by, "identity.cut", f"edge:{edge_id}", reason)


def restore(session: Session, edge_id: int, reason: str, by: str, now: dt.datetime) -> None:
    """Take a cut back. Raises InvalidInput."""
    ends = _ends(session, edge_id)
    same = [CUT.c[name] == end for name, end in zip(evidence.ENDS, ends, strict=True)]
    if not session.connection().execute(delete(CUT).where(*same)).rowcount:
        raise InvalidInput(Fault(f"线索 {edge_id}", 0, "", "没有断开过", "不用恢复"))
    people.resolve(session, {ends[:2], ends[2:]})
    _note(session, now, by, "identity.restore", f"edge:{edge_id}", reason)


def accept(session: Session, person_id: int, reason: str, by: str, now: dt.datetime) -> None:
    """Say that a quarantined person is one human after all. Raises InvalidInput."""
    rows = session.connection().execute(
        select(IDENTITY.c.kind, IDENTITY.c.value)
        .join(PERSON, PERSON.c.id == IDENTITY.c.person_id)
        .where(PERSON.c.id == person_id, PERSON.c.quarantined.is_not(None))
    )
    members = identity.telling((row[0], row[1]) for row in rows)
    if not members:
        remedy = "用 qunyun people quarantine 查看"
        raise InvalidInput(Fault(f"用户 {person_id}", 0, "", "不在待核对的名单里", remedy))
    told = [[kind.value, value] for kind, value in sorted(members)]
    row = {"members": told, "by": by, "at": now, "reason": reason}
    database.insert_rows(session, IdentityAcceptance, [row])
    people.resolve(session, members)
    _note(session, now, by, "identity.accept", f"person:{person_id}", reason)


def _case(
    person_id: int,
    reason: str,
    members: Sequence[Identifier],
    said: Mapping[Identifier, Sequence[Said]],
    names: Mapping[Identifier, str],
    orders: int,
) -> Case:
    edges = {each.id: each for member in members for each in said.get(member, ())}
    suspects = {
        (edge.left, edge.right)
        for edge in identity.suspects([Edge(e.left, e.right, e.at) for e in edges.values()])
    }
    told = [
        Said(e.id, e.left, e.right, e.source, e.at, (e.left, e.right) in suspects)
        for _, e in sorted(edges.items())
    ]
    return Case(
        person_id=person_id,
        reason=reason,
        since=max(each.at for each in told),
        members=tuple(members),
        names={each: names[each] for each in members if each in names},
        orders=orders,
        edges=tuple(sorted(told, key=lambda one: (not one.suspect, one.id))),
    )


def _said(session: Session, members: Collection[Identifier]) -> dict[Identifier, list[Said]]:
    """The edges that count at each of these identifiers."""
    given = evidence.pairs(session, members)
    same = [EDGE.c[name] == CUT.c[name] for name in evidence.ENDS]
    rows = session.connection().execute(
        select(EDGE)
        .join(
            given,
            or_(
                *(
                    (EDGE.c[f"{side}_kind"] == given.c.kind)
                    & (EDGE.c[f"{side}_value"] == given.c.value)
                    for side in ("left", "right")
                )
            ),
        )
        .outerjoin(CUT, and_(*same))
        .where(CUT.c.left_kind.is_(None))
        .distinct()
    )
    found: dict[Identifier, list[Said]] = defaultdict(list)
    for row in rows:
        left, right = (row.left_kind, row.left_value), (row.right_kind, row.right_value)
        found[left].append(Said(row.id, left, right, row.source, row.at, suspect=False))
    return found


def _names(session: Session, members: Collection[Identifier]) -> dict[Identifier, str]:
    contact = database.table(Contact)
    given = evidence.pairs(session, [each for each in members if each[0] == IdentityKind.CONTACT])
    rows = session.connection().execute(
        select(given.c.kind, given.c.value, contact.c.name).join(
            contact, contact.c.platform_id == given.c.value
        )
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _orders(session: Session, persons: Collection[int]) -> dict[int, int]:
    line = database.table(OrderLine)
    given = database.given(session, {"id": Integer()}, [(each,) for each in persons])
    rows = session.connection().execute(
        select(line.c.person_id, func.count(line.c.order_id.distinct()))
        .join(given, given.c.id == line.c.person_id)
        .group_by(line.c.person_id)
    )
    return dict(rows.all())


def _ends(session: Session, edge_id: int) -> tuple[Any, ...]:
    row = session.connection().execute(
        select(*(EDGE.c[name] for name in evidence.ENDS)).where(EDGE.c.id == edge_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        remedy = "用 qunyun people quarantine 查看编号"
        raise InvalidInput(Fault(f"线索 {edge_id}", 0, "", "没有这条线索", remedy))
    return tuple(row)


def _note(
    session: Session, now: dt.datetime, by: str, action: str, about: str, reason: str
) -> None:
    row = {"at": now, "by": by, "action": action, "object": about}
    database.insert_rows(session, Audit, [row | {"before": None, "after": {"reason": reason}}])
