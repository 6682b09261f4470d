"""What the short forms show of a sheet: one screen, the same for the card and the first screen."""

from dataclasses import dataclass

from bot.charts.chart import Chart, Heat
from bot.digest.sheet import Figure, Line, Section, Sheet

# The figures that a manager looks for first, in this order, as far as the sheet has them.
KEYS = (
    *("revenue_fen", "messages_per_room_day", "participation", "silent_ratio"),
    *("response_rate", "unanswered"),
)
MOST_FIGURES = 6
# Charts that a card shows: the week's place among the earlier ones, when people talk, the labels.
PICTURES = ("orders", "talk")


@dataclass(frozen=True, slots=True)
class Part:
    """What is said of one section."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """One screen of a sheet."""

    figures: tuple[Figure, ...]
    charts: tuple[Chart | Heat, ...]
    parts: tuple[Part, ...]


def brief(sheet: Sheet) -> Brief:
    """The one screen."""
    figures = {figure.key: figure for part in sheet.sections for figure in part.figures}
    found = [figures[key] for key in KEYS if key in figures]
    return Brief(
        figures=tuple(found[:MOST_FIGURES]),
        charts=tuple(
            chart for part in sheet.sections if part.key in PICTURES for chart in _pictures(part)
        ),
        parts=tuple(
            Part(part.key, part.title, part.brief)
            for part in sheet.sections
            # What the headline says is not said twice.
            if part.brief and not set(part.brief) <= set(sheet.headline)
        ),
    )


def _pictures(part: Section) -> list[Chart | Heat]:
    """All of a part's charts but the days of the week where earlier weeks or hours tell more."""
    heats = [chart for chart in part.charts if isinstance(chart, Heat)]
    bars = [chart for chart in part.charts if isinstance(chart, Chart)]
    return [*bars[-1:], *heats]
