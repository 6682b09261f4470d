"""Commands on the log: schema, replay, rebuild."""

import json as json_module
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bot import database, message_log, partitions, rebuilding, terms
from bot.commands import edge
from bot.message_log import Report
from bot.rebuilding import Days

screen = Console(stderr=True)


def migrate() -> None:
    """把数据库结构升级到最新。 Bring the schema to head."""
    engine = database.connect(edge.settings().database, pooled=False)
    database.migrate(engine)
    # What is said from the first moment on has a partition of its own.
    for _ in partitions.steps(engine, edge.now().date()):
        pass
    # Several processes share it: it is there to be copied before any of them would make its own.
    edge.secret()
    typer.echo("数据库结构已是最新")


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG.jsonl")],
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """导入消息日志(可重复执行,不会触发任何回复)。 Take a message log through ingest."""
    engine = edge.engine()
    path = edge.file(log)
    rules = edge.rules(engine)
    with Progress(console=screen, transient=True) as progress:
        task = progress.add_task(path.name, total=None)
        report = message_log.replay(
            engine, path, rules, lambda done: progress.update(task, completed=done)
        )
    _print_report(report, as_json=json)
    if report.rejected:
        raise typer.Exit(1)


def _print_report(report: Report, *, as_json: bool) -> None:
    for fault in report.rejected:
        typer.echo(str(fault), err=True)
    if as_json:
        rejected = [
            {"line": fault.line, "error": f"{fault.column} {fault.problem};{fault.remedy}".strip()}
            for fault in report.rejected
        ]
        typer.echo(json_module.dumps(asdict(report) | {"rejected": rejected}, ensure_ascii=False))
        return
    typer.echo(
        f"{report.lines} 行:新增 {report.accepted},重复 {report.duplicates}"
        f"(其中内容冲突 {report.conflicts}),拒绝 {len(report.rejected)}"
    )


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="只比对,不改动")] = False,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """从消息日志重新推导全部派生数据。 Derive everything again from the log."""
    engine = edge.engine()
    rules = edge.rules(engine)
    dictionary = terms.version(rules.terms)
    if not check:
        judged = rebuilding.rebuild(engine, rules, edge.now())
        days = rebuilding.days(engine)
        if json:
            told = {"judged": judged, "dictionary": dictionary}
            typer.echo(json_module.dumps(told | _days(days)))
        else:
            typer.echo(f"已重新推导 {judged} 条消息,词典版本 {dictionary}\n{_told(days)}")
        if days.broken:
            raise typer.Exit(1)
        return
    compared = rebuilding.check(engine, rules, edge.now(), edge.settings().home)
    agrees = all(one.agrees for one in compared)
    if json:
        tables = [asdict(one) for one in compared]
        told = {"agrees": agrees, "dictionary": dictionary, "tables": tables} | _days(
            rebuilding.days(engine)
        )
        typer.echo(json_module.dumps(told))
    else:
        for one in compared:
            same = "一致" if one.agrees else f"不一致:多 {one.surplus},缺 {one.missing}"
            typer.echo(f"{one.table}: {one.rows} 行,{same}")
        typer.echo(_told(rebuilding.days(engine)))
        if not compared[-1].agrees:
            typer.echo("归因之后又有新消息时,先运行 qunyun attribute 再比对", err=True)
    if not agrees:
        raise typer.Exit(1)


def _days(days: Days) -> dict[str, object]:
    broken = [{"room": room, "day": str(day)} for room, day in days.broken]
    return {"unsealed_days": days.unsealed, "sealed_days": days.sealed, "broken": broken}


def _told(days: Days) -> str:
    verdict = f",{len(days.broken)} 个与封存时不同" if days.broken else ",校验一致"
    return f"群日:未封存 {days.unsealed} 个,封存 {days.sealed} 个{verdict if days.sealed else ''}"
