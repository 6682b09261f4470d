"""What the events of one order add up to, whatever their order and however often each came."""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.models import OrderStatus
from bot.orders.adding import Event, Line, Whole, add_up, add_up_order

PAID_AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KEY = ("O1", 1)


def paid(digest: str = "paid", *, hours: int = 0, amount: int = 10_000, **more: Any) -> Event:
    return Event("A1", 1, amount, PAID_AT, OrderStatus.PAID, more.pop("source", "shop"), digest,
                 updated_at=PAID_AT + HOUR * hours, **more)  # fmt: skip


def refunded(digest: str, *, hours: int, amount: int) -> Event:
    at = PAID_AT + HOUR * hours
    return Event("A1", 1, amount, at, OrderStatus.REFUNDED, "shop", digest)


def cancelled(digest: str = "cancelled") -> Event:
    return Event("A1", 1, 10_000, PAID_AT, OrderStatus.CANCELLED, "shop", digest)


def test_the_highest_updated_at_wins_and_older_events_fill_its_gaps() -> None:
    line = add_up(KEY, [paid("new", hours=2, amount=9_000), paid("old", phone="hmac", coupon="C")])
    assert (line.amount, line.phone, line.coupon) == (9_000, "hmac", "C")


def test_partial_refunds_add_up() -> None:
    line = add_up(
        KEY, [paid(), refunded("r1", hours=5, amount=2_000), refunded("r2", hours=9, amount=500)]
    )
    assert (line.amount, line.refunded, line.status) == (10_000, 2_500, OrderStatus.REFUNDED)
    assert line.paid_at == PAID_AT


def test_a_refund_told_by_two_sources_is_one_refund() -> None:
    line = add_up(
        KEY, [paid(), refunded("r1", hours=5, amount=2_000), refunded("r2", hours=5, amount=2_000)]
    )
    assert line.refunded == 2_000


def test_the_same_order_from_two_sources_is_one_line() -> None:
    line = add_up(KEY, [paid("a", source="有赞"), paid("b", source="erp")])
    assert (line.amount, line.sources) == (10_000, "erp|有赞")


def test_a_cancellation_of_the_same_moment_comes_after_the_payment() -> None:
    assert add_up(KEY, [cancelled(), paid()]).status == OrderStatus.CANCELLED


def test_a_refund_that_comes_before_its_payment_is_fully_refunded_until_then() -> None:
    early = add_up(KEY, [refunded("r1", hours=5, amount=2_000)])
    assert (early.amount, early.refunded) == (2_000, 2_000)
    assert add_up(KEY, [refunded("r1", hours=5, amount=2_000), paid()]).amount == 10_000


events = st.builds(
    Event,
    sku=st.sampled_from(["A1", "A2"]),
    quantity=st.integers(0, 3),
    amount=st.integers(0, 5),
    paid_at=st.integers(0, 3).map(lambda hours: PAID_AT + HOUR * hours),
    status=st.sampled_from(list(OrderStatus)),
    source=st.sampled_from(["shop", "erp"]),
    digest=st.uuids().map(str),
    updated_at=st.none() | st.integers(0, 3).map(lambda hours: PAID_AT + HOUR * hours),
    phone=st.none() | st.sampled_from("pq"),
    coupon=st.none() | st.sampled_from("cd"),
)


@given(st.lists(events, min_size=1, max_size=8), st.randoms())
def test_any_order_of_arrival_and_any_repetition_gives_the_same_line(
    told: list[Event], chance: random.Random
) -> None:
    again = [*told, *chance.choices(told, k=3)]
    chance.shuffle(again)
    assert add_up(KEY, again) == add_up(KEY, told)


def told(line_no: int, *, of: int, hours: int, source: str = "shop") -> dict[int, list[Event]]:
    """One line of an order that was told whole."""
    return {line_no: [paid(f"{source} {line_no} {hours}", hours=hours, of=of, source=source)]}


def order(*parts: dict[int, list[Event]], wholes: Sequence[Whole] = ()) -> list[Line]:
    events: dict[int, list[Event]] = {}
    for part in parts:
        for line_no, each in part.items():
            events.setdefault(line_no, []).extend(each)
    return add_up_order("O1", events, wholes)


def test_a_line_that_an_order_no_longer_has_is_cancelled_since_it_was_left_out() -> None:
    first = [told(1, of=2, hours=0), told(2, of=2, hours=0)]
    later = told(1, of=1, hours=3)
    for parts in ([*first, later], [later, *first]):
        assert [line.status for line in order(*parts)] == [OrderStatus.PAID, OrderStatus.CANCELLED]
    again = [told(1, of=2, hours=5), told(2, of=2, hours=5)]
    assert [line.status for line in order(*first, later, *again)] == [OrderStatus.PAID] * 2


def test_what_one_source_leaves_out_another_may_still_tell() -> None:
    by_file = {2: [paid("file", hours=0, source="file")]}
    lines = order(told(1, of=1, hours=3), by_file)
    assert [line.status for line in lines] == [OrderStatus.PAID] * 2


def test_a_refund_with_a_name_is_one_however_often_and_whenever_it_is_told() -> None:
    one = refunded("a", hours=5, amount=2_000)
    named = [replace(one, refund="R1"), replace(one, refund="R1", digest="b", paid_at=PAID_AT)]
    assert add_up(KEY, [paid(), *named]).refunded == 2_000
    assert add_up(KEY, [paid(), *named, replace(one, digest="c")]).refunded == 2_000
    assert add_up(KEY, [paid(), *named, replace(one, refund="R2", digest="d")]).refunded == 4_000


def test_what_is_given_back_of_an_order_falls_on_its_lines_to_the_fen() -> None:
    parts = [{n: [paid(str(n), amount=amount)]} for n, amount in enumerate((1, 1, 1), 1)]
    lines = order(*parts, wholes=[back("R1", 2)])
    assert [line.refunded for line in lines] == [1, 1, 0]
    assert [line.refunded for line in order(*parts, wholes=[back("R1", 99)])] == [1, 1, 1]
    some = {1: [paid("1", amount=1_000), refunded("r", hours=1, amount=900)], **parts[1]}
    assert [line.refunded for line in order(some, wholes=[back("R1", 50)])] == [950, 0]


def test_an_order_that_was_cancelled_whole_stays_so_until_it_is_paid_again() -> None:
    off = Whole(PAID_AT + 2 * HOUR, OrderStatus.CANCELLED, "shop", "x")
    assert order({1: [paid("a")]}, wholes=[off])[0].status == OrderStatus.CANCELLED
    revived = order({1: [paid("a"), paid("b", hours=3)]}, wholes=[off])[0]
    assert (revived.status, revived.amount) == (OrderStatus.PAID, 10_000)
    assert order({}, wholes=[off]) == []


def back(refund: str, amount: int, hours: int = 4) -> Whole:
    at = PAID_AT + hours * HOUR
    return Whole(at, OrderStatus.REFUNDED, "shop", f"{refund} {hours}", amount, refund)


wholes = st.builds(
    Whole,
    at=st.integers(0, 3).map(lambda hours: PAID_AT + HOUR * hours),
    status=st.sampled_from([OrderStatus.CANCELLED, OrderStatus.REFUNDED]),
    source=st.sampled_from(["shop", "erp"]),
    digest=st.uuids().map(str),
    amount=st.integers(0, 9),
    refund=st.sampled_from(["", "R1", "R2"]),
)
shop_events = st.builds(
    lambda event, of, refund: replace(event, of=of, refund=refund),
    events,
    st.none() | st.integers(1, 3),
    st.none() | st.sampled_from(["R1", "R2"]),
)


@given(
    st.lists(st.tuples(st.integers(1, 3), shop_events), min_size=1, max_size=10),
    st.lists(wholes, max_size=4),
    st.randoms(),
)
def test_any_order_of_what_is_said_gives_the_same_order(
    said: list[tuple[int, Event]], of_whole: list[Whole], chance: random.Random
) -> None:
    again, more = [*said, *chance.choices(said, k=3)], [*of_whole, *of_whole[:2]]
    chance.shuffle(again)
    chance.shuffle(more)

    def lines(told: list[tuple[int, Event]], whole: list[Whole]) -> list[Line]:
        return order(*({number: [event]} for number, event in told), wholes=whole)

    found = lines(said, of_whole)
    assert lines(again, more) == found
    for line in found:
        paid_for = line.amount
        assert line.refunded >= 0
        # What a line's own refunds do not pass, those of the order do not either.
        own = add_up((line.order_id, line.line_no), [e for n, e in said if n == line.line_no])
        assert line.refunded <= max(paid_for, own.refunded)
