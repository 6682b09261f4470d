"""Python's collector of cycles, told what a long run of bulk work is like.

Rows of a batch are many objects that hold no cycles and are gone with it. Left alone, the
collector starts hundreds of times a batch, and in the end walks through everything that was
loaded once for good: dictionaries, names of products.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made before the youngest generation is looked at; a batch makes some hundred thousand.
_YOUNG, _MIDDLE, _OLD = 100_000, 20, 50


@contextmanager
def seldom() -> Iterator[None]:
    """Look for cycles seldom, and never in what is loaded by now; afterwards as before.

    A process at work has set aside for good what it loaded (see `app.run`): that stays aside.
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
