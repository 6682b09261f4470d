"""What every command needs at its edge: settings, the database, the clock, plain errors."""

import contextlib
import datetime as dt
import getpass
from collections.abc import Iterator
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine
from sqlmodel import Session

from bot import database, deriving
from bot import secret as secret_module
from bot import settings as settings_module
from bot.deriving import Rules
from bot.errors import Fault, InvalidInput
from bot.settings import Settings


def settings() -> Settings:
    """Settings as the environment gives them."""
    return settings_module.load()


def now() -> dt.datetime:
    """The clock of the command line, aware UTC."""
    return dt.datetime.now(dt.UTC)


def show(table: Table) -> None:
    """Print a table as it is: what members and rooms are called is no markup and no emoji code."""
    Console(markup=False, emoji=False).print(table)


def engine(*, pooled: bool = False) -> Engine:
    """The installation's database at head; raises InvalidInput with the remedy where it is not.

    What runs on and on wants a pool.
    """
    opened = database.connect(settings().database, pooled=pooled)
    if not at_head(opened):
        raise InvalidInput(Fault("数据库", 0, "", "结构不是最新", "先运行 qunyun migrate"))
    return opened


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    """One consistent view of the installation's database."""
    opened = engine()
    try:
        with database.reading(opened) as session:
            yield session
    finally:
        opened.dispose()


@contextlib.contextmanager
def changing() -> Iterator[Session]:
    """One unit of work on the installation's database, committed at the end."""
    opened = engine()
    try:
        with database.transaction(opened) as session:
            yield session
    finally:
        opened.dispose()


def by(name: str) -> str:
    """Who says so: the command line is believed, and audits say where the word came from."""
    return f"{name.strip() or getpass.getuser()}(命令行)"


def day(name: str, text: str) -> dt.date:
    """A date from the command line. Raises InvalidInput."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        remedy = "写 年-月-日,例如 2026-11-04"
        raise InvalidInput(Fault("命令行", 0, name, f"{text} 不是日期", remedy)) from error


def rules(opened: Engine) -> Rules:
    """The rules of derivation as products and campaigns stand."""
    with database.reading(opened) as session:
        return deriving.load_rules(session, settings().zone)


def at_head(opened: Engine) -> bool:
    """Whether every migration has run."""
    script = ScriptDirectory(str(database.MIGRATIONS))
    with database.reading(opened) as session:
        context = MigrationContext.configure(session.connection())
        return context.get_current_revision() == script.get_current_head()


def secret() -> bytes:
    """The installation's secret (`bot.secret`). Raises InvalidInput."""
    return secret_module.of(settings().home)


def file(path: Path) -> Path:
    """A file that must be there; raises InvalidInput."""
    if not path.is_file():
        raise InvalidInput(Fault(str(path), 0, "", "没有这个文件", "检查路径"))
    return path
