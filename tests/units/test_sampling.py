"""Random draws: known chances, the same draw for the same seed, whatever came first."""

import datetime as dt
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import sampling
from bot.models import SignalKind
from bot.sampling import Candidate

DAY = dt.date(2026, 11, 9)


def candidates(**sizes: int) -> list[Candidate]:
    return [
        Candidate(number, DAY, 1, f"room1\n{name}{number}", name)
        for name, size in sizes.items()
        for number in range(size)
    ]


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 5000), min_size=1),
    st.integers(1, 400),
)
def test_what_is_asked_for_is_given_out_and_every_stratum_gets_some(
    sizes: dict[str, int], count: int
) -> None:
    given = sampling.allocated(sizes, count)
    assert all(1 <= given[name] <= size for name, size in sizes.items())
    if count >= 2 * len(sizes):
        assert sum(given.values()) == min(count, sum(sizes.values()))


def test_half_goes_to_the_strata_evenly_and_half_by_their_sizes() -> None:
    assert sampling.allocated({"complaint": 40, "none": 9960}, 100) == {
        "complaint": 25,
        "none": 75,
    }


def test_the_same_seed_draws_the_same_whatever_came_first() -> None:
    known = candidates(complaint=30, none=500)
    shuffled = random.Random(3).sample(known, len(known))
    sizes, drawn = sampling.chosen(known, 60, seed=7)
    assert sizes == {"complaint": 30, "none": 500}
    assert sampling.chosen(shuffled, 60, seed=7)[1] == drawn
    assert sampling.chosen(known, 60, seed=8)[1] != drawn
    # A smaller draw of one stratum is the beginning of a larger one.
    assert sampling.chosen(known[30:], 20, 7)[1] == [
        one._replace(probability=20 / 500) for one in sampling.chosen(known[30:], 60, 7)[1][:20]
    ]


def test_weighed_by_its_chance_a_draw_gives_back_the_size_of_every_stratum() -> None:
    _, drawn = sampling.chosen(candidates(complaint=30, share=7, none=500), 60, seed=7)
    weighed: Counter[str] = Counter()
    for candidate, probability in drawn:
        weighed[candidate.stratum] += 1 / probability  # type: ignore[assignment]  # of floats
    assert weighed == pytest.approx({"complaint": 30, "share": 7, "none": 500})


def test_each_message_comes_up_as_often_as_its_chance_says() -> None:
    known = candidates(none=40)
    times = Counter(
        one.candidate.message_id
        for seed in range(2000)
        for one in sampling.chosen(known, 10, seed)[1]
    )
    assert min(times.values()) > 400 and max(times.values()) < 600


def test_a_message_stands_in_the_rarest_stratum_that_fits() -> None:
    kinds = {SignalKind.QUESTION.value, SignalKind.SHARE.value}
    assert sampling.stratum(kinds, names_product=False, unsure=False) == "share"
    assert sampling.stratum(kinds, names_product=True, unsure=False) == "product"
    assert sampling.stratum(kinds, names_product=True, unsure=True) == "unsure"
    assert sampling.stratum({"complaint"}, names_product=True, unsure=False) == "complaint"
    assert sampling.stratum({""}, names_product=False, unsure=False) == "none"
