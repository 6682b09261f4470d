"""Serve the console over a demo that goes on: its clock runs from where the story ended."""

import asyncio
import datetime as dt
import html
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, select

from bot import app as apps
from bot import database
from bot.console import operators, web
from bot.console import serving as console
from bot.demo import community
from bot.demo import home as homes
from bot.gateway import Person
from bot.gateways.memory import MemoryGateway
from bot.models import Account, Contact, Membership, Room

# Digests are read on Monday morning: there the story ends.
ENDS_AT = community.instant(community.LAST_DAY + dt.timedelta(days=1)) + dt.timedelta(hours=9)
# Further than any message of the story: the platform's own count goes on.
FIRST_MESSAGE = 10_000_000

_PAGE = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>群运演示 · 周报</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.7 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }}
ul {{ columns: 2; padding-left: 1.2rem }} small {{ color: #666 }}
</style>
<h1>群运演示 · 周报</h1>
<p><small>群、成员、商品、聊天与订单都是程序模拟的，没有真实的人。</small></p>
{weeks}
</html>
"""


def write_index(folder: Path, titles: dict[str, str]) -> Path:
    """A page that links every digest in `folder`; `titles` are their names by relative path."""
    weeks: dict[str, list[str]] = {}
    for path, title in titles.items():
        week = path.partition("/")[0]
        link = f'<li><a href="{html.escape(path)}">{html.escape(title)}</a></li>'
        weeks.setdefault(week, []).append(link)
    parts = [
        f"<h2>{html.escape(week)}</h2><ul>{''.join(links)}</ul>" for week, links in weeks.items()
    ]
    index = folder / "index.html"
    index.write_text(_PAGE.format(weeks="\n".join(parts)), encoding="utf-8")
    return index


async def serve(
    home: Path,
    port: int,
    wall: Callable[[], dt.datetime],
    stop: asyncio.Event,
    tell: Callable[[str], None],
) -> None:
    """The console until `stop`, with planner and deliveries at work on the simulated platform.

    `tell` hears the one-time link. Raises InvalidInput where the port is taken.
    """
    settings = homes.settings(home).model_copy(update={"console_port": port})
    engine = database.connect(settings.database)
    begun = wall()

    def clock() -> dt.datetime:
        return ENDS_AT + (wall() - begun)

    try:
        app = apps.build(settings, engine, _gateways(engine, clock), clock)
        with console.serving(web.build(engine, settings, clock), settings) as address:
            with database.transaction(engine) as session:
                token = operators.link(session, None, "", clock())
            tell(f"{address}/link/{token}")
            await apps.run(app, stop)
    finally:
        engine.dispose()


def _gateways(engine: Engine, clock: Callable[[], dt.datetime]) -> list[MemoryGateway]:
    """The platform as the story left it: every account in its rooms, with everybody in them."""
    account, room, stay, contact = database.tables(Account, Room, Membership, Contact)
    with database.reading(engine) as session:
        rooms = (
            session.connection()
            .execute(
                select(account.c.name, room.c.id, room.c.platform_id, room.c.topic)
                .join(room, room.c.account_id == account.c.id)
                .order_by(account.c.id, room.c.id)
            )
            .all()
        )
        people: dict[int, list[Person]] = defaultdict(list)
        for row in session.connection().execute(
            select(stay.c.room_id, contact.c.platform_id, contact.c.name)
            .join(contact, contact.c.id == stay.c.contact_id)
            .where(stay.c.left_at.is_(None))
        ):
            people[row.room_id].append(Person(row.platform_id, row.name))
    gateways: dict[str, MemoryGateway] = {}
    for found in rooms:
        gateway = gateways.setdefault(
            found.name, MemoryGateway(found.name, clock=clock, first=FIRST_MESSAGE)
        )
        gateway.add_room(found.platform_id, found.topic, people[found.id])
    return list(gateways.values())
