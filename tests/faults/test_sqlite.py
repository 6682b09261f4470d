"""`qunyun run` on an SQLite file that another process locks, and on a disk that is full."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import parts
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation

FEW = 20 if LONG else 4
DISK_MB = 24

# Says when it holds the lock, and lets go when its standard input ends.
LOCK = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60) as held:
    held.execute("BEGIN EXCLUSIVE")
    print("locked", flush=True)
    sys.stdin.read()
    held.execute("ROLLBACK")
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder],
        capture_output=True, check=False,
    )  # fmt: skip
    parts.require("mount", made.returncode == 0, "run as root, who may mount a small disk")
    yield folder
    # `installation` asks for `database_url`, and that for this: everything has ended by now.
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def database_url(disk: Path, sqlite_template: Path) -> str:
    """An empty database on the small disk."""
    shutil.copy(sqlite_template, disk / "qunyun.db")
    return f"sqlite:///{disk / 'qunyun.db'}"


async def test_a_database_that_is_locked_and_then_a_disk_that_is_full(
    installation: Installation, disk: Path
) -> None:
    day.prepare(installation)
    service = installation.service()
    await installation.node.ask("behave", slow=0.05)
    service.start()
    await day.speak(installation, service)
    await day.until(day.more_posts(installation, FEW), "posts")

    with locked(disk / "qunyun.db"):
        said = await day.say(installation)
        if LONG:
            # Longer than whoever wants to write waits for the lock.
            await day.until(service.says("refused; trying again"), "a writer who gave up")
        # Once what was handed over when the lock came was answered, nothing more goes out.
        await day.quiet(installation)
        assert said.isdisjoint(day.logged(installation))
    day.check(installation)
    await day.accept(installation, said)
    await day.until(day.more_posts(installation, FEW), "posts")

    with full(disk):
        said = await day.say(installation)
        await day.until(service.says("refused; trying again"), "the full disk noticed")
        await day.quiet(installation)
        day.check(installation)
    await day.accept(installation, said)
    await day.finish(installation, service)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the database."""
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield
    finally:
        holder.communicate(timeout=day.PATIENCE)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Something else takes what was left of the disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()
