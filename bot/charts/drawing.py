"""Where everything of a chart stands: rectangles and words, in view-box units."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.charts.chart import Bar, Chart, Heat

WIDTH: Final = 640
PLOT: Final = 150
TOP: Final = 34
# Above this many bars, labels and values would run into each other: only some are written.
ROOMY: Final = 10
CELL: Final = 24.0
GUTTER: Final = 58.0
LEVELS: Final = 5
# Parts thinner than this share of the whole carry no words of their own.
THIN: Final = 0.09


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle; `title` is said when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """Many equal cells of one tone as one SVG path `d`: a grid of them stays small."""

    d: str
    tone: str
    opacity: float = 1


@dataclass(frozen=True, slots=True)
class Word:
    """Words on a base line; `anchor` is start, middle or end; `kind` is value, label or mark."""

    x: float
    y: float
    text: str
    anchor: str
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart ready to be written; `note` is its footnote."""

    title: str
    summary: str
    width: float
    height: float
    rects: tuple[Rect, ...]
    words: tuple[Word, ...]
    cells: tuple[Cells, ...]
    legend: tuple[Bar, ...]
    note: int | None


def draw(chart: Chart | Heat, plot: float = PLOT) -> Drawing:
    """Lay a chart out; `plot` is how high standing bars may be."""
    if isinstance(chart, Heat):
        return _heat(chart)
    return _columns(chart, plot) if chart.form == "columns" else FORMS[chart.form](chart)


def _columns(chart: Chart, plot: float) -> Drawing:
    amounts = [bar.amount or 0 for bar in chart.bars]
    scale = plot / max(*amounts, chart.high or 0, 1)
    step = WIDTH / max(len(chart.bars), 1)
    width = min(step * 0.66, 58)
    base = TOP + plot
    rects = [*_band(chart, base, scale), Rect(0, base, WIDTH, 1.5, "base")]
    words: list[Word] = []
    for place, bar in enumerate(chart.bars):
        # A thread of a bar still shows that the day was there.
        height = 0 if bar.amount is None else max(bar.amount * scale, 1.5)
        middle = step * (place + 0.5)
        title = f"{bar.label.replace(chr(10), ' ')}：{bar.text}"
        left, top = middle - width / 2, base - height
        rects.append(_rect(left, top, width, height, bar.tone or "log", title))
        words += _words_of_column(bar, _written(place, len(chart.bars)), middle, top, base)
    lines = 1 + max((bar.label.count("\n") for bar in chart.bars), default=0)
    return _drawing(chart, base + 12 + 25 * lines, rects, words)


def _band(chart: Chart, base: float, scale: float) -> Iterator[Rect]:
    if chart.low is not None and chart.high is not None:
        height = max((chart.high - chart.low) * scale, 1)
        yield _rect(0, base - chart.high * scale, WIDTH, height, "band", "")


def _written(place: int, bars: int) -> tuple[bool, bool]:
    """Whether the bar's label and its value are written."""
    last = bars - 1
    if bars <= ROOMY:
        return True, True
    return (last - place) % 4 == 0, place in (0, last)


def _words_of_column(
    bar: Bar, written: tuple[bool, bool], middle: float, top: float, base: float
) -> Iterator[Word]:
    labelled, valued = written
    if valued and bar.text:
        yield Word(round(middle, 1), round(top - 8, 1), bar.text, "middle", "value")
    for n, line in enumerate(bar.label.split("\n") if labelled else ()):
        yield Word(round(middle, 1), base + 25 * (n + 1), line, "middle", "mark" if n else "label")


def _rows(chart: Chart) -> Drawing:
    largest = max((bar.amount or 0 for bar in chart.bars), default=0) or 1
    rects: list[Rect] = []
    words: list[Word] = []
    for place, bar in enumerate(chart.bars):
        top = place * 58 + 32
        width = max((bar.amount or 0) / largest * WIDTH, 2)
        rects.append(Rect(0, top, WIDTH, 12, "track"))
        rects.append(_rect(0, top, width, 12, bar.tone or "log", f"{bar.label}：{bar.text}"))
        words.append(Word(0, top - 9, bar.label, "start", "value"))
        words.append(Word(WIDTH, top - 9, bar.text, "end", "value"))
    return _drawing(chart, len(chart.bars) * 58, rects, words)


def _parts(chart: Chart) -> Drawing:
    whole = sum(bar.amount or 0 for bar in chart.bars) or 1
    rects: list[Rect] = []
    words: list[Word] = []
    left = 0.0
    for bar in chart.bars:
        share = (bar.amount or 0) / whole
        width = share * WIDTH
        # A hair of ground between two parts.
        rects.append(
            _rect(left, 30, max(width - 3, 1), 26, bar.tone or "log", f"{bar.label}：{bar.text}")
        )
        if share >= THIN:
            words.append(Word(round(left, 1), 20, f"{share:.0%}", "start", "value"))
        left += width
    return _drawing(chart, 60, rects, words)


def _heat(chart: Heat) -> Drawing:
    hours = max((len(row.amounts) for row in chart.rows), default=0) or 1
    step = (WIDTH - GUTTER) / hours
    shape = f"h{step - 2:.1f}v{CELL - 2:.0f}h-{step - 2:.1f}z"
    largest = max((amount or 0 for row in chart.rows for amount in row.amounts), default=0) or 1
    # The ground of a cell stays visible, so that a silent hour is seen as one.
    paths: list[list[str]] = [[] for _ in range(LEVELS + 1)]
    for n, row in enumerate(chart.rows):
        for m, amount in enumerate(row.amounts):
            place = f"M{GUTTER + m * step:.1f} {n * CELL:.0f}{shape}"
            paths[0].append(place)
            if amount:
                # The share first: so it is never more than one, whatever is rounded.
                paths[max(math.ceil(LEVELS * (amount / largest)), 1)].append(place)
    base = len(chart.rows) * CELL + 20
    words = [
        Word(GUTTER - 10, n * CELL + CELL - 6, row.label, "end", "label")
        for n, row in enumerate(chart.rows)
    ] + [
        Word(round(GUTTER + (m + 0.5) * step, 1), base, label, "middle", "label")
        for m, label in enumerate(chart.columns)
        if label
    ]
    cells = [
        Cells("".join(places), "heat" if level else "track", _opacity(level))
        for level, places in enumerate(paths)
        if places
    ]
    return _drawing(chart, base + 6, [], words, cells)


def _opacity(level: int) -> float:
    return round(0.12 + 0.88 * level / LEVELS, 2) if level else 1


def _rect(x: float, y: float, width: float, height: float, tone: str, title: str) -> Rect:
    return Rect(round(x, 1), round(y, 1), round(width, 1), round(height, 1), tone, title)


def _drawing(
    chart: Chart | Heat,
    height: float,
    rects: Sequence[Rect],
    words: Sequence[Word],
    cells: Sequence[Cells] = (),
) -> Drawing:
    legend = chart.legend if isinstance(chart, Chart) else ()
    return Drawing(
        title=chart.title,
        summary=chart.summary,
        width=WIDTH,
        height=height,
        rects=tuple(rects),
        words=tuple(words),
        cells=tuple(cells),
        legend=legend,
        note=chart.note,
    )


FORMS: Final[Mapping[str, Callable[[Chart], Drawing]]] = {
    "rows": _rows,
    "parts": _parts,
}
