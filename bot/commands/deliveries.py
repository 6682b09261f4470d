"""Commands on what goes out: list, settle, pause, resume."""

import json as json_module
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlmodel import Session, SQLModel

from bot import database, outbox, pauses
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.models import Account, Delivery, DeliveryState, Room, Series
from bot.models.pause import PauseScope
from bot.outbox import Decision
from content_calendar import lifecycle

app = typer.Typer(help="投递:查看与人工处理。 Deliveries: list and settle.", no_args_is_help=True)
BY = "命令行"
SHOWN = 200


@app.command("list")
def show(
    state: Annotated[DeliveryState | None, typer.Option()] = None,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """按时间列出投递。 List deliveries by time, the latest first."""
    delivery, room = database.tables(Delivery, Room)
    query = (
        select(
            delivery.c.id,
            delivery.c.key,
            delivery.c.state,
            delivery.c.due_at,
            room.c.topic,
            delivery.c.reason,
            delivery.c.topic.label("drawn_topic"),
            delivery.c.variant,
        )
        .join(room, room.c.id == delivery.c.room_id)
        .order_by(delivery.c.due_at.desc(), delivery.c.id.desc())
    )
    if state is not None:
        query = query.where(delivery.c.state == state)
    with database.reading(edge.engine()) as session:
        rows = session.connection().execute(query if json else query.limit(SHOWN)).mappings().all()
    if json:
        for row in rows:
            typer.echo(json_module.dumps(dict(row), ensure_ascii=False, default=str))
        return
    zone = edge.settings().zone
    table = Table("编号", "状态", "时间", "群", "投递", "原因")
    for row in rows:
        due = row["due_at"].astimezone(zone)
        table.add_row(
            str(row["id"]), row["state"], f"{due:%m-%d %H:%M}", row["topic"], row["key"],
            row["reason"] or "",
        )  # fmt: skip
    Console().print(table)
    if len(rows) == SHOWN:
        typer.echo(f"只列出最近 {SHOWN} 条;全部请用 qunyun export deliveries")


@app.command()
def settle(delivery_id: Annotated[int, typer.Argument(metavar="ID")], decision: Decision) -> None:
    """对“未确认”的投递下结论:sent 已发、resend 重发、failed 未发。 Decide an uncertain one."""
    with database.transaction(edge.engine()) as session:
        if not outbox.decide(session, delivery_id, decision, BY, edge.now()):
            raise InvalidInput(
                Fault(
                    f"delivery {delivery_id}", 0, "", "没有这条投递,或它不在可处理的状态",
                    "用 qunyun deliveries list --state uncertain 查看",
                )
            )  # fmt: skip
    typer.echo(f"投递 {delivery_id}:{decision.value}")


def pause(
    reason: Annotated[str, typer.Option()],
    series: Annotated[str | None, typer.Option(metavar="S")] = None,
    account: Annotated[str | None, typer.Option(metavar="A")] = None,
    room: Annotated[str | None, typer.Option(metavar="R")] = None,
) -> None:
    """暂停发送:全部,或一个栏目、账号、群。 Hold back everything or a part."""
    with database.transaction(edge.engine()) as session:
        scope, target = _target(session, series, account, room)
        if series is not None:
            changed = lifecycle.pause(session, series, reason, BY, edge.now())
        else:
            changed = pauses.pause(session, scope, target, reason, BY, edge.now())
    typer.echo("已暂停" if changed else "本来就是暂停状态")


def resume(
    reason: Annotated[str, typer.Option()] = "",
    series: Annotated[str | None, typer.Option(metavar="S")] = None,
    account: Annotated[str | None, typer.Option(metavar="A")] = None,
    room: Annotated[str | None, typer.Option(metavar="R")] = None,
) -> None:
    """恢复发送。 Let it go on."""
    with database.transaction(edge.engine()) as session:
        scope, target = _target(session, series, account, room)
        if series is not None:
            changed = lifecycle.resume(session, series, reason, BY, edge.now())
        else:
            changed = pauses.resume(session, scope, target, reason, BY, edge.now())
    typer.echo("已恢复" if changed else "本来就没有暂停")


def _target(
    session: Session, series: str | None, account: str | None, room: str | None
) -> tuple[PauseScope, int | None]:
    named: list[tuple[PauseScope, type[SQLModel], str, str | None]] = [
        (PauseScope.SERIES, Series, "key", series),
        (PauseScope.ACCOUNT, Account, "name", account),
        (PauseScope.ROOM, Room, "platform_id", room),
    ]
    chosen = [one for one in named if one[3] is not None]
    if not chosen:
        return PauseScope.ALL, None
    if len(chosen) > 1:
        raise InvalidInput(Fault("pause", 0, "", "只能选一个范围", "分几次执行"))
    scope, model, column, name = chosen[0]
    return scope, _id(session, model, column, str(name))


def _id(session: Session, model: type[SQLModel], column: str, name: str) -> int:
    target = database.table(model)
    found = session.connection().scalar(select(target.c.id).where(target.c[column] == name))
    if found is None:
        raise InvalidInput(Fault(name, 0, "", f"没有这个{target.name}", "检查名称"))
    return int(found)
