"""Columns of numbers that stand for stretches of talk."""

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
