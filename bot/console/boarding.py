"""What the board shows: the stored digests of a week, as far as an operator may see them."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bot import database
from bot.charts import drawing
from bot.charts.drawing import Drawing
from bot.console import roles
from bot.console.page import Page
from bot.digest import storing
from bot.digest.sheet import Figure, Note, Section, Sheet, Subject, Table
from bot.digest.storing import Stored
from bot.models import Digest, DigestScope, Room

DIGEST, ROOM = database.tables(Digest, Room)
WEEKS = 12
# The figures that stand at the top, and in the table of verticals, in this order.
TOP = (
    *("before_per_room_day", "messages_per_room_day", "participation", "response_rate"),
    *("unanswered", "order_lines", "revenue_fen", "organic_share"),
)
COLUMNS = (
    *("messages_per_room_day", "participation", "response_rate", "unanswered", "order_lines"),
    "revenue_fen",
)


@dataclass(frozen=True, slots=True)
class Week:
    """The digests of one week: the fleet's (None for who sees some verticals only), by vertical."""

    monday: dt.date
    fleet: Stored | None
    verticals: Mapping[str, Stored]

    def chosen(self, vertical: str) -> Stored | None:
        """The digest that the page is about: a vertical's, else the fleet's, else the first."""
        first = next(iter(self.verticals.values()), None)
        return self.verticals.get(vertical) or self.fleet or first


def weeks(page: Page) -> Sequence[dt.date]:
    """The weeks of which there is a digest that the operator may see, the latest first."""
    scopes = [DigestScope.FLEET] if roles.sees_all(page.someone) else [DigestScope.VERTICAL]
    query = select(DIGEST.c.week).where(DIGEST.c.scope.in_(scopes))
    seen = page.someone.verticals
    if not roles.sees_all(page.someone):
        query = query.where(DIGEST.c.target.in_(seen if _whole_verticals(page) and seen else ()))
    found = query.distinct().order_by(DIGEST.c.week.desc()).limit(WEEKS)
    return page.session.connection().scalars(found).all()


def gather(page: Page, monday: dt.date) -> Week:
    """The digests of a week that the operator may see; three queries."""
    wanted = [Subject(DigestScope.VERTICAL, each) for each in verticals(page)]
    if roles.sees_all(page.someone):
        wanted.append(Subject(DigestScope.FLEET))
    found = storing.stored(page.session, monday, wanted)
    by_vertical = {
        subject.target: one
        for subject, one in found.items()
        if subject.scope is DigestScope.VERTICAL
    }
    return Week(monday, found.get(Subject(DigestScope.FLEET)), dict(sorted(by_vertical.items())))


def verticals(page: Page) -> list[str]:
    """The verticals that lie in the operator's scope as a whole."""
    if not _whole_verticals(page):
        return []
    query = select(ROOM.c.vertical).where(page.in_scope(ROOM), ROOM.c.vertical != "").distinct()
    return sorted(page.session.connection().scalars(query))


def section(sheet: Sheet, key: str) -> Section | None:
    """One part of a digest."""
    return next((part for part in sheet.sections if part.key == key), None)


def figures(sheet: Sheet, wanted: Iterable[str]) -> list[Figure]:
    """These figures of a digest, as far as it has them."""
    found = {figure.key: figure for part in sheet.sections for figure in part.figures}
    return [found[key] for key in wanted if key in found]


def notes(sheet: Sheet) -> Mapping[int, Note]:
    """The definitions by the number at a figure."""
    return {note.number: note for note in sheet.notes}


def drawings(part: Section | None) -> list[Drawing]:
    """The charts of a part, ready to be written."""
    return [drawing.draw(chart) for chart in part.charts] if part else []


def rooms(page: Page, tables: Iterable[Table]) -> Mapping[str, int]:
    """Our ids of the rooms that tables name, where just one room in scope is called so."""
    names = {row[0] for table in tables for row in table.rows}
    query = select(ROOM.c.id, ROOM.c.topic).where(page.in_scope(ROOM), ROOM.c.topic.in_(names))
    found: dict[str, list[int]] = {}
    for row in page.session.connection().execute(query):
        found.setdefault(row.topic, []).append(row.id)
    return {name: ids[0] for name, ids in found.items() if len(ids) == 1}


def _whole_verticals(page: Page) -> bool:
    """Who sees rooms by tag sees no vertical as a whole."""
    return page.someone.tags is None
