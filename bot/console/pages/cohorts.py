"""Whom a cohort counts: the buyers behind a figure of “分月留存”, each with what they bought."""

import datetime as dt
from collections.abc import Collection

from fastapi.responses import Response
from sqlalchemy import func, select

from bot import database
from bot.console import ordering, paging
from bot.console.page import Page, Reader
from bot.console.pages.people import FEWEST, Words
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.insights import customers
from bot.models import Contact, Profile

PROFILE, CONTACT = database.tables(Profile, Contact)


def listed(page: Reader, month: str = "", later: int = 0, number: int = 1) -> Response:
    """Those who bought first in `month` (2026-10) and again `later` months after it; 0: all."""
    page.must_see_all()
    today = page.now.astimezone(page.settings.zone).date()
    until, _ = ordering.instants(page, today, today)
    first = _first(month)
    zone = page.settings.zone
    found = customers.cohort(page.session, until, zone, first, later) if first else []
    shown = found if len(found) >= FEWEST else []
    number = paging.within(number, len(shown))
    rows = shown[(number - 1) * paging.SIZE : number * paging.SIZE]
    kept = (("month", month), ("later", str(later)))
    listing = paging.Listing((), len(shown), number, paging.SIZE, "/people/cohort", kept)
    return page.render(
        "cohort.html", rows=rows, total=len(found), listing=listing, month=month, later=later,
        fewest=FEWEST, called=_called(page, {row.person_id for row in rows}),
        words=Words(zone, page.tr), day=lambda at: at.astimezone(zone).date(),
    )  # fmt: skip


def _first(month: str) -> dt.date | None:
    """The first day of a month as an address carries it; None for what is none."""
    try:
        return dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        return None


def _called(page: Page, persons: Collection[int]) -> dict[int, tuple[int, str]]:
    """Our id and the name of a contact of each person who has a page of their own."""
    rows = page.session.connection().execute(
        select(PROFILE.c.person_id, func.min(CONTACT.c.id), func.min(CONTACT.c.name))
        .join(CONTACT, CONTACT.c.id == PROFILE.c.contact_id)
        .where(PROFILE.c.person_id.in_(persons))
        .group_by(PROFILE.c.person_id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


ROUTES = (Route("GET", "/people/cohort", listed, VIEWER),)
