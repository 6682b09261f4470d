"""Errors, named by what the caller should do.

    QunyunError
    ├── GatewayUnavailable   retry later: nothing was handed over
    ├── SendRefused          never retry by itself: the platform said no
    ├── SendUncertain        ask: handed over, no answer came
    └── InvalidInput         tell the person where it is wrong and how to mend it

Anything else is a bug and rises to the loop that logs it.
"""

from __future__ import annotations

import datetime as dt
import traceback
from dataclasses import dataclass
from pathlib import Path


class QunyunError(Exception):
    """The root of every expected error; its text is for a person."""


class GatewayUnavailable(QunyunError):
    """The gateway could not be reached before anything was handed over: safe to retry."""


class SendRefused(QunyunError):
    """The platform refused for good: bot removed, room dissolved, content refused.

    `throttled` is true where the refusal smells of risk control ("操作过于频繁"): the
    account, not the room, is what must rest, for `rest` where the platform says how long, else
    until a person lets it go on. `gone` is true where the account is no longer in
    the room, or the room is no more: nothing else can be posted there by it.
    """

    def __init__(
        self,
        reason: str,
        *,
        throttled: bool = False,
        rest: dt.timedelta | None = None,
        gone: bool = False,
    ) -> None:
        super().__init__(reason)
        self.throttled = throttled
        self.rest = rest
        self.gone = gone


class SendUncertain(QunyunError):
    """Something was handed over and no answer came: it may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input: where it is and how to mend it.

    `line` is a physical line (header = 1) or a row of a sheet; 0 where there is none.
    """

    file: str
    line: int
    column: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        column = f" [{self.column}]" if self.column else ""
        return f"{place}{column} {self.problem};{self.remedy}"


class InvalidInput(QunyunError):
    """The input is wrong. `faults` name each place with its remedy."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def where(error: BaseException) -> str:
    """What kind of error it is and where it rose, for logs; its own words may quote a member."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}\n{frames}"


def place(error: BaseException) -> str:
    """`where` in one line, for what comes again and again while something is away: the kind of
    error and the innermost line of ours.
    """
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(Path(__file__).parent)
    ]
    found = f" in {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{found}"
