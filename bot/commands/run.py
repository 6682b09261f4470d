"""`qunyun run`."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator

import typer
from sqlalchemy import Engine

from bot import app as app_module
from bot import database, logs
from bot.commands import edge
from bot.console import operators, serving, web
from bot.digest import dispatch
from bot.errors import Fault, InvalidInput
from bot.gateway import Gateway
from bot.gateways import open_gateway
from bot.orders import shops
from bot.settings import Settings

log = logging.getLogger(__name__)


def run() -> None:
    """启动:连接通道、按日历发送、记录消息。 The real thing in one process, until it is stopped."""
    settings = edge.settings()
    # Wrong shops are told now, not when the first order comes.
    shops.connections(settings.shops)
    engine = edge.engine(pooled=True)
    if "gateways" in settings.parts and not settings.gateways:
        raise InvalidInput(
            Fault("QUNYUN_GATEWAYS", 0, "", "没有配置任何通道", "在 .env 里写上,见 .env.example")
        )
    dispatch.wanted(settings)
    logs.start(settings.log_format)
    asyncio.run(_run(settings, engine))


async def _run(settings: Settings, engine: Engine) -> None:
    ours, others = (
        [_opened(url, settings) for url in (urls if "gateways" in settings.parts else ())]
        for urls in (settings.gateways, settings.standby_gateways)
    )
    app = app_module.build(settings, engine, ours, edge.now, others)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with console(settings, engine) if "console" in settings.parts else contextlib.nullcontext():
        await app_module.run(app, stop)


def _opened(url: str, settings: Settings) -> Gateway:
    return open_gateway(
        url, clock=edge.now, rng=app_module.jitter(), send_timeout=settings.send_timeout_seconds
    )


@contextlib.contextmanager
def console(settings: Settings, engine: Engine) -> Iterator[None]:
    """Serve the console; says on the terminal, never in the log, how the first admin gets in."""
    with serving.serving(web.build(engine, settings, edge.now), settings) as address:
        log.info("console: %s", address)
        with database.transaction(engine) as session:
            first = operators.none_yet(session)
            token = operators.link(session, None, "", edge.now()) if first else ""
        if first:
            typer.echo(f"还没有操作员。建立第一个管理员(24 小时内可用一次):{address}/link/{token}")
        yield
