"""What orders brought in, week by week, each week as it stood as long after its end as the newest
does now: so a refund that is still to come makes no week look better than those before it.

    lines of a week, less what was given back before its own moment; moment = now − whole weeks

What arrived late cannot be told from what a file brought long after; it is counted beside.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Select,
    String,
    and_,
    case,
    func,
    not_,
    or_,
    select,
)
from sqlmodel import Session

from bot import bulk, cells, database
from bot.insights import arrays, buying
from bot.insights.engagement import Days, RoomView
from bot.models import Attribution, Label, OrderEvent, OrderLine, OrderStatus, Room
from bot.orders import returns
from bot.times import DAY

LINE, LABEL, ROOM, EVENT = database.tables(OrderLine, Attribution, Room, OrderEvent)
WEEK = dt.timedelta(weeks=1)
# Lateness is looked up for as many weeks: every event of theirs is read.
RECENT = 4
TAKINGS = (
    *("order_id", "line_no", "day", "paid_at", "received_at", "label"),
    *("amount", "returns", "ours"),
)


class Taken(NamedTuple):
    """One week: its fen, and of the lines of a recent one how many came in after its moment."""

    fen: int
    lines: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Takings:
    """Earlier weeks by Monday; one without a single line is absent, since nobody can tell that
    from a week that was not collected. `missing` counts those since the first whole week.
    """

    weeks: Mapping[dt.date, Taken]
    missing: int = 0


def gather(
    session: Session,
    views: Mapping[int, RoomView],
    monday: dt.date,
    now: dt.datetime,
    zone: ZoneInfo,
    weeks: int,
) -> Takings:
    """The `weeks` weeks before the one of `monday`, since the first whole one with orders.

    A line belongs to the day of the room that its label names, else of `zone`; what operators
    bought for themselves is left out. Eight queries, and those for the orders given back since.
    """
    first = session.connection().execute(select(func.min(LINE.c.paid_at))).scalar()
    if first is None:
        return Takings({})
    begun = first.astimezone(zone).date()
    mondays = [
        week for n in range(1, weeks + 1) if (week := monday - n * WEEK) >= begun
    ]  # fmt: skip
    ours = _ours(session)
    fen = _sums(session, _stretch(session, views, mondays, monday, now, zone), ours)
    for week, back in _given_back_since(
        session, _stretch(session, views, mondays, monday, now, zone), ours
    ).items():
        fen[week] += back
    late = _late(session, _stretch(session, views, mondays[:RECENT], monday, now, zone), ours)
    found = {
        week: Taken(fen[week], *late.get(week, (0, 0))) for week in reversed(mondays) if week in fen
    }
    return Takings(found, len(mondays) - len(found))


def rows(
    session: Session,
    views: Mapping[int, RoomView],
    since: dt.date | None,
    until: dt.date | None,
    zone: ZoneInfo,
) -> Iterator[tuple[object, ...]]:
    """Rows of the `takings` export (TAKINGS names their cells) of the days `[since, until)`, by
    order and line: when a line was paid and first told of, and what was given back when.

    `returns` holds `time=yuan`, separated by `|`; `ours` is true where operators bought the line,
    which then counts nowhere.
    """
    span = Days(since or dt.date(1970, 1, 2), until or dt.date(9999, 1, 1))
    since_at, until_at = span.instants(zone)
    found = session.connection().execute(
        select(
            *(LINE.c.order_id, LINE.c.line_no, LINE.c.paid_at, LINE.c.amount),
            *(LABEL.c.label, LABEL.c.room_id, func.min(EVENT.c.received_at).label("received_at")),
            case((_ours(session), "true"), else_="false").label("ours"),
        )
        .select_from(LINE.outerjoin(LABEL, LABEL.c.order_line_id == LINE.c.id))
        .join(EVENT, _tells())
        .where(LINE.c.paid_at >= since_at - DAY, LINE.c.paid_at < until_at + DAY)
        .group_by(LINE.c.id, LABEL.c.order_line_id)
    )
    lines = sorted(found.all(), key=lambda line: (line.order_id, line.line_no))
    back = returns.of_orders(session, sorted({line.order_id for line in lines}))
    for line in lines:
        own = views[line.room_id].zone if line.room_id in views else zone
        day = line.paid_at.astimezone(own).date()
        if span.since <= day < span.until:
            told = [
                f"{one.at.astimezone(zone).isoformat()}={cells.yuan(one.fen)}"
                for one in back.get((line.order_id, line.line_no), ())
            ]
            yield (
                *(line.order_id, line.line_no, day, line.paid_at.astimezone(zone).isoformat()),
                *(line.received_at.astimezone(zone).isoformat(), line.label),
                *(cells.yuan(line.amount), "|".join(told), line.ours),
            )


def _stretch(
    session: Session,
    views: Mapping[int, RoomView],
    mondays: Sequence[dt.date],
    monday: dt.date,
    now: dt.datetime,
    zone: ZoneInfo,
) -> FromClause:
    """Weeks as instants in every zone of a room, "" for the installation's: zone, week, since_at,
    until_at, moment.
    """
    zones = {view.zone.key: view.zone for view in views.values()} | {"": zone}
    moment = LINE.c.paid_at.type
    given = database.given(
        session,
        {
            **{"zone": String(), "week": Date()},
            **{"since_at": moment, "until_at": moment, "moment": moment},
        },
        [
            (name, week, *Days(week, week + 7 * DAY).instants(own), now - (monday - week))
            for name, own in zones.items()
            for week in mondays
        ],
    )
    names = ("zone", "week", "since_at", "until_at", "moment")
    return select(*(given.c[name] for name in names)).cte("weeks").prefix_with("MATERIALIZED")


def _of_weeks(
    stretch: FromClause, ours: ColumnElement[bool], *what: ColumnElement[Any]
) -> Select[Any]:
    """What is asked of the lines of these weeks, those that operators bought left out."""
    return (
        select(*what)
        .select_from(LINE.outerjoin(LABEL, LABEL.c.order_line_id == LINE.c.id))
        .outerjoin(ROOM, ROOM.c.id == LABEL.c.room_id)
        .join(
            stretch,
            and_(
                func.coalesce(ROOM.c.zone, "") == stretch.c.zone,
                LINE.c.paid_at >= stretch.c.since_at,
                LINE.c.paid_at < stretch.c.until_at,
            ),
        )
        .where(not_(ours))
    )


def _ours(session: Session) -> ColumnElement[bool]:
    """Whether operators bought a line for themselves.

    `out` says so of a line that has money left. One that was given back is out whoever bought it,
    so there the buyer decides.
    """
    given = bulk.given(session, {"id": buying.our_persons(session)})
    bought = func.coalesce(LINE.c.person_id, arrays.UNKNOWN).in_(select(given.c.id))
    out = and_(LABEL.c.label.is_not(None), LABEL.c.label == Label.OUT)
    return and_(out, or_(_net() > 0, bought))


def _net() -> ColumnElement[int]:
    left = LINE.c.amount - LINE.c.refunded
    return case((LINE.c.status == OrderStatus.CANCELLED, 0), else_=left)


def _sums(session: Session, stretch: FromClause, ours: ColumnElement[bool]) -> dict[dt.date, int]:
    query = _of_weeks(stretch, ours, stretch.c.week, func.sum(_net())).group_by(stretch.c.week)
    return {week: int(fen) for week, fen in session.connection().execute(query)}


def _given_back_since(
    session: Session, stretch: FromClause, ours: ColumnElement[bool]
) -> dict[dt.date, int]:
    """Fen that weeks had at their moment and lost after it."""
    query = _of_weeks(
        stretch, ours, LINE.c.order_id, LINE.c.line_no, stretch.c.week, stretch.c.moment
    ).where(LINE.c.status != OrderStatus.PAID, LINE.c.updated_at >= stretch.c.moment)
    lines = session.connection().execute(query).all()
    back = returns.of_orders(session, sorted({line.order_id for line in lines}))
    found: dict[dt.date, int] = defaultdict(int)
    for order_id, line_no, week, moment in lines:
        # A line that cost nothing lost nothing, and is told of by no step.
        steps = back.get((order_id, line_no), ())
        found[week] += sum(one.fen for one in steps if one.at >= moment)
    return dict(found)


def _late(
    session: Session, stretch: FromClause, ours: ColumnElement[bool]
) -> dict[dt.date, tuple[int, int]]:
    """(lines, those first told of after the week's moment) by week."""
    told = (
        _of_weeks(
            stretch,
            ours,
            *(stretch.c.week, stretch.c.moment, LINE.c.id),
            func.min(EVENT.c.received_at).label("told"),
        )
        .join(EVENT, _tells())
        .group_by(stretch.c.week, stretch.c.moment, LINE.c.id)
        .subquery()
    )
    late = func.sum(case((told.c.told > told.c.moment, 1), else_=0))
    query = select(told.c.week, func.count(), late).group_by(told.c.week)
    return {week: (lines, int(after)) for week, lines, after in session.connection().execute(query)}


def _tells() -> ColumnElement[bool]:
    """Whether an event is about the line."""
    return and_(EVENT.c.order_id == LINE.c.order_id, EVENT.c.line_no == LINE.c.line_no)
