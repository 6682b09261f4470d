"""A Monday's digest arrives as people get it: at group robots by HTTP, in a room through a real
puppet-service gateway; text and card where both can be, text alone elsewhere, each once.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from bot import app as app_module
from bot import database, deriving, gateway, ingest
from bot.bench.node_gateway import NodeGateway
from bot.models import Delivery, DeliveryKind, DeliveryState, Room
from bot.process import App
from bot.settings import Settings
from tests.contracts import test_robot_contract as robots
from tests.contracts.conftest import ROOM, NodeCommunity
from tests.contracts.test_robot_contract import DINGTALK, FEISHU, WECOM, Webhook
from tests.saying import SHANGHAI, local, rows
from tests.watching import running, until

NOW = local("2026-11-09 09:30")


@pytest.fixture
async def webhooks() -> AsyncIterator[dict[str, Webhook]]:
    """A server for each platform, which accepts."""
    async with AsyncExitStack() as open_ones:
        started = {}
        for scheme in robots.SCHEMES:
            started[scheme] = await open_ones.enter_async_context(robots.listening(Webhook()))
            started[scheme].answers(robots.ACCEPTED[scheme])
        yield started


def chat(engine: Engine) -> None:
    """A week of one room: questions, half of them answered."""
    said = [
        gateway.Said(
            id=f"m{n}", room="mothers@chatroom", sender=f"wxid_{n % 6}", type="text",
            at=local(f"2026-11-0{2 + n % 7} 10:{n:02}"), text=f"第{n}个问题怎么办?",
        )
        for n in range(40)
    ]  # fmt: skip
    with database.transaction(engine) as session:
        ingest.record(session, said, deriving.load_rules(session, SHANGHAI))


def settings(home: Path, *rooms: str) -> Settings:
    return Settings(
        _env_file=None, home=home, digest_rooms=rooms,
        random_gap_seconds=(0.0, 0.0), room_gap_seconds=0,
    )  # fmt: skip


def ticking() -> Callable[[], dt.datetime]:
    """A clock that goes on by a second whenever somebody looks: robots may not post at once, and
    飞书 is kept off the half hour.
    """
    seconds = count(120)
    return lambda: NOW + dt.timedelta(seconds=next(seconds))


def know(engine: Engine, app: App, *rooms: str) -> None:
    """The rooms of an app's accounts, in their order, as an earlier day left them."""
    with database.transaction(engine) as session:
        for room, account in zip(rooms, app.accounts, strict=True):
            session.add(Room(platform_id=room, topic=room, account_id=account))


def sent(engine: Engine, count: int) -> bool:
    found = [row for row in rows(engine, Delivery) if row.kind is DeliveryKind.DIGEST]
    return [row.state for row in found] == [DeliveryState.SENT] * count


async def test_robots_get_text_and_where_they_can_the_card(
    engine: Engine, tmp_path: Path, webhooks: dict[str, Webhook]
) -> None:
    chat(engine)
    accounts = [robots.opened(scheme, server.base) for scheme, server in webhooks.items()]
    wanted = settings(tmp_path, *(robots.room(scheme) for scheme in webhooks))
    app = app_module.build(wanted, engine, accounts, ticking())
    know(engine, app, *(robots.room(scheme) for scheme in webhooks))
    async with running(app):
        await until(app, lambda: sent(engine, 4))
    bodies = {
        scheme: [json.loads(request.body) for request in server.received]
        for scheme, server in webhooks.items()
    }
    assert {scheme: len(found) for scheme, found in bodies.items()} == {
        WECOM: 2, FEISHU: 1, DINGTALK: 1,
    }  # fmt: skip
    for found in bodies.values():
        told = json.dumps(found[0], ensure_ascii=False)
        assert "【群运周报】全部" in told
        assert len(told.encode()) < 4_096
    picture = bodies[WECOM][1]["image"]
    card = base64.b64decode(picture["base64"])
    assert picture["md5"] == hashlib.md5(card, usedforsecurity=False).hexdigest()
    width, height = Image.open(io.BytesIO(card)).size
    assert (width, height <= 2_340) == (1_080, True)


async def test_a_room_behind_a_real_gateway_gets_text_and_card_once(
    engine: Engine, tmp_path: Path, node: NodeGateway
) -> None:
    chat(engine)
    wechat, wanted = NodeCommunity(node), settings(tmp_path, ROOM)
    app = app_module.build(wanted, engine, [wechat.account], lambda: NOW)
    know(engine, app, ROOM)
    async with running(app):
        await until(app, lambda: sent(engine, 2))
    (text,) = await wechat.texts()
    assert text.startswith("【群运周报】全部")
    assert len(text.encode()) <= 2_048
    (size,) = await wechat.images()
    (picture,) = {row.image for row in rows(engine, Delivery) if row.image}
    assert size == len(wanted.attachments.joinpath(picture).read_bytes())
