"""Shares with a picture: somebody tells of something of their own, right beside a picture of it.

Of a text after a picture it is the text that shares, of pictures after a text the first picture.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from bot.text import remarks
from bot.text.remarks import Remark

PICTURES: Final = frozenset({"image", "video"})
_BESIDE: Final = dt.timedelta(minutes=2)


def shares(
    latest_first: Iterable[Remark],
    contact_id: int,
    at: dt.datetime,
    *,
    is_picture: bool,
    tells: bool,
) -> bool:
    """Whether a picture, or a text that tells, goes with what its sender said last."""
    if not (is_picture or tells):
        return False
    for remark in remarks.lately(latest_first, at, _BESIDE):
        if remark.contact_id == contact_id and (remark.tells or remark.type in PICTURES):
            return remark.tells if is_picture else remark.type in PICTURES
    return False
