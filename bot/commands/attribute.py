"""`qunyun attribute`: bring attribution up to date, and say what it says of many orders;
`qunyun orders explain ORDER`: why each line of one order has its label.
"""

import datetime as dt
import json
from typing import Annotated

import typer
from sqlalchemy import select

from bot import cells, database
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.models import OrderLine

Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")]
Day = Annotated[str, typer.Option(help="时间或日期;范围为 [since, until),默认全部")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("attribute", help="更新归因")(attribute)


def attribute(
    as_json: Json = False,
    since: Day = "",
    until: Day = "",
    least: Annotated[
        int, typer.Option("--minimum-orders", min=0, help="少于这么多行不估计占比;0 表示不设门槛")
    ] = 2_000,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="现在就重新校准")] = False,
) -> None:
    """Bring attribution up to date."""
    # NumPy takes a moment to load: other commands do without.
    from bot.insights import attributing, calibrating, shares  # noqa: PLC0415

    bounds = [_instant(name, value) for name, value in (("since", since), ("until", until))]
    now, engine = edge.now(), edge.engine()
    try:
        with database.transaction(engine) as session:
            if calibrate:
                attributing.read_news(session, now)
                calibrating.fit(session, now)
            summary = attributing.attribute_all(session, now, *bounds)
        with database.reading(engine) as session:
            told = shares.share(session, *bounds, least_lines=least)
    finally:
        engine.dispose()
    if as_json:
        both = attributing.as_object(summary) | shares.as_object(told)
        typer.echo(json.dumps(both, ensure_ascii=False))
        return
    counts = " · ".join(f"{label.value} {count}" for label, count in summary.labels.items())
    typer.echo(f"订单行 {summary.lines}:{counts or '无'};更新 {summary.changed} 行")
    for line in shares.texts(told):
        typer.echo(line)


def explain(
    order_id: Annotated[str, typer.Argument(metavar="ORDER", help="订单号")], as_json: Json = False
) -> None:
    """说一笔订单的每一行是怎么来的。 Why an order's lines have their labels."""
    from bot.insights import explanation  # noqa: PLC0415

    line = database.table(OrderLine)
    with edge.reading() as session:
        wanted = select(line.c.id).where(line.c.order_id == order_id)
        told = list(explanation.stories(session, session.connection().scalars(wanted).all()))
    if not told:
        remedy = "核对订单号;刚导入的先运行 qunyun attribute"
        raise InvalidInput(Fault("orders", 0, order_id[:80], "没有归过因的这笔订单", remedy))
    for each in told:
        said = explanation.explain(each, edge.settings().zone)
        row = {"order_id": each.order_id, "line_no": each.line_no, "label": each.label.value}
        typer.echo(
            json.dumps(row | {"explanation": said}, ensure_ascii=False)
            if as_json
            else f"{each.order_id} 第 {each.line_no} 行\t{said}"
        )


def _instant(option: str, value: str) -> dt.datetime | None:
    if not value:
        return None
    try:
        return cells.instant(value, edge.settings().zone)
    except ValueError as error:
        problem, remedy = error.args
        raise InvalidInput(Fault(f"--{option}", 0, "", str(problem), str(remedy))) from error
