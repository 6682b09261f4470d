"""What buyers are worth and whether they come back: baskets, repurchase, cohorts. Honest intervals.

Everything is of orders until a moment, net of refunds. Orders of nobody we know count for the
baskets alone: whether their buyer came back cannot be seen.
"""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from bot.insights import intervals, subjects
from bot.insights.intervals import Mean, Median, Share
from bot.insights.statistics import Wait

AGAIN_WITHIN = dt.timedelta(days=90)
COHORTS = 12


@dataclass(frozen=True, slots=True)
class Purchase:
    """One order; `person_id` is None for nobody we know. `net` is fen."""

    person_id: int | None
    paid_at: dt.datetime
    net: int
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Buyer:
    """One of a cohort: the first order, and all until now; `net` is fen."""

    person_id: int
    first_order: str
    first_paid_at: dt.datetime
    orders: int
    net: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """Those who bought first in one local month.

    `returned[k]` is how many of them bought in the (k+1)th month after it, of months that are over.
    `worth` is what one of them spent until now, in fen (LTV to date).
    """

    month: dt.date
    buyers: int
    returned: tuple[Share, ...]
    worth: Mean | None


@dataclass(frozen=True, slots=True)
class Customers:
    """What is known of buyers until a moment. Money is fen.

    `again` is the share who bought a second time within 90 days, of those whose first order is
    that old; `days_to_second` the median time to it over everybody, those still waiting included.
    """

    until: dt.datetime
    orders: int
    unresolved: int
    buyers: int
    basket: Mean | None
    median_basket: float | None
    again: Share | None
    days_to_second: Median | None
    cohorts: tuple[Cohort, ...]


def gather(session: Session, until: dt.datetime, zone: ZoneInfo) -> Customers:
    """What is known of buyers from every order paid before `until`; months are local to `zone`."""
    return describe(_purchases(session, until), until, zone)


def cohort(
    session: Session, until: dt.datetime, zone: ZoneInfo, month: dt.date, later: int
) -> list[Buyer]:
    """Whom `Cohort` counts: those who bought first in a local month, and again in the `later`-th
    after it (0: all of them), in order of their first.
    """
    by_person = _by_person(_purchases(session, until))
    first = month.year * 12 + month.month - 1
    return [
        Buyer(person, every[0].order_id, every[0].paid_at, len(every), sum(x.net for x in every))
        for person, every in by_person.items()
        if _month(every[0].paid_at, zone) == first
        and any(_month(one.paid_at, zone) == first + later for one in every)
    ]


def _purchases(session: Session, until: dt.datetime) -> list[Purchase]:
    """Every order paid before a moment, in order of time."""
    bought = subjects.orders(until).c
    rows = session.connection().execute(
        select(bought.person_id, bought.paid_at, bought.net, bought.order_id).order_by(
            bought.paid_at, bought.order_id
        )
    )
    return [Purchase(row[0], row[1], int(row[2]), row[3]) for row in rows]


def _by_person(purchases: Sequence[Purchase]) -> Mapping[int, Sequence[Purchase]]:
    """What each person whom we know bought, the first buyers first."""
    found: dict[int, list[Purchase]] = defaultdict(list)
    for one in purchases:
        if one.person_id is not None:
            found[one.person_id].append(one)
    return found


def describe(purchases: Sequence[Purchase], until: dt.datetime, zone: ZoneInfo) -> Customers:
    """What purchases, in order of time, tell of their buyers."""
    by_person = _by_person(purchases)
    clusters: list[tuple[float, int]] = [(one.net, 1) for one in purchases if one.person_id is None]
    clusters += [(sum(one.net for one in every), len(every)) for every in by_person.values()]
    return Customers(
        until=until,
        orders=len(purchases),
        unresolved=len(clusters) - len(by_person),
        buyers=len(by_person),
        basket=intervals.clustered_mean(clusters),
        median_basket=statistics.median(one.net for one in purchases) if purchases else None,
        again=_again(by_person, until),
        days_to_second=_days_to_second(by_person, until),
        cohorts=_cohorts(by_person, until, zone),
    )


def _again(by_person: Mapping[int, Sequence[Purchase]], until: dt.datetime) -> Share | None:
    watched = [every for every in by_person.values() if every[0].paid_at + AGAIN_WITHIN <= until]
    again = sum(
        len(every) > 1 and every[1].paid_at < every[0].paid_at + AGAIN_WITHIN for every in watched
    )
    return intervals.share(again, len(watched))


def _days_to_second(
    by_person: Mapping[int, Sequence[Purchase]], until: dt.datetime
) -> Median | None:
    day = dt.timedelta(days=1)
    waits = [
        Wait(((every[1].paid_at if len(every) > 1 else until) - every[0].paid_at) / day,
             len(every) > 1)
        for every in by_person.values()
    ]  # fmt: skip
    return intervals.median_wait(waits)


def _cohorts(
    by_person: Mapping[int, Sequence[Purchase]], until: dt.datetime, zone: ZoneInfo
) -> tuple[Cohort, ...]:
    cohorts: dict[int, list[Sequence[Purchase]]] = defaultdict(list)
    for every in by_person.values():
        cohorts[_month(every[0].paid_at, zone)].append(every)
    # The month in which `until` lies is not over, unless it is about to begin.
    over = _month(until, zone)
    return tuple(_cohort(month, cohorts[month], over, zone) for month in sorted(cohorts)[-COHORTS:])


def _cohort(month: int, members: Sequence[Sequence[Purchase]], over: int, zone: ZoneInfo) -> Cohort:
    came = [{_month(one.paid_at, zone) for one in every} for every in members]
    returned = [
        intervals.share(sum(later in months for months in came), len(members))
        for later in range(month + 1, over)
    ]
    return Cohort(
        dt.date(month // 12, month % 12 + 1, 1),
        len(members),
        tuple(each for each in returned if each is not None),
        intervals.clustered_mean([(sum(one.net for one in every), 1) for every in members]),
    )


def _month(at: dt.datetime, zone: ZoneInfo) -> int:
    """Local months, numbered."""
    local = at.astimezone(zone)
    return local.year * 12 + local.month - 1
