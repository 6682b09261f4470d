"""docs/benchmarks.md, from the results that are kept: what was asked beside what was measured."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from bot.bench.report import details
from bot.bench.report.keeping import Kept
from bot.bench.report.runs import Figure, Run, Section

Results = Mapping[str, Sequence[Kept]]
OPENING = (
    "# Benchmarks",
    "",
    "`make bench` 写的,不要手改。每个数是几次的中位数(括号里是最小和最大);✓ 达到要求,✗ 没有达到,"
    "没有符号的没有要求。",
    "",
    "Written by `make bench` (`qunyun bench all`): not edited by hand. A figure is the median of"
    " the repeats, the least and the most in brackets; ✓ is held, ✗ is not held, and where there"
    " is neither, nothing was asked. Baselines are measured in the same run on the same rows.",
)
QUICK = (
    "",
    "**Sizes that only show that everything works: no figure of this page may be quoted.**",
)
NOT_MEASURED = "not measured"


def page(sections: Sequence[Section], results: Results, *, quick: bool) -> str:
    """The whole document. `results` by the name of the run; a run without any is said to be not
    measured. Nothing is judged by `quick` sizes.
    """
    lines = [*OPENING, *(QUICK if quick else ()), *_summary(sections, results, quick=quick)]
    for section in sections:
        lines += _section(section, results, quick=quick)
    return "\n".join([*lines, *_machine(results), *_runs(sections, results)]) + "\n"


def value(measured: Mapping[str, object], path: str) -> float | None:
    """The number at a dotted path; of `*` the largest; None where there is none."""
    found: list[object] = [measured]
    for part in path.split("."):
        inside = [one for one in found if isinstance(one, dict)]
        if part == "*":
            found = [each for one in inside for each in one.values()]
        else:
            found = [one[part] for one in inside if part in one]
    numbers = [float(one) for one in found if isinstance(one, int | float)]
    return max(numbers, default=None)


def holds(figure: Figure, column: int, measured: float) -> bool | None:
    """Whether what was asked of this column was reached; None where nothing was asked."""
    limit = _asked(figure, column)
    if limit is None:
        return None
    return measured >= limit if figure.at_least else measured <= limit


def shown(number: float) -> str:
    """What is whole as it is, thousands apart; the rest short, parts of 1 to the sixth digit."""
    if number == int(number) or abs(number) >= 1000:
        return f"{number:,.0f}"
    if abs(number) < 1:
        return f"{number:.6g}"
    return f"{number:.2f}" if abs(number) < 10 else f"{number:.1f}"


def _asked(figure: Figure, column: int) -> float | None:
    if not figure.asked:
        return None
    return figure.asked[min(column, len(figure.asked) - 1)]


def _median(figure: Figure, repeats: Sequence[Kept]) -> tuple[float, float, float] | None:
    numbers = [value(one.measured, figure.path) for one in repeats]
    there = [each for each in numbers if each is not None]
    return (statistics.median(there), min(there), max(there)) if there else None


def _summary(sections: Sequence[Section], results: Results, *, quick: bool) -> Iterator[str]:
    if quick:
        return
    judged = [
        (section, title, figure, holds(figure, column, found[0]))
        for section in sections
        for column, (title, run) in enumerate(section.runs)
        for figure in section.figures
        if (found := _median(figure, results.get(run.name, ())))
    ]
    asked = [each for each in judged if each[3] is not None]
    missed = [each for each in asked if not each[3]]
    yield ""
    yield f"{len(asked)} figures were asked for and measured; {len(asked) - len(missed)} hold."
    yield from (
        f"- ✗ {section.title}, {title}: {figure.label}" for section, title, figure, _ in missed
    )
    absent = [
        f"`{run.name}`" for each in sections for _, run in each.runs if run.name not in results
    ]
    if absent:
        yield from ("", f"Not measured: {', '.join(absent)}.")


def _section(section: Section, results: Results, *, quick: bool) -> Iterator[str]:
    yield from ("", f"## {section.title}", "", section.text, "")
    yield f"| | asked | {' | '.join(title for title, _ in section.runs)} |"
    yield "|---|--:|" + "--:|" * len(section.runs)
    for figure in section.figures:
        cells = [
            _cell(figure, column, results.get(run.name, ()), quick=quick)
            for column, (_, run) in enumerate(section.runs)
        ]
        yield f"| {figure.label} | {_limits(figure)} | {' | '.join(cells)} |"
    for title, run in section.runs:
        for one in results.get(run.name, ())[-1:]:
            yield from details.pages(title, one.measured)
            yield from details.worlds(title, one.measured)


def _limits(figure: Figure) -> str:
    sign = "≥" if figure.at_least else "≤"
    return " / ".join(f"{sign} {shown(limit)}" for limit in figure.asked)


def _cell(figure: Figure, column: int, repeats: Sequence[Kept], *, quick: bool) -> str:
    found = _median(figure, repeats)
    if found is None:
        return "" if repeats else NOT_MEASURED
    median, least, most = found
    spread = f" ({shown(least)}–{shown(most)})" if least != most else ""
    verdict = None if quick else holds(figure, column, median)
    sign = {True: " ✓", False: " ✗", None: ""}[verdict]
    return f"{shown(median)}{sign}{spread}"


def _machine(results: Results) -> Iterator[str]:
    yield from ("", "## Machine", "")
    told = {
        f"{value(one.measured, 'machine.cores'):g} cores, {machine['processor']},"
        f" Python {machine['python']}"
        for repeats in results.values()
        for one in repeats
        if isinstance(machine := one.measured["machine"], dict)
    }
    yield from (f"- {each}" for each in sorted(told))


def _runs(sections: Sequence[Section], results: Results) -> Iterator[str]:
    yield from ("", "## Runs", "")
    yield (
        "`others` is which part of all processors was in use in the second before a run began;"
        " `fsync` is the median of writing 4 kB and waiting for the disk, right after it."
    )
    yield from (
        "",
        "| command | repeats | first, UTC | others | fsync, µs | peak, MB | took, s |",
    )
    yield "|---|--:|---|--:|--:|--:|--:|"
    for run in (run for section in sections for _, run in section.runs):
        if repeats := results.get(run.name):
            yield _run(run, repeats)


def _run(run: Run, repeats: Sequence[Kept]) -> str:
    files = ("--corpus", "FILE") if run.corpus else ()
    command = " ".join([*repeats[0].arguments, *files])
    fsync = [value(one.measured, "fsync_us") or 0 for one in repeats]
    peak = [value(one.measured, "peak_rss_mb") or 0 for one in repeats]
    cells = [
        f"`qunyun bench {command}`",
        f"{len(repeats)}",
        min(one.at for one in repeats)[:16].replace("T", " "),
        f"{max(one.busy for one in repeats):.0%}",
        shown(statistics.median(fsync)),
        shown(max(peak)),
        shown(statistics.median(one.took_s for one in repeats)),
    ]
    return f"| {' | '.join(cells)} |"
