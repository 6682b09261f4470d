"""What every number of a digest has to be, by the recount; and every number that a digest shows.

`prove` walks a sheet and fails at the first number that the recount does not know or counts
otherwise: a new figure, sentence, chart or table needs a line in `known`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.charts.chart import Heat
from bot.digest.sheet import Section, Sheet

NUMERAL = re.compile(r"[+−]?¥?\d[\d,]*(?:\.\d+)?")
WEEKDAYS = "一二三四五六日"
Number = float | None


@dataclass
class Known:
    """Numbers by the place where a digest may show them: a figure's key, or a sentence's words
    with # for each number. `about` holds those that a resampling gives, with their tolerance.
    """

    figures: dict[str, Number] = field(default_factory=dict)
    words: dict[str, list[Sequence[float]]] = field(default_factory=lambda: defaultdict(list))
    bars: dict[str, Sequence[Number]] = field(default_factory=dict)
    about: dict[str, float] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def say(self, words: str, *numbers: float, about: float = 0) -> None:
        """These words may stand with these numbers, in order."""
        self.words[words].append(numbers)
        if about:
            self.about[words] = about

    def figure(self, key: str, amount: Number, words: str, *numbers: float) -> None:
        """This figure's amount, and the words that people read of it."""
        self.figures[key] = amount
        self.say(f"{key}: {words}", *numbers)


def shape(words: str) -> str:
    """The words with # for each number."""
    return NUMERAL.sub("#", words)


def numbers(words: str) -> list[tuple[float, float]]:
    """Every number of the words, and half a unit of its last digit."""
    found = []
    for numeral in NUMERAL.findall(words):
        plain = numeral.replace(",", "").replace("−", "-").replace("¥", "").removeprefix("+")
        decimals = len(plain.partition(".")[2])
        found.append((float(plain), 0.5 * 10**-decimals + 1e-9))
    return found


def prove(sheet: Sheet, known: Known) -> int:
    """Hold every number of the sheet against what is known; returns how many there were."""
    count = 0
    for section in sheet.sections:
        for figure in section.figures:
            assert figure.key in known.figures, f"nobody counts {figure.key} again"
            assert figure.amount == _near(known.figures[figure.key]), figure
            known.seen.add(figure.key)
        for chart in section.charts:
            if not isinstance(chart, Heat):
                count += _prove_bars(shape(chart.title), [bar.amount for bar in chart.bars], known)
                if chart.low is not None:
                    band = [chart.low, chart.high]
                    count += _prove_bars(f"{shape(chart.title)}: band", band, known)
            else:
                hours = [amount for row in chart.rows for amount in row.amounts]
                count += _prove_bars(chart.title, hours, known)
    for words in _said(sheet):
        count += _prove_words(words, known)
    return count


def _near(amount: Number) -> object:
    from pytest import approx

    return None if amount is None else approx(amount, rel=1e-9, abs=1e-9)


def _prove_bars(title: str, shown: Sequence[Number], known: Known) -> int:
    assert title in known.bars, f"nobody counts the bars of {title} again"
    assert list(shown) == [_near(amount) for amount in known.bars[title]], title
    return len(shown)


def _prove_words(words: str, known: Known) -> int:
    shown, form = numbers(words), shape(words)
    if not shown:
        return 0
    assert form in known.words, f"nobody counts the numbers of “{words}” again"
    slack = known.about.get(form, 0)
    fits = [
        all(abs(a - b) <= half + slack for (a, half), b in zip(shown, wanted, strict=True))
        for wanted in known.words[form]
        if len(wanted) == len(shown)
    ]
    assert any(fits), f"“{words}” should have {known.words[form]}"
    known.seen.add(form)
    return len(shown)


def _said(sheet: Sheet) -> Iterator[str]:
    """Every sentence, cell and label that a reader sees; definitions and quotes of members aside."""
    yield from (sheet.title, sheet.period, sheet.status, f"要点 {sheet.gist}")
    yield from (line.text for line in sheet.headline)
    for action in sheet.actions:
        yield f"做 {action.title}：{action.why.text}"
    for section in sheet.sections:
        yield from _of(section)


def _of(section: Section) -> Iterator[str]:
    lines = (*((section.lead,) if section.lead else ()), *section.brief, *section.remarks)
    yield from (line.text for line in lines)
    for figure in section.figures:
        yield f"{figure.key}: {figure.text}{f'（{figure.remark}）' if figure.remark else ''}"
    for chart in section.charts:
        yield from (chart.title, chart.summary)
        if not isinstance(chart, Heat):
            yield from (f"{shape(chart.title)}| {bar.label} {bar.text}" for bar in chart.bars)
            yield from (f"{bar.label} {bar.text}" for bar in chart.legend)
    for table in section.tables:
        yield table.title
        yield from (f"{shape(table.title)}| {' | '.join(row)}" for row in table.rows)
    for quotes in section.quotes:
        yield from (f"{quotes.title}| {quote.by.rpartition(' · ')[2]}" for quote in quotes.quotes)
