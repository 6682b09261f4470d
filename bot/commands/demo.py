"""`qunyun demo`: a simulated community to look at, from nothing to digests in about a minute."""

import asyncio
import gc
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot.commands import edge
from bot.demo import serving, story
from bot.demo import summary as summaries
from bot.demo.story import Summary


def demo(
    *,
    home: Annotated[Path, typer.Option(help="演示目录；每次重新生成")] = Path("demo"),
    rooms: Annotated[int, typer.Option(min=1, max=500, help="群数")] = 60,
    days: Annotated[int, typer.Option(min=1, max=180, help="天数")] = 28,
    seed: Annotated[int, typer.Option(help="同一个种子，同样的结果")] = 7,
    serve: Annotated[
        bool | None, typer.Option("--serve/--no-serve", help="完成后打开运营后台（默认：在终端里）")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="页面的端口")] = 8080,
) -> None:
    """模拟一个社群：群里聊天、日历发帖、订单进来、写出周报。 A simulated community."""
    gc.set_threshold(*story.SELDOM)
    wanted = sys.stdout.isatty() if serve is None else serve
    summary = _told(home, rooms, days, seed)
    Console().print(summaries.render(summary))
    if wanted:
        asyncio.run(_serve(home, port))


def _told(home: Path, rooms: int, days: int, seed: int) -> Summary:
    bar = Progress(
        TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
    with bar:
        task = bar.add_task("开始", total=1.0)

        def progress(doing: str, share: float) -> None:
            bar.update(task, description=doing, completed=share)

        return asyncio.run(story.tell(home, rooms, days, seed, progress))


async def _serve(home: Path, port: int) -> None:
    """Until Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def tell(link: str) -> None:
        typer.echo(f"周报在 {home / 'digests' / 'index.html'}")
        typer.echo(f"运营后台（链接只能用一次，Ctrl-C 结束）：{link}")

    await serving.serve(home, port, edge.now, stop, tell)
    typer.echo("已结束")
