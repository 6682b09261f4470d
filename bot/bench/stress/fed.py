"""`qunyun run` with a gateway whose events come in by standard input, a line each, from a feeder.

    feeder | python -m bot.bench.stress.fed

Everything from the gateway's events on is the real thing: batches, spool, recording.
"""

import asyncio
import datetime as dt
import logging
import signal
import sys
from collections.abc import AsyncIterator

from bot import app, database, event_codec, gateway, settings
from bot.bench.stress.profile import ACCOUNT
from bot.errors import GatewayUnavailable
from bot.gateway import Capabilities, Event, LoggedIn, Person, Post, Posting, Read, RoomListing

LARGEST_LINE = 2**20


class Fed:
    """The Gateway protocol on a pipe: it hears, and nobody hears it."""

    account = ACCOUNT
    capabilities = Capabilities(Read.ALL, Posting.DIRECT)

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines

    async def events(self) -> AsyncIterator[Event]:
        """What the feeder said, after a log-in."""
        yield LoggedIn(Person("wxid_stress", "压测"), _now().replace(microsecond=0))
        while line := await self._lines.readline():
            yield event_codec.decode(line)

    async def send(self, post: Post) -> str | None:
        """Nothing is handed over."""
        raise GatewayUnavailable("压测的通道不发送")

    async def recall(self, room: str, message: str) -> bool:
        """Nothing was sent."""
        return False

    async def rooms(self) -> list[RoomListing]:
        """None is listed: they are known."""
        return []

    async def members(self, room: str) -> list[Person]:
        """Nobody is listed."""
        return []

    async def close(self) -> None:
        """End the stream; the feeder has ended by then."""
        self._lines.feed_eof()


async def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO)
    lines = asyncio.StreamReader(LARGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    account: gateway.Gateway = Fed(lines)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    wanted = settings.load()
    await app.run(app.build(wanted, database.connect(wanted.database), [account], _now), stop)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    asyncio.run(main())
