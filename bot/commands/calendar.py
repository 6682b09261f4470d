"""`qunyun calendar …`: calendar files in and out, and the life of a series."""

import datetime as dt
import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bot import database
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.settings import Settings
from content_calendar import calendar_file, definition, interchange, planning
from content_calendar.calendar_file import Calendar
from content_calendar.definition import Definition
from content_calendar.interchange import Change, Difference
from content_calendar.preview import Previewed, preview, remarks

app = typer.Typer(
    no_args_is_help=True, help="内容日历:导入、导出、预览、批准。 The content calendar."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="日历文件(YAML)")]
Key = Annotated[str, typer.Argument(metavar="SERIES", help="栏目的 key")]
By = Annotated[str, typer.Option(metavar="NAME", help="谁做的,默认当前系统用户")]
DAYS_AHEAD = dt.timedelta(days=7)
WORDS = {Difference.NEW: "新增", Difference.CHANGED: "修改", Difference.SAME: "不变"}


@app.command()
def validate(file: File) -> None:
    """检查日历文件,逐行指出错误。 Check a calendar file."""
    calendar = _read(file, edge.settings())
    typer.echo(f"{file}: {len(calendar.series)} 个栏目,没有错误")


@app.command()
def diff(file: File) -> None:
    """日历文件与数据库的差别。 Compare a calendar file with the database."""
    calendar = _read(file, edge.settings())
    with _reading() as session:
        for change in interchange.diff(session, calendar.series):
            typer.echo(_line(change))


@app.command("import")
def import_file(
    file: File,
    approve: Annotated[
        str | None, typer.Option(metavar="NAME", help="同时以 NAME 的名义批准文件里的栏目")
    ] = None,
) -> None:
    """导入日历文件:按 key 新增或更新,有错则什么都不改。 Import a calendar file."""
    calendar, now = _read(file, edge.settings()), edge.now()
    by = _by(approve or "")
    with _changing() as session:
        changes = interchange.take_in(session, calendar.series, by, now)
        approved = interchange.approve(session, changes, by, now) if approve else []
    for change in changes:
        typer.echo(_line(change) + (",已批准" if change.key in approved else ""))


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="写到哪里,- 为标准输出")] = Path("-"),
) -> None:
    """导出全部栏目(含草稿)为日历文件。 Export every series."""
    if file.suffix not in ("", ".yaml", ".yml"):
        remedy = "写成 .yaml;Excel 和 .ics 这个版本还没有"
        raise InvalidInput(Fault(str(file), 0, "", f"不认识的格式 {file.suffix}", remedy))
    with _reading() as session:
        text = interchange.export(session, edge.settings().timezone)
    if str(file) == "-":
        typer.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8", newline="\n")


@app.command("preview")
def preview_posts(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="日历文件,省略则预览已导入的栏目")
    ] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="从哪一天起,默认今天")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="到哪一天前为止(不含),默认七天后")] = "",
) -> None:
    """逐条列出将要发送的内容:当地时间、群、文字、提醒。 Show what will be posted."""
    settings = edge.settings()
    first = _day("--since", since) or edge.now().astimezone(settings.zone).date()
    end = _day("--until", until) or first + DAYS_AHEAD
    given = None if file is None else _read(file, settings).series
    with _reading() as session:
        series = _stored(session) if given is None else given
        for remark in remarks(session, series):
            typer.echo(f"提醒 {remark}", err=True)
        posts = preview(session, series, first, end, settings.zone, settings.quiet_hours)
        counts = [0, 0]
        sys.stdout.writelines(_previewed(posts, counts))
    typer.echo(f"{first} 至 {end}(不含):将发 {counts[0]} 条,不发 {counts[1]} 条", err=True)


@app.command()
def approve(series: Key, by: By = "") -> None:
    """批准一个栏目,从现在起按时发送。 Approve a series."""
    with _changing() as session:
        changed = planning.approve(session, series, _by(by), edge.now())
    typer.echo(f"{series} 已批准" if changed else f"{series} 早已批准,没有改动")


@app.command()
def skip(
    series: Key,
    date: Annotated[str, typer.Argument(metavar="DATE", help="这一期的原定日期")],
    by: By = "",
) -> None:
    """跳过一期。 Skip one occurrence."""
    day = _needed("DATE", date)
    with _changing() as session:
        taken_back = planning.skip(session, series, day, _by(by), edge.now())
    typer.echo(f"{series} 跳过 {day},撤下 {taken_back} 条待发")


@app.command()
def move(
    series: Key,
    date: Annotated[str, typer.Argument(metavar="DATE", help="这一期的原定日期")],
    to: Annotated[str, typer.Argument(metavar="TO", help="改到哪一天")],
    by: By = "",
) -> None:
    """把一期改到另一天;已经发出的不会再发。 Move one occurrence."""
    day, target = _needed("DATE", date), _needed("TO", to)
    with _changing() as session:
        taken_back = planning.move(session, series, day, target, _by(by), edge.now())
    typer.echo(f"{series} 的 {day} 改到 {target},撤下 {taken_back} 条待发")


@contextmanager
def _reading() -> Iterator[Session]:
    engine = edge.engine()
    try:
        with database.reading(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def _changing() -> Iterator[Session]:
    engine = edge.engine()
    try:
        with database.transaction(engine) as session:
            yield session
    finally:
        engine.dispose()


def _read(file: Path, settings: Settings) -> Calendar:
    raw = edge.file(file).read_bytes()
    calendar = calendar_file.read(raw, str(file), settings.timezone)
    for warning in calendar.warnings:
        typer.echo(f"提醒 {warning}", err=True)
    return calendar


def _stored(session: Session) -> Sequence[Definition]:
    return [each.definition for each in definition.stored(session)]


def _line(change: Change) -> str:
    fields = f"({'、'.join(change.fields)})" if change.fields else ""
    return f"{WORDS[change.difference]} {change.key}{fields}"


def _previewed(posts: Iterator[Previewed], counts: list[int]) -> Iterator[str]:
    for post in posts:
        counts[0 if post.excluded is None else 1] += 1
        place = f"{post.at:%Y-%m-%d %H:%M %Z}\t{post.topic}({post.room})\t{post.name}·{post.step}"
        text = post.text.replace("\n", "⏎")
        said = f"不发:{post.excluded}" if post.excluded is not None else text
        yield "\t".join([place, said, *(f"提醒:{warning}" for warning in post.warnings)]) + "\n"


def _by(name: str) -> str:
    # Who is at the command line is believed, and the audit says where the word came from.
    return f"{name.strip() or getpass.getuser()}(命令行)"


def _needed(name: str, text: str) -> dt.date:
    day = _day(name, text)
    if day is None:
        raise InvalidInput(Fault("calendar", 0, name, "缺日期", "写 年-月-日,例如 2026-11-04"))
    return day


def _day(name: str, text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        remedy = "写 年-月-日,例如 2026-11-04"
        raise InvalidInput(Fault("calendar", 0, name, f"{text} 不是日期", remedy)) from error
