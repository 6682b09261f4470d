"""Column types shared by the tables."""

import re
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import JSON, TypeDecorator, TypeEngine

# Neither database stores a NUL in text, and lone surrogates are not UTF-8: each travels as this
# noncharacter followed by four hexadecimal digits, and so does the noncharacter itself.
_ESCAPE = "\ufdd0"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufdd0]")
_STORED = re.compile("\ufdd0([0-9a-f]{4})")


def escape(text: str) -> str:
    """Text as both databases can hold it; `unescape` gives back exactly what came in."""
    if is_storable(text):
        return text
    return _UNSTORABLE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def is_storable(text: str) -> bool:
    """Whether both databases can hold `text` as it is; much quicker than `escape`."""
    if "\0" in text or _ESCAPE in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    if _ESCAPE not in text:
        return text
    return _STORED.sub(lambda found: chr(int(found[1], 16)), text)


class LogText(TypeDecorator[str]):
    """Text that came from outside: NUL and lone surrogates survive, stored escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what the database cannot hold."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Give back what came in."""
        return None if value is None else unescape(value)


def choice(kind: type[StrEnum]) -> Any:  # SQLModel's sa_type takes any type engine
    """A column that holds the values (not the names) of a StrEnum as plain text."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def serial() -> TypeEngine[int]:
    """A 64-bit key that numbers itself on both databases."""
    return BigInteger().with_variant(Integer(), "sqlite")


def json() -> TypeEngine[Any]:
    """JSON text on SQLite, json on PostgreSQL; only for what is never searched."""
    return JSON(none_as_null=True)
