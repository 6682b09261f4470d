"""Columns of numbers that stand for stretches of talk."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bot.insights import arrays

STRETCHES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-5, 20), st.integers(1, 8)), max_size=12
)


@given(STRETCHES)
def test_united_stretches_cover_each_moment_of_those_given_once(
    told: list[tuple[int, int, int]],
) -> None:
    stream, since, length = np.array(told, np.int64).reshape(-1, 3).T
    found = arrays.united(stream, since, since + length)
    moments = [
        (each, at)
        for each, begins, ends in zip(*(column.tolist() for column in found), strict=True)
        for at in range(begins, ends)
    ]
    covered = {(each, at) for each, begins, long in told for at in range(begins, begins + long)}
    assert sorted(covered) == moments


def test_a_stream_tells_its_room_and_product() -> None:
    room, product = np.array([0, 7, 2**20]), np.array([3, 0, 2**31 - 1])
    back = arrays.of_stream(arrays.stream(room, product))
    assert [each.tolist() for each in back] == [room.tolist(), product.tolist()]


@given(st.lists(st.integers(-2, 9), max_size=30), st.integers(1, 20))
def test_slices_lay_out_each_place_once_and_stay_below_their_bound_but_for_the_last(
    told: list[int], at_once: int
) -> None:
    count = np.array(told, np.int64)
    cut = list(arrays.slices(count, at_once))
    assert [place for some in cut for place in range(some.start, some.stop)] == [*range(len(told))]
    held = np.maximum(count, 0)
    assert all(held[some][:-1].sum() < at_once for some in cut)
    assert all(held[one].sum() + held[two].sum() > 0 for one, two in pairwise(cut))


def test_a_hot_room_is_laid_out_in_slices_of_a_bound_and_not_as_one() -> None:
    replies, at_once = 10, 500
    cut = list(arrays.slices(np.full(4_000, replies), at_once))
    assert len(cut) == 4_000 * replies // at_once
    assert max((some.stop - some.start) * replies for some in cut) < at_once + replies
