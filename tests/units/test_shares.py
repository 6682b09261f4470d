"""The estimators of shares, in communities whose truth is planted."""

from dataclasses import replace

import numpy as np
import pytest

from bot.bench.worlds import recorded, story
from bot.bench.worlds.catalogue import WORLDS
from bot.bench.worlds.tables import Cause, Story
from bot.insights import lags, mirror, recall, shares, sights, waves
from bot.insights.arrays import DAY, HOUR, Record
from bot.insights.estimates import Estimate, Shares
from bot.insights.sights import LAGS

RECALL = Estimate(0.9, 0.0)
SEED = 11


def told(name: str, rooms: int = 100) -> tuple[Story, Record]:
    """One small world, and what the system sees of it."""
    rng = np.random.default_rng(SEED)
    happened = story.tell(replace(WORLDS[name], rooms=rooms), rng)
    return happened, recorded.record(happened, recorded.perceive(happened, rng))


def by_lags(record: Record) -> tuple[Shares, lags.Kernel]:
    made = waves.shares(record, sights.observe(record), RECALL)
    assert made is not None
    return made


def true(happened: Story, cause: Cause) -> float:
    return float((happened.orders.cause == cause).mean())


@pytest.mark.parametrize("name", ["placebo-15", "ordinary-80", "strong"])
def test_both_estimators_hold_the_planted_share_inside_their_intervals(name: str) -> None:
    happened, record = told(name)
    truth = true(happened, Cause.ORGANIC)
    made, kernel = by_lags(record)
    by_mirror = mirror.shares(sights.observe(record), kernel.influence, RECALL)
    for estimate in (made.organic, by_mirror.organic):
        assert estimate.low < truth < estimate.high
        assert 0.01 < estimate.error < 0.12
    total = made.organic.value + made.promo.value + made.base.value
    assert total == pytest.approx(1, abs=1e-9)


def test_talk_without_effect_is_far_from_what_last_touch_says_and_strong_talk_is_seen() -> None:
    nothing, _ = by_lags(told("placebo-80")[1])
    strong, _ = by_lags(told("strong")[1])
    assert nothing.organic.value < 0.15
    assert strong.organic.value > 0.45


def test_talk_turned_round_in_time_gives_the_opposite_excess() -> None:
    _, record = told("strong")
    seen = sights.observe(record)
    turned = replace(seen, before=seen.after, after=seen.before)
    forwards, backwards = (waves.shares(record, each, RECALL) for each in (seen, turned))
    assert forwards is not None
    assert backwards is not None
    assert backwards[0].organic.value < -0.3 < 0.3 < forwards[0].organic.value


def test_rooms_and_products_may_be_named_otherwise_without_changing_a_share() -> None:
    _, record = told("placebo-15")
    swapped = replace(
        record,
        talk=replace(record.talk, speaker=np.where(record.talk.speaker >= 0,
                                                   record.talk.speaker + 7, record.talk.speaker)),
        lines=replace(record.lines, buyer=np.where(record.lines.buyer >= 0,
                                                   record.lines.buyer + 7, record.lines.buyer)),
        stays=replace(record.stays, person=record.stays.person + 7),
    )  # fmt: skip
    assert by_lags(swapped)[0] == by_lags(record)[0]


def test_too_few_rooms_give_no_estimate_by_lags() -> None:
    _, record = told("placebo-15", rooms=25)
    assert waves.shares(record, sights.observe(record), RECALL) is None


def test_a_kernel_has_worked_in_part_by_each_hour_and_wholly_at_last() -> None:
    inside = lags.within(lags.kernels(), np.array([0.0, 6.0, 24.0, 1e6]))
    assert (np.diff(inside, axis=1) >= 0).all()
    assert inside[:, 0].max() == 0
    assert inside[:, -1].min() > 0.999
    middle = lags.prior()
    assert 0.75 < middle.influence.value < 0.95
    assert 1 < middle.median_hours < 9
    assert middle.influence.error > lags.FAMILY


def test_who_buys_when_others_talk_has_the_same_talk_before_and_after_by_the_hour() -> None:
    flat = lags.chance(np.ones(24), np.ones(24))
    assert flat.tolist() == pytest.approx([1.0] * (len(LAGS) - 1))
    talk = np.ones(24)
    talk[20] = 25
    # Who buys at nine in the evening has heard the talk of eight, and waits a day for the next.
    evening = lags.chance(np.eye(24)[21], talk)
    assert evening[1] > 10
    assert evening[LAGS.index(18)] < 0.5


def test_a_worlds_lags_are_within_a_day_for_the_most_part() -> None:
    happened, _ = told("placebo-15", rooms=25)
    assert 0.7 < happened.delay.within(DAY) < 1
    assert happened.delay.within(HOUR) < happened.delay.within(DAY)


def test_the_same_seed_tells_the_same_story() -> None:
    one, other = (told("ordinary-15", rooms=25)[1] for _ in range(2))
    assert (one.talk.at == other.talk.at).all()
    assert (one.lines.buyer == other.lines.buyer).all()


def test_weighted_marks_count_for_as_many_plain_ones_as_leave_their_interval() -> None:
    plain = recall.estimate(27, 3)
    half = 1.96 * np.sqrt(0.9 * 0.1 / 31)
    told = recall.of_rate(0.9, 0.9 - half, 0.9 + half)
    assert told.value == pytest.approx(plain.value)
    assert told.error == pytest.approx(plain.error)
    vague = recall.of_rate(1.0, 0.2, 1.0)
    assert abs(vague.value - recall.estimate(0, 0).value) < 0.03


def test_outside_events_raise_a_hump_that_talk_which_works_does_not() -> None:
    humps = {name: by_lags(told(name, 300)[1])[0].hump for name in ("strong", "outside-events")}
    assert humps["strong"] < shares.HUMP < humps["outside-events"]


def test_the_promo_share_holds_what_cannot_be_seen_inside_its_interval() -> None:
    happened, record = told("volatile")
    promo = by_lags(record)[0].promo
    assert promo.low < true(happened, Cause.PROMO) < promo.high
    assert promo.error >= waves.DISGUISED * promo.value


def test_mentions_stand_around_an_order_as_they_do_where_both_fall_anywhere_in_their_steps() -> (
    None
):
    """One other mention is due in the half hour after a mention, one in the half hour before it."""
    wave = np.zeros((1, waves.STEPS))
    wave[0, 0] = 1.0
    before, after = waves.around(wave, np.arange(5))
    rng = np.random.default_rng(3)
    for lag in range(3):
        ordered = (lag + rng.random(200_000)) / 2
        other = rng.uniform(-0.5, 0.5, 200_000)
        # Twice as many as there are tries: one on each side.
        there, beyond = (
            2 * np.histogram(side, np.arange(5) / 2)[0] / 200_000
            for side in (ordered - other, other - ordered)
        )
        assert before[0, lag] == pytest.approx(there, abs=0.02)
        assert after[0, lag] == pytest.approx(beyond, abs=0.02)
