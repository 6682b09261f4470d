"""Servers of tests leave nothing behind, even where somebody killed the tests."""

import os
import subprocess
import sys
from pathlib import Path

from bot.bench import databases


def test_folders_of_killed_processes_are_cleared_and_others_stay(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    of = f"{databases.PREFIX}{{}}-abc"
    left, ours, unsigned = (of.format(who) for who in (gone.pid, os.getpid(), "x"))
    for name in (left, ours, unsigned, "else"):
        (tmp_path / name / "data").mkdir(parents=True)
    databases.clear(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {ours, unsigned, "else"}
