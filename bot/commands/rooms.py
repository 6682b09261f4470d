"""`qunyun rooms list`: which rooms there are, also those in which nobody has spoken yet."""

import json as json_module
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from bot import database
from bot.commands import edge
from bot.models import Account, Room


def show(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """列出所有群。 List every room."""
    room, account = database.tables(Room, Account)
    with database.reading(edge.engine()) as session:
        query = (
            select(
                room.c.platform_id.label("room"),
                room.c.topic,
                room.c.vertical,
                room.c.zone,
                account.c.name.label("account"),
                room.c.unavailable_reason,
            )
            .outerjoin(account, account.c.id == room.c.account_id)
            .order_by(database.code_points(room.c.platform_id, session))
        )
        rows = session.connection().execute(query).mappings().all()
    if json:
        for row in rows:
            typer.echo(json_module.dumps(dict(row), ensure_ascii=False))
        return
    table = Table("群", "群名", "垂类", "时区", "账号", "不可用原因")
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    edge.show(table)
