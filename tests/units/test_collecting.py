"""What bulk work asks of Python's collector, and what it leaves as it was."""

import gc
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import collecting

# Eight threads that hold memory at the same time, and what the C library then says of its heaps.
THREADS = """
import ctypes, sys, threading
from bot import collecting
if sys.argv[2] == "shared":
    collecting.share_heaps()
met = threading.Barrier(8)
def hold():
    kept = [bytes(2_000) for _ in range(100)]
    met.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.fixture(autouse=True)
def _nothing_aside() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_was_loaded_is_set_aside_while_it_lasts() -> None:
    before = gc.get_threshold()
    with collecting.seldom():
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() != before
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


def test_what_was_set_aside_for_good_stays_aside() -> None:
    collecting.set_aside()
    aside, threshold = gc.get_freeze_count(), gc.get_threshold()
    with collecting.seldom():
        # Some of it may be dropped meanwhile, as its users are.
        assert aside // 2 < gc.get_freeze_count() <= aside
    assert gc.get_freeze_count() > aside // 2
    assert gc.get_threshold() == threshold


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap a thread")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    found = {}
    # Told from outside how many there are, both would have as many.
    untold = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    for how in ("alone", "shared"):
        told = tmp_path / how
        subprocess.run([sys.executable, "-c", THREADS, str(told), how], check=True, env=untold)
        found[how] = told.read_text(encoding="utf-8").count("<heap nr=")
    assert found["shared"] <= 2 < found["alone"]
