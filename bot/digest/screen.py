"""What the card shows of a sheet: one screen of a phone, whatever the sheet holds.

Every name and sentence is cut to a length that fits; the whole of it stands in the page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.charts.chart import Bar, Chart, Heat
from bot.digest import phrasing
from bot.digest.sheet import Action, Figure, Line, Section, Sheet

# Two rows of two: who took part, what became of questions, what special days added; the others
# stand in where a week has none of these.
TILES = (
    *("participation", "response_rate", "lift_qa_day", "lift_sharing_day"),
    *("complaints", "wau", "silent_ratio", "rooms_unread"),
)
MOST_TILES = 4
NAMED = ("special", "outside", "band")
# In widths of a Chinese character; ASCII is about half as wide.
LONGEST_TITLE, LONGEST_WORDS, LONGEST_LABEL, LONGEST_LEGEND, LONGEST_ACTION = 19, 34, 13, 11, 22
# What stands beside money, two of it: a number of nine figures leaves fourteen to a line.
BESIDE_MONEY = (34, 24)
# What may take two lines, and what is left of it where the screen is too full for that.
COMMENT, GOAL, REMARK, WHY, HEALTH = (50, 25), (40, 24), (27, 14), (40, 26), (58, 27)
LONGEST_AMOUNT = 11
# One line under the title.
LONGEST_GIST = 28
# What fits into one line in large letters.
LARGE_TITLE = 14


@dataclass(frozen=True, slots=True)
class Block:
    """A part with one number large, what is said beside it, and a picture."""

    title: str
    figure: Figure | None
    words: tuple[str, ...]
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen of a sheet, in its order."""

    title: str
    long: bool
    week: str
    days: str
    gist: str
    comment: str
    orders: Block | None
    talk: Block | None
    tiles: tuple[Figure, ...]
    goal: str
    actions: tuple[Action, ...]
    health: str
    computed: str


def screen(sheet: Sheet, *, tight: bool = False) -> Screen:
    """The one screen; `tight` where everything in full would be higher than that."""
    parts = {part.key: part for part in sheet.sections}
    figures = {figure.key: figure for part in sheet.sections for figure in part.figures}
    week, _, days = sheet.period.partition(" · ")
    return Screen(
        title=phrasing.cut(sheet.title, LONGEST_TITLE),
        long=phrasing.width(sheet.title) > LARGE_TITLE,
        week=week,
        days=days,
        gist=phrasing.cut(sheet.gist, LONGEST_GIST),
        comment=phrasing.cut(sheet.comment, COMMENT[tight]),
        orders=_orders(parts.get("orders"), figures, BESIDE_MONEY[tight]),
        talk=_talk(parts.get("talk"), figures, named=not tight),
        tiles=tuple(_tiles(figures, REMARK[tight])),
        goal=_first(parts.get("goals"), GOAL[tight]),
        actions=tuple(_action(action, WHY[tight]) for action in sheet.actions),
        health=_first(parts.get("health"), HEALTH[tight]),
        computed=sheet.status.rpartition(" · ")[2],
    )


def _orders(part: Section | None, figures: Mapping[str, Figure], longest: float) -> Block | None:
    lines, revenue = figures.get("order_lines"), figures.get("revenue_fen")
    if part is None or lines is None or revenue is None:
        return _told(part)
    chart = _bars(part)
    if chart:
        chart = replace(chart, legend=tuple(_shorter(bar) for bar in chart.legend))
    many = f"{lines.label} {lines.text}" + (" 行" if lines.amount is not None else "")
    return Block(f"{revenue.label} · {many}", revenue, _words(part.brief[:2], longest), chart)


def _talk(part: Section | None, figures: Mapping[str, Figure], *, named: bool) -> Block | None:
    figure = figures.get("messages_per_room_day")
    if part is None or figure is None:
        return _told(part)
    chart = _bars(part)
    if chart:
        # The last bar is this week's: what else is there has to be named.
        shown = [bar for bar in chart.legend if named and bar.tone in NAMED]
        legend = tuple(replace(bar, label=phrasing.cut(bar.label, LONGEST_LEGEND)) for bar in shown)
        chart = replace(chart, legend=legend)
    return Block(figure.label, figure, _words(part.brief[:1], LONGEST_WORDS), chart)


def _told(part: Section | None) -> Block | None:
    """A part without numbers says why."""
    if part is None or part.lead is None:
        return None
    return Block(part.title, None, (phrasing.cut(part.lead.text, COMMENT[False]),), None)


def _words(lines: tuple[Line, ...], longest: float) -> tuple[str, ...]:
    return tuple(phrasing.cut(line.text, longest) for line in lines)


def _shorter(bar: Bar) -> Bar:
    """Lines and money, where both fit; the share stands over its part of the bar."""
    lines, *rest = bar.text.split(" · ")
    both = " · ".join((lines, *rest[1:]))
    return replace(bar, text=both if phrasing.width(both) <= LONGEST_AMOUNT else lines)


def _bars(part: Section) -> Chart | None:
    """The last bars of a part: the weeks before this one, else the days of the week."""
    bars = [chart for chart in part.charts if not isinstance(chart, Heat)]
    return bars[-1] if bars else None


def _tiles(figures: Mapping[str, Figure], longest: float) -> Iterator[Figure]:
    found = [figures[key] for key in TILES if key in figures]
    for figure in found[:MOST_TILES]:
        # What comes first of a remark matters most.
        remark = figure.remark.partition("；")[0]
        waiting = figures.get("unanswered")
        if figure.key == "response_rate" and waiting and waiting.amount:
            remark = f"{waiting.text} 个提问还没人回应"
        label = phrasing.cut(figure.label, LONGEST_LABEL)
        yield replace(figure, label=label, remark=phrasing.cut(remark, longest))


def _action(action: Action, longest: float) -> Action:
    why = replace(action.why, text=phrasing.cut(action.why.text, longest))
    return replace(action, title=phrasing.cut(action.title, LONGEST_ACTION), why=why, evidence=())


def _first(part: Section | None, longest: float) -> str:
    return phrasing.cut(part.brief[0].text, longest) if part and part.brief else ""
