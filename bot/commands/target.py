"""`qunyun target`: what operators want a figure of the digest to reach, by when."""

import datetime as dt
import json as json_module
from typing import Annotated

import typer

from bot.commands import edge
from bot.digest import goals
from bot.digest.goals import Aim

app = typer.Typer(
    help="目标:周报里的一个数要到多少、到哪天。 Goals of the digest's figures.",
    no_args_is_help=True,
)
By = Annotated[str, typer.Option(metavar="NAME", help="谁定的,默认当前系统用户")]
Metric = Annotated[str, typer.Argument(metavar="METRIC", help="指标,见 qunyun target metrics")]
Vertical = Annotated[str, typer.Option(help="垂类;不写就是全部群")]


@app.command("set")
def set_(
    metric: Metric,
    value: Annotated[float, typer.Argument(metavar="VALUE", help="百分数写 20,不写 0.2")],
    until: Annotated[
        dt.datetime, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="最后一天")
    ],
    vertical: Vertical = "",
    note: Annotated[str, typer.Option(help="为什么是这个数")] = "",
    by: By = "",
) -> None:
    """定一个目标;同一指标和垂类的旧目标被换掉。 Set a goal."""
    now = edge.now()
    today = now.astimezone(edge.settings().zone).date()
    with edge.changing() as session:
        goal = goals.set_goal(
            session, metric, value, vertical, until.date(), note, edge.by(by), now, today
        )
        typer.echo(_line(goal))


@app.command()
def drop(metric: Metric, vertical: Vertical = "", by: By = "") -> None:
    """去掉一个目标。 Take a goal away."""
    with edge.changing() as session:
        dropped = goals.drop(session, metric, vertical, edge.by(by), edge.now())
    typer.echo("已去掉" if dropped else "没有这个目标")
    if not dropped:
        raise typer.Exit(1)


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """列出目标;进度在每周的周报里。 The goals; how far they are stands in the digest."""
    with edge.reading() as session:
        standing = goals.standing(session)
    if json:
        typer.echo(json_module.dumps([_object(goal) for goal in standing], ensure_ascii=False))
        return
    for goal in standing:
        typer.echo(_line(goal))


@app.command()
def metrics() -> None:
    """可以定目标的指标。 What can be aimed at."""
    units = {"number": "数", "percent": "百分数", "hours": "小时", "yuan": "元"}
    for metric in goals.METRICS.values():
        way = "越高越好" if metric.better > 0 else "越低越好"
        typer.echo(f"{metric.key}  {metric.name}({units[metric.unit]},{way})")


def _line(goal: Aim) -> str:
    metric = goal.metric
    sign = "≥" if metric.better > 0 else "≤"
    began = (
        "还没有起点:之前没有周报算出过这个数"
        if goal.baseline is None
        else f"起点 {goals.shown(metric, goal.baseline)}({goal.baseline_week:%G-W%V} 周报)"
    )
    return (
        f"{goal.vertical or '全部群'}  {metric.name} {sign} {goals.shown(metric, goal.value)}"
        f"  到 {goal.until}  {began}"
    )


def _object(goal: Aim) -> dict[str, object]:
    return {
        "metric": goal.metric.key,
        "vertical": goal.vertical,
        "value": goal.value,
        "since": goal.since.isoformat(),
        "until": goal.until.isoformat(),
        "baseline": goal.baseline,
        "note": goal.note,
        "set_by": goal.set_by,
    }
