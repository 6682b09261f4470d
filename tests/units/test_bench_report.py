"""The document of all benches: what is kept stays measured, what was asked stands beside it."""

import datetime as dt
from pathlib import Path

import pytest

from bot.bench.report import details, keeping, measuring, page, sections
from bot.bench.report.keeping import Kept
from bot.bench.report.runs import Figure, Run, Section

FAST, SLOW = Run("fast", ("ingest",), ("ingest",)), Run("slow", ("digest",), ("digest",))
SPEED = Figure("messages a second", "per_second", (10, 20), at_least=True)
WAIT = Figure("slowest page, ms", "pages.*.p95_ms", (150,))
SECTION = Section("Speed", "How quick it is.", (("one", FAST), ("other", SLOW)), (SPEED, WAIT))


def kept(per_second: float, **more: object) -> Kept:
    machine = {"cores": 2, "processor": "slow", "python": "3.11"}
    told = {"machine": machine, "fsync_us": 90.0, "peak_rss_mb": 12.5, "per_second": per_second}
    return Kept(("ingest",), "2026-11-28T10:00:00+00:00", 0.25, 3.0, told | more)


def test_the_median_is_judged_by_what_was_asked_of_its_column() -> None:
    fast, slow = [kept(9), kept(15), kept(16)], [kept(15)]
    told = page.page([SECTION], {"fast": fast, "slow": slow}, quick=False)
    assert "| messages a second | ≥ 10 / ≥ 20 | 15 ✓ (9–16) | 15 ✗ |" in told
    assert "2 figures were asked for and measured; 1 hold." in told
    assert "- ✗ Speed, other: messages a second" in told
    assert "| `qunyun bench ingest` | 3 | 2026-11-28 10:00 | 25% | 90 | 12.5 | 3 |" in told


def test_what_is_not_measured_is_said_and_nothing_is_judged_by_quick_sizes() -> None:
    told = page.page([SECTION], {"fast": [kept(9)]}, quick=False)
    assert "| ≥ 10 / ≥ 20 | 9 ✗ | not measured |" in told
    assert "Not measured: `slow`." in told
    quick = page.page([SECTION], {"fast": [kept(9)]}, quick=True)
    assert "| 9 | not measured |" in quick
    assert "no figure of this page may be quoted" in quick


def test_a_path_leads_to_a_number_or_to_the_largest_of_many() -> None:
    measured = kept(1, pages={"/": {"p95_ms": 20}, "/rooms": {"p95_ms": 170}, "/me": {}}).measured
    assert page.value(measured, "pages.*.p95_ms") == 170
    assert page.value(measured, "machine.cores") == 2
    assert page.value(measured, "machine.processor") is None
    assert page.value(measured, "engines.rjieba.equal_to_jieba") is None
    assert page.holds(WAIT, 1, 170) is False


def test_what_was_kept_of_the_same_sizes_is_found_again_and_a_line_cut_off_is_not(
    tmp_path: Path,
) -> None:
    keeping.keep(tmp_path, "fast", kept(9))
    keeping.keep(tmp_path, "fast", kept(11))
    with (tmp_path / "fast.jsonl").open("a") as file:
        file.write('{"arguments": ["inge')
    assert keeping.kept(tmp_path, "fast", ("ingest",)) == [kept(9), kept(11)]
    keeping.keep(tmp_path, "fast", kept(12))
    assert keeping.kept(tmp_path, "fast", ("ingest",)) == [kept(9), kept(11), kept(12)]
    assert keeping.kept(tmp_path, "fast", ("ingest", "--messages", "1")) == []
    keeping.forget(tmp_path, "fast")
    assert keeping.kept(tmp_path, "fast", ("ingest",)) == []


def test_only_what_is_missing_is_measured_and_what_fails_is_not_tried_again(
    tmp_path: Path,
) -> None:
    at = dt.datetime(2026, 11, 28, 10, tzinfo=dt.UTC)
    wrong = Run("wrong", ("nothing-of-this-name",), (), repeats=3)
    for _ in range(3):
        keeping.keep(tmp_path, "fast", kept(9))

    def measured() -> list[tuple[str, Kept | None]]:
        found = measuring.missing(
            [FAST, wrong], tmp_path, (), lambda: at, quick=False, repeats=None
        )
        return [(run.name, one) for run, one in found]

    assert measured() == [("wrong", None)]
    assert [one.name for one in tmp_path.iterdir()] == ["fast.jsonl"]


def test_every_run_has_a_name_of_its_own_and_a_command_that_exists() -> None:
    names = [run.name for run in sections.every()]
    assert len(names) == len(set(names))
    measured = {run.sizes[0] for run in sections.every()}
    # `quality` counts what is right, not what is quick.
    asked = "segment ingest gateway plan deliver attribution digest console stress"
    assert measured == set(asked.split())


def test_the_slowest_pages_and_the_worlds_have_tables_of_their_own() -> None:
    one = {"p50_ms": 10, "p95_ms": 20, "queries": 4, "bytes": 4_400}
    shown = list(details.pages("SQLite", {"pages": {"/": one, "/rooms": one | {"p95_ms": 30}}}))
    assert shown[-2:] == ["| `/rooms` | 10 | 30 | 4 | 4.4 |", "| `/` | 10 | 20 | 4 | 4.4 |"]
    assert list(details.pages("SQLite", {})) == []
    error = {"bias": -0.18, "mae": 0.35, "coverage": 0.95, "width": 12.9}
    naive = {"bias": 57.45, "mae": 57.45, "coverage": None, "width": None}
    world = {"true": {"organic": 29.7}, "waves": error, "mirror": error, "last_touch": naive}
    *_, row = details.worlds("300 rooms", {"worlds": {"ordinary-80": world}})
    assert row == "| ordinary-80 | 29.7 | -0.2 / 0.3 (95%) | -0.2 / 0.3 (95%) | +57.5 / 57.5 |"


@pytest.mark.parametrize(
    ("number", "told"), [(485_515.4, "485,515"), (0.999984, "0.999984"), (16.36, "16.4"), (0, "0")]
)
def test_numbers_are_shown_as_people_read_them(number: float, told: str) -> None:
    assert page.shown(number) == told
