"""`qunyun label`, `qunyun quality` and `qunyun labels import|export`: a person says what random
messages are, and the rules are judged by it.
"""

import datetime as dt
import json as json_module
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bot import csv_files, label_files, labelling, sampling, terms
from bot.commands import edge
from bot.insights import quality as qualities
from bot.insights.quality import Rate
from bot.labelling import Shown
from bot.text import lexicon

KEYS = {key: kind for kind, key in labelling.KEYS.items()}
CHINESE = {english: chinese for chinese, english in label_files.NAMES.items()}
SKIP, UNDO, STOP = "-", "u", "x"
# Unless told, a draw reaches back so far.
REACH = dt.timedelta(days=28)

By = Annotated[str, typer.Option(help="谁标的,默认登录名")]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")]


def label(
    count: Annotated[int, typer.Option(min=1, help="没有等着标的时,新抽多少条")] = 300,
    seed: Annotated[int, typer.Option(help="抽样的种子:同样的消息和种子,抽到同样的")] = 7,
    since: Annotated[str, typer.Option(help="从哪天抽起,默认上次抽样之后、最多 28 天")] = "",
    by: By = "",
) -> None:
    """随机抽消息,由人来标是什么。 Mark random messages, blind to the rules."""
    now, who = edge.now(), edge.by(by)
    _draw(count, seed, since, who, now)
    typer.echo(" ".join(f"{key} {CHINESE[kind.value]}" for key, kind in KEYS.items()))
    typer.echo(f"几样就写几个字母;回车 都不是;{SKIP} 说不清,跳过;{UNDO} 撤回上一条;{STOP} 停")
    while True:
        with edge.reading() as session:
            shown, done = labelling.next_waiting(session), labelling.progress(session)
            names = _products(session)
        if shown is None:
            break
        _show(shown, done.marked + done.skipped + 1, done.waiting)
        said = _asked()
        if said == STOP:
            break
        with edge.changing() as session:
            if said == UNDO:
                typer.echo("撤回了上一条" if labelling.undo(session) else "没有可以撤回的")
            elif said == SKIP:
                labelling.skip(session, shown, edge.now())
            else:
                products = _asked_products(names) if names else None
                kinds = [KEYS[key] for key in said]
                labelling.mark(session, shown, kinds, products, who, edge.now())
    with edge.reading() as session:
        done = labelling.progress(session)
    typer.echo(
        f"标了 {done.marked} 条,跳过 {done.skipped} 条,还剩 {done.waiting} 条。"
        "再运行就接着标;qunyun quality 看查全和查准"
    )


def quality(json: Json = False) -> None:
    """规则的查全和查准,由人标过的随机消息估计。 How often the rules are right."""
    with edge.reading() as session:
        report = qualities.of(session)
    if json:
        typer.echo(json_module.dumps(asdict(report), ensure_ascii=False))
        return
    typer.echo(
        f"规则版本 {report.rule_version};"
        f"随机抽出、人标过的 {report.marks} 条,跳过 {report.skipped} 条"
    )
    for one in report.signals:
        name = CHINESE.get(one.signal, "商品提及")
        typer.echo(
            f"{name}\t对 {one.right} 错 {one.wrong} 漏 {one.missed}"
            f"\t查准 {_rate(one.precision)}\t查全 {_rate(one.recall)}"
        )
    typer.echo(
        f"投诉:规则拿不准、没有判的 {report.unsure} 条,"
        f"其中人说是投诉的 {report.unsure_complaints} 条"
    )
    if report.dropped:
        typer.echo(f"{report.dropped} 条的原文已过保留期,拿不准的里没有算它们")


def export_labels(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="默认写到标准输出")] = None,
) -> None:
    """把人标过的消息写成 CSV。 Every mark, with the stratum and the chance of each drawn one."""
    with edge.reading() as session:
        rows = label_files.export(session)
        if out is None:
            count = csv_files.write(sys.stdout.buffer, label_files.HEADER, rows)
        else:
            with out.open("wb") as target:
                count = csv_files.write(target, label_files.HEADER, rows)
    typer.echo(f"{count} 行", err=True)


def _draw(count: int, seed: int, since: str, who: str, now: dt.datetime) -> None:
    """Draw anew where nothing waits."""
    zone = edge.settings().zone
    with edge.changing() as session:
        if labelling.progress(session).waiting:
            return
        last = sampling.drawn_until(session)
        start = max(now - REACH, last or now - REACH)
        if since:
            day = edge.day("since", since)
            start = dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
        drawn = sampling.draw(session, count, seed, start, now, who)
    typer.echo(
        f"从 {start.astimezone(zone):%Y-%m-%d %H:%M} 以来的消息里抽了 {drawn} 条,种子 {seed}"
    )


def _show(shown: Shown, number: int, waiting: int) -> None:
    zone = edge.settings().zone
    typer.echo(f"\n{_line(shown.topic)}  第 {number} 条,还剩 {waiting} 条")
    for said in (*shown.before, shown.said):
        pointer = "▶" if said is shown.said else " "
        at = f"{said.at.astimezone(zone):%m-%d %H:%M}"
        typer.echo(f"{pointer} {at} {_line(said.name)}:{_line(said.text)}")


def _line(text: str) -> str:
    """Text as a terminal may have it: members write what moves cursors, too."""
    return "".join(one if one.isprintable() else " " for one in text)


def _asked() -> str:
    while True:
        said = typer.prompt("是", default="", show_default=False).strip().lower()
        if said in (SKIP, UNDO, STOP) or set(said) <= KEYS.keys():
            return str(said)
        typer.echo(f"不认识 {_line(said)}")


def _asked_products(names: Mapping[str, int]) -> list[int] | None:
    while True:
        text = typer.prompt(
            "提到的商品(商品名或编码,| 分开;回车 没有;? 没看)", "", show_default=False
        )
        if text.strip() == label_files.NOT_ASKED:
            return None
        given = [lexicon.key(each).strip() for each in text.split("|") if each.strip()]
        unknown = [each for each in given if each not in names]
        if not unknown:
            return [names[each] for each in given]
        typer.echo(f"没有商品 {_line('、'.join(unknown))}")


def _products(session: Session) -> dict[str, int]:
    """Products by everything that names them."""
    known = terms.load(session)
    return {lexicon.key(name).strip(): id for id, names in known.names.items() for name in names}


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "—"
    return f"{rate.value:.0%}({rate.interval.low:.0%}–{rate.interval.high:.0%})"
