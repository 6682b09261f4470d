"""What last week's digests said and what is known of that week now: corrections (更正), with why.

A digest that was let out stays word for word; what late data changed in it is told a week later.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.digest import gather, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Figure, Sheet, Subject
from bot.insights import shares
from bot.models import OrderEvent, OrderLine

WEEK = dt.timedelta(weeks=1)
# Why a figure of a part can change after its week is over.
LATE_TALK = "后到或撤回的消息，后来知道的身份"
LATE_ANSWERS = "周日以后才到的回应"
WHYS = {
    "talk": LATE_TALK,
    "people": f"{LATE_TALK}，后到的成员名单",
    "questions": LATE_ANSWERS,
    "lift": LATE_TALK,
    "said": LATE_TALK,
    "complaints": "后来处理的投诉",
    "health": "后来的回执、补发和订单",
}
AS_OF_TODAY = frozenset({"repurchase"})


@dataclass(frozen=True, slots=True)
class Changed:
    """One figure of last week's digest: what people read then, what it is now, and why."""

    label: str
    then: str
    now: str
    why: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of one digest of last week, that of `week` (2026-W45), computed at `then`."""

    week: str
    status: str
    changed: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """What came in about last week's orders after its digest: events, and labels restated."""

    events: int
    restated: int


def provisional(
    session: Session, findings: Findings, subjects: Sequence[Subject]
) -> dict[Subject, storing.Stored]:
    """Last week's digests of these subjects that stood before its late data had settled."""
    stored = storing.stored(session, findings.week.monday - WEEK, subjects)
    return {subject: one for subject, one in stored.items() if not one.sheet.final}


def earlier(session: Session, findings: Findings) -> Findings:
    """Last week as it is known now; gathered once for as many digests as are made."""
    week = findings.week
    if not findings.before:
        again = gather.gather(session, week.monday - WEEK, week.now, week.zone)
        findings.before.append(Findings(again))
    return findings.before[0]


def since(session: Session, findings: Findings, computed_at: dt.datetime) -> Since:
    """What came in about last week's orders after a moment. Two queries."""
    week = findings.week
    event, line = database.tables(OrderEvent, OrderLine)
    start, end = (each - WEEK for each in week.days.instants(week.zone))
    events = session.connection().scalar(
        select(func.count())
        .where(event.c.order_id == line.c.order_id, event.c.line_no == line.c.line_no)
        .where(line.c.paid_at >= start, line.c.paid_at < end)
        .where(event.c.received_at > computed_at, event.c.received_at <= week.now)
    )
    return Since(events or 0, shares.restated(session, computed_at, week.now))


def compare(then: Sheet, now: Sheet, came: Since) -> Corrected:
    """The figures that read otherwise now, in the order of the digest."""
    return Corrected(then.week, then.status.rpartition(" · ")[2], tuple(_changed(then, now, came)))


def _changed(then: Sheet, now: Sheet, came: Since) -> Iterator[Changed]:
    # What is as of today, not of the week, is no correction.
    before = {
        figure.key: figure
        for part in then.sections
        for figure in part.figures
        if figure.key not in AS_OF_TODAY
    }
    for part in now.sections:
        for figure in part.figures:
            old = before.get(figure.key)
            if old is not None and _differs(old, figure):
                why = _orders(came) if part.key == "orders" else WHYS.get(part.key, "后到的数据")
                yield Changed(figure.label, old.text, figure.text, why)


def _differs(old: Figure, new: Figure) -> bool:
    """Whether people read another number; a digit that nobody sees is no correction."""
    return old.text != new.text


def _orders(came: Since) -> str:
    told: Mapping[str, int] = {"条后到的订单或退款": came.events, "行改了归因": came.restated}
    parts = [f"{count:,} {words}" for words, count in told.items() if count]
    return "，".join(parts) or "后来认出的买家和改了的归因"
