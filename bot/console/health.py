"""Whether the installation is well: what the help page, /readyz and /metrics look at."""

import datetime as dt
import shutil
from dataclasses import dataclass

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select
from sqlmodel import Session

from bot import database, heartbeats
from bot.models import Account
from bot.settings import Settings

LEAST_FREE = 1024**3
# A tick comes every thirty seconds; three missed ones are no accident.
LATE = dt.timedelta(minutes=2)
HOUR = 3_600
CLOCKS_APART = dt.timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A failed one says the remedy; `values` fill both texts in."""

    name: str
    holds: bool
    detail: str
    remedy: str
    values: dict[str, object]


def look(session: Session, settings: Settings, now: dt.datetime) -> tuple[Finding, ...]:
    """Everything that can be seen from the console's process, in a few queries."""
    return (
        at_head(session),
        _disk(settings),
        _accounts(session),
        planner(session, now),
        _clock(session, now),
    )


def at_head(session: Session) -> Finding:
    """Whether the schema is the program's."""
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    current = MigrationContext.configure(session.connection()).get_current_revision()
    values: dict[str, object] = {"current": current, "head": head}
    return Finding(
        "数据库结构", current == head, "版本 {current}，程序要 {head}",
        "停下程序，运行 qunyun migrate", values,
    )  # fmt: skip


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.home if settings.home.is_dir() else ".").free
    values: dict[str, object] = {"free": f"{free / 1024**3:.1f}"}
    return Finding("磁盘", free >= LEAST_FREE, "还剩 {free} GB", "清理磁盘，至少留 1 GB", values)


def _accounts(session: Session) -> Finding:
    account = database.table(Account)
    total, online = (
        session.connection()
        .execute(select(func.count(), func.count().filter(account.c.online)))
        .one()
    )
    return Finding(
        "账号", total > 0 and online == total, "{online} 个在线，共 {total} 个",
        "到“账号连接”看原因；还没有账号时，在 .env 里写 QUNYUN_GATEWAYS",
        {"online": online, "total": total},
    )  # fmt: skip


def planner(session: Session, now: dt.datetime) -> Finding:
    """Whether somebody plans: by what the planner wrote down with its last round."""
    beat = heartbeats.last(session).get(heartbeats.PLANNER)
    if beat is None:
        return Finding("排期程序", False, "还没有走过一圈", _RUN, {})
    ago = max(0, round((now - beat.at).total_seconds()))
    holds = ago <= LATE.total_seconds()
    hours = ago // HOUR
    values: dict[str, object] = {"ago": hours or ago, "owner": beat.owner}
    told = "{ago} 小时前走过一圈，进程 {owner}" if hours else "{ago} 秒前走过一圈，进程 {owner}"
    return Finding("排期程序", holds, told, _RUN, values)


_RUN = "运行 qunyun run;它开着时看它的日志"


def _clock(session: Session, now: dt.datetime) -> Finding:
    if database.is_sqlite(session):
        # The same machine, the same clock.
        return Finding(
            "时钟", now.year >= 2026, "程序和数据库用同一个时钟", "校准系统时间(NTP)", {}
        )
    theirs = session.connection().scalar(select(func.clock_timestamp()))
    apart = abs((theirs - now).total_seconds()) if theirs is not None else 0.0
    values: dict[str, object] = {"apart": f"{apart:.1f}"}
    holds = apart <= CLOCKS_APART.total_seconds()
    return Finding("时钟", holds, "和数据库相差 {apart} 秒", "校准两台机器的时间(NTP)", values)
