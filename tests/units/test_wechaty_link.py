"""What is written in one turn of the loop leaves in one go, and nothing is left behind."""

import asyncio

from bot.gateways.wechaty_link import Gathered


class Recorded(asyncio.Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_a_turn_is_written_once_in_order_and_the_next_by_itself() -> None:
    async def turns(transport: Recorded) -> None:
        gathered = Gathered(transport)
        gathered.write(b"head ")
        gathered.write(b"body")
        assert transport.written == []
        await asyncio.sleep(0)
        gathered.write(b"next")
        await asyncio.sleep(0)
        assert gathered.get_extra_info("peername") == ("127.0.0.1", 1)

    transport = Recorded()
    asyncio.run(turns(transport))
    assert transport.written == [b"head body", b"next"]


def test_what_was_not_written_yet_is_written_before_the_end_and_nothing_after() -> None:
    async def turns(transport: Recorded) -> None:
        gathered = Gathered(transport)
        gathered.write(b"last")
        gathered.close()
        assert gathered.is_closing()
        gathered.write(b"too late")
        await asyncio.sleep(0)

    transport = Recorded()
    asyncio.run(turns(transport))
    assert transport.written == [b"last"]
    assert transport.closed
