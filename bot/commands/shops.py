"""`qunyun shops …`: shops that push their orders, and what came of it."""

import asyncio
import json as json_module
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Engine, select

from bot import database, shopkeeping
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.models import EventState, ShopCursor
from bot.orders import pulling, shop_events, shops
from bot.shopkeeping import Keeper

app = typer.Typer(help="店铺:推送来的订单。 Shops that push their orders.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
STATES = {
    EventState.RECEIVED: "待处理",
    EventState.HELD: "在等",
    EventState.DONE: "完成",
    EventState.IGNORED: "不用读",
    EventState.FAILED: "读不懂",
}
WAITING = (EventState.RECEIVED, EventState.HELD, EventState.FAILED)

Result = TypeVar("Result")


@app.command("list")
def show(json: Json = False) -> None:
    """列出配置的店铺、它们的网址和收到的消息。 The shops, and what they pushed."""
    settings = edge.settings()
    connections = shops.connections(settings.shops)
    with edge.reading() as session:
        counted = shop_events.summary(session)
        cursors = {row.source: row for row in session.connection().execute(
            select(database.table(ShopCursor)))}  # fmt: skip
    for name, connection in connections.items():
        shop = shops.KINDS[connection.kind]
        states = {state: counted.get((name, state), 0) for state in EventState}
        cursor = cursors.get(name)
        if json:
            told = {
                "name": name,
                "kind": shop.kind,
                "path": f"/webhooks/orders/{name}",
                "unconfirmed": shop.unconfirmed,
                "events": {state.value: count for state, count in states.items()},
                "fetched_until": cursor and cursor.modified_at and cursor.modified_at.isoformat(),
                "fetch_problem": cursor.reason if cursor else "",
            }
            typer.echo(json_module.dumps(told, ensure_ascii=False))
            continue
        counts = " · ".join(f"{STATES[state]} {count:,}" for state, count in states.items())
        typer.echo(f"{name}\t{shop.title}\t/webhooks/orders/{name}\t{counts}")
        if shop.unconfirmed:
            typer.echo(f"  {shop.unconfirmed}")
        if cursor is not None and cursor.reason:
            typer.echo(f"  取订单:{cursor.reason}")
    if not connections:
        typer.echo("没有配置店铺:在 .env 里写 QUNYUN_SHOPS,见 docs/orders.md", err=True)


@app.command()
def events(
    state: Annotated[EventState | None, typer.Option(help="默认列出待处理、在等和读不懂的")] = None,
    json: Json = False,
) -> None:
    """列出收到的消息和原因。 List what came, and why it waits."""
    zone = edge.settings().zone
    with edge.reading() as session:
        rows = shop_events.listed(session, WAITING if state is None else (state,))
    for row in rows:
        if json:
            typer.echo(json_module.dumps(dict(row._mapping), ensure_ascii=False, default=str))
            continue
        at = row.received_at.astimezone(zone)
        what = f"{row.source}\t{row.topic}\t{STATES[row.state]}\t{row.reason}"
        typer.echo(f"{row.id}\t{at:%m-%d %H:%M}\t{what}")


@app.command()
def retry(event_id: Annotated[int, typer.Argument(metavar="ID", help="编号,见 events")]) -> None:
    """重新读一条读不懂的消息。 Read a failed event again."""
    with edge.changing() as session:
        if not shop_events.retry(session, event_id, edge.now()):
            remedy = "用 qunyun shops events 查看;三十天后内容已经删掉"
            raise InvalidInput(Fault(f"消息 {event_id}", 0, "", "没有可以重读的内容", remedy))
    typer.echo(f"消息 {event_id} 会重新读")


@app.command()
def work() -> None:
    """处理收到的消息;qunyun run 会自动做。 Work on what came."""
    connections = shops.connections(edge.settings().shops)
    count = 0
    engine = edge.engine()
    try:
        keeper = _keeper(engine)
        while done := shopkeeping.work(keeper, connections):
            count += done
    finally:
        engine.dispose()
    typer.echo(f"处理了 {count:,} 条")


@app.command()
def pull(name: Annotated[str, typer.Argument(metavar="NAME", help="店铺的名字")]) -> None:
    """现在去取一次订单(WooCommerce)。 Fetch a shop's orders now."""
    connection = shops.connections(edge.settings().shops).get(name)
    if connection is None or not pulling.can_be_asked(connection):
        remedy = "woocommerce:// 的店铺写上 site、key 和 password"
        raise InvalidInput(Fault(name, 0, "", "不是能取订单的店铺", remedy))
    engine = edge.engine()
    try:
        keeper = _keeper(engine)
        asyncio.run(shopkeeping.ask(keeper, connection, asyncio.sleep))
        with database.reading(engine) as session:
            cursor = database.table(ShopCursor).c
            reason = session.connection().scalar(select(cursor.reason).where(cursor.source == name))
    finally:
        engine.dispose()
    if reason:
        typer.echo(reason, err=True)
        raise typer.Exit(1)
    typer.echo("取到了;用 qunyun shops work 处理")


def _keeper(engine: Engine) -> Keeper:
    async def write(work: Callable[[], Result]) -> Result:
        return work()

    return Keeper(edge.settings(), engine, write, edge.now)
