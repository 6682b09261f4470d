"""How late an event loop comes back to what waits for it."""

import asyncio
import time


class Lag:
    """How late the event loop comes back from a short wait, at most, in seconds.

    `busy` is the processor time that passed meanwhile: what our own code held the loop for.
    """

    def __init__(self) -> None:
        self.most = 0.0
        self.busy = 0.0

    async def beat(self, every: float) -> None:
        """Measure until cancelled, by waits of so many seconds: what holds the loop for less may
        fall between two of them.
        """
        while True:
            due, before = time.perf_counter() + every, time.thread_time()
            await asyncio.sleep(every)
            self.most = max(self.most, time.perf_counter() - due)
            self.busy = max(self.busy, time.thread_time() - before)

    def taken(self) -> float:
        """The most since this was asked last."""
        most, self.most = self.most, 0.0
        return most
