"""`qunyun segments …`: people by what they buy, want and do; whether they come back; what goes
together.
"""

import datetime as dt
import json as json_module
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from sqlmodel import Session

from bot import cells, csv_files, database
from bot.commands import edge
from bot.errors import Fault, InvalidInput
from bot.insights import complements, customers, inviting, needs, reasons, segments
from bot.insights.inviting import Difference
from bot.insights.segments import Person
from bot.insights.subjects import NEED_BACK
from bot.models import Arm, Dimension

app = typer.Typer(help="人群:三维标签、体验官、复购、搭配。 Segments.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]
AsOf = Annotated[str, typer.Option(metavar="DAY", help="算到这一天零点为止,默认今天")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="标签,可多次给出,例如 高价值")
]
DIMENSIONS = {Dimension.SPEND: "消费", Dimension.PREFERENCE: "偏好", Dimension.INTERACTION: "互动"}
ARMS = {Arm.INVITED: "邀请", Arm.CONTROL: "对照"}
COLUMNS = (
    *("contact", "name", "rooms", "identified", "orders", "net", "orders_90", "net_90"),
    *("recency", "frequency", "monetary", "active_days", "effective", "tags", "why"),
)
PAGE = 1_000


@app.command()
def refresh(as_of: AsOf = "") -> None:
    """更新所有人的标签。 Make every profile again."""
    zone = edge.settings().zone
    day = _day(as_of, zone)
    engine = edge.engine()
    try:
        needs.refresh(engine, day - dt.timedelta(days=NEED_BACK))
        with database.transaction(engine) as session:
            count = segments.refresh(session, day, zone)
    finally:
        engine.dispose()
    typer.echo(f"{count:,} 人,算到 {day} 零点")


@app.command()
def summary(json: Json = False) -> None:
    """每个标签有多少人。 How many people carry each tag."""
    with edge.reading() as session:
        day, counted = _as_of(session), segments.summary(session)
    if json:
        rows = [
            {"dimension": kind.value, "tag": tag, "people": count} for kind, tag, count in counted
        ]
        typer.echo(json_module.dumps({"as_of": str(day), "tags": rows}, ensure_ascii=False))
        return
    for kind, tag, count in counted:
        typer.echo(f"{DIMENSIONS[kind]}\t{segments.named(tag)}\t{count:,}")
    typer.echo(f"算到 {day} 零点;一个人可以有几个标签", err=True)


@app.command("list")
def show(tag: Tags = None, limit: int = 50, json: Json = False) -> None:
    """列出有这些标签的人和每个标签的理由。 List people and why they carry their tags."""
    with edge.reading() as session:
        _as_of(session)
        found = segments.listed(session, tag or (), limit=limit)
    _show(found.people, json=json)
    typer.echo(f"共 {found.total:,} 人,算到 {found.as_of} 零点", err=True)


@app.command()
def export(
    tag: Tags = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="默认标准输出")] = None,
) -> None:
    """导出人群(CSV,含理由)。 Export people with their tags as CSV."""
    zone = edge.settings().zone
    with (
        edge.reading() as session,
        nullcontext(sys.stdout.buffer) if out is None else out.open("wb") as target,
    ):
        _as_of(session)
        count = csv_files.write(target, COLUMNS, _rows(session, tag or (), zone))
    typer.echo(f"{count:,} 人", err=True)


@app.command()
def candidates(limit: int = 50, json: Json = False) -> None:
    """高互动低消费的人:体验官计划的人选。 Busy in the rooms, and low spenders."""
    with edge.reading() as session:
        _as_of(session)
        found = segments.candidates(session, limit=limit)
    _show(found.people, json=json)
    typer.echo(
        f"共 {found.total:,} 人,算到 {found.as_of} 零点;"
        f"另有 {found.unknown:,} 位高互动群友认不出消费,不算在内",
        err=True,
    )


@app.command()
def invite(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="例如 体验官-2026-11")],
    share: Annotated[float, typer.Option(help="邀请几成,其余为对照")] = 0.5,
    seed: Annotated[int, typer.Option(help="同一个种子,同样的结果")] = 7,
) -> None:
    """抽签决定邀请谁,先记下来再去邀请。 Draw whom to invite, and log it first."""
    with edge.changing() as session:
        _as_of(session)
        drawn = inviting.invite(session, program, share, seed, edge.by(""), edge.now())
    typer.echo(f"邀请 {drawn.invited},对照 {drawn.control};之前已抽过 {drawn.before} 人,保持不变")


@app.command()
def effect(
    program: Annotated[str, typer.Argument(metavar="PROGRAM")],
    days: Annotated[int, typer.Option(min=1, help="抽签之后看几天")] = 30,
    json: Json = False,
) -> None:
    """邀请有没有用:两组人之后的订单。 What the invitation did, by arm."""
    with edge.reading() as session:
        found = inviting.effect(session, program, edge.now(), days)
    if json:
        typer.echo(_dumped(found))
        return
    for arm, group in found.groups.items():
        people = max(group.people, 1)
        typer.echo(
            f"{ARMS[arm]} {group.people} 人:每人 {group.orders / people:.2f} 单,"
            f"{cells.yuan(round(group.net / people))} 元"
        )
    typer.echo(f"每人多出 {_difference(found.orders, 1)} 单")
    typer.echo(f"每人多出 {_difference(found.net, 100)} 元")
    typer.echo(f"还没满 {days} 天的 {found.waiting} 人、后来认不出的 {found.lost} 人不计", err=True)


@app.command("customers")
def show_customers(as_of: AsOf = "", json: Json = False) -> None:
    """客单价、复购和分月留存,都带区间。 Baskets, repurchase, cohorts, with intervals."""
    zone = edge.settings().zone
    until = _midnight(_day(as_of, zone), zone)
    with edge.reading() as session:
        found = customers.gather(session, until, zone)
    if json:
        typer.echo(_dumped(found))
        return
    typer.echo(
        f"{found.orders:,} 单,认得出的买家 {found.buyers:,} 人,认不出的订单 {found.unresolved:,}"
    )
    if found.basket and found.median_basket is not None:
        reach = found.basket.interval
        inside = f"(95% 区间 {reach.low / 100:.0f}–{reach.high / 100:.0f})" if reach else ""
        median = found.median_basket / 100
        typer.echo(f"客单价 {found.basket.value / 100:.2f} 元{inside},中位数 {median:.2f} 元")
    if found.again:
        again = found.again
        typer.echo(
            f"90 天复购率 {again.value:.1%}"
            f"(95% 区间 {again.interval.low:.1%}–{again.interval.high:.1%},"
            f"{again.count}/{again.of} 人,只算首单满 90 天的)"
        )
    if found.days_to_second:
        wait = found.days_to_second
        high = "未知" if wait.high is None else f"{wait.high:.0f}"
        typer.echo(f"到第二单的中位天数 {wait.value:.0f}(95% 区间 {wait.low:.0f}–{high})")
    elif found.buyers:
        typer.echo("到第二单的中位天数:不到一半的人买过第二次,还看不到")
    for cohort in found.cohorts:
        came = " ".join(f"{each.value:.0%}" for each in cohort.returned)
        worth = f"{cohort.worth.value / 100:.0f}" if cohort.worth else ""
        typer.echo(
            f"{cohort.month:%Y-%m}\t{cohort.buyers} 人\t至今每人 {worth} 元\t之后各月 {came}"
        )


@app.command()
def pairs(
    as_of: AsOf = "",
    floor: Annotated[int, typer.Option(min=2, help="两样都买过的人至少多少")] = complements.FLOOR,
    json: Json = False,
) -> None:
    """哪些商品常被同一批人买:搭配建议。 What the same people buy."""
    zone = edge.settings().zone
    until = _midnight(_day(as_of, zone), zone)
    with edge.reading() as session:
        found = complements.gather(session, until, floor=floor)
    if json:
        typer.echo(_dumped(found))
        return
    for one in found.suggestions:
        typer.echo(
            f"{one.first_name} → {one.then_name}\t{one.both} 人都买过,{one.in_order} 人先买前者;"
            f"是碰巧的 {one.lift:.1f} 倍(95% 区间 {one.interval.low:.1f}–{one.interval.high:.1f});"
            f"还有 {one.open_to} 人没买后者"
        )
    typer.echo(f"{found.buyers:,} 位买家,比较了 {found.pairs:,} 对;一起买不等于互相带动", err=True)


def _show(people: tuple[Person, ...], *, json: bool) -> None:
    zone = edge.settings().zone
    if json:
        for each in people:
            typer.echo(json_module.dumps(_told(each, zone), ensure_ascii=False, default=str))
        return
    table = Table("成员", "群", "订单", "标签", "理由")
    for each in people:
        bought = f"{each.profile.orders} 单 {cells.yuan(each.profile.net)}"
        known = bought if each.profile.person_id is not None else "认不出"
        table.add_row(
            each.name or each.contact or "(不在群里的买家)",
            "、".join(each.rooms[:3]),
            known,
            "\n".join(segments.named(tag.name) for tag in each.tags),
            "\n".join(reasons.why(tag.name, tag.why, zone) for tag in each.tags),
        )
    edge.show(table)


def _told(each: Person, zone: ZoneInfo) -> dict[str, object]:
    return {
        "contact": each.contact,
        "name": each.name,
        "rooms": each.rooms,
        "profile": each.profile.model_dump(exclude={"id", "person_id", "contact_id"}),
        "identified": each.profile.person_id is not None,
        "tags": [
            {
                "tag": tag.name,
                "name": segments.named(tag.name),
                "dimension": tag.dimension.value,
                "why": reasons.why(tag.name, tag.why, zone),
                "messages": tag.messages,
            }
            for tag in each.tags
        ],
    }


def _rows(
    session: Session, tags: list[str] | tuple[()], zone: ZoneInfo
) -> Iterator[tuple[str | int | None, ...]]:
    offset, people = 0, segments.listed(session, tags, limit=PAGE).people
    while people:
        for each in people:
            one = each.profile
            is_known = one.person_id is not None
            yield (
                *(each.contact, each.name, "|".join(each.rooms), "true" if is_known else "false"),
                *(one.orders if is_known else None, cells.yuan(one.net) if is_known else None),
                *(
                    one.orders_90 if is_known else None,
                    cells.yuan(one.net_90) if is_known else None,
                ),
                *(one.recency, one.frequency, one.monetary, one.active_days, one.effective),
                "|".join(segments.named(tag.name) for tag in each.tags),
                ";".join(reasons.why(tag.name, tag.why, zone) for tag in each.tags),
            )
        offset += PAGE
        people = segments.listed(session, tags, limit=PAGE, offset=offset).people


def _as_of(session: Session) -> dt.date:
    day = segments.as_of(session)
    if day is None:
        # Not made yet, or made when nobody had said or ordered anything.
        remedy = "记下消息或订单以后,运行 qunyun segments refresh"
        raise InvalidInput(Fault("人群", 0, "", "还没有一个人有标签", remedy))
    return day


def _day(text: str, zone: ZoneInfo) -> dt.date:
    return edge.day("--as-of", text) if text else edge.now().astimezone(zone).date()


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def _difference(found: Difference | None, unit: int) -> str:
    if found is None:
        return f"(不到 {inviting.FEWEST} 人一组,不作估计)"
    low, high = found.interval.low / unit, found.interval.high / unit
    return f"{found.value / unit:+.2f}(95% 区间 {low:+.2f} 至 {high:+.2f})"


def _dumped(found: object) -> str:
    return json_module.dumps(found, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    """What JSON does not know: dataclasses without their methods, dates."""
    names = getattr(value, "__dataclass_fields__", None)
    return str(value) if names is None else {name: getattr(value, name) for name in names}
