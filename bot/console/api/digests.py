"""/api/v1/digests: the digests of the token's scope, with their figures and what defines these."""

import datetime as dt
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel
from sqlalchemy import Row, and_, or_

from bot.console import digesting
from bot.console.api import given
from bot.console.digesting import DIGEST
from bot.console.page import ApiReader
from bot.console.roles import VIEWER
from bot.console.routes import Route
from bot.digest import dispatch, gather
from bot.digest.sheet import Sheet
from bot.models import DigestScope, DigestState


class DigestTold(BaseModel):
    """One digest as lists have it; `target` is a room's platform id, a vertical, an owner of rooms,
    or empty for the fleet. `final` says that late data had settled.
    """

    id: int
    week: str
    scope: DigestScope
    target: str
    title: str
    state: DigestState
    final: bool
    comment: str
    computed_at: dt.datetime
    approved_by: str | None
    approved_at: dt.datetime | None
    sent_at: dt.datetime | None


class FigureTold(BaseModel):
    """One number: `amount` as computed (null: not known), `text` as people read it.

    `lists` is the console's page that lists what it counts, null where there is none.
    """

    section: str
    key: str
    label: str
    amount: float | None
    text: str
    remark: str
    note: int
    lists: str | None


class NoteTold(BaseModel):
    """What a figure counts, over what, and the command that lists it."""

    number: int
    term: str
    definition: str
    denominator: str
    command: str


class WholeDigest(DigestTold):
    """One digest with its sentences, figures and definitions; members' words are left out."""

    period: str
    status: str
    headline: list[str]
    actions: list[str]
    figures: list[FigureTold]
    notes: list[NoteTold]
    left_out: list[str]


class Wanted(BaseModel):
    """Narrows the list; `week` is like 2026-W45."""

    week: given.Name = ""
    scope: DigestScope | None = None
    target: given.Name = ""


def listed(
    page: ApiReader,
    wanted: Annotated[Wanted, Depends()],
    limit: given.Limit = 50,
    cursor: given.Cursor = "",
) -> given.Listing[DigestTold]:
    """Digests that the token may see, the latest week first."""
    query = digesting.query(page)
    if wanted.week:
        query = query.where(DIGEST.c.week == gather.monday(wanted.week))
    if wanted.scope is not None:
        query = query.where(DIGEST.c.scope == wanted.scope)
    if wanted.target:
        query = query.where(DIGEST.c.target == wanted.target)
    if place := given.unpack(cursor, str, int):
        week = gather.monday(place[0])
        after = and_(DIGEST.c.week == week, DIGEST.c.id > place[1])
        query = query.where(or_(DIGEST.c.week < week, after))
    query = query.order_by(DIGEST.c.week.desc(), DIGEST.c.id).limit(limit + 1)
    found = page.session.connection().execute(query).all()
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else given.pack(f"{last.week:%G-W%V}", last.id)
    titles = digesting.titles(page, found[:limit])
    items = [_told(row, *titles[row.id]) for row in found[:limit]]
    return given.Listing(items=items, next=following)


def one(page: ApiReader, digest_id: given.Id) -> WholeDigest:
    """One digest with its figures and what defines them."""
    row, stored = digesting.found(page, digest_id)
    sheet = dispatch.outside(stored.sheet)
    return WholeDigest(
        **_told(row, sheet.title, sheet.final).model_dump(),
        period=sheet.period, status=sheet.status,
        headline=[line.text for line in sheet.headline],
        actions=[f"{action.title}：{action.why.text}" for action in sheet.actions],
        figures=_figures(sheet, digesting.leads(page, row, sheet)),
        notes=[
            NoteTold(
                number=note.number, term=note.term, definition=note.definition,
                denominator=note.denominator, command=note.command,
            )
            for note in sheet.notes
        ],
        left_out=list(sheet.left_out),
    )  # fmt: skip


def _told(row: Row[Any], title: str, final: bool) -> DigestTold:
    more = {"week": f"{row.week:%G-W%V}", "title": title, "final": final}
    return DigestTold(**dict(row._mapping) | more)


def _figures(sheet: Sheet, leads: dict[str, str]) -> list[FigureTold]:
    return [
        FigureTold(
            section=section.key, key=figure.key, label=figure.label, amount=figure.amount,
            text=figure.text, remark=figure.remark, note=figure.note, lists=leads.get(figure.key),
        )
        for section in sheet.sections
        for figure in section.figures
    ]  # fmt: skip


ROUTES = (
    Route("GET", "/api/v1/digests", listed, VIEWER, api=True),
    Route("GET", "/api/v1/digests/{digest_id}", one, VIEWER, api=True),
)
