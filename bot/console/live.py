"""What changed, told to open pages: one look at the database for all of them, one stream a page.

A stream carries names of topics only, never a figure: each page asks again for what it shows, so
that role and scope are checked where they always are.

Looks are numbered. A page is made with the number of the last look before its figures were read
(`seen`) and opens its stream with it: whatever a later look found is told at once, so that nothing
falls between the making of a page and its stream. Where nobody looked meanwhile, every topic is
told. Looking goes on for `LINGER` after the last page has gone, since the next one mostly follows.
"""

import asyncio
import contextlib
import datetime as dt
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from anyio import to_thread
from sqlalchemy import ColumnElement, Engine, ScalarSelect, func, select, true
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from bot import complaints, database, desk, errors, holding
from bot.models import Account, Audit, Delivery, DeliveryState, Pause, Series, WebhookCall

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
# Proxies cut streams that say nothing for long.
ALIVE = 20.0
LINGER = 60.0
# A page that was made more looks ago than this is told everything.
REMEMBERED = 200
AROUND, RECENT = dt.timedelta(days=1), dt.timedelta(hours=1)
TOPICS = frozenset(
    {"deliveries", "pauses", "audit", "series", "accounts", "webhooks", "questions", "complaints"}
)

Marks = dict[str, object]
# What a stream is told, with where it then stands.
Told = asyncio.Queue[tuple[frozenset[str], str]]


@dataclass(slots=True)
class Watch:
    """One stretch of looking without a gap: `found` are the topics of its looks, the latest last;
    `looks` counts them.
    """

    name: str
    looks: int = 0
    found: deque[frozenset[str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def seen(self) -> str:
        """What a page, or a stream, has seen that begins now."""
        return f"{self.name}.{self.looks}"

    def since(self, seen: str) -> frozenset[str]:
        """The topics that later looks found, every one where that is not known."""
        name, _, number = seen.partition(".")
        if name != self.name or not (number.isascii() and number.isdigit()):
            return TOPICS
        missed = self.looks - int(number)
        if not 0 <= missed <= len(self.found):
            return TOPICS
        return frozenset().union(*list(self.found)[len(self.found) - missed :])


@dataclass(slots=True)
class Changes:
    """The open streams of one process, and what they were last told; a look `every` few seconds."""

    engine: Engine
    clock: Callable[[], dt.datetime]
    every: float = EVERY_SECONDS
    linger: float = LINGER
    listeners: set[Told] = field(default_factory=set)
    stopping: bool = False
    watch: Watch | None = None
    watching: asyncio.Task[None] | None = None

    def seen(self) -> str:
        """What a page has seen whose figures are read from now on; empty where nobody looks."""
        watch = self.watch
        return watch.seen() if watch is not None else ""

    async def stream(self, seen: str = "") -> AsyncGenerator[str, None]:
        """The events of one page that was made when `seen` was, until it goes away."""
        told: Told = asyncio.Queue()
        self.listeners.add(told)
        if self.watching is None or self.watching.done():
            self.watch = None
            self.watching = asyncio.create_task(self._look_on())
        if self.watch is not None:
            told.put_nowait((self.watch.since(seen), self.watch.seen()))
        # Else nobody looked since: the first look tells everybody everything.
        stands = ""
        try:
            yield "retry: 3000\n\n"
            while not self.stopping:
                topics: frozenset[str] = frozenset()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE):
                        topics, stands = await told.get()
                # A browser that lost its stream says where it stood.
                yield f"id: {stands}\n{_event(topics)}\n\n"
        finally:
            self.listeners.discard(told)

    def stop(self) -> None:
        """End every stream; the last thing a stopping server does (from its own loop)."""
        self.stopping = True
        for told in self.listeners:
            told.put_nowait((frozenset(), ""))

    async def _look_on(self) -> None:
        before: Marks | None = None
        alone = 0.0
        while not self.stopping and alone < self.linger:
            found = await to_thread.run_sync(self._look)
            if found is not None:
                self._tell(before, found)
                before = found
            await asyncio.sleep(self.every)
            alone = 0.0 if self.listeners else alone + self.every
        self.watch = None

    def _tell(self, before: Marks | None, found: Marks) -> None:
        if self.watch is None or before is None:
            self.watch, topics = Watch(secrets.token_hex(4)), TOPICS
        else:
            topics = frozenset(name for name in found if found[name] != before[name])
            self.watch.looks += 1
            self.watch.found.append(topics)
        if topics:
            for told in self.listeners:
                told.put_nowait((topics, self.watch.seen()))

    def _look(self) -> Marks | None:
        try:
            with database.reading(self.engine) as session:
                return marks(session, self.clock())
        except SQLAlchemyError as error:
            # The pages say so themselves when they ask; the next look comes in a moment.
            log.warning("open pages are not told of changes: %s", errors.where(error))
            return None


def _event(topics: frozenset[str]) -> str:
    """One event that names topics; without any it only keeps the stream open."""
    return f"event: changed\ndata: {json.dumps(sorted(topics))}" if topics else ": still here"


def marks(session: Session, now: dt.datetime) -> Marks:
    """A value for each topic that differs whenever its pages would show something else."""
    delivery, series, pause, account, audit, call = database.tables(
        Delivery, Series, Pause, Account, Audit, WebhookCall
    )
    question, case = desk.WORK.table, complaints.WORK.table
    connection = session.connection()

    def waiting(
        work: holding.Work, what: ColumnElement[Any], which: ColumnElement[bool]
    ) -> ScalarSelect[Any]:
        return select(what).select_from(work.table).where(work.waiting, which).scalar_subquery()

    # Some become due by time alone: no row changes, yet the to-do list does.
    due = (delivery.c.due_at <= now).label("due")
    states = connection.execute(
        select(delivery.c.state, due, func.count())
        .where(
            delivery.c.state.in_(list(DeliveryState)),
            delivery.c.due_at >= now - AROUND,
            delivery.c.due_at < now + AROUND,
        )
        .group_by(delivery.c.state, due)
    ).all()
    row = connection.execute(
        select(
            select(func.count()).select_from(pause).where(pause.c.resumed_at.is_(None))
            .scalar_subquery(),
            select(func.max(pause.c.id)).scalar_subquery(),
            select(func.max(audit.c.id)).scalar_subquery(),
            select(func.sum(series.c.version)).scalar_subquery(),
            # Of an hour only: each attempt sets the next one's time, or the time it was over.
            select(func.max(func.coalesce(call.c.done_at, call.c.not_before)))
            .where(call.c.created_at >= now - RECENT)
            .scalar_subquery(),
            # Some are listed by time alone, and what members say of them is in no audit.
            waiting(desk.WORK, func.count(), question.c.listed_at <= now),
            waiting(desk.WORK, func.max(question.c.maybe_at), true()),
            waiting(desk.WORK, func.count(question.c.claimed_at), true()),
            waiting(desk.WORK, func.max(question.c.claimed_at), true()),
            select(func.max(question.c.id)).scalar_subquery(),
            waiting(complaints.WORK, func.count(), true()),
            waiting(complaints.WORK, func.count(case.c.claimed_at), true()),
            waiting(complaints.WORK, func.max(case.c.claimed_at), true()),
            select(func.max(case.c.id)).scalar_subquery(),
        )
    ).one()  # fmt: skip
    accounts = connection.execute(
        select(account.c.id, account.c.online, account.c.state_at).order_by(account.c.id)
    ).all()
    return {
        "deliveries": sorted((str(state), bool(is_due), count) for state, is_due, count in states),
        "pauses": (row[0], row[1]),
        "audit": row[2],
        "series": (row[2], row[3]),
        "webhooks": row[4],
        "questions": tuple(row[5:10]),
        "complaints": tuple(row[10:14]),
        "accounts": [tuple(each) for each in accounts],
    }
