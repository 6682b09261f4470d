"""What the short text shows of a sheet beside its headline."""

from dataclasses import dataclass

from bot.digest.sheet import Figure, Line, Sheet

# The figures that a manager looks for first, in this order, as far as the sheet has them.
KEYS = (
    *("revenue_fen", "messages_per_room_day", "participation", "silent_ratio"),
    *("response_rate", "unanswered"),
)
MOST_FIGURES = 6


@dataclass(frozen=True, slots=True)
class Part:
    """What is said of one section."""

    key: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """A sheet in short."""

    figures: tuple[Figure, ...]
    parts: tuple[Part, ...]


def brief(sheet: Sheet) -> Brief:
    """The sheet in short."""
    figures = {figure.key: figure for part in sheet.sections for figure in part.figures}
    found = [figures[key] for key in KEYS if key in figures]
    said = " ".join(line.text for line in sheet.headline)
    return Brief(
        figures=tuple(found[:MOST_FIGURES]),
        parts=tuple(
            Part(part.key, part.title, lines)
            for part in sheet.sections
            # What the headline says is not said twice.
            if (lines := tuple(line for line in part.brief if line.text not in said))
        ),
    )
