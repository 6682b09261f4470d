"""`qunyun spool list|retry`: what this machine heard that is not in the log."""

from pathlib import Path
from urllib.parse import unquote

import typer
from rich.table import Table

from bot import refusing, spool_file
from bot.commands import edge

app = typer.Typer(help="听到了、还没进日志的消息", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """每个账号有多少条在等,多少条进不了日志。 What waits, and what was refused."""
    table = Table("账号", "在等", "最早的", "进不了日志")
    for path in _paths():
        waiting = spool_file.look(path)
        since = waiting.since.isoformat(timespec="seconds") if waiting.since else ""
        table.add_row(
            unquote(path.stem), f"{waiting.events:,}", since, f"{refusing.refused(path):,}"
        )  # fmt: skip
    edge.show(table)


@app.command()
def retry() -> None:
    """让进不了日志的再试一次,例如升级以后;还是不行的照样留着。 Try again what was refused."""
    back = sum(refusing.retry(path, edge.now()) for path in _paths())
    typer.echo(f"{back} 条重新排队;在运行的进程收到下一条消息时一起记,没有运行的,下次启动时记")


def _paths() -> list[Path]:
    return spool_file.paths(edge.settings().home)
