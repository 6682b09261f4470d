"""What a chart shows: numbers with the words that people read beside them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `tone` is one of `palette.TONES`, "" for the ordinary one.

    A line break in `label` starts a second line, which marks what was special.
    """

    label: str
    amount: float | None
    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars: standing (`columns`), lying (`rows`) or as parts of one whole (`parts`).

    `low` and `high` are the band that standing bars are read against. `summary` says in words
    what the picture shows. `note` is the footnote that defines its numbers.
    """

    form: str
    title: str
    summary: str
    bars: tuple[Bar, ...]
    low: float | None = None
    high: float | None = None
    legend: tuple[Bar, ...] = ()
    note: int | None = None


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One line of a heat map; an amount is None where it is not known."""

    label: str
    amounts: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat map such as weekday × hour; `columns` are the labels, "" where none is written."""

    title: str
    summary: str
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    note: int | None = None
