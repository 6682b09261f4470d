"""What a digest shows, prepared down to the words: stored as JSON, rendered without thinking."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from bot.charts.chart import Chart, Heat
from bot.models import DigestScope


class Subject(NamedTuple):
    """What a digest is about; `target` is a room's platform id, a vertical, the owner of rooms, or
    "" for the fleet.
    """

    scope: DigestScope
    target: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence; `notes` are the footnotes that define the numbers in it."""

    text: str
    notes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: `text` is what people read, `amount` what was computed (None: not known).

    `note` is the number of the footnote that defines it; `remark` puts it into perspective.
    """

    key: str
    label: str
    text: str
    amount: float | None
    note: int
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A small table; the first column names the row, the others are numbers.

    `keys` say what each row is about, where a page may lead there: `room:7`.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: int
    keys: tuple[str, ...] = ()

    def keyed(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """(key, row), "" where a row has none."""
        return zip(self.keys or ("",) * len(self.rows), self.rows, strict=True)


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a member, fit to be shown in their own room."""

    text: str
    by: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Some quotes under one title."""

    title: str
    quotes: tuple[Quote, ...]
    note: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One message behind something: where it stands, and its words where these may be shown.

    `key` says which it is, where a page may lead there: `question:7:123` (room, message), `case:5`,
    `person:9`.
    """

    where: str
    text: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do next week: what, why, and the messages behind it; `key` as a table's rows."""

    title: str
    why: Line
    evidence: tuple[Evidence, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a digest. `lead` is its one sentence; `brief` what the short forms say of it.

    `remarks` say what it leaves open.
    """

    key: str
    title: str
    lead: Line | None = None
    brief: tuple[Line, ...] = ()
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart | Heat, ...] = ()
    tables: tuple[Table, ...] = ()
    quotes: tuple[Quotes, ...] = ()
    remarks: tuple[Line, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether its lead is all that it says."""
        return not (self.figures or self.charts or self.tables or self.quotes or self.remarks)


@dataclass(frozen=True, slots=True)
class Note:
    """A definition: what is counted, over what, and the command that lists it."""

    number: int
    term: str
    definition: str
    denominator: str
    command: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A digest of one week and one scope. `week` is like 2026-W45; `gist` tells it in few words."""

    scope: DigestScope
    target: str
    week: str
    title: str
    period: str
    status: str
    final: bool
    headline: tuple[Line, ...]
    sections: tuple[Section, ...]
    notes: tuple[Note, ...]
    left_out: tuple[str, ...]
    actions: tuple[Action, ...] = ()
    comment: str = ""
    gist: str = ""

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return Subject(self.scope, self.target)

    def parts(self) -> tuple[Section, ...]:
        """The sections that say more than the headline does."""
        return tuple(
            part for part in self.sections if not (part.bare and part.lead in self.headline)
        )

    def amounts(self) -> dict[str, float | None]:
        """Every figure's number by its key."""
        return {
            figure.key: figure.amount for section in self.sections for figure in section.figures
        }

    def figure(self, key: str) -> Figure | None:
        """One figure by its key; None where the sheet does not have it."""
        figures = (figure for section in self.sections for figure in section.figures)
        return next((figure for figure in figures if figure.key == key), None)

    def about(self) -> set[str]:
        """What its rows, actions and their evidence are about."""
        tables = (table for section in self.sections for table in section.tables)
        found = {key for table in tables for key in table.keys}
        found |= {action.key for action in self.actions}
        found |= {one.key for action in self.actions for one in action.evidence}
        return found - {""}


_SHEETS = TypeAdapter(Sheet)


def pack(sheet: Sheet) -> dict[str, Any]:
    """The sheet as plain JSON values."""
    packed: dict[str, Any] = _SHEETS.dump_python(sheet, mode="json")
    return packed


def unpack(figures: Mapping[str, Any]) -> Sheet:
    """The sheet that `pack` was given, also after a round trip through a database."""
    return _SHEETS.validate_python(figures)
