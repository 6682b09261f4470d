"""`qunyun run` and `qunyun doctor`."""

import asyncio
import contextlib
import datetime as dt
import json as json_module
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from bot import app as app_module
from bot import database
from bot.commands import edge
from bot.console import operators, serving, web
from bot.errors import Fault, InvalidInput, QunyunError
from bot.gateway import Gateway, LoggedIn, LoggedOut
from bot.gateways import open_gateway
from bot.settings import Settings
from content_calendar import holidays

log = logging.getLogger(__name__)

HOLIDAYS_AHEAD = dt.timedelta(days=60)


def run() -> None:
    """启动:连接通道、按日历发送、记录消息。 The real thing in one process, until it is stopped."""
    settings = edge.settings()
    engine = edge.engine(pooled=True)
    if "gateways" in settings.parts and not settings.gateways:
        raise InvalidInput(
            Fault("QUNYUN_GATEWAYS", 0, "", "没有配置任何通道", "在 .env 里写上,见 .env.example")
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # The scheduler that wechaty brings along reports every turn at this level.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    asyncio.run(_run(settings, engine))


async def _run(settings: Settings, engine: Engine) -> None:
    gateways = [
        open_gateway(
            url,
            clock=edge.now,
            rng=app_module.jitter(),
            send_timeout=settings.send_timeout_seconds,
        )
        for url in (settings.gateways if "gateways" in settings.parts else ())
    ]
    app = app_module.build(settings, engine, gateways, edge.now)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with console(settings, engine) if "console" in settings.parts else contextlib.nullcontext():
        await app_module.run(app, stop)


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor looked at; a failed one says the remedy."""

    name: str
    holds: bool
    detail: str
    remedy: str = ""


def doctor(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """检查设置、数据库、通道和时钟。 Check settings, database, gateways, clock."""
    findings = [_look(*CHECKS[0])]
    if findings[0].holds:
        # Without settings there is nothing else to look at.
        findings += [_look(name, check) for name, check in CHECKS[1:]]
    if json:
        typer.echo(json_module.dumps([asdict(one) for one in findings], ensure_ascii=False))
    else:
        for one in findings:
            line = f"{'通过' if one.holds else '不通过'} {one.name}:{one.detail}"
            typer.echo(line if one.holds else f"{line};{one.remedy}")
    if not all(one.holds for one in findings):
        raise typer.Exit(1)


def _look(name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    """`check` gives (detail, remedy); no remedy means that it holds."""
    try:
        detail, remedy = check()
    except (QunyunError, SQLAlchemyError, OSError) as error:
        return Finding(name, False, str(error).splitlines()[0], "按提示修改后再试")
    return Finding(name, not remedy, detail, remedy)


def _settings() -> tuple[str, str]:
    settings = edge.settings()
    return f"home={settings.home} 时区={settings.timezone}", ""


def _database() -> tuple[str, str]:
    engine = database.connect(edge.settings().database, pooled=False)
    with database.reading(engine) as session:
        session.connection().execute(text("SELECT 1"))
    if not edge.at_head(engine):
        return "数据库结构不是最新", "运行 qunyun migrate"
    return engine.dialect.name, ""


def _gateways() -> tuple[str, str]:
    urls = edge.settings().gateways
    if not urls:
        return "没有配置通道", "在 .env 里设置 QUNYUN_GATEWAYS"
    opened = [open_gateway(url, clock=edge.now, rng=app_module.jitter()) for url in urls]
    return asyncio.run(_reached(opened))


async def _reached(gateways: list[Gateway]) -> tuple[str, str]:
    away = []
    for gateway in gateways:
        try:
            async with asyncio.timeout(10):
                async for event in gateway.events():
                    if isinstance(event, LoggedIn):
                        break
                    if isinstance(event, LoggedOut):
                        away.append(f"{gateway.account}({event.reason})")
                        break
        except TimeoutError:
            away.append(f"{gateway.account}(10 秒内没有登录)")
        finally:
            await gateway.close()
    if away:
        return "连不上 " + "、".join(away), "检查地址、令牌和通道进程,见 docs/operations.md"
    return f"{len(gateways)} 个账号在线", ""


def _clock() -> tuple[str, str]:
    now = edge.now()
    zone = edge.settings().zone
    if now < dt.datetime(2026, 11, 1, tzinfo=dt.UTC):
        return f"系统时间 {now:%Y-%m-%d %H:%M} 不对", "校准系统时间(NTP)"
    local = now.astimezone(ZoneInfo(str(zone)))
    return f"{local:%Y-%m-%d %H:%M} {zone},Python {sys.version.split()[0]}", ""


def _holidays() -> tuple[str, str]:
    today = edge.now().astimezone(edge.settings().zone).date()
    with edge.reading() as session:
        known = holidays.load(session)
    remedy = "升级程序,或者用 qunyun calendar day 补上"
    if not known.knows(today.year):
        return f"{today.year} 年的放假安排还不知道", remedy
    following = (today + HOLIDAYS_AHEAD).year
    if not known.knows(following):
        # Every autumn it is unknown for a while; series that need it are refused by name.
        return f"{today.year} 年已知,{following} 年还没有公布或没有收录", ""
    return f"{today.year} 年的放假安排已知", ""


CHECKS: tuple[tuple[str, Callable[[], tuple[str, str]]], ...] = (
    ("设置", _settings),
    ("数据库", _database),
    ("通道", _gateways),
    ("时钟", _clock),
    ("节假日", _holidays),
)
