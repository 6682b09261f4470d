"""An installation to do harm to: a database, a real gateway with a journal, and `qunyun run`.

What was posted is counted in the gateway's journal, never in our tables.
"""

import asyncio
import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from bot import database, outbox
from bot.bench.node_gateway import NodeGateway
from bot.models import Account, AccountRoom, Delivery, DeliveryState, MessageIdentity, Room
from bot.outbox import Decision
from bot.settings import Settings
from content_calendar import calendar_file, contact, interchange
from tests.saying import SHANGHAI, rows

ROOT = Path(__file__).parents[2]
PATIENCE = 120
# Between two looks at what cannot tell of itself: a file, a row.
GLANCE = 0.02
# Between two messages of members who go on talking.
BREATH = 0.5
A_DAY = 5_000

FINISHED = (DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.FAILED)
WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)


def now() -> dt.datetime:
    """The clock of the operator."""
    return dt.datetime.now(dt.UTC)


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a row, a line of a journal or a line of a log; fails saying `what` never came."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                if await asyncio.to_thread(holds):
                    return
                await asyncio.sleep(GLANCE)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE} s in vain: {what}") from None


class Service:
    """One `qunyun run` in a process of its own; what it logs is kept in a file."""

    def __init__(self, home: Path, settings: dict[str, str], program: Sequence[str]) -> None:
        self._home = home
        self._environment = os.environ | settings
        self._program = program
        self._log = home / "log.txt"
        self._from = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again."""
        self._home.mkdir(exist_ok=True)
        self._log.touch()
        self._from = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program],
                env=self._environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip

    def log(self) -> str:
        """What it logged since its last start."""
        return self._log.read_bytes()[self._from :].decode()

    def says(self, words: str, times: int = 1) -> Callable[[], bool]:
        """Whether it logged this so often since its last start; fails where it is no more."""

        def said() -> bool:
            found = self.log().count(words) >= times
            assert found or self.alive(), self.log()[-4000:]
            return found

        return said

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """By which a lease names it."""
        assert self._process is not None
        return self._process.pid

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL. Safe to repeat."""
        if self._process is not None:
            self.strike()
            process, self._process = self._process, None
            process.wait()

    def strike(self) -> None:
        """SIGKILL, and nobody on this machine learns that it is dead, as if it was another one."""
        assert self._process is not None
        self._process.kill()

    def stop(self) -> None:
        """SIGTERM: it must finish what is under way and end well."""
        assert self._process is not None
        self._process.terminate()
        try:
            assert self._process.wait(PATIENCE) == 0, self.log()[-4000:]
        finally:
            self.kill()


@dataclass(slots=True)
class Installation:
    """Everything that runs in one test, and what was seen of it on the way.

    `claimed` is what a kill found CLAIMED, as (delivery, attempts): never held for a person.
    `accepted` is what was in the log, by platform id: never missing later.
    """

    url: str
    engine: Engine
    home: Path
    node: NodeGateway
    journal: Path
    rooms: int
    members: int
    steps: int
    chance: random.Random
    services: list[Service] = field(default_factory=list)
    claimed: set[tuple[int, int]] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    started: int = 1

    @property
    def posts(self) -> int:
        """How many posts the day holds."""
        return self.rooms * self.steps

    def service(self, *program: str, **settings: str) -> Service:
        """One more process on this database and this gateway, not started yet."""
        usual = {
            "HOME": str(self.home),
            "DATABASE_URL": self.url,
            "GATEWAYS": self.node.url,
            "PARTS": "gateways,planner,deliveries",
            "QUIET_HOURS": "",
            "RANDOM_GAP_SECONDS": "0",
            "ROOM_GAP_SECONDS": "0",
            "POSTS_PER_MINUTE": "100000",
            "POSTS_PER_DAY": str(A_DAY),
            "POSTS_PER_ROOM_DAY": str(A_DAY),
        }
        made = Service(
            self.home / f"service{len(self.services) + 1}",
            {f"QUNYUN_{name.upper()}": value for name, value in (usual | settings).items()},
            program or ("bot", "run"),
        )
        self.services.append(made)
        return made

    async def restart_gateway(self) -> None:
        """Bring a killed gateway back; its message ids never come twice."""
        self.started += 1
        await self.node.start(first=self.started * 100_000)

    def end(self) -> None:
        """Nothing of it runs any longer."""
        for service in self.services:
            service.kill()
        self.node.kill()
        self.engine.dispose()


def prepare(at: Installation, due: dt.timedelta = dt.timedelta()) -> None:
    """Rooms that our account serves, and a day of posts in each, due `due` ago; none planned yet."""
    with database.transaction(at.engine) as session:
        _, host, port = at.node.address
        account = Account(name=f"{host}:{port}", gateway="wechaty")
        session.add(account)
        session.flush()
        for number in range(1, at.rooms + 1):
            room = Room(
                platform_id=f"room{number}@chatroom", topic=f"测试 {number} 群",
                account_id=account.id,
            )  # fmt: skip
            session.add(room)
            session.flush()
            assert account.id is not None
            assert room.id is not None
            session.add(AccountRoom(account_id=account.id, room_id=room.id))
    approve_day(at, due)


def approve_day(at: Installation, due: dt.timedelta = dt.timedelta()) -> None:
    """A series whose every post reads differently, so that the journal can be counted by key."""
    local = (now() - due).astimezone(SHANGHAI)
    day = local.date().isoformat()
    steps = [
        {"name": f"第{step}步", "text": f"{{{{ room }}}}的第 {step} 步开始啦"}
        for step in range(1, at.steps + 1)
    ]
    calendar = {
        "version": 1,
        "series": [
            {
                "key": "qa", "name": "问题解答日", "kind": "问题解答日", "starts": day, "ends": day,
                "recurrence": {"dates": [day]}, "at": f"{local:%H:%M}", "audience": {"all": True},
                "late_by_minutes": 600, "steps": steps,
            }
        ],
    }  # fmt: skip
    read = calendar_file.read(json.dumps(calendar).encode(), "calendar.yaml", "Asia/Shanghai")
    settings = Settings(_env_file=None, quiet_hours=None, posts_per_room_day=A_DAY)
    with database.transaction(at.engine) as session:
        then = now() - due - dt.timedelta(hours=1)
        changes = interchange.take_in(session, read.series, "小李", then)
        interchange.approve(session, changes, "小李", then, contact.rules(settings))


def journal(at: Installation, kind: str, start: int = 0) -> list[dict[str, str]]:
    """What the gateway has `said` or `sent`, from its journal; the last line may be half-written.

    `start` is a size that the journal had while the gateway had nothing to say.
    """
    if not at.journal.exists():
        return []
    with at.journal.open("rb") as file:
        file.seek(start)
        lines = file.read().split(b"\n")[:-1]
    return [one for one in map(json.loads, lines) if kind in one]


def posted(at: Installation) -> list[str]:
    """The texts that the gateway posted."""
    return [one["text"] for one in journal(at, "sent")]


def more_posts(at: Installation, number: int) -> Callable[[], bool]:
    """Whether so many more posts are out than now, or all of them."""
    wanted = min(len(posted(at)) + number, at.posts)
    return lambda: len(posted(at)) >= wanted


async def quiet(at: Installation) -> int:
    """Until nothing was posted for some round trips, so that nothing is on its way any longer;
    returns how much was.
    """
    while True:
        reached = len(posted(at))
        for _ in range(10):
            await at.node.ask("attempts")
        if len(posted(at)) == reached:
            return reached


def deliveries(at: Installation) -> Sequence[Any]:
    return rows(at.engine, Delivery)


def all_in(at: Installation, *states: DeliveryState) -> Callable[[], bool]:
    """Whether the whole day is planned, and every post of it in one of these states."""

    def holds() -> bool:
        found = deliveries(at)
        return len(found) == at.posts and {row.state for row in found} <= set(states)

    return holds


def some_in(at: Installation, state: DeliveryState, number: int = 1) -> Callable[[], bool]:
    return lambda: sum(row.state is state for row in deliveries(at)) >= number


def logged(at: Installation) -> set[str]:
    return {row.platform_id for row in rows(at.engine, MessageIdentity)}


def has_logged(at: Installation, number: int) -> Callable[[], bool]:
    """Whether so many messages are in the log, without reading them."""
    query = select(func.count()).select_from(database.table(MessageIdentity))

    def has() -> bool:
        with database.reading(at.engine) as session:
            return bool(session.connection().execute(query).scalar_one() >= number)

    return has


async def say(at: Installation, messages: int = 20) -> set[str]:
    """Members speak, whether we listen or not; returns the ids of what they said."""
    start = at.journal.stat().st_size if at.journal.exists() else 0
    await at.node.ask("burst", messages=messages, rooms=at.rooms)
    said = {one["said"] for one in journal(at, "said", start)}
    assert len(said) == messages
    return said


async def accept(at: Installation, said: set[str]) -> None:
    """What was said comes into the log: from here on it must be there."""
    # Counted first: one by one they are looked at when there are enough.
    enough = has_logged(at, len(said))
    await until(lambda: enough() and said <= logged(at), "members' messages in the log")
    at.accepted |= logged(at)


async def speak(at: Installation, service: Service) -> None:
    """Members speak while we listen, and all of it is accepted."""
    await until(service.says("is online"), "the account online")
    await accept(at, await say(at))


@asynccontextmanager
async def talk(at: Installation) -> AsyncIterator[None]:
    """Members go on talking: whoever hears something looks at once for something to send."""

    async def talking() -> None:
        while True:
            await at.node.ask("burst", messages=1, rooms=1)
            await asyncio.sleep(BREATH)

    task = asyncio.create_task(talking())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def look_after_kill(at: Installation) -> None:
    """What a kill left: nothing runs, so that the tables stand still."""
    at.claimed |= {
        (row.id, row.attempts) for row in deliveries(at) if row.state is DeliveryState.CLAIMED
    }
    at.accepted |= logged(at)


def check(at: Installation) -> None:
    """Nothing doubled, nothing lost in silence, everything ambiguous listed."""
    # Somebody may be posting while this looks: what was out before the rows were read must be listed
    # in them, and what they call sent must be out after.
    before = set(posted(at))
    found = {row.text: row for row in deliveries(at)}
    times = Counter(posted(at))
    assert {text: number for text, number in times.items() if number > 1} == {}, "posted twice"
    assert times.keys() <= found.keys(), "posted without a row"
    lost = [row.key for row in found.values() if row.state is DeliveryState.SENT]
    lost = [key for key in lost if key not in {found[text].key for text in times}]
    assert lost == [], "called sent, and never posted"
    listed = (DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.UNCERTAIN)
    unlisted = [found[text] for text in before if found[text].state not in listed]
    assert [(row.key, row.state, row.reason) for row in unlisted] == [], "posted and not listed"
    mute = [
        row.key
        for row in found.values()
        if row.state not in (*WAITING, DeliveryState.SENT) and not row.reason
    ]
    assert mute == [], "given up without a reason"
    held = [row for row in found.values() if row.state is DeliveryState.UNCERTAIN]
    never_begun = [row.key for row in held if row.attempts == 0 or row.sending_at is None]
    assert never_begun == [], "held, and never begun"
    mistaken = [row.key for row in held if (row.id, row.attempts) in at.claimed]
    assert mistaken == [], "only claimed when we were killed, and held"
    assert at.accepted <= logged(at), "accepted, and gone"


async def settle_rest(at: Installation) -> int:
    """What an operator does who looks into the rooms, until every post is out once.

    Returns how many there were to decide. The gateway answers everything from here on.
    """
    decided = 0
    await at.node.ask("behave", refuse=None, slow=0, unanswered=0)
    while True:
        async with talk(at):
            await until(all_in(at, *FINISHED), "every post sent or listed")
        await quiet(at)
        arrived = set(posted(at))
        held = [row for row in deliveries(at) if row.state is not DeliveryState.SENT]
        if not held:
            return decided
        check(at)
        for row in held:
            decision = Decision.SENT if row.text in arrived else Decision.RESEND
            with database.transaction(at.engine) as session:
                # Its echo may have come meanwhile.
                decided += outbox.decide(session, row.id, decision, "小李", now())


async def finish(at: Installation, service: Service) -> int:
    """The day comes to its end: each post is out exactly once. Returns how many were decided."""
    # One that has only just been started knows no SIGTERM yet.
    await until(service.says("is online"), "the account online")
    decided = await settle_rest(at)
    service.stop()
    check(at)
    assert Counter(posted(at)) == dict.fromkeys((row.text for row in deliveries(at)), 1)
    assert len(deliveries(at)) == at.posts
    return decided
