"""What every command needs at its edge: settings, the database, the clock, plain errors."""

import contextlib
import datetime as dt
import getpass
import os
import re
import secrets as randomness
import tempfile
from collections.abc import Iterator
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlmodel import Session

from bot import database, deriving
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
    """The installation's secret for HMACs, made at first use and readable by its owner alone.

    Raises InvalidInput where the file holds something else: other pseudonyms would join nobody.
    """
    path = settings().home / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_secret(path)
    text = path.read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        fault = Fault(
            str(path), 0, "", "不是 64 位十六进制", "从备份恢复;没有导入过成员和订单时可删除"
        )
        raise InvalidInput(fault)
    return bytes.fromhex(text)


def _make_secret(path: Path) -> None:
    # Complete before it has its name; of two commands at once, the first one's stands.
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(randomness.token_hex(32))
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def file(path: Path) -> Path:
    """A file that must be there; raises InvalidInput."""
    if not path.is_file():
        raise InvalidInput(Fault(str(path), 0, "", "没有这个文件", "检查路径"))
    return path
