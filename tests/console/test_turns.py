"""Few pages are made at once, and none waits for ever: not for a change, a slow reader or a fault."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.console.turns import AT_ONCE, Turns

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class App:
    """Pages that begin to answer when they are told to, and never end by themselves."""

    inside: list[str] = field(default_factory=list)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        self.inside.append(scope["path"])
        await self.answer.wait()
        if scope["path"] == "/broken":
            raise ValueError("a fault")
        await send({"type": "http.response.start"})
        await self.end.wait()


def asked(turns: Turns, path: str, method: str = "GET") -> asyncio.Task[None]:
    async def nothing(*_: object) -> None:
        return None

    scope = {"type": "http", "method": method, "path": path}
    return asyncio.create_task(turns(scope, nothing, nothing))  # type: ignore[arg-type]  # a part of ASGI


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_next_page_is_made_when_one_begins_to_answer() -> None:
    app = App()
    turns = Turns(app)
    tasks = [asked(turns, f"/{number}") for number in range(2 * AT_ONCE)]
    await settled()
    assert len(app.inside) == AT_ONCE
    # Changes, static files and streams have their own way.
    others = [asked(turns, "/pause", "POST"), asked(turns, "/static/a"), asked(turns, "/events")]
    await settled()
    assert app.inside[AT_ONCE:] == ["/pause", "/static/a", "/events"]
    app.answer.set()
    await settled()
    # Nobody has read an answer to its end.
    assert len(app.inside) == 2 * AT_ONCE + 3
    app.end.set()
    await asyncio.gather(*tasks, *others)


async def test_a_fault_and_a_reader_that_goes_away_give_their_turn_back() -> None:
    app = App()
    turns = Turns(app)
    broken = [asked(turns, "/broken") for _ in range(AT_ONCE)]
    gone = asked(turns, "/gone")
    await settled()
    assert len(app.inside) == AT_ONCE
    app.answer.set()
    for task in broken:
        with pytest.raises(ValueError, match="a fault"):
            await task
    await settled()
    gone.cancel()
    more = [asked(turns, f"/{number}") for number in range(AT_ONCE)]
    await settled()
    assert len(app.inside) == 2 * AT_ONCE + 1
    app.end.set()
    await asyncio.gather(*more)
