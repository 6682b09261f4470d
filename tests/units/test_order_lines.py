import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from bot.models import OrderStatus
from bot.orders.lines import Event, add_up

PAID_AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KEY = ("O1", 1)


def paid(digest: str = "paid", *, hours: int = 0, amount: int = 10_000, **more: str) -> Event:
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
