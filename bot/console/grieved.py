"""Complaints as their pages show them: the lists, the figures above them, what became of one."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, and_, cast, func, literal, select

from bot import around, complaints, database, standing
from bot.console import held, roles
from bot.console.page import Page
from bot.console.paging import Listing
from bot.digest import gather as digests
from bot.insights.engagement import Days
from bot.models import Audit, Complaint, ComplaintOutcome, ComplaintState, Contact, Room

CASE, ROOM, CONTACT, AUDIT = database.tables(Complaint, Room, Contact, Audit)
WEEK = dt.timedelta(days=7)
CLOSED = ComplaintState.CLOSED
WAITING = ("", "late", "mine")
# Of one list: "all", those whose 24 hours ended lately, those closed as no complaint.
SHOWN = (*WAITING, "closed", "all", "week", "wrong")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; `show` is a name of `SHOWN`, `severity` 0 for any, `room` our
    id, `week` one like 2026-W45: of the messages, `outcome` a name of `ComplaintOutcome`.
    """

    show: str = ""
    severity: int = 0
    vertical: str = ""
    room: int = 0
    owner: str = ""
    week: str = ""
    outcome: str = ""

    def given(self) -> dict[str, str]:
        """By name, as a link carries them."""
        return {
            "show": self.show,
            "severity": str(self.severity) if self.severity else "",
            "vertical": self.vertical,
            "room": str(self.room) if self.room else "",
            "owner": self.owner,
            "week": self.week,
            "outcome": self.outcome,
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """How many cases stand where. `ended` are those whose 24 hours ended within the seven days up
    to now, `in_time` those of them that were closed by then; `closed` are of four weeks, `wrong`
    those of them that a person found to be no complaint, of the ones that the rules opened.
    """

    waiting: int
    late: int
    severe: int
    mine: int
    ended: int
    in_time: int
    closed: int
    wrong: int


def tally(page: Page, given: Filters) -> Tally:
    """One query for all of it."""
    waits, now = complaints.WORK.waiting, page.now
    ended, lately = _ended(now), _closed_lately(now)
    sums = {
        "waiting": waits,
        "late": and_(waits, CASE.c.due_at <= now),
        "severe": and_(waits, CASE.c.severity >= 3),
        "mine": and_(CASE.c.state == complaints.WORK.claimed, CASE.c.owner == page.by),
        "ended": ended,
        "in_time": and_(ended, CASE.c.state == CLOSED, CASE.c.closed_at <= CASE.c.due_at),
        "closed": lately,
        "wrong": and_(lately, CASE.c.outcome == ComplaintOutcome.NONE),
    }
    found = held.sums(
        page, sums, CASE.c.state.in_(list(ComplaintState)),
        waits | (CASE.c.due_at >= now - 4 * WEEK), *_within(page, Filters(vertical=given.vertical)),
    )  # fmt: skip
    return Tally(**found)


def listed(page: Page, given: Filters, number: int) -> Listing:
    """One page of cases: what waits, the most pressing first; what is closed, the latest."""
    return held.cut(
        page, complaints.WORK, _told(), [*_shown(page, given.show), *_within(page, given)], number,
        "/complaints", given.given(), waiting=given.show in WAITING,
    )  # fmt: skip


def one(page: Page, case_id: int) -> Row[Any] | None:
    """One case that the operator may see."""
    query = _told().where(CASE.c.id == case_id, page.in_scope(ROOM))
    return page.session.connection().execute(query).first()


def place(row: Row[Any]) -> around.Place:
    """Where its message stands."""
    return around.Place(row.day, row.room_id, row.message_id, row.at)


def history(page: Page, case_id: int) -> Sequence[Any]:
    """Who took it, gave it back, closed it and opened it again, in order."""
    query = select(AUDIT.c.at, AUDIT.c.by, AUDIT.c.action, AUDIT.c.after)
    named = AUDIT.c.object == f"{complaints.WORK.name}:{case_id}"
    return page.session.connection().execute(query.where(named).order_by(AUDIT.c.id)).all()


def others(page: Page, row: Row[Any]) -> Sequence[Any]:
    """The latest other cases of the same member, in rooms that the operator sees."""
    query = (
        select(CASE.c.id, CASE.c.at, CASE.c.severity, CASE.c.state, ROOM.c.topic)
        .join(ROOM, ROOM.c.id == CASE.c.room_id)
        .where(CASE.c.contact_id == row.contact_id, CASE.c.id != row.id, page.in_scope(ROOM))
        .order_by(CASE.c.at.desc())
        .limit(5)
    )
    return page.session.connection().execute(query).all()


def _ended(now: dt.datetime) -> ColumnElement[bool]:
    """Those whose 24 hours ended within the seven days up to now."""
    return and_(CASE.c.due_at >= now - WEEK, CASE.c.due_at < now)


def _closed_lately(now: dt.datetime) -> ColumnElement[bool]:
    """Those of four weeks that the rules opened and somebody closed."""
    return and_(CASE.c.due_at >= now - 4 * WEEK, CASE.c.state == CLOSED, CASE.c.opened_by == "")


def _shown(page: Page, show: str) -> list[ColumnElement[bool]]:
    waits = complaints.WORK.waiting
    mine = and_(CASE.c.state == complaints.WORK.claimed, CASE.c.owner == page.by)
    wrong = and_(_closed_lately(page.now), CASE.c.outcome == ComplaintOutcome.NONE)
    conditions = {
        "late": [waits, CASE.c.due_at <= page.now],
        "mine": [mine],
        "closed": [CASE.c.state == CLOSED],
        "all": [],
        "week": [_ended(page.now)],
        "wrong": [wrong],
    }
    return conditions.get(show, [waits])


def _within(page: Page, given: Filters) -> list[ColumnElement[bool]]:
    """What the operator may see, narrowed."""
    conditions: list[ColumnElement[bool]] = []
    if not roles.sees_all(page.someone):
        conditions.append(page.in_scope(ROOM))
    if given.vertical:
        conditions.append(ROOM.c.vertical == given.vertical)
    if given.room:
        conditions.append(ROOM.c.id == given.room)
    if given.owner:
        conditions.append(ROOM.c.owner == given.owner)
    narrowed: list[ColumnElement[bool]] = []
    if conditions:
        narrowed.append(CASE.c.room_id.in_(select(ROOM.c.id).where(*conditions)))
    if given.severity:
        narrowed.append(CASE.c.severity == given.severity)
    if given.week:
        since = digests.monday(given.week)
        first, last = Days(since, since + WEEK).instants(page.settings.zone)
        narrowed += [CASE.c.at >= first, CASE.c.at < last]
    if given.outcome:
        narrowed.append(CASE.c.outcome == ComplaintOutcome(given.outcome))
    return narrowed


def _told() -> Select[Any]:
    """Cases with room, member and words; `reopened` counts how often they were opened again."""
    own = (
        *("id", "message_id", "day", "room_id", "contact_id", "at", "due_at", "severity", "rule"),
        *("opened_by", "state", "owner", "claimed_at", "outcome", "note", "closed_by", "closed_at"),
    )
    named = literal(f"{complaints.WORK.name}:") + cast(CASE.c.id, String())
    again = select(func.count()).where(AUDIT.c.object == named, AUDIT.c.action == "reopen")
    return (
        select(
            *(CASE.c[name] for name in own),
            ROOM.c.topic, ROOM.c.platform_id, ROOM.c.vertical, CONTACT.c.name,
            standing.text(CASE).label("text"),
            again.correlate(CASE).scalar_subquery().label("reopened"),
        )
        .join(ROOM, ROOM.c.id == CASE.c.room_id)
        .join(CONTACT, CONTACT.c.id == CASE.c.contact_id)
    )  # fmt: skip
