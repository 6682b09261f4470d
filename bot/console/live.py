"""What changed, told to open pages: one look at the database for all of them, one stream a page.

A stream carries names of topics only, never a figure: each page asks again for what it shows, so
that role and scope are checked where they always are. Nobody looks while nobody listens.
"""

import asyncio
import contextlib
import datetime as dt
import json
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from anyio import to_thread
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot import database, errors
from bot.models import Account, Audit, Delivery, DeliveryState, Pause, Series

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
# Proxies cut streams that say nothing for long.
ALIVE = 20.0
AROUND = dt.timedelta(days=1)

Marks = dict[str, object]


@dataclass(slots=True)
class Changes:
    """The open streams of one process, and what they were last told; a look `every` few seconds."""

    engine: Engine
    clock: Callable[[], dt.datetime]
    every: float = EVERY_SECONDS
    listeners: set[asyncio.Queue[frozenset[str]]] = field(default_factory=set)
    stopping: bool = False
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    _watch: asyncio.Task[None] | None = None

    async def stream(self) -> AsyncGenerator[str, None]:
        """The events of one page, until it goes away."""
        told: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self.listeners.add(told)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watching())
        try:
            yield "retry: 3000\n\n"
            while not self.stopping:
                topics: frozenset[str] = frozenset()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE):
                        topics = await told.get()
                if topics:
                    yield f"event: changed\ndata: {json.dumps(sorted(topics))}\n\n"
                else:
                    yield ": still here\n\n"
        finally:
            self.listeners.discard(told)

    def stop(self) -> None:
        """End every stream; the last thing a stopping server does (from its own loop)."""
        self.stopping = True
        for told in self.listeners:
            told.put_nowait(frozenset())

    async def _watching(self) -> None:
        before: Marks | None = None
        while self.listeners and not self.stopping:
            marks = await to_thread.run_sync(self._look)
            if marks is not None and before is not None:
                topics = frozenset(name for name in marks if marks[name] != before[name])
                if topics:
                    for told in self.listeners:
                        told.put_nowait(topics)
            before = marks or before
            if before is not None:
                self.looked.set()
            await asyncio.sleep(self.every)

    def _look(self) -> Marks | None:
        try:
            with database.reading(self.engine) as session:
                return marks(session, self.clock())
        except SQLAlchemyError as error:
            # The pages say so themselves when they ask; the next look comes in a moment.
            log.warning("open pages are not told of changes: %s", errors.where(error))
            return None


def marks(session: Session, now: dt.datetime) -> Marks:
    """A value for each topic that differs whenever its pages would show something else."""
    delivery, series, pause, account, audit = database.tables(
        Delivery, Series, Pause, Account, Audit
    )
    connection = session.connection()
    states = connection.execute(
        select(delivery.c.state, func.count())
        .where(
            delivery.c.state.in_(list(DeliveryState)),
            delivery.c.due_at >= now - AROUND,
            delivery.c.due_at < now + AROUND,
        )
        .group_by(delivery.c.state)
    ).all()
    row = connection.execute(
        select(
            select(func.count()).select_from(pause).where(pause.c.resumed_at.is_(None))
            .scalar_subquery(),
            select(func.max(pause.c.id)).scalar_subquery(),
            select(func.max(audit.c.id)).scalar_subquery(),
            select(func.sum(series.c.version)).scalar_subquery(),
        )
    ).one()  # fmt: skip
    accounts = connection.execute(
        select(account.c.id, account.c.online, account.c.state_at).order_by(account.c.id)
    ).all()
    return {
        "deliveries": sorted((str(state), count) for state, count in states),
        "pauses": (row[0], row[1]),
        "audit": row[2],
        "series": (row[2], row[3]),
        "accounts": [tuple(each) for each in accounts],
    }
