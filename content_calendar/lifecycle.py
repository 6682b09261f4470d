"""The life of a series. Each arrow is one function here.

    draft → in_review            submit
    in_review → draft            send_back
    draft, in_review → approved  approve
    approved ⇄ paused            pause, resume
    any but ended → ended        end; expire (its last day is over)
    any → draft                  interchange.take_in (an edit asks for a new approval)

Skipping, moving and copying single occurrences (`editing`) leave the state as it is.
"""

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping

from sqlmodel import Session

from bot import outbox, pauses
from bot.errors import Fault, InvalidInput
from bot.models import PauseScope, SeriesState
from content_calendar import audits, checking, definition, dry_run
from content_calendar.contact import Rules
from content_calendar.definition import SERIES, Stored

DRAFT, IN_REVIEW, APPROVED, PAUSED, ENDED = SeriesState
NAMES = {
    DRAFT: "草稿",
    IN_REVIEW: "待审批",
    APPROVED: "已批准",
    PAUSED: "已暂停",
    ENDED: "已结束",
}


def submit(
    session: Session, key: str, by: str, at: dt.datetime, *, version: int | None = None
) -> bool:
    """Ask for approval; False where it is asked for already."""
    series = existing(session, key, version)
    return _move(session, series, (DRAFT,), IN_REVIEW, "series.submit", by, at)


def send_back(session: Session, key: str, reason: str, by: str, at: dt.datetime) -> bool:
    """Refuse an approval that was asked for; False where none is."""
    series = existing(session, key)
    return _move(
        session, series, (IN_REVIEW,), DRAFT, "series.send_back", by, at, {"reason": reason}
    )


def approve(
    session: Session,
    keys: Iterable[str],
    by: str,
    at: dt.datetime,
    rules: Rules,
    *,
    both_eyes: bool = False,
    version: int | None = None,
) -> list[str]:
    """Let series post from now on; returns the keys of those that were not approved yet.

    Raises InvalidInput, and changes nothing, where there is no such series, it has ended, was
    edited since `version`, or something stands against it (see `checking`).
    """
    found = [existing(session, key, version) for key in dict.fromkeys(keys)]
    over = [series for series in found if series.state is ENDED]
    if over:
        raise refuse("series", f"栏目 {over[0].definition.key} 已经结束", "改 ends 再导入")
    waiting = [series for series in found if series.state in (DRAFT, IN_REVIEW)]
    runs = dry_run.run(session, waiting, at, rules) if waiting else []
    checking.refuse(
        fault
        for series, run in zip(waiting, runs, strict=True)
        for fault in checking.faults(session, series, run, by, rules, both_eyes=both_eyes)
    )
    for series in waiting:
        approved = {"approved_by": by, "approved_at": at, "next_due_at": None}
        starts = (DRAFT, IN_REVIEW)
        if not _move(session, series, starts, APPROVED, "series.approve", by, at, {}, approved):
            raise outdated(series)
    return [series.definition.key for series in waiting]


def pause(session: Session, key: str, reason: str, by: str, at: dt.datetime) -> bool:
    """Hold an approved series back: nothing of it is planned or sent; False where it is not
    approved.
    """
    series = existing(session, key)
    if not _move(session, series, (APPROVED,), PAUSED, "series.pause", by, at, {"reason": reason}):
        return False
    pauses.pause(session, PauseScope.SERIES, series.id, reason, by, at)
    return True


def resume(session: Session, key: str, reason: str, by: str, at: dt.datetime) -> bool:
    """Let a series go on: what is not too late goes out; False where it was not held."""
    series = existing(session, key)
    released = release(session, series, reason, by, at)
    moved = _move(session, series, (PAUSED,), APPROVED, "series.resume", by, at, {"reason": reason})
    return released or moved


def release(session: Session, series: Stored, reason: str, by: str, at: dt.datetime) -> bool:
    """Let the posts of a series go out again, where they were held back."""
    return pauses.resume(session, PauseScope.SERIES, series.id, reason, by, at)


def end(session: Session, key: str, reason: str, by: str, at: dt.datetime) -> int:
    """End a series for good; returns how many pending posts it took back."""
    series = existing(session, key)
    if not _move(
        session, series, (DRAFT, IN_REVIEW, APPROVED, PAUSED), ENDED, "series.end", by, at,
        {"reason": reason},
    ):  # fmt: skip
        return 0
    release(session, series, "栏目已结束", by, at)
    return outbox.cancel_series(session, series.id, f"{by} 结束了栏目")


def expire(session: Session, series: Stored, at: dt.datetime) -> bool:
    """A series whose last day is over has ended by itself; what is pending still goes out."""
    return _move(session, series, (APPROVED,), ENDED, "series.expire", "系统", at)


def existing(session: Session, key: str, version: int | None = None) -> Stored:
    """The series of a key. Raises InvalidInput where there is none, or where somebody edited it
    after `version`.
    """
    found = definition.stored(session, keys=[key])
    if not found:
        near = difflib.get_close_matches(key, definition.keys(session), n=1)
        remedy = f"是不是 {near[0]}?" if near else "用 qunyun calendar export 查看全部栏目"
        raise refuse("series", f"没有栏目 {key}", remedy)
    series = found[0]
    if version is not None and series.version != version:
        raise outdated(series)
    return series


def editable(session: Session, key: str, version: int | None = None) -> Stored:
    """The series of a key that has not ended. Raises InvalidInput as `existing` does."""
    series = existing(session, key, version)
    if series.state is ENDED:
        raise refuse("series", f"栏目 {key} 已经结束", "改 ends 再导入")
    return series


def outdated(series: Stored) -> InvalidInput:
    """What somebody is told who works on a version that stands no more."""
    who = series.changed_by or "别人"
    problem = f"栏目 {series.definition.key} 已经是第 {series.version} 版,{who} 改过它"
    return refuse("version", problem, "先看看新的内容再操作")


def refuse(field: str, problem: str, remedy: str) -> InvalidInput:
    """What a wrong command on a series raises."""
    return InvalidInput(Fault("calendar", 0, field, problem, remedy))


def _move(
    session: Session,
    series: Stored,
    starts: Iterable[SeriesState],
    state: SeriesState,
    action: str,
    by: str,
    at: dt.datetime,
    why: Mapping[str, object] | None = None,
    values: Mapping[str, object] | None = None,
) -> bool:
    """One arrow: from one of `starts`, or nothing happens; audited."""
    moved = session.connection().execute(
        SERIES.update()
        .where(
            SERIES.c.id == series.id,
            SERIES.c.state.in_(list(starts)),
            # Somebody may have edited it between our look and our step.
            SERIES.c.version == series.version,
        )
        .values(state=state, **(values or {}))
    )
    if not moved.rowcount:
        return False
    before, after = {"state": series.state}, {"state": state, **(why or {})}
    audits.note(session, at, by, action, series.definition.key, before, after)
    return True
