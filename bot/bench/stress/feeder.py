"""Says what is due, on time: onto its standard output, a line an event, or into a stream, in as
large lots as the batches of a gateway.

    python -m bot.bench.stress.feeder '{"seconds": 60, "rooms": 2000, "stream": ""}'

Each line of its standard input is one order, {"at": when to begin in seconds since the epoch,
"first": number of the first message, "messages": how many at once, or null for the profile}; its
last line on standard error says how many were taken.
"""

import asyncio
import datetime as dt
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypedDict

from bot import batches, event_codec, incoming, process
from bot.bench.stress import profile
from bot.bench.stress.profile import ACCOUNT, Profile
from bot.gateway import Said
from bot.stream import Stream

Take = Callable[[Sequence[Said]], Awaitable[None]]


class Wanted(TypedDict):
    """What the feeder is started with."""

    profile: dict[str, float]
    rooms: int
    stream: str


class Order(TypedDict):
    """One stretch of messages; see the module."""

    at: float
    first: int
    messages: int | None


async def main() -> None:
    """Carry out one order after the other, until the input ends."""
    wanted: Wanted = json.loads(sys.argv[1])
    stream = Stream(wanted["stream"]) if wanted["stream"] else None
    take = _onto_output if stream is None else _into(stream)
    taken = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        order: Order = json.loads(line)
        async for numbers in _due(Profile(**wanted["profile"]), order):
            at = dt.datetime.now(dt.UTC).replace(microsecond=0)
            await take([profile.said(number, wanted["rooms"], at) for number in numbers])
            taken += len(numbers)
        print(taken, file=sys.stderr, flush=True)  # noqa: T201  # for whoever started it
    if stream is not None:
        await stream.close()


async def _due(wanted: Profile, order: Order) -> AsyncIterator[range]:
    """The numbers of messages as they fall due; what was held up comes with what is due by then."""
    first, messages = order["first"], order["messages"]
    whole = wanted.messages if messages is None else messages
    done = 0
    while done < whole:
        since = time.time() - order["at"]
        due = wanted.due_by(since) if messages is None else whole * (since >= 0)
        # As much at once as a spool is emptied by.
        until = min(due, done + incoming.LARGEST)
        if until == done:
            await asyncio.sleep(batches.WINDOW_SECONDS)
            continue
        yield range(first + done, first + until)
        done = until


async def _onto_output(events: Sequence[Said]) -> None:
    def write() -> None:
        for event in events:
            sys.stdout.buffer.write(event_codec.encode(event) + b"\n")
        sys.stdout.buffer.flush()

    await asyncio.to_thread(write)


def _into(stream: Stream) -> Take:
    never = asyncio.Event()

    async def publish(events: Sequence[Said]) -> None:
        await process.until_it_holds(
            never, lambda: stream.publish(ACCOUNT, events), f"publishing {len(events)} events"
        )

    return publish


if __name__ == "__main__":
    asyncio.run(main())
