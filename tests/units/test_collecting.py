"""What bulk work asks of Python's collector, and what it leaves as it was."""

import gc
from collections.abc import Iterator

import pytest

from bot import collecting


@pytest.fixture(autouse=True)
def _nothing_aside() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_was_loaded_is_set_aside_while_it_lasts() -> None:
    before = gc.get_threshold()
    with collecting.seldom():
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() != before
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


def test_what_a_process_at_work_has_set_aside_stays_aside() -> None:
    gc.freeze()
    aside = gc.get_freeze_count()
    with collecting.seldom():
        assert gc.get_freeze_count() <= aside
    assert gc.get_freeze_count() > aside // 2
