"""What programs may send: names, numbers, instants and cursors that no database chokes on; and the
shapes that every answer shares.
"""

import base64
import binascii
import datetime as dt
import json
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from bot import errors
from bot.errors import InvalidInput

LARGEST = 2**31 - 1
MOST = 200
FIRST_YEAR, LAST_YEAR = 1970, 9998


def _clean(text: str) -> str:
    """Text as both databases can hold it."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("unprintable")
    return text


def _instant(at: dt.datetime) -> dt.datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError("too far away")
    return at.astimezone(dt.UTC)


def _day(day: dt.date) -> dt.date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("too far away")
    return day


Told = TypeVar("Told")
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_clean)]
Said = Annotated[str, StringConstraints(max_length=500), AfterValidator(_clean)]
Id = Annotated[int, Path(ge=1, le=LARGEST)]
Instant = Annotated[AwareDatetime, AfterValidator(_instant)]
Day = Annotated[dt.date, AfterValidator(_day)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at once.")]
Cursor = Annotated[
    str, Query(max_length=400, description="`next` of the page before; empty for the first page.")
]


_INSTANT: TypeAdapter[dt.datetime] = TypeAdapter(Instant)
_DAY: TypeAdapter[dt.date] = TypeAdapter(Day)


def pack(*place: object) -> str:
    """Where a page ended, as a text that means nothing to anybody else."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def unpack(cursor: str, *kinds: type) -> list[Any] | None:
    """Where the last page ended; None for the first page. Raises InvalidInput."""
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    fits = isinstance(place, list) and len(place) == len(kinds) and all(
        type(each) is kind for each, kind in zip(place, kinds, strict=True)
    )  # fmt: skip
    if not fits or any(type(each) is int and not 0 <= each <= LARGEST for each in place):
        raise odd_cursor()
    return list(place)


def odd_cursor() -> InvalidInput:
    """What somebody is told whose cursor is none of ours."""
    return InvalidInput(
        errors.Fault("api", 0, "cursor", "翻页标记不对", "用上一页回答里的 next，或者从头开始")
    )


def instant(text: str) -> dt.datetime:
    """The instant in a cursor. Raises InvalidInput."""
    try:
        return _INSTANT.validate_python(text)
    except ValidationError as error:
        raise odd_cursor() from error


def day(text: str) -> dt.date:
    """The day in a cursor. Raises InvalidInput."""
    try:
        return _DAY.validate_python(text)
    except ValidationError as error:
        raise odd_cursor() from error


class Listing(BaseModel, Generic[Told]):
    """One page of a list; `next` is the cursor that leads on, null at the end."""

    items: list[Told]
    next: str | None


class Fault(BaseModel):
    """What is wrong, and what mends it."""

    problem: str
    remedy: str


class Refused(BaseModel):
    """Why nothing was done."""

    detail: list[Fault]


def told(at: dt.datetime) -> str:
    """An instant as a cursor holds it, in UTC."""
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
