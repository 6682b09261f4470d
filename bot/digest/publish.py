"""Store digests and write their files."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.digest import card, compose, render, workbook
from bot.digest import gather as gathering
from bot.digest import sheet as sheets
from bot.digest.gather import Week
from bot.digest.sheet import Sheet
from bot.errors import Fault, InvalidInput
from bot.gateway import Read
from bot.models import Digest, DigestScope, DigestState

TEXTS: Mapping[str, Callable[[Sheet], str]] = {
    "md": render.markdown,
    "html": render.html,
    "txt": render.text,
}
FILES: Mapping[str, Callable[[Sheet], bytes]] = {"png": card.png, "xlsx": workbook.xlsx}
FORMATS = (*TEXTS, *FILES)
_UNSAFE = re.compile(r"[^\w@.-]+")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a digest is about; `target` is a room's platform id, a vertical, or "" for the fleet."""

    scope: DigestScope
    target: str = ""


FLEET = Subject(DigestScope.FLEET)


def draft(
    session: Session,
    week: date,
    scope: DigestScope,
    target: str,
    now: datetime,
    *,
    zone: ZoneInfo,
    reads: Mapping[str, Read] | None = None,
) -> Digest:
    """Compute and store one digest of the week that begins on the Monday `week`; safe to repeat.

    A draft is replaced by what is known now; an approved or sent one stays word for word.
    Raises InvalidInput for an unknown target, and for a week of which no day is over.
    """
    subject = Subject(scope, target)
    quoting = [target] if scope is DigestScope.ROOM else []
    gathered = gathering.gather(session, week, now, zone, reads=reads, quoting=quoting)
    return draft_all(session, gathered, [subject])[0]


def draft_all(session: Session, week: Week, subjects: Sequence[Subject]) -> list[Digest]:
    """Store many digests of one gathered week, in the order given; safe to repeat."""
    stored = {
        Subject(digest.scope, digest.target): digest
        for digest in session.scalars(
            select(Digest).where(database.table(Digest).c.week == week.monday)
        )
    }
    return [_draft(session, week, subject, stored.get(subject)) for subject in subjects]


def everything(week: Week) -> list[Subject]:
    """The fleet, every vertical and every room of a gathered week."""
    verticals = sorted({room.vertical for room in week.rooms.values() if room.vertical})
    return [
        FLEET,
        *(Subject(DigestScope.VERTICAL, vertical) for vertical in verticals),
        *(Subject(DigestScope.ROOM, room.platform_id) for room in week.rooms.values()),
    ]


def sheet(digest: Digest) -> Sheet:
    """What a stored digest shows."""
    return sheets.unpack(digest.figures)


def write(
    sheets: Collection[Sheet], out: Path, formats: Sequence[str] = ("md", "html")
) -> list[Path]:
    """Write `<out>/<week>/<fleet|vertical-…|room-…>.<format>`, replacing what stood there.

    Returns the paths. Raises InvalidInput for an unknown format, CardUnavailable where a picture
    cannot be made.
    """
    check(formats)
    taken: set[str] = set()
    paths = []
    for sheet in sheets:
        folder = out / sheet.week
        folder.mkdir(parents=True, exist_ok=True)
        name = _free(filename(sheet.scope, sheet.target), taken)
        for format in formats:
            path = folder / f"{name}.{format}"
            path.write_bytes(written(sheet, format))
            paths.append(path)
    return paths


def written(sheet: Sheet, format: str) -> bytes:
    """A sheet in one of FORMATS. Raises CardUnavailable where a picture cannot be made."""
    return TEXTS[format](sheet).encode() if format in TEXTS else FILES[format](sheet)


def check(formats: Sequence[str]) -> None:
    """Raises InvalidInput where a format is unknown."""
    for format in formats:
        if format not in FORMATS:
            remedy = f"use some of {','.join(FORMATS)}"
            raise InvalidInput(Fault("--formats", 0, "", f"{format!r} is no format", remedy))


def filename(scope: DigestScope, target: str) -> str:
    """A name that is safe on every file system: letters of any script, digits, `@`, `.`, `-`."""
    if scope is DigestScope.FLEET:
        return "fleet"
    # A leading dot would hide the file, and dots alone would climb out of the folder.
    safe = _UNSAFE.sub("_", target).strip("._")[:80]
    return f"{scope}-{safe or 'unnamed'}"


def _free(name: str, taken: set[str]) -> str:
    """The name, or the name with a number where another target came out the same."""
    free, n = name, 2
    # Some file systems do not tell upper from lower case.
    while free.casefold() in taken:
        free, n = f"{name}-{n}", n + 1
    taken.add(free.casefold())
    return free


def _draft(session: Session, week: Week, subject: Subject, stored: Digest | None) -> Digest:
    if stored is not None and stored.state is not DigestState.DRAFT:
        return stored
    figures = sheets.pack(compose.sheet(week, subject.scope, subject.target))
    digest = stored or Digest(
        week=week.monday,
        scope=subject.scope,
        target=subject.target,
        figures=figures,
        computed_at=week.now,
    )
    digest.figures, digest.computed_at = figures, week.now
    session.add(digest)
    return digest
