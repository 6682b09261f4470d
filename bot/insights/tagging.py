"""Which tags a person gets, and why (三维标签: 消费, 偏好, 互动). Pure.

A tag is a rule that anybody can check by hand: it carries the figures that it was decided on and
the orders or messages behind them. What is not known is no tag: who is tied to no buyer has no
tag of spend, least of all a low one.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.models import Dimension

RULE_VERSION = 1

HIGH_VALUE, REPEAT, NEWCOMER, ASLEEP = "high_value", "repeat", "newcomer", "asleep"
LOW_SPEND = "low_spend"
BUSY, ACTIVE, ANSWERS, SHARES = "busy", "active", "answers", "shares"
NEED, CATEGORY = "need:", "category:"

HIGH_VALUE_ORDERS = 3
BUSY_DAYS, BUSY_SHARE = 8, 0.8
ACTIVE_DAYS = 4
ANSWERED, SHARED = 5, 3
NEED_MESSAGES, NEED_DAYS = 3, 2
CATEGORY_ORDERS, CATEGORY_SHARE = 2, 0.5
NEW_FOR = dt.timedelta(days=30)
ASLEEP_FROM = dt.timedelta(days=90)
# Fifths of fewer buyers than this would say who is first of four.
FEWEST_BUYERS = 20
EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class Spending:
    """What one person bought until a moment; money is fen, net, of orders not cancelled."""

    orders: int = 0
    net: int = 0
    first_paid_at: dt.datetime | None = None
    last_paid_at: dt.datetime | None = None
    orders_90: int = 0
    net_90: int = 0
    orders_365: int = 0
    net_365: int = 0


@dataclass(frozen=True, slots=True)
class Talking:
    """What one person did in all rooms in 28 days."""

    active_days: int = 0
    effective: int = 0
    questions: int = 0
    answers: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A need that a person's messages showed, on how many days, with the latest of them."""

    messages: int
    days: int
    latest: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that tags are decided on. `spending` is None for who is tied to no buyer.

    `categories` are orders of 365 days by category of product.
    """

    talking: Talking = Talking()
    spending: Spending | None = None
    needs: Mapping[str, Shown] | None = None
    categories: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Norms:
    """What a person is compared with, as of `until`. Money is fen.

    `mean_basket` is over all orders of 90 days, whoever bought; `median_net` over the buyers of 90
    days; `busy` is the effective messages of 28 days below which four fifths of the speakers stay.
    None where there is nothing to compare with. The lists are of the buyers of 365 days, ascending.
    """

    until: dt.datetime
    mean_basket: float | None = None
    median_net: float | None = None
    busy: int | None = None
    last_paid: Sequence[dt.datetime] = ()
    orders: Sequence[int] = ()
    net: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """Recency, frequency and money in fifths of the buyers, 1 (low) to 5 (high)."""

    recency: int
    frequency: int
    monetary: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag and the figures, order categories and message ids that it was decided on."""

    name: str
    dimension: Dimension
    why: Mapping[str, object]


def tags(subject: Subject, norms: Norms) -> tuple[Tag, ...]:
    """Every tag that holds, by dimension."""
    return (
        *(_spend(subject.spending, norms) if subject.spending is not None else ()),
        *_preference(subject),
        *_interaction(subject.talking, norms),
    )


def scores(spending: Spending | None, norms: Norms) -> Scores | None:
    """RFM over the buyers of 365 days; equal figures have equal scores. None where too few are."""
    if spending is None or spending.last_paid_at is None or not spending.orders_365:
        return None
    if len(norms.orders) < FEWEST_BUYERS:
        return None
    return Scores(
        _fifth(bisect_left(norms.last_paid, spending.last_paid_at), len(norms.last_paid)),
        _fifth(bisect_left(norms.orders, spending.orders_365), len(norms.orders)),
        _fifth(bisect_left(norms.net, spending.net_365), len(norms.net)),
    )


def _fifth(below: int, of: int) -> int:
    return 1 + 5 * below // of


def _spend(spending: Spending, norms: Norms) -> list[Tag]:
    found: list[Tag] = []

    def give(name: str, **why: object) -> None:
        found.append(Tag(name, Dimension.SPEND, why))

    basket = spending.net_90 / spending.orders_90 if spending.orders_90 else 0
    if spending.orders_90 >= HIGH_VALUE_ORDERS and basket > (norms.mean_basket or 0):
        give(HIGH_VALUE, orders=spending.orders_90, basket=basket, mean_basket=norms.mean_basket)
    if spending.orders >= 2:
        give(REPEAT, orders=spending.orders, net=spending.net)
    first, last = spending.first_paid_at, spending.last_paid_at
    if first is not None and norms.until - first <= NEW_FOR:
        give(NEWCOMER, first_paid_at=first.isoformat())
    if last is not None and norms.until - last > ASLEEP_FROM:
        give(ASLEEP, last_paid_at=last.isoformat(), orders=spending.orders)
    is_low = norms.median_net is not None and spending.net_90 < norms.median_net
    if is_low and spending.orders_90 <= 1:
        give(LOW_SPEND, orders=spending.orders_90, net=spending.net_90, median=norms.median_net)
    return found


def _preference(subject: Subject) -> list[Tag]:
    found = [
        Tag(
            f"{NEED}{need}",
            Dimension.PREFERENCE,
            {"messages": shown.messages, "days": shown.days, "latest": list(shown.latest)},
        )
        for need, shown in sorted((subject.needs or {}).items())
        if shown.messages >= NEED_MESSAGES and shown.days >= NEED_DAYS
    ]
    bought = (subject.spending or Spending()).orders_365
    return [
        *found,
        *(
            Tag(f"{CATEGORY}{category}", Dimension.PREFERENCE, {"orders": orders, "of": bought})
            for category, orders in sorted((subject.categories or {}).items())
            if category and orders >= CATEGORY_ORDERS and orders >= CATEGORY_SHARE * bought
        ),
    ]


def _interaction(talking: Talking, norms: Norms) -> list[Tag]:
    found: list[Tag] = []

    def give(name: str, **why: object) -> None:
        found.append(Tag(name, Dimension.INTERACTION, why))

    told = {"active_days": talking.active_days, "effective": talking.effective}
    is_loud = norms.busy is not None and talking.effective >= norms.busy
    if is_loud and talking.active_days >= BUSY_DAYS:
        give(BUSY, **told, busy=norms.busy)
    elif talking.active_days >= ACTIVE_DAYS:
        give(ACTIVE, **told)
    if talking.answers >= ANSWERED:
        give(ANSWERS, answers=talking.answers)
    if talking.shares >= SHARED:
        give(SHARES, shares=talking.shares)
    return found
