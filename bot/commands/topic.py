"""`qunyun topics`: what rose in a week."""

import datetime as dt
from typing import Annotated

import typer

from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.insights import topics as rose
from bot.models import DigestScope


def topics(
    week: Annotated[str, typer.Option(help="ISO 周,例如 2026-W45")],
    vertical: Annotated[str, typer.Option(help="一个垂类,默认全部群")] = "",
) -> None:
    """What rose in a week (话题), as the nightly job stored it."""
    try:
        monday = dt.datetime.strptime(f"{week}-1", "%G-W%V-%u").date()  # noqa: DTZ007
    except ValueError as error:
        fault = Fault("命令行", 0, "week", f"{week} 不是 ISO 周", "写成 2026-W45")
        raise InvalidInput(fault) from error
    scope = DigestScope.VERTICAL if vertical else DigestScope.FLEET
    with edge.reading() as session:
        found = rose.of_week(session, monday, scope, vertical).get((scope, vertical))
    for word in found.words if found else ():
        typer.echo(
            f"{word.text}  {word.count} 条(往常 {word.before:.0f}),{word.members} 人,"
            f"{word.rooms} 个群,z {word.score:.1f}"
        )
    if not found:
        typer.echo("这一周没有存下话题:夜里三点后算上一个整周;或者没有词比往常多")
