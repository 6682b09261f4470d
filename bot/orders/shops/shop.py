"""A shop as we see it: what it sends is checked here, and later read as order rows.

    request → verify → Notice (kept as a raw event) → answer at once … later: read → News

Each shop is one file of plain functions; `Shop` says which. Nothing here touches the database,
and no error quotes what a shop sent: it names buyers.
"""

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bot import cells
from bot.errors import QunyunError
from bot.orders.intake import OrderRow, Whole

Model = TypeVar("Model", bound=BaseModel)

# In yuan; wider than any order, narrow enough to be reckoned with.
Money = Annotated[Decimal, Field(ge=-(10**8), le=10**8)]
Count = Annotated[int, Field(ge=0, le=10**6)]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("空字符")
    return text


Text = Annotated[str, Field(max_length=2_000), AfterValidator(_storable)]
Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]


class Refused(QunyunError):
    """A request that changes nothing. `status` is 400, 401 or 409; the text says why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Unreadable(QunyunError):
    """A genuine event that cannot be read; the text says where, and never quotes it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One shop of this installation, from a URL of QUNYUN_SHOPS. `secrets` are never shown."""

    kind: str
    name: str
    secrets: Mapping[str, tuple[str, ...]] = field(repr=False)

    def secret(self, name: str) -> str:
        """A parameter that the shop cannot do without."""
        return self.secrets[name][0]

    def option(self, name: str, default: str = "") -> str:
        """A parameter that need not be there."""
        return self.secrets.get(name, (default,))[0]

    def order_id(self, number: object) -> str:
        """An order's number among those of all shops."""
        return f"{self.option('prefix')}{number}"


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Names of headers are in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """A genuine event: how the shop names it, what it is about, and what is to be read later."""

    id: str
    topic: str
    body: str


@dataclass(frozen=True, slots=True)
class News:
    """What an event says: rows of lines, and what is said of orders as wholes.

    `missing` are orders whose lines it does not tell: they must come another way. `ignored` is why
    it says nothing.
    """

    rows: tuple[OrderRow, ...] = ()
    wholes: tuple[Whole, ...] = ()
    missing: tuple[str, ...] = ()
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Shop:
    """A kind of shop. `unconfirmed` says what nobody has tried; "" where it is by the book.

    `verify` raises Refused, `read` Unreadable. `answer` is the body of a 200. `greet` answers the
    platform's test of an address; None where it has none. `check` says what is wrong with secrets.
    """

    kind: str
    title: str
    needs: tuple[str, ...]
    verify: Callable[[Request, Connection, dt.datetime], Notice]
    read: Callable[[str, str, Connection], News]
    unconfirmed: str = ""
    options: tuple[str, ...] = ()
    answer: str = "ok"
    greet: Callable[[Mapping[str, str], Connection], str] | None = None
    check: Callable[[Connection], str] | None = None


class Told(BaseModel):
    """A part of what a shop sends; what we do not know is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def parse(model: type[Model], body: str) -> Model:
    """What a shop sent, as the model names it. Raises Unreadable."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(_where(error)) from None


def header(request: Request, name: str) -> str:
    """A header that must be there. Raises Refused."""
    value = request.headers.get(name, "")
    if not value:
        raise Refused(401, f"没有请求头 {name}")
    return value


def text(body: bytes) -> str:
    """The body as UTF-8. Raises Refused."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, "内容不是 UTF-8") from error


def must_match(given: Sequence[str], expected: Sequence[str]) -> None:
    """Compare signatures in constant time: one of the given must be expected. Raises Refused."""
    pairs = itertools.product(given, expected)
    # All of them, whatever the first says.
    held = [hmac.compare_digest(one.encode(errors="replace"), two.encode()) for one, two in pairs]
    if not any(held):
        raise Refused(401, "签名不对,核对密钥")


def base64_hmac(secrets: Sequence[str], body: bytes) -> tuple[str, ...]:
    """The base64 HMAC-SHA256 of a body under each of some secrets."""
    return tuple(
        base64.b64encode(hmac.digest(each.encode(), body, "sha256")).decode() for each in secrets
    )


def md5(*parts: bytes) -> str:
    """The MD5 that some platforms sign with."""
    return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()


def sorted_sha1(*parts: str) -> str:
    """SHA-1 of the sorted parts, as WeChat signs."""
    told = "".join(sorted(parts)).encode()
    return hashlib.sha1(told, usedforsecurity=False).hexdigest()


def moment(seconds: str) -> dt.datetime:
    """A time given in seconds since 1970. Raises Refused."""
    if not re.fullmatch(r"\d{1,11}", seconds, re.ASCII):
        raise Refused(400, "时间戳不是秒数")
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


def must_be_fresh(at: dt.datetime, now: dt.datetime, tolerance: dt.timedelta) -> None:
    """A signed time must be near ours: anything else is a replay. Raises Refused."""
    if abs(now - at) > tolerance:
        raise Refused(409, "时间戳离现在太远:是重放,或者有一边的时钟不准")


def fen(amount: Decimal) -> int:
    """An amount in yuan as fen, half up. Raises Unreadable where no order costs as much."""
    if not amount.is_finite() or not 0 <= amount * 100 <= cells.LARGEST:
        raise Unreadable("金额超出范围")
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def instant(at: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """A time in aware UTC, without fractions; one without offset is of `zone`.

    Raises Unreadable.
    """
    if not 1970 < at.year < 3000:
        raise Unreadable("时间不在 1971 到 2999 年之间")
    aware = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    return aware.astimezone(dt.UTC).replace(microsecond=0)


def must_be_ours(currency: str, connection: Connection) -> None:
    """Sums of another money cannot be added to ours. Raises Unreadable."""
    ours = connection.option("currency", "CNY")
    if currency.upper() != ours.upper():
        raise Unreadable(f"币种是 {currency[:3]},不是 {ours};确认后在 QUNYUN_SHOPS 里写 currency=")


def _where(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "内容"
    return f"{place}: {first['msg']}"
