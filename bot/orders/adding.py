"""What the events of one order add up to, whatever their order and however often each came. Pure.

    events of each line, and of the order as a whole, from any source → lines

Of what was paid the highest `updated_at` wins; refunds add up; an order told whole with fewer
lines than before has lost those beyond; what is said of an order as a whole falls on its lines.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import cells
from bot.models import OrderStatus

LineKey = tuple[str, int]
# Stands for a line number where an event is about the order as a whole.
WHOLE = -1


@dataclass(frozen=True, slots=True)
class Event:
    """One row of one source about one order line. `amount` is fen: paid, or given back.

    `buyer` and `phone` are HMACs. `digest` tells two events apart where nothing else does. `of` is
    how many lines the order had, where all of it was told; `refund` names what was given back.
    """

    sku: str
    quantity: int
    amount: int
    paid_at: dt.datetime
    status: OrderStatus
    source: str
    digest: str
    updated_at: dt.datetime | None = None
    buyer: str | None = None
    phone: str | None = None
    unionid: str | None = None
    coupon: str | None = None
    link: str | None = None
    channel: str | None = None
    of: int | None = None
    refund: str | None = None

    @property
    def said_at(self) -> dt.datetime:
        """Since when this holds: as the source says, else the time of the event itself."""
        return self.updated_at or self.paid_at


@dataclass(frozen=True, slots=True)
class Line:
    """One order line as its events add up."""

    order_id: str
    line_no: int
    sku: str
    quantity: int
    amount: int
    refunded: int
    paid_at: dt.datetime
    status: OrderStatus
    buyer: str | None
    phone: str | None
    unionid: str | None
    coupon: str | None
    link: str | None
    channel: str
    sources: str
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """What one source says of an order as a whole: cancelled, or `amount` (fen) given back."""

    at: dt.datetime
    status: OrderStatus
    source: str
    digest: str
    amount: int = 0
    refund: str = ""


def add_up_order(
    order_id: str, events: Mapping[int, Sequence[Event]], wholes: Sequence[Whole]
) -> list[Line]:
    """The lines of one order, by number. What is said of an order before its lines are waits."""
    gone = _gone(events)
    cancelled = [each for each in wholes if each.status == OrderStatus.CANCELLED]
    lines: list[Line] = []
    for line_no, told in sorted(events.items()):
        off = [each.at for each in cancelled] + [at for at in (gone.get(line_no),) if at]
        more = [_cancelled(told, max(off))] if off else []
        lines.append(add_up((order_id, line_no), [*told, *more]))
    lines = _spread(lines, [each for each in wholes if each.status == OrderStatus.REFUNDED])
    sources = {each.source for each in wholes}
    return [
        replace(line, sources="|".join(sorted({*line.sources.split("|"), *sources})))
        for line in lines
    ]


def add_up(key: LineKey, events: Iterable[Event]) -> Line:
    """The line that events give, whatever their order and however often each came.

    Of what was paid, the highest `updated_at` wins; an empty cell falls back to the next. Refunds
    of one moment are one refund, and different ones add up. Where only refunds are known yet, the
    line is taken to have cost what was given back.
    """
    ranked = sorted({event.digest: event for event in events}.values(), key=_rank, reverse=True)
    paid = [event for event in ranked if event.status != OrderStatus.REFUNDED]
    back = [event for event in ranked if event.status == OrderStatus.REFUNDED]
    refunds = _refunds(back)
    refunded = min(sum(refunds.values()), cells.LARGEST)
    base = paid[0] if paid else ranked[-1]
    first = next((event for event in paid if event.status == OrderStatus.PAID), base)
    trusted = [*paid, *back]
    return Line(
        order_id=key[0],
        line_no=key[1],
        sku=base.sku,
        quantity=base.quantity,
        amount=first.amount if paid else refunded,
        refunded=refunded,
        paid_at=first.paid_at if paid else min(event.paid_at for event in back),
        status=_status(base, refunded),
        buyer=next((event.buyer for event in trusted if event.buyer), None),
        phone=next((event.phone for event in trusted if event.phone), None),
        unionid=next((event.unionid for event in trusted if event.unionid), None),
        coupon=next((event.coupon for event in trusted if event.coupon), None),
        link=next((event.link for event in trusted if event.link), None),
        channel=next((event.channel for event in trusted if event.channel), ""),
        sources="|".join(sorted({event.source for event in ranked})),
        updated_at=max(event.said_at for event in ranked),
    )


def event_of(content: Mapping[str, Any], source: str, digest: str) -> Event:
    """An event as its stored content says it."""
    updated_at = content["updated_at"]
    return Event(
        sku=content["sku"],
        quantity=content["quantity"],
        amount=content["amount"],
        paid_at=dt.datetime.fromisoformat(content["paid_at"]),
        status=OrderStatus(content["status"]),
        source=source,
        digest=digest,
        updated_at=dt.datetime.fromisoformat(updated_at) if updated_at else None,
        buyer=content["buyer"],
        phone=content["phone"],
        unionid=content["unionid"],
        coupon=content["coupon"],
        link=content["link"],
        channel=content["channel"],
        of=content.get("of"),
        refund=content.get("refund"),
    )


def whole_of(content: Mapping[str, Any], source: str, digest: str) -> Whole:
    """What is said of an order as a whole, as its stored content says it."""
    return Whole(
        at=dt.datetime.fromisoformat(content["at"]),
        status=OrderStatus(content["status"]),
        source=source,
        digest=digest,
        amount=content["amount"],
        refund=content["refund"],
    )


def _gone(events: Mapping[int, Sequence[Event]]) -> dict[int, dt.datetime]:
    """Lines that a source told and has left out since it last told all of the order: since when."""
    told: dict[str, tuple[dt.datetime, int]] = {}
    for event in (event for each in events.values() for event in each):
        if event.of is not None:
            latest = (event.said_at, event.of)
            told[event.source] = max(latest, told.get(event.source, latest))
    found: dict[int, dt.datetime] = {}
    for line_no, each in events.items():
        for source in {event.source for event in each if event.of is not None}:
            at, count = told[source]
            if line_no > count:
                found[line_no] = max(at, found.get(line_no, at))
    return found


def _cancelled(told: Sequence[Event], at: dt.datetime) -> Event:
    """That a line was cancelled at a moment, as an event of its own."""
    base = max(told, key=lambda event: (event.status != OrderStatus.REFUNDED, _rank(event)))
    digest = f"cancelled {at.isoformat()}"
    return replace(base, status=OrderStatus.CANCELLED, updated_at=at, digest=digest, of=None)


def _refunds(back: Sequence[Event]) -> dict[str, int]:
    """What was given back, each refund once: by its name, else by its moment."""
    named = {event.paid_at for event in back if event.refund}
    found: dict[str, int] = {}
    for event in back:
        if event.refund:
            found.setdefault(event.refund, event.amount)
        elif event.paid_at not in named:
            found.setdefault(event.paid_at.isoformat(), event.amount)
    return found


def _spread(lines: Sequence[Line], refunds: Sequence[Whole]) -> list[Line]:
    """Let what was given back of an order fall on its lines, as much as is left of each; the fen
    that do not divide fall on the largest remainders.
    """
    once: dict[str, int] = {}
    for each in sorted(refunds, key=lambda one: (one.at, one.digest), reverse=True):
        once.setdefault(each.refund or each.at.isoformat(), each.amount)
    left = [max(line.amount - line.refunded, 0) for line in lines]
    total = min(sum(once.values()), sum(left))
    if not total:
        return [*lines]
    shares = [total * each // sum(left) for each in left]
    remainders = sorted(
        range(len(left)), key=lambda place: (-(total * left[place] % sum(left)), place)
    )
    for place in remainders[: total - sum(shares)]:
        shares[place] += 1
    at = max(each.at for each in refunds)
    return [
        replace(
            line,
            refunded=line.refunded + share,
            status=OrderStatus.CANCELLED
            if line.status == OrderStatus.CANCELLED
            else OrderStatus.REFUNDED,
            updated_at=max(line.updated_at, at),
        )
        if share
        else line
        for line, share in zip(lines, shares, strict=True)
    ]


def _rank(event: Event) -> tuple[dt.datetime, bool, str]:
    # A cancellation without a time of its own carries the time of payment: it came after.
    return event.said_at, event.status == OrderStatus.CANCELLED, event.digest


def _status(base: Event, refunded: int) -> OrderStatus:
    if base.status == OrderStatus.CANCELLED:
        return OrderStatus.CANCELLED
    return OrderStatus.REFUNDED if refunded else base.status
