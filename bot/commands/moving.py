"""`qunyun move`, `qunyun backup`, `qunyun restore`: an installation goes somewhere else, whole."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bot import backups, database, moving
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.moving import Copied

screen = Console(stderr=True)


def move(
    to: Annotated[str, typer.Option("--to", help="目标数据库,例如 postgresql://用户@主机/库名")],
) -> None:
    """搬到另一个数据库:逐行复制、逐表核对,中断后原样再运行就接着做。 Move to another database."""
    source = edge.engine()
    target = database.connect(to, pooled=False)
    with moving.at_rest(source) as opened:
        if moving.still_running(opened, edge.now()):
            raise InvalidInput(Fault("数据库", 0, "", "qunyun run 还在用它", "先停下,等一分钟再搬"))
        moving.prepare(opened, target)
        _follow(moving.copy(opened, target))
        _tell(moving.verify(opened, target))
    moving.finish(target)
    typer.echo("核对一致。把 QUNYUN_DATABASE_URL 改成目标地址,再启动 qunyun run;旧库留作备份")


def backup(
    out: Annotated[Path, typer.Argument(metavar="FILE.tar")],
) -> None:
    """备份整个装置到一个文件;可以在运行时做。 Back up the whole installation."""
    _follow(backups.make(edge.engine(), edge.settings().home, out, edge.now()))
    typer.echo(f"已写入 {out};里面有原文和密钥,请妥善保管")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar")],
) -> None:
    """从备份恢复到空的数据库和空的 QUNYUN_HOME。 Restore a backup into an empty installation."""
    settings = edge.settings()
    target = database.connect(settings.database, pooled=False)
    told = list[Copied]()
    with Progress(console=screen, transient=True) as progress:
        task = progress.add_task("restore", total=None)
        for one in backups.restore(edge.file(file), target, settings.home):
            if isinstance(one, Copied):
                told.append(one)
            else:
                progress.update(task, description=one[0], completed=one[1])
    _tell(told)
    typer.echo("恢复完成,每一行都核对过;再运行 qunyun rebuild --check 和 qunyun doctor")


def _follow(parts: Iterable[tuple[str, int]]) -> None:
    with Progress(console=screen, transient=True) as progress:
        task = progress.add_task("copy", total=None)
        for table, rows in parts:
            progress.update(task, description=table, completed=rows)


def _tell(copied: Iterable[Copied]) -> None:
    found = list(copied)
    for one in found:
        if one.rows or not one.agrees:
            typer.echo(f"{one.table}: {one.rows} 行,{'一致' if one.agrees else '不一致'}")
    wrong = [one.table for one in found if not one.agrees]
    if wrong:
        typer.echo(f"{'、'.join(wrong)} 与来源不一致;来源在复制时变过就清空目标再来", err=True)
        raise typer.Exit(1)
