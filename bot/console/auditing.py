"""Every change that a page makes is written down, with the state before and after."""

import datetime as dt
from collections.abc import Mapping

from sqlmodel import Session

from bot import database
from bot.models import Audit
from content_calendar import audits


def note(
    session: Session,
    at: dt.datetime,
    by: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Write one change down; `subject` is like `operator:小林`. Never a secret, never a member."""
    row = {
        "at": at, "by": by, "action": action, "object": subject,
        "before": audits.plain(before), "after": audits.plain(after),
    }  # fmt: skip
    database.insert_rows(session, Audit, [row])
