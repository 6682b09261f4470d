"""Three `qunyun run` on one PostgreSQL, as on three machines: each has a folder of its own, is meant to
hold the account of one gateway and stands by for the two others.
"""

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bot import database, refusing
from bot.bench import databases
from bot.bench.nats_server import NatsServer
from bot.bench.node_gateway import NodeGateway
from bot.models import Account, AccountRoom, Faq, Room
from tests.faults.installation import Service
from tests.faults.test_postgresql import control, folder
from tests.faults.test_spool import said_in

GATEWAYS = 3
ROOMS = 100
MEMBERS = 5
QUESTION, ANSWER = "几点开始?", "晚上八点哦"
MANY = "1000000"

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that runs. Service `n` is meant to hold the account of gateway `n`, whose row in
    the database is `accounts[n]`.
    """

    engine: Engine
    server: Path
    home: Path
    gateways: Sequence[NodeGateway]
    journals: Sequence[Path]
    services: Sequence[Service]
    accounts: Sequence[int]
    stream: NatsServer | None

    def waiting(self, process: int) -> set[str]:
        """The ids of what a process accepted and did not hand on yet."""
        folder = self.home / f"machine{process}" / "spool"
        return {id for path in folder.glob("*.db") for id in said_in(path)}

    def refused(self, process: int) -> int:
        """How many events a process could not record and keeps aside."""
        folder = self.home / f"machine{process}" / "spool"
        return sum(map(refusing.refused, folder.glob("*.db")))

    def journal(self, gateway: int) -> list[Line]:
        """What a gateway wrote down, in order; the last line may be half-written."""
        lines = self.journals[gateway].read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines]


def now() -> float:
    """Seconds since the epoch, by the clock of the gateways' journals."""
    return time.time()


@contextmanager
def running(home: Path, *, with_stream: bool) -> Iterator[Fleet]:
    """A fleet whose gateways run and whose processes do not yet; nothing of it runs afterwards."""
    stream = NatsServer(home / "nats") if with_stream else None
    with databases.postgresql_server() as url:
        engine = database.connect(url, pooled=False)
        database.migrate(engine)
        server = folder(url)
        journals = [home / f"journal{n}.jsonl" for n in range(GATEWAYS)]
        gateways = [
            NodeGateway(
                rooms=ROOMS, members=MEMBERS, journal=path, offset=n * ROOMS, me=f"wxid_bot{n}"
            )
            for n, path in enumerate(journals)
        ]
        where = {"DATABASE_URL": url, "STREAM_URL": stream.url if stream is not None else ""}
        services: list[Service] = []
        try:
            if stream is not None:
                stream.start()
            for n, gateway in enumerate(gateways):
                gateway.launch(first=(n + 1) * 10_000_000)
            accounts = _found(engine, gateways)
            services += [_service(home, where, gateways, n) for n in range(GATEWAYS)]
            yield Fleet(engine, server, home, gateways, journals, services, accounts, stream)
        finally:
            for service in services:
                service.kill()
            for gateway in gateways:
                gateway.kill()
            if stream is not None:
                stream.kill()
            engine.dispose()
            # Whoever started the server knows only the process that it started.
            if (server / "postmaster.pid").exists():
                control(server, "stop", "immediate")


def _found(engine: Engine, gateways: Sequence[NodeGateway]) -> list[int]:
    """The accounts and their rooms, before anybody has listed them; a question with an answer."""
    accounts = []
    with database.transaction(engine) as session:
        session.add(Faq(vertical="", question=QUESTION, answer=ANSWER))
        for n, gateway in enumerate(gateways):
            _, host, port = gateway.address
            account = Account(name=f"{host}:{port}", gateway="wechaty")
            session.add(account)
            session.flush()
            assert account.id is not None
            accounts.append(account.id)
            for number in range(n * ROOMS + 1, (n + 1) * ROOMS + 1):
                room = Room(
                    platform_id=f"room{number}@chatroom", topic=f"测试 {number} 群",
                    account_id=account.id,
                )  # fmt: skip
                session.add(room)
                session.flush()
                assert room.id is not None
                session.add(AccountRoom(account_id=account.id, room_id=room.id))
    return accounts


def _service(
    home: Path, where: Mapping[str, str], gateways: Sequence[NodeGateway], n: int
) -> Service:
    settings = {
        **where,
        "HOME": str(home / f"machine{n}"),
        "GATEWAYS": gateways[n].url,
        "STANDBY_GATEWAYS": " ".join(g.url for g in gateways if g is not gateways[n]),
        "PARTS": "gateways,ingest,planner,deliveries",
        "QUIET_HOURS": "",
        "RANDOM_GAP_SECONDS": "0.1-0.3",
        "ROOM_GAP_SECONDS": "0",
        "SEND_TIMEOUT_SECONDS": "5",
        "POSTS_PER_MINUTE": MANY,
        "POSTS_PER_DAY": MANY,
        "POSTS_PER_ROOM_DAY": MANY,
    }
    named = {f"QUNYUN_{name}": value for name, value in settings.items()}
    return Service(home / f"process{n}", named, ("bot", "run"))


def as_time(line: str) -> float | None:
    """When a line of a process's log was written: seconds since the epoch; None for other lines."""
    try:
        local = dt.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")  # noqa: DTZ007  # its own
    except ValueError:
        return None
    return local.astimezone().timestamp()
