"""Digests as they are kept: drafts that follow what is known; word for word what was let out."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, String, and_, select, update
from sqlmodel import Session

from bot import database
from bot.digest import sheet as sheets
from bot.digest.gather import Week
from bot.digest.sheet import Sheet, Subject
from bot.models import Digest, DigestScope, DigestState
from bot.models.columns import choice

DIGEST = database.table(Digest)
FLEET = Subject(DigestScope.FLEET)
# A sheet is tens of kilobytes: a few hundred at a time keep memory flat.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """A digest as it stands."""

    id: int
    state: DigestState
    sheet: Sheet
    computed_at: dt.datetime


def keep(session: Session, week: Week, fresh: Sequence[Sheet]) -> list[Sheet]:
    """Store fresh sheets of a gathered week; returns what each digest shows, in order.

    A draft is replaced by what is known now, under the same comment; an approved or sent one
    stays word for word. Safe to repeat.
    """
    store(session, week.monday, fresh, week.now)
    before = stored(session, week.monday, [sheet.subject for sheet in fresh])
    return [before[sheet.subject].sheet for sheet in fresh]


def parts(subjects: Sequence[Subject]) -> Iterator[Sequence[Subject]]:
    """Subjects in the numbers in which they are computed, stored and written."""
    return (subjects[n : n + AT_ONCE] for n in range(0, len(subjects), AT_ONCE))


def store(
    session: Session, monday: dt.date, fresh: Sequence[Sheet], computed_at: dt.datetime
) -> None:
    """Keep sheets as drafts; what is more than a draft stays as it is. Safe to repeat."""
    if not fresh:
        return
    rows = [
        {
            "week": monday,
            "scope": sheet.scope,
            "target": sheet.target,
            "state": DigestState.DRAFT,
            "figures": sheets.pack(sheet),
            "computed_at": computed_at,
            "comment": "",
        }
        for sheet in fresh
    ]
    types = {name: DIGEST.c[name].type for name in ("scope", "target", "figures", "computed_at")}
    given = database.given(session, types, [[row[name] for name in types] for row in rows])
    session.connection().execute(
        update(DIGEST)
        .where(DIGEST.c.week == monday, DIGEST.c.state == DigestState.DRAFT)
        .where(DIGEST.c.scope == given.c.scope, DIGEST.c.target == given.c.target)
        .values(figures=given.c.figures, computed_at=given.c.computed_at)
    )
    database.insert_rows(session, Digest, rows, skip_existing=True)


def stored(
    session: Session, monday: dt.date, subjects: Collection[Subject]
) -> dict[Subject, Stored]:
    """The digests of a week that stand, by subject."""
    given = database.given(
        session, {"scope": choice(DigestScope), "target": String()}, list(subjects)
    )
    rows = session.connection().execute(
        select(DIGEST)
        .join(given, and_(DIGEST.c.scope == given.c.scope, DIGEST.c.target == given.c.target))
        .where(DIGEST.c.week == monday)
    )
    return {Subject(row.scope, row.target): _stored(row) for row in rows}


def figures(session: Session, monday: dt.date, subject: Subject) -> Mapping[str, float | None]:
    """The figures of a stored digest by key; none where there is no such digest."""
    found = stored(session, monday, [subject])
    return found[subject].sheet.amounts() if found else {}


def everything(week: Week) -> list[Subject]:
    """The fleet, every vertical, every owner's rooms and every room of a gathered week."""
    rooms = week.rooms.values()
    verticals = sorted({room.vertical for room in rooms} - {""})
    owners = sorted({room.owner for room in rooms} - {""})
    return [
        FLEET,
        *(Subject(DigestScope.VERTICAL, vertical) for vertical in verticals),
        *(Subject(DigestScope.OWNER, owner) for owner in owners),
        *(Subject(DigestScope.ROOM, room.platform_id) for room in rooms),
    ]


def _stored(row: Row[Any]) -> Stored:
    sheet = sheets.unpack(row.figures)
    return Stored(row.id, row.state, replace(sheet, comment=row.comment), row.computed_at)
