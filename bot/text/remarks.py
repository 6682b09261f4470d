"""What is kept of a message for those that come after it in its room."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

# However busy a room: nobody reads back further to see what a message is about.
MOST: Final = 30


@dataclass(slots=True)
class Remark:
    """One message, as far as later ones ask about it.

    What is too early to have been judged neither `asks` nor `tells` anything. `normal` is empty
    where there is no text.
    """

    id: int
    platform_id: str
    contact_id: int
    sender: str
    at: dt.datetime
    type: str
    own: bool
    quote: str | None
    mentions: tuple[str, ...]
    normal: str
    asks: bool
    tells: bool


def lately(remarks: Iterable[Remark], at: dt.datetime, within: dt.timedelta) -> Iterator[Remark]:
    """The last few of `remarks`, latest first as they are given, said at most `within` before."""
    return takewhile(lambda remark: at - remark.at <= within, islice(remarks, MOST))
