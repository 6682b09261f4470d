"""Shares with a picture: somebody tells of something of their own, right beside a picture of it.

Of a text after a picture it is the text that shares, of pictures after a text the first picture.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

PICTURES: Final = frozenset({"image", "video"})
# In seconds.
_BESIDE: Final = 120.0


class Part(NamedTuple):
    """A message that may be part of a share: the `number`-th of its room, `at` so many seconds, a
    picture, or a text that `tells`, or both.
    """

    number: int
    contact_id: int
    at: float
    is_picture: bool
    tells: bool


def shares(said: Sequence[Part], part: Part, first: int) -> bool:
    """Whether a picture, or a text that tells, goes with what its sender said last.

    `said` are the parts before, the latest last; from the `first` message on they count.
    """
    for earlier in reversed(said):
        if earlier.number < first or part.at - earlier.at > _BESIDE:
            return False
        if earlier.contact_id == part.contact_id:
            return earlier.tells if part.is_picture else earlier.is_picture
    return False
