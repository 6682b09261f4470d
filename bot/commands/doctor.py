"""`qunyun doctor`."""

import asyncio
import datetime as dt
import json as json_module
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot import alerting, database, refusing, serving, spool_file, stream
from bot import app as app_module
from bot.commands import edge
from bot.digest import dispatch, fonts
from bot.errors import QunyunError
from bot.gateway import Gateway, LoggedIn, LoggedOut
from bot.gateways import open_gateway
from bot.models import EventState
from bot.orders import shop_events, shops
from content_calendar import holidays

HOLIDAYS_AHEAD = dt.timedelta(days=60)
# Bytes; the spool of one account may take 400 MB, and SQLite's log beside it.
ROOM_LEFT = 2**30
# What was heard is in the log after a moment, unless something is wrong.
SPOOLED = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor looked at; a failed one says the remedy."""

    name: str
    holds: bool
    detail: str
    remedy: str = ""


def doctor(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """检查设置、目录和磁盘、数据库、通道、缓冲、消息流、告警、时钟、字体等。

    Check settings, home and disk, database, gateways, spools, stream, alerts, clock, fonts and
    more.
    """
    findings: list[Finding] = []
    broken = set[str]()
    for name, check, needs in CHECKS:
        # What stands on something broken would only say the same again.
        if broken.isdisjoint(needs):
            findings.append(_look(name, check))
            broken |= set() if findings[-1].holds else {name}
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
    except (QunyunError, SQLAlchemyError, sqlite3.Error, OSError) as error:
        return Finding(name, False, str(error).splitlines()[0], "按提示修改后再试")
    return Finding(name, not remedy, detail, remedy)


def _settings() -> tuple[str, str]:
    settings = edge.settings()
    return f"home={settings.home} 时区={settings.timezone}", ""


def _home() -> tuple[str, str]:
    """Whether the home, or what it would be made in, can be written to, and has room."""
    home = edge.settings().home.absolute()
    place = next(each for each in (home, *home.parents) if each.exists())
    remedy = "让运行的用户能写 QUNYUN_HOME,或者腾出空间"
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return f"{place} 写不了({error.strerror})", remedy
    told = f"{place} 还有 {free / 2**30:,.1f} GB"
    return told, remedy if free < ROOM_LEFT else ""


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
    return asyncio.run(_reached([_opened(url) for url in urls]))


def _opened(url: str) -> Gateway:
    return open_gateway(url, clock=edge.now, rng=app_module.jitter())


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


def _spools() -> tuple[str, str]:
    """What this machine's processes heard that is not in the log yet."""
    paths = spool_file.paths(edge.settings().home)
    waiting = [spool_file.look(path) for path in paths]
    events = sum(each.events for each in waiting)
    since = min((each.since for each in waiting if each.since is not None), default=edge.now())
    late = edge.now() - since
    told = f"{events:,} 条消息等着进日志,最早的等了 {late.total_seconds():,.0f} 秒"
    if late > SPOOLED:
        return (
            told,
            "看数据库和 qunyun run 在不在;缓冲里的不会丢,见 docs/operations.md",
        )
    if refused := sum(refusing.refused(path) for path in paths):
        return (
            f"{refused:,} 条消息进不了日志,留在缓冲文件里",
            "看日志里 refused, and kept 那几行,见 docs/operations.md",
        )
    return told if events else "没有消息等着进日志", ""


def _stream() -> tuple[str, str]:
    url = edge.settings().stream_url
    if not url:
        return "没有用消息流,收消息的进程自己写数据库", ""

    async def waiting() -> int:
        found = stream.Stream(url)
        try:
            return sum((await found.waiting()).values())
        finally:
            await found.close()

    return f"{asyncio.run(waiting()):,} 批消息等着进日志", ""


def _alerts() -> tuple[str, str]:
    settings = edge.settings()
    if not settings.alert_rooms:
        return "没有配置告警群,账号离线、被风控时没有人会收到消息", ""
    with edge.reading() as session:
        mute = alerting.mute_rooms(session, settings)
    if mute:
        told = "、".join(f"{room}({why})" for room, why in mute.items())
        remedy = "核对 QUNYUN_ALERT_ROOMS 和 qunyun rooms list;机器人群的编号就是它的账号名"
        return f"收不到告警的群:{told}", remedy
    return f"发到 {len(settings.alert_rooms)} 个群", ""


def _accounts() -> tuple[str, str]:
    """Accounts that rooms name and that no gateway ever was: a misspelt one keeps posts waiting."""
    settings = edge.settings()
    ours = {_opened(url).account for url in (*settings.gateways, *settings.standby_gateways)}
    with edge.reading() as session:
        missing = {n: rooms for n, rooms in serving.never_there(session).items() if n not in ours}
    if missing:
        told = "、".join(f"{name}({rooms:,} 个群)" for name, rooms in missing.items())
        return f"从来没有连上过的账号:{told}", "核对群资料里的账号名和 QUNYUN_GATEWAYS"
    return "每个群的账号都认识", ""


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


def _digests() -> tuple[str, str]:
    settings = edge.settings()
    wanted = dispatch.wanted(settings)
    with edge.reading() as session:
        missing = dispatch.unknown(session, settings)
    if missing:
        return f"不认识群 {'、'.join(missing)}", "改 QUNYUN_DIGEST_ROOMS,编号见 qunyun rooms list"
    absent = [name for name in fonts.FILES if not (fonts.FOLDER / name).is_file()]
    told = f"每周一 {settings.digest_at:%H:%M} 发到 {len(wanted)} 处" if wanted else "不自动发"
    if absent:
        # Nothing is held up where none is sent; one asked for by hand would be.
        return f"{told};画卡片的字体不在:{'、'.join(absent)}", "重新安装程序" if wanted else ""
    return told, ""


def _shops() -> tuple[str, str]:
    connections = shops.connections(edge.settings().shops)
    if not connections:
        return "没有配置店铺", ""
    with edge.reading() as session:
        counted = shop_events.summary(session)
    failed = sum(count for (_, state), count in counted.items() if state is EventState.FAILED)
    if failed:
        return f"{failed:,} 条店铺消息读不懂", "用 qunyun shops events --state failed 查看"
    return f"{len(connections)} 个店铺", ""


# (name, what looks, what has to hold before)
CHECKS: tuple[tuple[str, Callable[[], tuple[str, str]], tuple[str, ...]], ...] = (
    ("设置", _settings, ()),
    ("目录", _home, ("设置",)),
    ("数据库", _database, ("设置",)),
    ("通道", _gateways, ("设置",)),
    # What waits matters most where the disk is full.
    ("缓冲", _spools, ("设置",)),
    ("消息流", _stream, ("设置",)),
    ("群与账号", _accounts, ("设置", "数据库")),
    ("告警", _alerts, ("设置", "数据库")),
    ("时钟", _clock, ("设置",)),
    ("节假日", _holidays, ("设置", "数据库")),
    ("周报", _digests, ("设置", "数据库")),
    ("店铺", _shops, ("设置", "数据库")),
)
