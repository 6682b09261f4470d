"""The console on a real server with a clock that can be moved, and the app at work beside it."""

import asyncio
import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import col, select

from bot import app as app_module
from bot import database, process
from bot.console import credentials, live, operators, serving, web
from bot.gateway import Gateway, Post
from bot.gateways.memory import MemoryGateway
from bot.models import Account, OperatorRole, Room, RoomTag
from bot.process import App
from bot.settings import Settings
from tests import watching
from tests.watching import PATIENCE

PASSWORD = "correct horse battery"  # noqa: S105  # of nobody
# argon2 is slow on purpose: once is enough for everybody here.
HASHED = credentials.hash_password(PASSWORD, "nobody")

Answer = TypeVar("Answer")


class Clock:
    """A clock that runs, from where the test sets it."""

    def __init__(self, at: dt.datetime) -> None:
        self.move(at)

    def move(self, at: dt.datetime) -> None:
        """From now on it is `at`."""
        self._begun = at - dt.timedelta(seconds=time.monotonic())

    def __call__(self) -> dt.datetime:
        return self._begun + dt.timedelta(seconds=time.monotonic())


@dataclass(frozen=True, slots=True)
class Desk:
    """A console that answers at `address`."""

    engine: Engine
    settings: Settings
    clock: Clock
    address: str
    changes: live.Changes

    def first_link(self) -> str:
        """What `qunyun run` prints where nobody has an account yet."""
        with database.transaction(self.engine) as session:
            return f"{self.address}/link/{operators.link(session, None, '', self.clock())}"

    def add(self, name: str, role: OperatorRole, verticals: Sequence[str] | None = None) -> None:
        """Somebody with PASSWORD, who sees the rooms of `verticals` alone where any are named."""
        with database.transaction(self.engine) as session:
            operator = operators.add(session, name, role, "测试", self.clock())
            operators.set_password(session, operator, HASHED, "测试", self.clock())
            operator.verticals = list(verticals) if verticals is not None else None

    def rooms(
        self,
        account: str,
        topics: Sequence[str],
        vertical: str,
        tag: str = "",
        kind: str = "memory",
    ) -> None:
        """Rooms of one vertical that one account serves: `{vertical}0@chatroom` …"""
        with database.transaction(self.engine) as session:
            found = session.exec(select(Account).where(col(Account.name) == account)).first()
            serves = found or Account(name=account, gateway=kind)
            session.add(serves)
            session.flush()
            rows = [
                {
                    "platform_id": f"{vertical}{place}@chatroom", "topic": topic,
                    "vertical": vertical, "owner": "", "mention_all": False, "account_id": serves.id,
                }
                for place, topic in enumerate(topics)
            ]  # fmt: skip
            database.insert_rows(session, Room, rows)
            room = database.table(Room)
            ids = session.connection().scalars(select(room.c.id).where(room.c.vertical == vertical))
            if tag:
                database.insert_rows(
                    session, RoomTag, [{"tag": tag, "room_id": each} for each in ids]
                )


@contextlib.contextmanager
def opened(engine: Engine, settings: Settings, at: dt.datetime) -> Iterator[Desk]:
    """The console of a database, at a port that is free."""
    clock = Clock(at)
    app = web.build(engine, settings, clock)
    with serving.serving(app, settings) as address:
        yield Desk(engine, settings, clock, address, app.state.console.changes)


class Doorkeeper(MemoryGateway):
    """A community that lets `through` posts in; the next one stands at the door till it opens."""

    def __init__(self, account: str, *, clock: Callable[[], dt.datetime], through: int) -> None:
        super().__init__(account, clock=clock)
        self.at_the_door = threading.Event()
        self._left = through
        self._door = asyncio.Event()

    async def send(self, post: Post) -> str | None:
        """Put a post into its room, once it may come in."""
        if not self._left:
            self.at_the_door.set()
            await self._door.wait()
        else:
            self._left -= 1
        return await super().send(post)

    def open(self) -> None:
        """Let everything in. From the app's loop only."""
        self._left = -1
        self._door.set()


@dataclass(frozen=True, slots=True)
class Work:
    """The app, its loops running in a thread of their own."""

    app: App
    loop: asyncio.AbstractEventLoop

    def tick(self) -> None:
        """What the clock does every half minute: plan, and look for what is due."""

        async def now() -> None:
            await self.app.write(lambda: app_module.tick(self.app))
            process.wake(self.app)

        self.do(now())

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the database shows something."""
        self.do(watching.until(self.app, holds))

    def do(self, work: Coroutine[object, object, Answer]) -> Answer:
        """Run something in the app's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(2 * PATIENCE)


@contextlib.contextmanager
def at_work(desk: Desk, gateways: Sequence[Gateway]) -> Iterator[Work]:
    """The rest of the product beside the console, as `qunyun run` starts it."""
    app = app_module.build(desk.settings, desk.engine, gateways, desk.clock)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await app_module.run(app, stop)

    ended: Future[None] = Future()

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001  # told to the test below
            ended.set_exception(error)
        else:
            ended.set_result(None)

    threading.Thread(target=thread, name="app").start()
    loop, stop = started.result(PATIENCE)
    try:
        yield Work(app, loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        ended.result(PATIENCE)
