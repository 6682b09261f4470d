"""A bench as a process of its own: its peak of memory is its own, a crash is one result less."""

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from bot.bench.report import keeping
from bot.bench.report.keeping import Kept
from bot.bench.report.runs import Run

Clock = Callable[[], dt.datetime]


def missing(
    runs: Sequence[Run],
    folder: Path,
    corpus: Sequence[Path],
    clock: Clock,
    *,
    quick: bool,
    repeats: int | None,
) -> Iterator[tuple[Run, Kept | None]]:
    """Measure what `folder` has not, first every run once, then every run again; each as it is
    kept, None where it failed. A run that failed is not tried again. `repeats` for all of them.
    """
    failed: set[str] = set()
    wanted = {run.name: 1 if quick else repeats or run.repeats for run in runs}
    for turn in range(max(wanted.values(), default=0)):
        for run in runs:
            if turn >= wanted[run.name] or run.name in failed or (run.corpus and not corpus):
                continue
            arguments = run.arguments(quick=quick)
            if len(keeping.kept(folder, run.name, arguments)) > turn:
                continue
            one = measured(arguments, corpus if run.corpus else (), clock)
            if one is None:
                failed.add(run.name)
            else:
                keeping.keep(folder, run.name, one)
            yield run, one


def measured(arguments: Sequence[str], corpus: Sequence[Path], clock: Clock) -> Kept | None:
    """What `qunyun bench` with these arguments prints; None where it failed and said why itself."""
    files = [word for path in corpus for word in ("--corpus", str(path))]
    busy, at, began = psutil.cpu_percent(interval=1) / 100, clock(), time.perf_counter()
    done = subprocess.run(  # noqa: S603  # our own command, with the words of `sections`
        [sys.executable, "-m", "bot", "bench", *arguments, *files, "--json"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        return None
    told = json.loads(done.stdout.splitlines()[-1])
    took = round(time.perf_counter() - began, 1)
    return Kept(tuple(arguments), at.isoformat(timespec="seconds"), round(busy, 2), took, told)
