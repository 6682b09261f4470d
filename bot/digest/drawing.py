"""Where the bars of a chart stand: geometry for the SVG macros, in view-box units."""

from dataclasses import dataclass

from bot.digest.sheet import Bar, Chart

WIDTH = 640
PLOT = 170
TOP = 32
FOOT = 60
ROW = 62
# Above this many bars, labels and values would run into each other: only some are written.
ROOMY = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """One bar as it is drawn; `label` lines and `text` are empty where there is no room."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: tuple[str, ...]
    text: str
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart ready to be written: bars, and the band as (y, height) where there is one."""

    form: str
    title: str
    summary: str
    width: float
    height: float
    base: float
    shapes: tuple[Shape, ...]
    band: tuple[float, float] | None
    legend: tuple[Bar, ...]
    note: int | None


def draw(chart: Chart) -> Drawing:
    """Lay a chart out."""
    return _rows(chart) if chart.form == "rows" else _columns(chart)


def _columns(chart: Chart) -> Drawing:
    amounts = [bar.amount or 0 for bar in chart.bars]
    scale = PLOT / max(*amounts, chart.high or 0, 1)
    step = WIDTH / max(len(chart.bars), 1)
    width = min(step * 0.62, 56)
    base = TOP + PLOT
    roomy = len(chart.bars) <= ROOMY
    every = 1 if roomy else 4
    last = len(chart.bars) - 1
    shapes = []
    for place, bar in enumerate(chart.bars):
        # A thread of a bar still shows that the day was there.
        height = 0 if bar.amount is None else max(bar.amount * scale, 1.5)
        middle = step * (place + 0.5)
        written = roomy or (last - place) % every == 0
        shapes.append(
            Shape(
                x=round(middle - width / 2, 1),
                y=round(base - height, 1),
                width=round(width, 1),
                height=round(height, 1),
                middle=round(middle, 1),
                label=tuple(bar.label.split("\n")) if written else (),
                text=bar.text if roomy or place in (0, last) else "",
                title=f"{bar.label.replace(chr(10), ' ')}：{bar.text}",
                tone=bar.tone,
            )
        )
    band = None
    if chart.low is not None and chart.high is not None:
        band = (
            round(base - chart.high * scale, 1),
            round(max((chart.high - chart.low) * scale, 1), 1),
        )
    return Drawing(
        "columns",
        chart.title,
        chart.summary,
        WIDTH,
        base + FOOT,
        base,
        tuple(shapes),
        band,
        chart.legend,
        chart.note,
    )


def _rows(chart: Chart) -> Drawing:
    largest = max((bar.amount or 0 for bar in chart.bars), default=0) or 1
    shapes = tuple(
        Shape(
            x=0,
            y=place * ROW + 34,
            width=round(max((bar.amount or 0) / largest * WIDTH, 2), 1),
            height=13,
            middle=place * ROW + 24,
            label=(bar.label,),
            text=bar.text,
            title=f"{bar.label}：{bar.text}",
            tone=bar.tone,
        )
        for place, bar in enumerate(chart.bars)
    )
    return Drawing(
        "rows",
        chart.title,
        chart.summary,
        WIDTH,
        len(shapes) * ROW,
        0,
        shapes,
        None,
        chart.legend,
        chart.note,
    )
