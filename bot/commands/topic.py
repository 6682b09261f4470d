"""`qunyun topics`: what rose in a week."""

import dataclasses
import datetime as dt
import json
from typing import Annotated

import typer

from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.insights import topics as rose
from bot.insights.topics import Rising, Topics
from bot.models import DigestScope

NOTHING = (
    "这一周没有存下话题:夜里三点后算上一个整周;或者没有词和提问比往常多,"
    f"或者不到 {rose.FEWEST_MEMBERS} 人说过(群自己的照列)"
)


def topics(
    week: Annotated[str, typer.Option(help="ISO 周,例如 2026-W45")],
    vertical: Annotated[str, typer.Option(help="一个垂类,默认全部群")] = "",
    room: Annotated[str, typer.Option(help="一个群的 ID")] = "",
    questions: Annotated[bool, typer.Option("--questions", help="只看提问")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What rose in a week (话题): words and questions, as the nightly job stored them."""
    monday = _monday(week)
    if vertical and room:
        raise InvalidInput(Fault("命令行", 0, "room", "垂类和群只能写一个", "去掉一个"))
    scope = DigestScope.ROOM if room else DigestScope.VERTICAL if vertical else DigestScope.FLEET
    with edge.reading() as session:
        target = room or vertical
        stored = rose.of_week(session, monday, scope, target).get((scope, target), Topics((), ()))
    found = rose.shown(scope, stored)
    words = () if questions else found.words
    if as_json:
        told = {"week": week, "scope": scope, "target": target}
        kinds = {"words": words, "questions": found.questions}
        lists = {kind: [dataclasses.asdict(one) for one in each] for kind, each in kinds.items()}
        typer.echo(json.dumps({**told, **lists}, ensure_ascii=True))
        return
    for word in words:
        typer.echo(f"{word.text}  {_figures(word)}")
    for asked in found.questions:
        typer.echo(f"问:{_line(asked)}  {_figures(asked)}")
    if not (words or found.questions):
        typer.echo(NOTHING)


def _monday(week: str) -> dt.date:
    try:
        return dt.datetime.strptime(f"{week}-1", "%G-W%V-%u").date()  # noqa: DTZ007
    except ValueError as error:
        fault = Fault("命令行", 0, "week", f"{week} 不是 ISO 周", "写成 2026-W45")
        raise InvalidInput(fault) from error


def _line(asked: Rising) -> str:
    text = "(原文已撤回或到期)" if asked.text is None else " ".join(asked.text.split())
    # Names of bytes that are no text are shown, and cannot stop the list.
    return text.encode("utf-8", "backslashreplace").decode()


def _figures(one: Rising) -> str:
    score = "没有往常可比" if one.score is None else f"z {one.score:.1f}"
    return f"{one.count} 条(往常 {one.before:.0f}),{one.members} 人,{one.rooms} 个群,{score}"
