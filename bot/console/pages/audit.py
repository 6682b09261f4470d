"""审计: who changed what, when, with the state before and after."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import Response
from sqlalchemy import Select, select

from bot import database
from bot.console import labels, paging
from bot.console.page import Reader
from bot.console.roles import ADMIN
from bot.console.routes import Route
from bot.models import Audit

LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty: everything."""

    by: str = ""
    action: str = ""
    object: str = ""
    since: str = ""
    until: str = ""


def show(page: Reader, filters: Annotated[Filters, Depends()], number: int = 1) -> Response:
    """One page of the audit, the latest first."""
    audit = database.table(Audit)
    given = {name: getattr(filters, name).strip() for name in Filters.__slots__}
    query = _query(page, given)
    listing = paging.cut(page.session, query, (audit.c.id.desc(),), number, "/audit", given)
    return page.render("audit.html", listing=listing, filters=given)


def _query(page: Reader, given: dict[str, str]) -> Select[Any]:
    audit = database.table(Audit)
    query = select(audit.c.id, audit.c.at, audit.c.by, audit.c.action, audit.c.object,
                   audit.c.before, audit.c.after)  # fmt: skip
    if given["action"] in labels.ACTIONS:
        query = query.where(audit.c.action == given["action"])
    for name in ("by", "action", "object"):
        if given[name] and given[name] not in labels.ACTIONS:
            wanted = f"%{given[name].translate(LIKE)}%"
            query = query.where(audit.c[name].like(wanted, escape="\\"))
    if since := _midnight(page, given["since"]):
        query = query.where(audit.c.at >= since)
    if until := _midnight(page, given["until"]):
        query = query.where(audit.c.at < until + dt.timedelta(days=1))
    return query


def _midnight(page: Reader, text: str) -> dt.datetime | None:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        # An empty field, or half a date: it narrows nothing down.
        return None
    return dt.datetime.combine(day, dt.time(), page.settings.zone)


ROUTES = (Route("GET", "/audit", show, ADMIN),)
