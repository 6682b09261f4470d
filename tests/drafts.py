"""Words for tests: series as the calendar file writes them, and their way into the database."""

import datetime as dt
from collections.abc import Sequence

from sqlmodel import Session

from content_calendar import calendar_file, interchange
from content_calendar.definition import Definition
from content_calendar.interchange import Change


def written(text: str) -> Sequence[Definition]:
    """The series of a calendar file, in Shanghai where it names no zone."""
    return calendar_file.read(text.encode(), "calendar.yaml", "Asia/Shanghai").series


def take_in(session: Session, text: str, now: dt.datetime, by: str = "小李") -> Sequence[Change]:
    """Take the series of a calendar file in, as drafts."""
    return interchange.take_in(session, written(text), by, now)
