"""`qunyun bench …`: measures, with the baseline in the same run."""

import asyncio
import json as json_module
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.bench import machine
from bot.commands import edge
from bot.errors import Fault, InvalidInput

# What is measured is imported where it is: every other command starts without waiting for it.

app = typer.Typer(help="测速。 Measures; the last line with --json is one object.")

Json = Annotated[bool, typer.Option("--json")]


class Kind(StrEnum):
    """A database."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@app.command()
def segment(
    corpus: Annotated[list[Path], typer.Option(metavar="FILE", help="可多次给出。")],
    json: Json = False,
) -> None:
    """把真实句子切成词,与 jieba 对照。 Words of real sentences, beside jieba."""
    from bot.bench import segment as bench  # noqa: PLC0415

    measured = bench.measure([edge.file(path) for path in corpus])
    _print(measured | machine.described(), as_json=json)


@app.command()
def quality(
    data: Annotated[Path, typer.Option(metavar="DIR", help="放真实样本的目录,不在项目里")],
    json: Json = False,
) -> None:
    """规则认得多准,在别人或人工标过的真实消息上。 How often the rules are right."""
    from bot.bench import quality as bench  # noqa: PLC0415

    _print(bench.measure(data) | machine.described(), as_json=json)


@app.command()
def ingest(
    messages: Annotated[int, typer.Option(min=1)] = 50_000,
    log: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
    names: Annotated[int, typer.Option(min=0, help="装进词典的商品别名数。")] = 100_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    json: Json = False,
) -> None:
    """从日志行到提交的数据行。 From log line to committed rows."""
    from bot.bench import ingest as bench  # noqa: PLC0415

    measured = bench.measure(messages, edge.file(log) if log else None, kind.value, names)
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def gateway(
    messages: Annotated[int, typer.Option(min=1)] = 5_000,
    rooms: Annotated[int, typer.Option(min=1)] = 50,
    json: Json = False,
) -> None:
    """真实 node 通道里的一阵消息。 A burst through the real node gateway."""
    from bot.bench import gateway as bench  # noqa: PLC0415

    measured = asyncio.run(bench.measure(messages, rooms))
    _print(measured | machine.described(), as_json=json)


class Seam(StrEnum):
    """Where messages come in."""

    SPOOL = "spool"
    STREAM = "stream"


@app.command()
def stress(
    at: Annotated[Seam, typer.Option(help="消息从哪里进来:本机的暂存,或消息流。")] = Seam.SPOOL,
    minutes: Annotated[float, typer.Option(min=0.01)] = 10,
    mean: Annotated[float, typer.Option(min=1, help="平均每秒多少条。")] = 370,
    peak: Annotated[float, typer.Option(min=1, help="每分钟有三秒是每秒多少条。")] = 3_700,
    rooms: Annotated[int, typer.Option(min=1)] = 2_000,
    workers: Annotated[int, typer.Option(min=1, help="消息流后面有几个记录进程。")] = 1,
    flood: Annotated[int, typer.Option(min=0, help="最后一下子来这么多条,看最快多少。")] = 30_000,
    client: Annotated[int, typer.Option(min=0, help="通道客户端自己能收多快,用多少条测。")] = 5_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.POSTGRESQL,
    json: Json = False,
) -> None:
    """一天三千两百万条:从进来到写进日志要多久。 A day of 32 million messages, on time."""
    from bot.bench.stress import measure as bench  # noqa: PLC0415
    from bot.bench.stress.profile import Profile  # noqa: PLC0415

    measured = bench.measure(
        at.value, kind.value, Profile(minutes * 60, mean, peak),
        rooms=rooms, workers=workers, flood=flood, client=client,
    )  # fmt: skip
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def plan(
    rooms: Annotated[int, typer.Option(min=200)] = 10_000,
    series: Annotated[int, typer.Option(min=10)] = 200,
    history: Annotated[int, typer.Option(min=0)] = 400_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    json: Json = False,
) -> None:
    """一次排期:有两千条到点时,和没有时。 One tick of the planner."""
    from bot.bench import plan as bench  # noqa: PLC0415

    measured = bench.measure(rooms, series, history, kind.value)
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def deliver(
    deliveries: Annotated[int, typer.Option(min=1)] = 20_000,
    workers: Annotated[int, typer.Option(min=1)] = 4,
    history: Annotated[int, typer.Option(min=0)] = 400_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    json: Json = False,
) -> None:
    """领取、落盘和回复的等待。 Claims, durable commits, and how long a reply waits."""
    from bot.bench import deliver as bench  # noqa: PLC0415

    measured = bench.measure(deliveries, workers, history, kind.value)
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def console(
    rooms: Annotated[int, typer.Option(min=20)] = 2_000,
    messages: Annotated[int, typer.Option(min=1000)] = 2_000_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    json: Json = False,
) -> None:
    """运营后台的每一页。 Every page of the console."""
    from bot.bench import console as bench  # noqa: PLC0415

    measured = bench.measure(rooms, messages, kind.value)
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def digest(
    rooms: Annotated[int, typer.Option(min=10)] = 2_000,
    messages: Annotated[int, typer.Option(min=1000)] = 1_120_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    json: Json = False,
) -> None:
    """周一早上所有群的周报。 Every room's digest of a week."""
    from bot.bench import digest as bench  # noqa: PLC0415

    measured = bench.measure(rooms, messages, kind.value)
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def attribution(
    worlds: Annotated[str, typer.Option(help="逗号分隔,默认全部。")] = "",
    seeds: Annotated[int, typer.Option(min=1)] = 20,
    # Nothing was tuned on seeds from there on (decision 0023).
    seed_base: Annotated[int, typer.Option(min=0)] = 7_000,
    kind: Annotated[Kind, typer.Option("--database")] = Kind.SQLITE,
    skip_tables: Annotated[bool, typer.Option(help="第一颗种子不再走真实的表。")] = False,
    skip_speed: Annotated[bool, typer.Option(help="不测归因要多久。")] = False,
    speed: Annotated[bool, typer.Option("--speed", help="只测归因要多久。")] = False,
    text: Annotated[bool, typer.Option("--text", help="只测听错一句话要多少。")] = False,
    json: Json = False,
) -> None:
    """模拟社群里各种估计差多少,归因一单要多久。 Estimators where the truth is planted."""
    from bot.bench import attribution as bench  # noqa: PLC0415
    from bot.bench import attribution_text  # noqa: PLC0415
    from bot.bench.worlds.catalogue import WORLDS  # noqa: PLC0415

    if text:
        heard: dict[str, object] = {"text": attribution_text.measure(kind.value, seed_base)}
        _print(heard | machine.described(kind.value), as_json=json)
        return
    names = [each for each in worlds.split(",") if each] or list(WORLDS)
    names = [] if speed else names
    measured = bench.measure(
        names, seeds, seed_base, kind.value, tables=not skip_tables, speed=speed or not skip_speed
    )
    _print(measured | machine.described(kind.value), as_json=json)


@app.command()
def scaling(
    rooms: Annotated[str, typer.Option(help="逗号分隔。")] = "2000,10000,50000,200000",
    recorded: Annotated[float, typer.Option(min=1, help="bench stress 的 per_second。")] = 2_436,
    commit: Annotated[float, typer.Option(min=0, help="一批之外的毫秒。")] = 5,
    posts: Annotated[float, typer.Option(min=1, help="send_commit_per_second。")] = 412,
    bytes_a_message: Annotated[float, typer.Option(min=1, help="bench ingest 的同名值。")] = 471,
    topics: Annotated[float, typer.Option(min=0, help="2,000 群的 topics_s。")] = 77,
    digest: Annotated[float, typer.Option(min=0, help="2,000 群的 gather_s + render_s。")] = 22,
    messages: Annotated[float, typer.Option(min=1, help="每群每天多少条。")] = 80,
    json: Json = False,
) -> None:
    """从测得的速度算出这么多群要什么。 What so many rooms need, from measured rates."""
    from bot.bench.scaling import needs, table  # noqa: PLC0415

    if not all(each.strip().isdigit() and int(each) for each in rooms.split(",")):
        raise InvalidInput(Fault("--rooms", 0, "", f"不是群数:{rooms}", "例如 2000,200000"))
    rates = needs.Rates(
        recorded, commit / 1000, posts, bytes_a_message, topics, digest, messages=messages
    )
    rows = [needs.needed(int(each), rates) for each in rooms.split(",")]
    typer.echo(json_module.dumps({"rooms": rows}) if json else "\n".join(table.lines(rows)))


@app.command("all")
def everything(
    out: Annotated[Path, typer.Option(metavar="FILE.md")] = Path("docs/benchmarks.md"),
    kept: Annotated[
        Path | None, typer.Option(metavar="DIR", help="每次的结果放在哪里,默认 QUNYUN_HOME/bench。")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="只测这一项,可多次。")
    ] = None,
    apart: Annotated[bool, typer.Option("--apart", help="连很慢的也测。")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="只看能不能跑,数字不能引用。")] = False,
    again: Annotated[bool, typer.Option("--again", help="先丢掉要测的那些已有的结果。")] = False,
    write: Annotated[bool, typer.Option("--write", help="不测,只用已有的结果写文档。")] = False,
    repeats: Annotated[int | None, typer.Option(min=1, help="每项几次,默认各有各的。")] = None,
    corpus: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="切词用的句子,可多次。")
    ] = None,
) -> None:
    """逐项测,每测一次就存下,最后写成文档;中断后原样再运行就接着测。 Every bench, one document."""
    from bot.bench.report import keeping, measuring, page, sections  # noqa: PLC0415

    runs = {run.name: run for run in sections.every()}
    if unknown := set(only or ()) - runs.keys():
        raise InvalidInput(
            Fault("--only", 0, "", f"no bench {min(unknown)}", "one of " + ", ".join(runs))
        )
    folder, files = kept or edge.settings().home / "bench", [edge.file(one) for one in corpus or []]
    wanted = [
        run
        for run in runs.values()
        if (run.name in only if only else apart or quick or not run.apart)
    ]
    if again:
        for run in wanted:
            keeping.forget(folder, run.name)
    # Not after half an hour of measuring.
    out.parent.mkdir(parents=True, exist_ok=True)
    failed = False
    todo = [] if write else wanted
    for run, one in measuring.missing(todo, folder, files, edge.now, quick=quick, repeats=repeats):
        failed = failed or one is None
        typer.echo(f"{run.name}: " + (f"{one.took_s:g} s" if one else "失败"), err=True)
    results = {
        run.name: found
        for run in runs.values()
        if (found := keeping.kept(folder, run.name, run.arguments(quick=quick)))
    }
    out.write_text(page.page(sections.SECTIONS, results, quick=quick), "utf-8")
    typer.echo(f"{out}: {len(results)} / {len(runs)}")
    if failed:
        raise typer.Exit(1)


def _print(measured: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_module.dumps(measured, ensure_ascii=False))
        return
    for name, value in measured.items():
        typer.echo(f"{name}: {value}")
