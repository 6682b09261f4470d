"""Commands on what goes out: list, settle, pause, resume."""

import datetime as dt
import json as json_module
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import func, select
from sqlmodel import Session, SQLModel

from bot import by_hand, database, outbox, pauses, recalling
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.gateway import Posting
from bot.models import Account, Delivery, DeliveryState, Room, Series
from bot.models.pause import PauseScope
from bot.outbox import Decision
from content_calendar import lifecycle

app = typer.Typer(help="投递:查看与人工处理。 Deliveries: list and settle.", no_args_is_help=True)
BY = "命令行"
By = Annotated[str, typer.Option(metavar="NAME", help="谁做的,默认当前系统用户")]
OfSeries = Annotated[str | None, typer.Option(metavar="S")]
OfAccount = Annotated[str | None, typer.Option(metavar="A")]
OfRoom = Annotated[str | None, typer.Option(metavar="R")]
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
    edge.show(table)
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


@app.command()
def todo(
    account: Annotated[str, typer.Option(metavar="A", help="只看一个人工账号")] = "",
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """人工通道的待办:按时间列出要发的群、文字和图片。 What people are to post."""
    delivery, room, owner = database.tables(Delivery, Room, Account)
    query = (
        select(
            delivery.c.id,
            delivery.c.due_at,
            room.c.platform_id.label("room"),
            room.c.topic,
            delivery.c.text,
            delivery.c.image,
            delivery.c.card,
            delivery.c.mention_all,
            delivery.c.expires_at,
        )
        .join(room, room.c.id == delivery.c.room_id)
        .join(owner, owner.c.id == delivery.c.account_id)
        .where(delivery.c.state == DeliveryState.PENDING, owner.c.posting == Posting.CONFIRM)
        .order_by(delivery.c.due_at, delivery.c.id)
    )
    if account:
        query = query.where(owner.c.name == account)
    with edge.reading() as session:
        rows = session.connection().execute(query).mappings().all()
    settings, now = edge.settings(), edge.now()
    for row in rows:
        if json:
            typer.echo(json_module.dumps(dict(row), ensure_ascii=False, default=str))
            continue
        due = row["due_at"].astimezone(settings.zone)
        late = "(已过时限)" if row["expires_at"] <= now else ""
        typer.echo(f"── {row['id']} · {due:%m-%d %H:%M}{late} · {row['topic']}({row['room']})")
        typer.echo(("@所有人 " if row["mention_all"] else "") + row["text"])
        if row["image"]:
            typer.echo(f"[图片] {settings.attachments / row['image']}")
        if row["card"]:
            typer.echo(f"[卡片] {' '.join(row['card'].values())}")
    typer.echo(
        f"共 {len(rows):,} 条。发完:qunyun deliveries done 编号;不发:qunyun deliveries drop 编号",
        err=True,
    )


@app.command()
def done(ids: Annotated[list[int], typer.Argument(metavar="ID")], by: By = "") -> None:
    """人工通道:这几条已经发了。 People posted these."""
    with edge.changing() as session:
        for each in ids:
            if not by_hand.carried_out(session, each, edge.by(by), edge.now()):
                raise _not_by_hand(each)
    typer.echo(f"{len(ids)} 条记为已发")


@app.command()
def drop(
    ids: Annotated[list[int], typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    by: By = "",
) -> None:
    """人工通道:这几条不发了。 People will not post these."""
    with edge.changing() as session:
        for each in ids:
            if not by_hand.left_out(session, each, reason, edge.by(by), edge.now()):
                raise _not_by_hand(each)
    typer.echo(f"{len(ids)} 条记为跳过")


@app.command()
def recall(delivery_id: Annotated[int, typer.Argument(metavar="ID")], by: By = "") -> None:
    """撤回一条两分钟内发出的内容;由正在运行的 qunyun run 去做。 Take a post back."""
    with edge.changing() as session:
        recalling.ask(session, delivery_id, edge.by(by), edge.now())
    typer.echo(f"投递 {delivery_id}:已请求撤回,结果见 qunyun deliveries list")


@app.command()
def summary(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """每种状态各有多少,加起来就是排过的总数。 How many in each state; they add up."""
    delivery = database.table(Delivery)
    with edge.reading() as session:
        rows = session.connection().execute(
            select(delivery.c.state, func.count()).group_by(delivery.c.state)
        )
        found = {row[0].value: row[1] for row in rows}
        planned = session.connection().scalar(select(func.count()).select_from(delivery)) or 0
    counts = {state.value: found.get(state.value, 0) for state in DeliveryState}
    if json:
        typer.echo(json_module.dumps({"planned": planned} | counts))
        return
    for state, count in counts.items():
        typer.echo(f"{state}\t{count:,}")
    typer.echo(f"共排 {planned:,} 条,各状态合计 {sum(counts.values()):,} 条")


def _not_by_hand(delivery_id: int) -> InvalidInput:
    remedy = "用 qunyun deliveries todo 查看"
    return InvalidInput(Fault(f"delivery {delivery_id}", 0, "", "不是人工通道待发的投递", remedy))


def pause(
    reason: Annotated[str, typer.Option()],
    series: OfSeries = None,
    account: OfAccount = None,
    room: OfRoom = None,
) -> None:
    """暂停发送:全部,或一个栏目、账号、群。 Hold back everything or a part."""
    changed = _turn(series, account, room, reason, lifecycle.pause, pauses.pause)
    typer.echo("已暂停" if changed else "本来就是暂停状态")


def resume(
    reason: Annotated[str, typer.Option()] = "",
    series: OfSeries = None,
    account: OfAccount = None,
    room: OfRoom = None,
) -> None:
    """恢复发送。 Let it go on."""
    changed = _turn(series, account, room, reason, lifecycle.resume, pauses.resume)
    typer.echo("已恢复" if changed else "本来就没有暂停")


def _turn(
    series: str | None,
    account: str | None,
    room: str | None,
    reason: str,
    turn_series: Callable[[Session, str, str, str, dt.datetime], bool],
    turn: Callable[[Session, PauseScope, int | None, str, str, dt.datetime], bool],
) -> bool:
    """Pause or resume what is named; a series does so itself. False where nothing changed."""
    with database.transaction(edge.engine()) as session:
        scope, target = _target(session, series, account, room)
        if series is not None:
            return turn_series(session, series, reason, BY, edge.now())
        return turn(session, scope, target, reason, BY, edge.now())


def _target(
    session: Session, series: str | None, account: str | None, room: str | None
) -> tuple[PauseScope, int | None]:
    named: list[tuple[PauseScope, type[SQLModel], str, str, str | None]] = [
        (PauseScope.SERIES, Series, "key", "栏目", series),
        (PauseScope.ACCOUNT, Account, "name", "账号", account),
        (PauseScope.ROOM, Room, "platform_id", "群", room),
    ]
    chosen = [one for one in named if one[-1] is not None]
    if not chosen:
        return PauseScope.ALL, None
    if len(chosen) > 1:
        raise InvalidInput(Fault("pause", 0, "", "只能选一个范围", "分几次执行"))
    scope, model, column, what, name = chosen[0]
    return scope, _id(session, model, column, what, str(name))


def _id(session: Session, model: type[SQLModel], column: str, what: str, name: str) -> int:
    target = database.table(model)
    found = session.connection().scalar(select(target.c.id).where(target.c[column] == name))
    if found is None:
        raise InvalidInput(Fault(name, 0, "", f"没有这个{what}", "检查名称"))
    return int(found)
