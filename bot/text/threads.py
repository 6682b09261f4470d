"""Threads: which open question a message may answer that neither quotes nor mentions anybody.

A guess, and named as one: its rule is `window`. A question stays open for ten minutes, until
somebody quotes it or mentions its asker, or the asker gives thanks. Whether it was guessed to be
answered before closes nothing, so that what is decided of a message never hangs on a chain of
earlier guesses, however far back.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.text import manners, remarks
from bot.text.remarks import Remark

WINDOW = dt.timedelta(minutes=10)
# Without words in common, only what is said right after the one open question.
_RIGHT_AFTER: Final = dt.timedelta(seconds=90)
_FEW: Final = 6
# So many pairs of neighbouring characters in common, or half of the question's, tie them.
_TIES: Final = 2
_SAY_NOTHING: Final = frozenset(
    "的了吗呢吧是我你他她有没在和也都就还不一个这那啊哦嗯好什怎多少几么"
)


@dataclass(frozen=True, slots=True)
class _Open:
    """A question that waits; `since` is how much others have said since."""

    question: Remark
    since: int


def answered(
    latest_first: Iterable[Remark], normal: str, contact_id: int, at: dt.datetime
) -> Remark | None:
    """The question among a room's last remarks that a normalised text may answer."""
    if len(normal) < _TIES:
        return None
    waiting = _waiting(latest_first, contact_id, at)
    if not waiting:
        return None
    said = pairs(normal)
    tied = [(_closeness(said, one.question), one.question.at, one) for one in waiting]
    closest = max(tied, key=lambda each: each[:2])
    if closest[0]:
        return closest[2].question
    fresh = [one for one in waiting if at - one.question.at <= _RIGHT_AFTER and one.since < _FEW]
    return fresh[0].question if len(fresh) == 1 else None


def pairs(normal: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a normalised text that say something."""
    return frozenset(
        first + second
        for first, second in pairwise(normal)
        if first not in _SAY_NOTHING and second not in _SAY_NOTHING
    )


def _waiting(latest_first: Iterable[Remark], contact_id: int, at: dt.datetime) -> list[_Open]:
    """Others' open questions, the latest first."""
    waiting: list[_Open] = []
    after: list[Remark] = []
    for remark in remarks.lately(latest_first, at, WINDOW):
        if remark.asks and not remark.own and remark.contact_id != contact_id:
            others = [each for each in after if each.contact_id != remark.contact_id]
            if not _closed(remark, after):
                waiting.append(_Open(remark, len(others)))
        after.append(remark)
    return waiting


def _closed(question: Remark, after: Iterable[Remark]) -> bool:
    return any(
        manners.thanks(remark.normal)
        if remark.contact_id == question.contact_id
        else remark.quote == question.platform_id or question.sender in remark.mentions
        for remark in after
    )


def _closeness(said: frozenset[str], question: Remark) -> float:
    asked = pairs(question.normal)
    shared = len(said & asked)
    return shared / (len(asked) + 5) if shared >= _TIES or 2 * shared >= len(asked) > 0 else 0.0
