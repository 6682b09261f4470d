"""`qunyun calendar day|days|words`: special days and forbidden words."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from bot.commands import edge
from bot.models import DayKind
from content_calendar import contact, editing, holidays, words

KINDS = {DayKind.HOLIDAY: "放假", DayKind.WORKDAY: "上班", DayKind.BLACKOUT: "停发"}


def day(
    date: Annotated[str, typer.Argument(metavar="DATE")],
    kind: Annotated[DayKind, typer.Argument(help="holiday 放假、workday 上班、blackout 停发")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="例如 春节")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="去掉这一条")] = False,
) -> None:
    """写下一个特殊日子:放假、调休上班或停发;先于公布的安排。 Say what a day is."""
    wanted, rules = edge.day("DATE", date), contact.rules(edge.settings())
    with edge.changing() as session:
        if remove:
            changed = editing.forget_day(session, wanted, edge.by(""), edge.now(), rules)
        else:
            changed = editing.say_day(session, wanted, kind, note, edge.by(""), edge.now(), rules)
    typer.echo(f"{wanted} {KINDS[kind]}" if changed else "没有改动")


def days(
    year: Annotated[int, typer.Argument(metavar="YEAR", help="默认今年")] = 0,
) -> None:
    """列出一年的节假日、调休和停发日。 List the special days of a year."""
    wanted = year or edge.now().astimezone(edge.settings().zone).year
    with edge.reading() as session:
        known = holidays.load(session)
    if not known.knows(wanted):
        typer.echo(f"提醒 {wanted} 年的放假安排还不知道", err=True)
    first = dt.date(wanted, 1, 1)
    for n in range(366):
        each = first + dt.timedelta(days=n)
        if each.year == wanted:
            said = known.special.get(each)
            rest = known.is_holiday(each)
            make_up = each.weekday() >= 5 and known.is_workday(each)
            named = KINDS[said] if said else "放假" if rest else "调休上班" if make_up else ""
            if named:
                typer.echo(f"{each}\t{named}{'(手工)' if said else ''}")


def forbidden_words(
    add: Annotated[list[str] | None, typer.Option(metavar="WORD", help="加一个词")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="WORD", help="去掉一个词")] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="一行一个词的文件")] = None,
) -> None:
    """违禁词:发出的内容里不许有。不带选项时列出全部。 Forbidden words."""
    fresh = [*(add or ()), *(words.read(edge.file(file)) if file else ())]
    if not fresh and not remove:
        with edge.reading() as session:
            for word in words.listed(session):
                typer.echo(word)
        return
    with edge.changing() as session:
        added, removed = words.add(session, fresh), words.remove(session, remove or ())
    typer.echo(f"加 {added} 个,去掉 {removed} 个")


def register(app: typer.Typer) -> None:
    """Make these commands part of `qunyun calendar`."""
    app.command()(day)
    app.command()(days)
    app.command("words")(forbidden_words)
