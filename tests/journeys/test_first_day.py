"""A whole working day on a real gateway: rooms listed, talk logged, a Q&A day out, and a kill."""

import asyncio
import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from bot import app as app_module
from bot import database, outbox, process
from bot.bench import node_gateway
from bot.bench.node_gateway import NodeGateway
from bot.gateways import open_gateway
from bot.models import Delivery, DeliveryState, Membership, Message
from bot.outbox import Decision
from bot.settings import Settings
from content_calendar import calendar_file, contact, interchange
from tests import parts
from tests.saying import SHANGHAI, names, rows
from tests.watching import running, until

ROOMS, MEMBERS, BURST = 50, 20, 500
PATIENCE = 120


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def count(engine: Engine, *states: DeliveryState) -> Callable[[], int]:
    """How many deliveries are in one of these states."""
    delivery = database.table(Delivery)

    def counted() -> int:
        with database.reading(engine) as session:
            return (
                session.connection()
                .execute(select(func.count()).where(delivery.c.state.in_(states)))
                .scalar_one()
            )

    return counted


def heard(engine: Engine) -> int:
    message = database.table(Message)
    with database.reading(engine) as session:
        return (
            session.connection()
            .execute(select(func.count()).select_from(message).where(~message.c.own))
            .scalar_one()
        )


def heard_at_least(engine: Engine, number: int) -> Callable[[], bool]:
    return lambda: heard(engine) >= number


def plan_qa_day(engine: Engine) -> None:
    """A Q&A day in every room that became due this minute."""
    local = now().astimezone(SHANGHAI)
    calendar = {
        "version": 1,
        "series": [
            {
                "key": "qa", "name": "问题解答日", "kind": "问题解答日",
                "starts": local.date().isoformat(), "ends": local.date().isoformat(),
                "recurrence": {"dates": [local.date().isoformat()]},
                "at": f"{local:%H:%M}", "audience": {"all": True}, "late_by_minutes": 600,
                "steps": [{"name": "开场", "text": "{{ room }}的问题解答日开始啦"}],
            }
        ],
    }  # fmt: skip
    read = calendar_file.read(json.dumps(calendar).encode(), "calendar.yaml", "Asia/Shanghai")
    with database.transaction(engine) as session:
        at = now() - dt.timedelta(hours=1)
        changes = interchange.take_in(session, read.series, "小李", at)
        interchange.approve(session, changes, "小李", at, contact.rules(Settings()))


def journal(path: Path, kind: str) -> list[dict[str, str]]:
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in told if kind in one]


async def test_a_first_working_day(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = node_gateway.missing()
    parts.require("node", absent is None, f"{absent}; run `make install`")
    book = tmp_path / "journal.jsonl"
    node = NodeGateway(rooms=ROOMS, members=MEMBERS, journal=book)
    await node.start()
    settings = Settings(
        _env_file=None, home=tmp_path, quiet_hours=None, random_gap_seconds=(0.0, 0.0),
        posts_per_minute=10_000,
    )  # fmt: skip
    gateway = open_gateway(node.url, clock=now, rng=app_module.jitter())
    app = app_module.build(settings, engine, [gateway], now)
    try:
        async with running(app):
            await until(app, lambda: len(rows(engine, Membership)) == ROOMS * MEMBERS, PATIENCE)
            for told in range(1, 4):
                await node.ask("burst", messages=BURST, rooms=ROOMS)
                await until(app, heard_at_least(engine, told * BURST), PATIENCE)

            plan_qa_day(engine)
            await app.write(lambda: app_module.tick(app))
            process.wake(app)
            await until(app, lambda: count(engine, DeliveryState.SENT)() >= 15, PATIENCE)
            speaking = asyncio.create_task(node.ask("burst", messages=BURST, rooms=ROOMS))
            await until(app, lambda: count(engine, DeliveryState.SENT)() >= 20, PATIENCE)
            await speaking
            node.kill()
            said_before = len(journal(book, "said"))
            await node.start(first=100_000)

            await until(
                app,
                lambda: count(engine, DeliveryState.SENT, DeliveryState.UNCERTAIN)() == ROOMS,
                PATIENCE,
            )
            arrived = {one["room"] for one in journal(book, "sent")}
            decide_what_is_uncertain(engine, arrived)
            process.wake(app)
            await until(app, lambda: count(engine, DeliveryState.SENT)() == ROOMS, PATIENCE)
            await node.ask("burst", messages=BURST, rooms=ROOMS)
            await until(app, lambda: reached(engine, book, said_before), PATIENCE)
    finally:
        node.kill()

    said = journal(book, "said")
    logged = Counter(names(engine).values())
    missing = [one for one in said[said_before:] if one["said"] not in logged]
    lost = [one for one in said[:said_before] if one["said"] not in logged]
    with capsys.disabled():
        print(f"\n说了 {len(said)} 条,通道被杀前未收下 {len(lost)} 条,其余一条不少")  # noqa: T201
    assert len(said) == 5 * BURST
    assert missing == []
    assert len(lost) <= BURST
    assert set(logged.values()) == {1}
    assert Counter(one["room"] for one in journal(book, "sent")) == dict.fromkeys(
        (f"room{number}@chatroom" for number in range(1, ROOMS + 1)), 1
    )
    assert in_order(engine)


def reached(engine: Engine, book: Path, said_before: int) -> bool:
    """Whether everything said after the kill is in the log."""
    logged = set(names(engine).values())
    after = journal(book, "said")[said_before:]
    return len(after) == BURST and all(one["said"] in logged for one in after)


def decide_what_is_uncertain(engine: Engine, arrived: set[str]) -> None:
    """What an operator does who looks into the rooms."""
    for row in rows(engine, Delivery):
        if row.state is DeliveryState.UNCERTAIN:
            room = row.key.rpartition(":")[2]
            decision = Decision.SENT if room in arrived else Decision.RESEND
            with database.transaction(engine) as session:
                assert outbox.decide(session, row.id, decision, "小李", now())


def in_order(engine: Engine) -> bool:
    """Whether each room's messages arrived in the order in which they were said."""
    number = {key: int(name.removeprefix("m")) for key, name in names(engine).items()}
    rooms: dict[int, list[int]] = defaultdict(list)
    for row in sorted(rows(engine, Message), key=lambda row: row.id):
        if not row.own:
            rooms[row.room_id].append(number[row.id])
    return all(told == sorted(told) for told in rooms.values())
