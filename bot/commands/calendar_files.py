"""`qunyun calendar …`: calendar files in and out, and what they will post."""

import datetime as dt
import json as json_module
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url
from sqlmodel import Session

from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.settings import Settings
from content_calendar import contact, definition, holidays, interchange
from content_calendar.calendar_file import Calendar
from content_calendar.definition import Definition
from content_calendar.holidays import Days
from content_calendar.interchange import Change, Difference
from content_calendar.preview import Previewed, preview, remarks

File = Annotated[Path, typer.Argument(metavar="FILE", help="日历文件(YAML 或 Excel)")]
DAYS_AHEAD = dt.timedelta(days=7)
ROOMS_SHOWN = 20
WORDS = {Difference.NEW: "新增", Difference.CHANGED: "修改", Difference.SAME: "不变"}


def validate(file: File) -> None:
    """检查日历文件,逐行指出错误。 Check a calendar file."""
    calendar = _read(file, edge.settings())
    typer.echo(f"{file}: {len(calendar.series)} 个栏目,没有错误")


def diff(file: File) -> None:
    """日历文件与数据库的差别。 Compare a calendar file with the database."""
    calendar = _read(file, edge.settings())
    with edge.reading() as session:
        for change in interchange.diff(session, calendar.series):
            typer.echo(_line(change))


def import_file(
    file: File,
    approve: Annotated[
        str | None, typer.Option(metavar="NAME", help="同时以 NAME 的名义批准文件里的栏目")
    ] = None,
) -> None:
    """导入日历文件:按 key 新增或更新,有错则什么都不改。 Import a calendar file."""
    settings, now = edge.settings(), edge.now()
    calendar, rules = _read(file, settings), contact.rules(settings)
    by = edge.by(approve or "")
    with edge.changing() as session:
        changes = interchange.take_in(session, calendar.series, by, now)
        approved = interchange.approve(session, changes, by, now, rules) if approve else []
    for change in changes:
        typer.echo(_line(change) + (",已批准" if change.key in approved else ""))


def export_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="写到哪里,- 为标准输出")] = Path("-"),
    since: Annotated[str, typer.Option(metavar="DAY", help=".ics 从哪一天起,默认全部")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help=".ics 到哪一天前为止(不含)")] = "",
) -> None:
    """导出全部栏目(含草稿):.yaml 或 .xlsx 可以再导入,.ics 给日历软件看。 Export every series."""
    settings, suffix = edge.settings(), file.suffix.lower()
    if suffix not in ("", ".yaml", ".yml", ".xlsx", ".ics"):
        remedy = "写成 .yaml、.xlsx 或 .ics"
        raise InvalidInput(Fault(str(file), 0, "", f"不认识的格式 {file.suffix}", remedy))
    with edge.reading() as session:
        if suffix == ".xlsx":
            content = interchange.export_workbook(session, settings.timezone)
        elif suffix == ".ics":
            content = interchange.export_ics(
                session, settings.zone, _day("--since", since), _day("--until", until), edge.now()
            )
        else:
            content = interchange.export(session, settings.timezone).encode()
    if str(file) == "-":
        typer.echo(content.decode(), nl=False)
    else:
        file.write_bytes(content)


def preview_posts(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="日历文件,省略则预览已导入的栏目")
    ] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="从哪一天起,默认今天")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="到哪一天前为止(不含),默认七天后")] = "",
    room: Annotated[str, typer.Option(metavar="ROOM", help="只看一个群")] = "",
    json: Annotated[bool, typer.Option("--json", help="每条一个 JSON 对象,群全部列出")] = False,
) -> None:
    """逐条列出将要发送的内容:当地时间、群、文字、提醒。 Show what will be posted."""
    settings = edge.settings()
    first = _day("--since", since) or edge.now().astimezone(settings.zone).date()
    end = _day("--until", until) or first + DAYS_AHEAD
    given = None if file is None else _read(file, settings).series
    with edge.reading() as session:
        series = _stored(session) if given is None else given
        for remark in remarks(session, series, first):
            typer.echo(f"提醒 {remark}", err=True)
        posts = preview(session, series, first, end, contact.rules(settings))
        if room:
            posts = _in_room(posts, room)
        counts = [0, 0]
        sys.stdout.writelines(_as_json(posts, counts) if json else _previewed(posts, counts))
    typer.echo(f"{first} 至 {end}(不含):将发 {counts[0]} 条,不发 {counts[1]} 条", err=True)


def _read(file: Path, settings: Settings) -> Calendar:
    calendar = interchange.read(
        edge.file(file).read_bytes(), str(file), settings.timezone, _days(settings)
    )
    for warning in calendar.warnings:
        typer.echo(f"提醒 {warning}", err=True)
    return calendar


def _days(settings: Settings) -> Days:
    """The holidays as operators know them; a file can be checked before there is a database."""
    path = make_url(settings.database).database
    if settings.database.startswith("sqlite") and not (path and Path(path).exists()):
        return holidays.PUBLISHED
    with edge.reading() as session:
        return holidays.load(session)


def _stored(session: Session) -> Sequence[Definition]:
    return [each.definition for each in definition.stored(session)]


def _line(change: Change) -> str:
    fields = f"({'、'.join(change.fields)})" if change.fields else ""
    return f"{WORDS[change.difference]} {change.key}{fields}"


def _previewed(posts: Iterable[Previewed], counts: list[int]) -> Iterator[str]:
    named: dict[int, str] = {}
    for post in posts:
        counts[0 if post.excluded is None else 1] += len(post.rooms)
        # One tuple of rooms comes again at every date.
        rooms = named.setdefault(id(post.rooms), _rooms(post))
        place = f"{post.at:%Y-%m-%d %H:%M %Z}\t{rooms}\t{post.name}·{post.step}"
        text = " + ".join(filter(None, (post.text.replace("\n", "⏎"), *_attached(post))))
        not_sent = [f"不发:{post.excluded}"] if post.excluded is not None else []
        drawn = [f"话题:{post.topic}"] if post.topic else []
        drawn += [f"文案:{post.variant}"] if post.variant else []
        warnings = [f"提醒:{warning}" for warning in post.warnings]
        yield "\t".join([place, text, *not_sent, *drawn, *warnings]) + "\n"


def _rooms(post: Previewed) -> str:
    some = [f"{room.topic}({room.platform_id})" for room in post.rooms[:ROOMS_SHOWN]]
    more = f" 等 {len(post.rooms):,} 群" if len(post.rooms) > ROOMS_SHOWN else ""
    return "、".join(some) + more


def _attached(post: Previewed) -> list[str]:
    return [f"[{step.rpartition('+')[2]}]" for step in post.attached]


def _in_room(posts: Iterable[Previewed], room: str) -> Iterator[Previewed]:
    for post in posts:
        ours = tuple(each for each in post.rooms if each.platform_id == room)
        if ours:
            yield replace(post, rooms=ours)


def _as_json(posts: Iterable[Previewed], counts: list[int]) -> Iterator[str]:
    for post in posts:
        counts[0 if post.excluded is None else 1] += len(post.rooms)
        row = {
            "at": post.at.isoformat(),
            "series": post.series,
            "occurrence": post.original_date.isoformat(),
            "step": post.step,
            "rooms": [room.platform_id for room in post.rooms],
            "text": post.text,
            "attached": list(post.attached),
            "topic": post.topic,
            "variant": post.variant,
            "warnings": list(post.warnings),
            "excluded": post.excluded,
        }
        yield json_module.dumps(row, ensure_ascii=False) + "\n"


def _day(name: str, text: str) -> dt.date | None:
    return edge.day(name, text) if text else None


def register(app: typer.Typer) -> None:
    """Make these commands part of `qunyun calendar`."""
    app.command()(validate)
    app.command()(diff)
    app.command("import")(import_file)
    app.command("export")(export_file)
    app.command("preview")(preview_posts)
