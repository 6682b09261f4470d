"""Rooms and contacts by platform id: found, made where unknown, renamed by what came last."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, Select, select, update
from sqlmodel import Session, SQLModel

from bot import database
from bot.models import Contact, Room
from bot.models.columns import LogText

# What was last said of a name, and when; None where only the key is known.
Named = tuple[dt.datetime, str] | None

_NEW: Mapping[type[SQLModel], Mapping[str, object]] = {
    Room: {"topic": "", "vertical": "", "owner": ""},
    Contact: {"name": ""},
}


def rooms(session: Session, topics: Mapping[str, Named]) -> dict[str, int]:
    """Ids of rooms by platform id, made where unknown; a later topic replaces an earlier one."""
    return _known(session, Room, "topic", topics)


def contacts(session: Session, names: Mapping[str, Named]) -> dict[str, int]:
    """Ids of contacts by platform id, made where unknown; a later name replaces an earlier one."""
    return _known(session, Contact, "name", names)


def known_contacts(session: Session, names: Mapping[str, Named]) -> dict[str, int]:
    """As `contacts`, of those who are known already."""
    return _known(session, Contact, "name", names, make=False)


def _known(
    session: Session,
    model: type[SQLModel],
    column: str,
    seen: Mapping[str, Named],
    *,
    make: bool = True,
) -> dict[str, int]:
    if not seen:
        return {}
    target = database.table(model)
    moment = f"{column}_at"
    wanted = database.given(session, {"platform_id": LogText()}, [(key,) for key in sorted(seen)])
    query = select(target.c.platform_id, target.c.id, target.c[column], target.c[moment]).join(
        wanted, wanted.c.platform_id == target.c.platform_id
    )
    rows = _found(session, query)
    missing = sorted(set(seen) - set(rows))
    if missing and make:
        database.insert_rows(
            session,
            model,
            [{"platform_id": key, **_NEW[model]} for key in missing],
            skip_existing=True,
        )
        rows = _found(session, query)
    newer = [
        (id, named[1], named[0])
        for key, (id, name, at) in rows.items()
        if (named := seen[key]) is not None and _is_newer(named, name, at)
    ]
    _rename(session, model, column, newer)
    return {key: id for key, (id, _, _) in rows.items()}


def _found(
    session: Session, query: Select[*tuple[Any, ...]]
) -> dict[str, tuple[int, str, dt.datetime | None]]:
    rows = session.connection().execute(query)
    return {key: (id, name, at) for key, id, name, at in rows}


def _is_newer(named: tuple[dt.datetime, str], name: str, at: dt.datetime | None) -> bool:
    return at is None or named > (at, name)


def _rename(
    session: Session,
    model: type[SQLModel],
    column: str,
    newer: Sequence[tuple[int, str, dt.datetime]],
) -> None:
    if not newer:
        return
    target = database.table(model)
    source = database.given(
        session,
        {
            "key": Integer(),
            "name": target.c[column].type,
            "moment": target.c[f"{column}_at"].type,
        },
        newer,
    )
    session.connection().execute(
        update(target)
        .values({column: source.c.name, f"{column}_at": source.c.moment})
        .where(target.c.id == source.c.key)
    )
