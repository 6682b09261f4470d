"""Wrong passwords make the next try wait: by name and address together, and by each alone.

The pair is held back soonest, so that nobody can lock a colleague out from elsewhere.
"""

import datetime as dt

from sqlalchemy import delete, select
from sqlmodel import Session

from bot import database
from bot.console import credentials
from bot.models import LoginFailure

FORGOTTEN = dt.timedelta(days=1)
FIRST_WAIT = dt.timedelta(seconds=30)
LONGEST_WAIT = dt.timedelta(minutes=15)
FREE_TRIES = {"both": 5, "name": 30, "address": 30}


def attempt(session: Session, name: str, address: str, now: dt.datetime) -> dt.timedelta | None:
    """Count a try as failed until `succeeded` says otherwise; None where it may be made.

    Else how long to wait, and nothing is counted. Counted before the password is looked at, so
    that many tries at once gain nothing.
    """
    table = database.table(LoginFailure)
    session.connection().execute(delete(table).where(table.c.at <= now - FORGOTTEN))
    subjects = _subjects(name, address)
    rows = session.connection().execute(
        select(table.c.subject, table.c.failures, table.c.at).where(table.c.subject.in_(subjects))
    )
    found: dict[str, tuple[int, dt.datetime]] = {
        row.subject: (int(row.failures), row.at) for row in rows
    }
    for subject, free in subjects.items():
        failures, at = found.get(subject, (0, now))
        if at + _wait(failures, free) > now:
            return at + _wait(failures, free) - now
    counted = [
        {"subject": subject, "failures": 1 + found.get(subject, (0, now))[0], "at": now}
        for subject in sorted(subjects)
    ]
    database.insert_rows(session, LoginFailure, counted, replace=("failures", "at"))
    return None


def succeeded(session: Session, name: str, address: str) -> None:
    """The password was right: earlier failures of this name from this address are forgiven."""
    table = database.table(LoginFailure)
    session.connection().execute(delete(table).where(table.c.subject.in_(_subjects(name, address))))


def _wait(failures: int, free: int) -> dt.timedelta:
    if failures < free:
        return dt.timedelta()
    return min(FIRST_WAIT * (1 << min(failures - free, 10)), LONGEST_WAIT)


def _subjects(name: str, address: str) -> dict[str, int]:
    # Hashed: people type their password into the field of the name.
    given = {"both": f"{name}\n{address}", "name": name, "address": address}
    return {credentials.digest(f"{kind}:{given[kind]}"): free for kind, free in FREE_TRIES.items()}
