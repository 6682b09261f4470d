"""Rules of tags at their edges, draws by chance, and what counts as bought together."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from bot.insights import complements, inviting, needs, tagging
from bot.insights.complements import Pair
from bot.insights.tagging import Norms, Shown, Spending, Subject, Talking
from bot.models import Arm

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NORMS = Norms(NOW, mean_basket=10_000, median_net=20_000, busy=30)


def named(subject: Subject, norms: Norms = NORMS) -> set[str]:
    return {tag.name for tag in tagging.tags(subject, norms)}


def spent(**told: object) -> Subject:
    return Subject(spending=Spending(**told))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("orders", "net", "high"), [(3, 30_003, True), (3, 30_000, False), (2, 90_000, False)]
)
def test_high_value_wants_three_orders_and_a_basket_above_the_mean(
    orders: int, net: int, high: bool
) -> None:
    told = spent(orders=orders, net=net, orders_90=orders, net_90=net)
    assert (tagging.HIGH_VALUE in named(told)) == high


@pytest.mark.parametrize(
    ("orders", "net", "low"), [(0, 0, True), (1, 19_999, True), (1, 20_000, False), (2, 5, False)]
)
def test_low_spend_is_one_order_at_the_most_and_below_the_median(
    orders: int, net: int, low: bool
) -> None:
    assert (tagging.LOW_SPEND in named(spent(orders_90=orders, net_90=net))) == low


def test_nobody_is_a_low_spender_where_nobody_bought_or_the_buyer_is_unknown() -> None:
    assert not named(spent(), Norms(NOW))
    assert not named(Subject(Talking(), spending=None))


def test_a_newcomer_falls_asleep_after_ninety_days() -> None:
    assert named(spent(orders=1, net_90=30_000, first_paid_at=NOW - 30 * DAY)) == {tagging.NEWCOMER}
    old = NOW - 90 * DAY
    assert not named(spent(orders=1, net_90=30_000, first_paid_at=old, last_paid_at=old))
    older = NOW - 91 * DAY
    told = spent(orders=1, net_90=30_000, first_paid_at=older, last_paid_at=older)
    assert named(told) == {tagging.ASLEEP}


def test_a_need_wants_three_messages_on_two_days() -> None:
    for messages, days, holds in ((3, 2, True), (3, 1, False), (2, 2, False)):
        told = Subject(needs={"成分党": Shown(messages, days)})
        assert (named(told) == {"need:成分党"}) == holds


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("先看成分表有没有酒精", {"成分党"}),
        ("颜值好高,就是太贵了", {"颜值党", "性价比党"}),
        ("这个安全座椅怎么装", set()),
        ("@成分党小姐\u2005今天吃什么", set()),
        ("ＤＨＡ含量多少", {"成分党"}),
        ("", set()),
    ],
)
def test_words_show_needs_and_names_and_other_words_do_not(text: str, shown: set[str]) -> None:
    assert needs.shown_by(text) == shown


def test_scores_are_fifths_of_enough_buyers() -> None:
    days = [NOW - n * DAY for n in range(20, 0, -1)]
    norms = Norms(NOW, last_paid=days, orders=[*range(1, 21)], net=[*range(100, 120)])
    best = Spending(orders_365=20, net_365=119, last_paid_at=days[-1])
    worst = Spending(orders_365=1, net_365=100, last_paid_at=days[0])
    assert tagging.scores(best, norms) == tagging.Scores(5, 5, 5)
    assert tagging.scores(worst, norms) == tagging.Scores(1, 1, 1)
    few = Norms(NOW, last_paid=days[:19], orders=[1] * 19, net=[1] * 19)
    assert tagging.scores(best, few) is None
    assert tagging.scores(Spending(), norms) is None


@given(st.sets(st.text(min_size=1, max_size=8), min_size=2, max_size=60), st.randoms())
def test_a_draw_depends_on_who_is_drawn_and_not_on_their_order(
    names: set[str], chance: random.Random
) -> None:
    order = sorted(names)
    arms = inviting.draw("体验官", 7, 0.3, order)
    chance.shuffle(order)
    assert inviting.draw("体验官", 7, 0.3, order) == arms
    invited = sum(arm is Arm.INVITED for arm, _ in arms.values())
    assert invited == min(max(round(0.3 * len(names)), 1), len(names) - 1)


def test_another_seed_or_program_draws_others() -> None:
    names = [f"wxid_{number}" for number in range(200)]
    drawn = {
        (program, seed): {
            name
            for name, (arm, _) in inviting.draw(program, seed, 0.5, names).items()
            if arm is Arm.INVITED
        }
        for program, seed in (("一期", 7), ("一期", 8), ("二期", 7))
    }
    first, *others = drawn.values()
    assert all(30 < len(first & other) < 70 for other in others)
    assert all(len(each) == 100 for each in drawn.values())


def test_the_interval_of_a_lift_is_wide_for_few_and_holds_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(11)
    covered = 0
    for _ in range(400):
        a = [rng.random() < 0.3 for _ in range(500)]
        b = [rng.random() < 0.25 for _ in range(500)]
        both = sum(x and y for x, y in zip(a, b, strict=True))
        found = complements.interval(Pair("a", "b", 500, sum(a), sum(b), both, 0, 0))
        covered += found.low <= 1 <= found.high
    assert 0.92 <= covered / 400 <= 0.98
    narrow = complements.interval(Pair("a", "b", 5_000, 1_500, 1_250, 375, 0, 0))
    wide = complements.interval(Pair("a", "b", 50, 15, 12, 4, 0, 0))
    assert wide.high / wide.low > narrow.high / narrow.low


def test_pairs_are_told_as_benjamini_and_hochberg_would() -> None:
    rng = random.Random(5)
    pairs = [
        Pair(f"a{n}", f"b{n}", 1_000, 200, 200, 40 + rng.randrange(30), 0, 0) for n in range(30)
    ]
    p_values = [complements.p_value(each) for each in pairs]
    theirs = multipletests(p_values + [1.0] * 70, alpha=0.05, method="fdr_bh")[0][:30]
    expected = {
        pair.a
        for pair, told in zip(pairs, theirs, strict=True)
        if told and complements.interval(pair).low > 1
    }
    found = {pair.a for pair in complements.significant(pairs, 100)}
    assert found == expected
    assert 0 < len(found) < 30
