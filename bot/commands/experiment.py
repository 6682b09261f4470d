"""`qunyun experiment …`: comparisons that chance decides, from the proposal to the reading."""

import datetime as dt
import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer

from bot.commands import edge
from bot.insights import experiments, trials
from bot.insights.trial_words import KINDS
from bot.models import ExperimentKind, ExperimentState
from content_calendar import withholding
from content_calendar.withholding import Wanted

app = typer.Typer(help="实验:推广停发、每周话题、文案对比。 Experiments.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="例如 停发-2026-12")]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")]
By = Annotated[str, typer.Option(metavar="NAME", help="谁,默认当前系统用户")]
STATES = {
    ExperimentState.PROPOSED: "已提出",
    ExperimentState.RUNNING: "进行中",
    ExperimentState.STOPPED: "已停",
}


@app.command()
def propose(
    name: Name,
    series: Annotated[str, typer.Option(metavar="SERIES", help="改动哪个栏目")],
    starts: Annotated[
        dt.datetime, typer.Option(metavar="MONDAY", formats=["%Y-%m-%d"], help="第一周的周一")
    ],
    kind: Annotated[ExperimentKind, typer.Option(help="停发、话题或文案")] = ExperimentKind.HOLDOUT,
    weeks: Annotated[int, typer.Option(help="做几周")] = 6,
    share: Annotated[float, typer.Option(help="停发的份额")] = 0.12,
    sku: Annotated[str, typer.Option(help="数哪样商品的订单;栏目自己抽商品时不写")] = "",
    seed: Annotated[int, typer.Option(help="同一个种子,同样的分组")] = 7,
    by: By = "",
    json: Json = False,
) -> None:
    """抽签并记下来,估计能看清多大的差别;还不影响任何投递。 Draw, log, and tell the power."""
    wanted = Wanted(name, kind, series, starts.date(), weeks, share, sku, seed)
    with edge.changing() as session:
        cells, power = withholding.propose(
            session, wanted, edge.settings().timezone, edge.by(by), edge.now()
        )
    if json:
        typer.echo(json_module.dumps(asdict(power) | {"cells": len(cells)}, ensure_ascii=False))
        return
    held = sum(each.arm == trials.HOLD for each in cells)
    typer.echo(f"{len(cells):,} 格(群·商品·周)" + (f",其中对照 {held:,} 格不发" if held else ""))
    typer.echo(power.words)


@app.command()
def start(
    name: Name,
    approve: Annotated[str, typer.Option(metavar="NAME", help="谁批准的")],
) -> None:
    """批准并开始;从第一周起投递按抽签来。 Approve by name and start."""
    now = edge.now()
    today = now.astimezone(edge.settings().zone).date()
    with edge.changing() as session:
        trials.start(session, name, edge.by(approve), now, today)
    typer.echo(f"{name} 已开始,qunyun experiment report {name} 看结果")


@app.command()
def stop(
    name: Name,
    reason: Annotated[str, typer.Option(help="为什么停")],
    by: By = "",
) -> None:
    """提前停止;已经过去的周仍可看。 Stop before the end."""
    with edge.changing() as session:
        trials.stop(session, name, reason, edge.by(by), edge.now())
    typer.echo(f"{name} 已停")


@app.command()
def report(name: Name, json: Json = False) -> None:
    """看结果:差别、区间、分组比例;没到终点的写明是提前看。 Read the result."""
    with edge.reading() as session:
        found = experiments.report(session, name, edge.now())
    if json:
        told = asdict(found) | {"interim": found.interim}
        typer.echo(json_module.dumps(told, ensure_ascii=False, default=str))
        return
    for line in found.words:
        typer.echo(line)


@app.command("list")
def list_() -> None:
    """列出所有实验。 Every experiment."""
    with edge.reading() as session:
        for row in trials.listed(session):
            told = row.name, KINDS[row.kind], STATES[row.state], f"{row.starts} 起 {row.weeks} 周"
            typer.echo("\t".join(told))
