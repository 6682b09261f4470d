"""Who changed what in a series, with the state before and after."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from bot import database
from bot.models import Audit


def note(
    session: Session,
    at: dt.datetime,
    by: str,
    action: str,
    key: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    """Write one change of the series `key` down."""
    row = {"at": at, "by": by, "action": action, "object": f"series:{key}"}
    database.insert_rows(session, Audit, [row | {"before": plain(before), "after": plain(after)}])


def plain(value: object) -> Any:  # JSON has no type of its own
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
