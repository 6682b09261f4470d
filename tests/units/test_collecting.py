"""What bulk work asks of Python's collector, and what it leaves as it was."""

import gc
from collections.abc import Iterator

import pytest

from bot import collecting


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
