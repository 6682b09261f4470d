"""A console on a real database with a clock of its own, and people signed in to it."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from bot import database
from bot import settings as settings_module
from bot.console import credentials, operators, web
from bot.models import Account, OperatorRole, Room, RoomTag

NOW = dt.datetime(2026, 11, 24, 4, 0, tzinfo=dt.UTC)
PASSWORD = "correct horse battery"  # noqa: S105  # of nobody
HOST = "http://127.0.0.1:8080"
# argon2 is slow on purpose: once is enough for everybody here.
HASHED = credentials.hash_password(PASSWORD, "nobody")
FROM_OUR_PAGE = {"sec-fetch-site": "same-origin"}


@dataclass(slots=True)
class Desk:
    """The app, its database, and the clock, which the test turns."""

    engine: Engine
    home: Path
    now: dt.datetime = NOW
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, **settings: object) -> None:
        """The app anew, with other settings."""
        loaded = settings_module.load(_env_file=None, home=self.home, **settings)
        self.app = web.build(self.engine, loaded, lambda: self.now)

    def client(self, base: str = HOST, **headers: str) -> httpx.AsyncClient:
        """A browser on one of our pages, signed in nowhere."""
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 50000))
        return httpx.AsyncClient(
            transport=transport, base_url=base, headers=FROM_OUR_PAGE | headers
        )

    def add(self, name: str, role: OperatorRole, **scope: list[str]) -> int:
        """An operator with PASSWORD; `verticals` and `tags` narrow the rooms."""
        with database.transaction(self.engine) as session:
            found = operators.find(session, name)
            operator = found or operators.add(session, name, role, "测试", self.now)
            operators.set_password(session, operator, HASHED, "测试", self.now)
            operator.verticals, operator.tags = scope.get("verticals"), scope.get("tags")
            session.add(operator)
            session.flush()
            assert operator.id
            return operator.id

    @asynccontextmanager
    async def signed_in(
        self, name: str, role: OperatorRole, **scope: list[str]
    ) -> AsyncIterator[httpx.AsyncClient]:
        """The browser of somebody who has just signed in."""
        self.add(name, role, **scope)
        async with self.client() as client:
            answer = await sign_in(client, name)
            assert answer.status_code == 303, answer.text
            yield client

    def rooms(self, number: int, vertical: str = "宝妈育儿", tag: str = "北京") -> None:
        """Rooms `room0` … of one vertical and tag, on one account."""
        with database.transaction(self.engine) as session:
            session.add(Account(name=f"bot-{vertical}", gateway="memory", online=True))
            session.flush()
            database.insert_rows(
                session,
                Room,
                [
                    {
                        "platform_id": f"{vertical}{place}@chatroom", "topic": f"{vertical} {place} 群",
                        "vertical": vertical, "owner": "", "mention_all": False,
                    }
                    for place in range(number)
                ],
            )  # fmt: skip
            room = database.table(Room)
            ids = session.connection().scalars(
                room.select().with_only_columns(room.c.id).where(room.c.vertical == vertical)
            )
            database.insert_rows(session, RoomTag, [{"tag": tag, "room_id": each} for each in ids])


async def sign_in(
    client: httpx.AsyncClient, name: str, password: str = PASSWORD, next: str = "/"
) -> httpx.Response:
    """What the form of the login page sends."""
    return await client.post("/login", data={"name": name, "password": password, "next": next})


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """A console with nobody in it."""
    return Desk(engine, tmp_path)
