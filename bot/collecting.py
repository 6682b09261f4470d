"""Memory, told what our work is like: Python's collector of cycles, the C library's heaps.

Rows of a batch are many objects that hold no cycles and are gone with it. Left alone, the
collector starts hundreds of times a batch, and in the end walks through everything that was
loaded once for good (dictionaries, names of products) or is remembered (rooms), while the event
loop waits.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made before the youngest generation is looked at; a batch makes some hundred thousand.
_YOUNG, _MIDDLE, _OLD = 100_000, 20, 50
# A process that also waits for people: a look at so many takes a millisecond or two.
_AT_WORK = (20_000, 20, 20)
# glibc's name for the most heaps (mallopt(3)), and how many we want: as MALLOC_ARENA_MAX=2 says.
_M_ARENA_MAX, _HEAPS = -8, 2


def set_aside() -> None:
    """Never again look for cycles in what is loaded by now, and from now on less often in the rest:
    for a process that goes on to work with it until its end. Takes no time.
    """
    gc.freeze()
    gc.set_threshold(*_AT_WORK)


def share_heaps() -> None:
    """Let threads share two heaps, so that one uses what another gave back: glibc makes up to eight
    a core, and each keeps what its thread once needed (fifteen tabs at once: 21 MB, then 16). Other
    C libraries have no such heaps. Takes no time; heaps that stand stay.
    """
    limit = getattr(ctypes.CDLL(None), "mallopt", None)
    if limit is not None:
        limit(_M_ARENA_MAX, _HEAPS)


@contextmanager
def seldom() -> Iterator[None]:
    """Look for cycles seldom, and never in what is loaded by now; afterwards as before.

    What was set aside for good stays aside.
    """
    before, aside = gc.get_threshold(), gc.get_freeze_count()
    if not aside:
        gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not aside:
            gc.unfreeze()
