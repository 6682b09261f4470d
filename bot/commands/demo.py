"""`qunyun demo`: a simulated community to look at, from nothing to digests in about a minute."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

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
        bool | None, typer.Option("--serve/--no-serve", help="完成后打开周报页面（默认：在终端里）")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="页面的端口")] = 8080,
) -> None:
    """模拟一个社群：群里聊天、日历发帖、订单进来、写出周报。 A simulated community."""
    gc.set_threshold(*story.SELDOM)
    wanted = sys.stdout.isatty() if serve is None else serve
    summary = _told(home, rooms, days, seed)
    Console().print(summaries.render(summary))
    if wanted:
        _serve(home / "digests", port)


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


def _serve(folder: Path, port: int) -> None:
    """Until Ctrl-C."""
    with serving.server(folder, port) as pages:
        typer.echo(f"周报页面：http://{serving.HOST}:{pages.server_port}/ （只读，Ctrl-C 结束）")
        try:
            pages.serve_forever()
        except KeyboardInterrupt:
            typer.echo("已结束")
