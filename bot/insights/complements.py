"""What goes together (奶粉 → 辅食): pairs of products that the same people buy, as suggestions.

    lift = P(a and b) / (P(a) · P(b)) over buyers of a year

A suggestion is no cause: who buys much has much of everything, so every lift of a shop with few
heavy buyers is above 1. Only pairs with a floor of buyers, an interval above 1 and a place under
Benjamini–Hochberg among all pairs that could have been bought are told.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, ColumnElement, Integer, case, func, select
from sqlmodel import Session

from bot import database
from bot.insights import intervals, significance, subjects
from bot.insights.statistics import Interval
from bot.models import OrderLine, OrderStatus, Product

LOOK_BACK = dt.timedelta(days=365)
# Fewer buyers of both than this are an anecdote.
FLOOR = 20
FALSE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """How many of `buyers` bought a, b, and both; of those, who bought which first (the others
    bought both at once).
    """

    a: str
    b: str
    buyers: int
    with_a: int
    with_b: int
    both: int
    a_first: int
    b_first: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Offer `then` to those who bought `first`: `open_to` of them have not bought it yet.

    `in_order` of `both` bought `first` first. Products are SKUs; `lift` has a 95 % interval.
    """

    first: str
    then: str
    first_name: str
    then_name: str
    both: int
    in_order: int
    open_to: int
    lift: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Complements:
    """Suggestions, the strongest first, out of the `pairs` of what enough people bought."""

    buyers: int
    pairs: int
    suggestions: tuple[Suggestion, ...]


def gather(session: Session, until: dt.datetime, *, floor: int = FLOOR) -> Complements:
    """What went together in the year before a moment."""
    product = database.table(Product).c
    names: dict[str, str] = dict(
        session.connection().execute(select(product.sku, product.name)).all()
    )
    first = _first(until)
    each = {sku: count for sku, count in _buyers_of_each(session, first) if count >= floor}
    compared = len(each) * (len(each) - 1) // 2
    buyers = session.connection().scalar(select(func.count(first.c.person_id.distinct()))) or 0
    pairs = [
        Pair(a, b, buyers, each[a], each[b], both, a_first, b_first)
        for a, b, both, a_first, b_first in _together(session, first, floor)
    ]
    told = [_suggestion(pair, names) for pair in significant(pairs, compared)]
    told.sort(key=lambda one: (-one.interval.low, one.first, one.then))
    return Complements(buyers, compared, tuple(told))


def significant(pairs: Sequence[Pair], compared: int) -> list[Pair]:
    """Pairs bought together more often than chance has it, 5 % of them falsely at the most, of
    `compared` that could have been.

    Benjamini & Hochberg (1995), JRSS B 57:289–300, over one-sided normal tests of the log lift.
    """
    # What too few people bought together was compared as well, and found nothing.
    others = [1.0] * (compared - len(pairs))
    adjusted = significance.benjamini_hochberg([*map(p_value, pairs), *others])
    return [
        pair
        for pair, p in zip(pairs, adjusted, strict=False)
        if p <= FALSE_SHARE and interval(pair).low > 1
    ]


def lift(pair: Pair) -> float:
    """How many times as often both are bought as if they had nothing to do with each other."""
    return pair.both * pair.buyers / (pair.with_a * pair.with_b)


def interval(pair: Pair) -> Interval:
    """The 95 % interval of the lift, from the delta method on its logarithm."""
    reach = math.exp(intervals.Z * _error(pair))
    return Interval(lift(pair) / reach, lift(pair) * reach)


def _error(pair: Pair) -> float:
    """The standard error of log lift = log p_ab − log p_a − log p_b under multinomial sampling.

    Var = (Σ p_i g_i² − (Σ p_i g_i)²)/N with g the derivatives by each cell; Σ p_i g_i = −1.
    """
    n, both = pair.buyers, pair.both
    by_a, by_b = n / pair.with_a, n / pair.with_b
    squares = (
        both / n * (n / both - by_a - by_b) ** 2
        + (pair.with_a - both) / n * by_a**2
        + (pair.with_b - both) / n * by_b**2
    )
    return math.sqrt(max(squares - 1, 0.0) / n)


def p_value(pair: Pair) -> float:
    """The chance of such a lift, or a higher one, of what has nothing to do with each other."""
    error = _error(pair)
    if error == 0:
        # Everybody bought both: nothing to be surprised at.
        return 1.0
    return math.erfc(math.log(lift(pair)) / error / math.sqrt(2)) / 2


def _suggestion(pair: Pair, names: Mapping[str, str]) -> Suggestion:
    sides = [(-pair.a_first, pair.a, pair.with_a), (-pair.b_first, pair.b, pair.with_b)]
    (in_order, first, with_first), (_, then, _) = sorted(sides)
    return Suggestion(
        first=first,
        then=then,
        first_name=names[first],
        then_name=names[then],
        both=pair.both,
        in_order=-in_order,
        open_to=with_first - pair.both,
        lift=lift(pair),
        interval=interval(pair),
    )


def _first(until: dt.datetime) -> CTE:
    """When everybody we know first bought what, as a FROM clause: person_id, sku, at."""
    line, product = database.tables(OrderLine, Product)
    bought = subjects.orders(until)
    return (
        select(
            bought.c.person_id,
            product.c.sku,
            func.min(line.c.paid_at, type_=line.c.paid_at.type).label("at"),
        )
        .join(line, line.c.order_id == bought.c.order_id)
        .join(product, product.c.id == line.c.product_id)
        .where(
            bought.c.person_id.is_not(None),
            bought.c.paid_at >= until - LOOK_BACK,
            line.c.status != OrderStatus.CANCELLED,
            line.c.refunded < line.c.amount,
        )
        .group_by(bought.c.person_id, product.c.sku)
        .cte("first")
        # Read twice, so that it is worked out once.
        .prefix_with("MATERIALIZED")
    )


def _buyers_of_each(session: Session, first: CTE) -> list[tuple[str, int]]:
    rows = session.connection().execute(
        select(first.c.sku, func.count()).group_by(first.c.sku).order_by(first.c.sku)
    )
    return [(row[0], row[1]) for row in rows]


def _together(session: Session, first: CTE, floor: int) -> list[tuple[str, str, int, int, int]]:
    """Rows of a, b, who bought both, who a first, who b first."""
    a, b = first.alias("a"), first.alias("b")

    def before(one: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((one, 1), else_=0)).cast(Integer)

    rows = session.connection().execute(
        select(a.c.sku, b.c.sku, func.count(), before(a.c.at < b.c.at), before(a.c.at > b.c.at))
        .join(b, (b.c.person_id == a.c.person_id) & (a.c.sku < b.c.sku))
        .group_by(a.c.sku, b.c.sku)
        .having(func.count() >= floor)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]
