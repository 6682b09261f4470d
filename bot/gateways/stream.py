"""Events in order for one reader, with room for a bounded number that are still being loaded."""

from __future__ import annotations

import asyncio

from bot import gateway

Step = gateway.Event | asyncio.Future[gateway.Event | None]


class Stream:
    """An async iterator of events that a reader can wait on with a time limit and lose nothing.

    A plain async generator ends when its reader is cancelled while it waits; this does not.
    With `limit`, `put` waits for the reader: that is how a slow reader holds back the platform.
    """

    def __init__(self, limit: int = 0) -> None:
        self._steps: asyncio.Queue[Step | None] = asyncio.Queue(limit)
        self._head: Step | None = None
        self._ended = False

    async def put(self, step: Step) -> None:
        """Append an event, or a future that becomes one (None: there is nothing to tell)."""
        try:
            await self._steps.put(step)
        except asyncio.CancelledError:
            if isinstance(step, asyncio.Future):
                step.cancel()
            raise

    def put_now(self, event: gateway.Event) -> None:
        """Append an event to a stream without limit."""
        self._steps.put_nowait(event)

    def end(self) -> None:
        """End the stream after what is in it. Safe to repeat."""
        self._ended = True
        if self._steps.empty():
            # For a reader that waits already.
            self._steps.put_nowait(None)

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> gateway.Event:
        while True:
            if self._head is None:
                if self._ended and self._steps.empty():
                    raise StopAsyncIteration
                self._head = await self._steps.get()
            if self._head is None:
                continue
            if isinstance(self._head, asyncio.Future) and not self._head.done():
                # Awaiting a task would cancel it together with its reader; this does not.
                await asyncio.wait([self._head])
            head, self._head = self._head, None
            event = _result(head) if isinstance(head, asyncio.Future) else head
            if event is not None:
                return event


def _result(load: asyncio.Future[gateway.Event | None]) -> gateway.Event | None:
    """What was loaded; nothing, where the load was given up."""
    return None if load.cancelled() else load.result()
