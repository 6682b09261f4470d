"""A stream in batches: nothing of it is lost, and its end is heard, whatever it ends with."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot import batches
from bot.gateway import Event
from tests.saying import member_says

SAID = [member_says(f"第{n}句", "2026-11-20 10:00", id=f"m{n}") for n in range(2_500)]


async def _stream(fails: bool) -> AsyncIterator[Event]:
    for event in SAID:
        yield event
    if fails:
        raise ValueError("odd payload")


async def _heard(fails: bool) -> list[Event]:
    told: list[Event] = []
    try:
        async for batch in batches.of(_stream(fails)):
            told += batch
    except ValueError:
        assert fails
    else:
        assert not fails
    return told


@pytest.mark.parametrize("fails", [False, True])
def test_a_stream_ends_for_its_reader_after_all_that_it_told(fails: bool) -> None:
    assert asyncio.run(asyncio.wait_for(_heard(fails), 20)) == SAID
