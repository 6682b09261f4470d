"""`qunyun rooms|memberships|products|campaigns|faq|words|labels|orders import FILE`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import Engine
from sqlmodel import Session

from bot import (
    cells,
    database,
    faq,
    label_files,
    membership_files,
    own_words,
    rederiving,
    room_files,
)
from bot.commands import attribute, edge, experiment, label, rooms, words
from bot.csv_files import Imported, Reading
from bot.errors import Fault, InvalidInput
from bot.insights import trial_files
from bot.orders import catalogue, intake, people

T = TypeVar("T")

File = Annotated[
    Path, typer.Argument(help="CSV(utf-8 或 gb18030)或 Excel(.xlsx),第一行是列名(中英文均可)")
]
AcceptGood = Annotated[bool, typer.Option("--accept-good", help="只导入正确的行,退出码 1")]
Json = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象")]
Zone = Annotated[str, typer.Option(help="没有时差的时间按这个时区读,默认 QUNYUN_TIMEZONE")]
Source = Annotated[str, typer.Option(help="订单来自哪个店铺或系统")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    imports: dict[str, tuple[Callable[..., None], str]] = {
        "rooms": (import_rooms, "群"),
        "memberships": (import_memberships, "群成员"),
        "products": (import_products, "商品"),
        "campaigns": (import_campaigns, "促销活动"),
        "faq": (import_faq, "常见问题"),
        "labels": (import_labels, "人工标注"),
        "orders": (import_orders, "订单"),
    }
    for name, (command, chinese) in imports.items():
        group = typer.Typer(help=f"{chinese}:导入", no_args_is_help=True)
        # With a callback, one command stays a group: `rooms import`, never `rooms`.
        group.callback()(_group)
        group.command("import", help=f"从 CSV 或 Excel 导入{chinese}")(command)
        if name == "rooms":
            group.command("list")(rooms.show)
        if name == "labels":
            group.command("export")(label.export_labels)
        if name == "orders":
            group.command("explain")(attribute.explain)
        app.add_typer(group, name=name)
    words.app.command("import", help="从 CSV 或 Excel 导入自己的词")(import_words)
    app.add_typer(words.app, name="words")
    told = "从 CSV 或 Excel 导入别处抽的分组"
    experiment.app.command("import", help=told)(import_experiments)
    app.add_typer(experiment.app, name="experiment")


def import_rooms(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import rooms; where a zone changed, what is counted by local day is derived again."""
    rezoned: set[int] = set()

    def record(session: Session, rows: Sequence[room_files.RoomRow]) -> Imported:
        done, moved = room_files.record(session, rows)
        rezoned.update(moved)
        return done

    reading = room_files.read_rows(edge.file(file), _zone(zone))
    _import(reading, record, accept_good, as_json, stale=lambda _: bool(rezoned))


def import_memberships(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import memberships; what they tell of identities reaches the orders at once."""
    secret, now = edge.secret(), edge.now()

    def record(session: Session, rows: Sequence[membership_files.MembershipRow]) -> Imported:
        done = membership_files.record(session, rows, secret, now)
        people.resolve(session)
        return done

    reading = membership_files.read_rows(edge.file(file), _zone(zone))
    _import(reading, record, accept_good, as_json)


def import_products(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import products; where their names may have changed, mentions are derived again."""
    reading = catalogue.read_products(edge.file(file), _zone(zone))
    _import(reading, catalogue.record_products, accept_good, as_json, stale=_news)


def import_campaigns(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import campaigns; a tracked link names a product, so mentions are derived again."""
    reading = catalogue.read_campaigns(edge.file(file), _zone(zone))
    _import(reading, catalogue.record_campaigns, accept_good, as_json, stale=_news)


def import_faq(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import curated answers."""
    _import(faq.read_rows(edge.file(file), _zone(zone)), faq.record, accept_good, as_json)


def import_words(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import operators' own words; what they may change is derived again."""
    by, now = edge.by(""), edge.now()

    def record(session: Session, rows: Sequence[own_words.WordRow]) -> Imported:
        return own_words.record(session, rows, by, now)

    _import(
        own_words.read_rows(edge.file(file), _zone(zone)), record, accept_good, as_json, stale=_news
    )


def import_labels(
    file: File, accept_good: AcceptGood = False, as_json: Json = False, zone: Zone = ""
) -> None:
    """Import what people say that messages are."""
    by, now = edge.by(""), edge.now()

    def record(session: Session, rows: Sequence[label_files.LabelRow]) -> Imported:
        return label_files.record(session, rows, by, now)

    _import(label_files.read_rows(edge.file(file), _zone(zone)), record, accept_good, as_json)


def import_experiments(
    file: File,
    accept_good: AcceptGood = False,
    as_json: Json = False,
    series: Annotated[str | None, typer.Option(metavar="SERIES", help="改动的是哪个栏目")] = None,
    share: Annotated[float | None, typer.Option(help="计划停发(或抽到话题)的份额")] = None,
) -> None:
    """Import experiments that were drawn elsewhere."""
    by, now, zone = edge.by(""), edge.now(), edge.settings().timezone

    def record(session: Session, rows: Sequence[trial_files.CellRow]) -> Imported:
        return trial_files.record(session, rows, series, share, zone, by, now)

    _import(trial_files.read_rows(edge.file(file), _zone("")), record, accept_good, as_json)


def import_orders(
    file: File,
    accept_good: AcceptGood = False,
    as_json: Json = False,
    zone: Zone = "",
    source: Source = "file",
) -> None:
    """Import orders."""
    secret, now = edge.secret(), edge.now()

    def record(session: Session, rows: Sequence[intake.OrderRow]) -> Imported:
        return intake.record(session, rows, source, secret, now)

    _import(intake.read_rows(edge.file(file), _zone(zone)), record, accept_good, as_json)


def _import(
    reading: Reading[T],
    record: Callable[[Session, Sequence[T]], Imported],
    accept_good: bool,
    as_json: bool,
    *,
    stale: Callable[[Imported], bool] = lambda _: False,
) -> None:
    """Record the good rows; unless told to accept them, nothing where any row is wrong.

    `stale` says whether what is derived from messages must be derived again.
    """
    with _opened() as engine:
        with database.transaction(engine) as session:
            done = record(session, reading.rows)
            faults = sorted((*reading.faults, *done.faults), key=lambda fault: fault.line)
            if faults and not accept_good:
                if as_json:
                    _print(Imported(faults=tuple(faults)))
                # Raised inside the transaction, so that nothing of the file is kept.
                raise InvalidInput(*faults)
        if stale(done):
            _derive_again(engine)
    _finish(replace(done, faults=tuple(faults)), as_json=as_json)


def _news(done: Imported) -> bool:
    return done.created + done.changed > 0


@contextmanager
def _opened() -> Iterator[Engine]:
    engine = edge.engine()
    try:
        yield engine
    finally:
        engine.dispose()


def _derive_again(engine: Engine) -> None:
    """What is derived from messages depends on rooms' zones and products' names."""
    rederiving.from_log(engine, edge.rules(engine))


def _group() -> None:
    """A group of commands."""


def _finish(done: Imported, *, as_json: bool) -> None:
    """Say what was done; exit 1 where some rows were left out."""
    if as_json:
        _print(done)
    else:
        typer.echo(f"新增 {done.created},更新 {done.changed},未变 {done.unchanged}")
    if done.faults:
        for fault in done.faults:
            typer.echo(str(fault), err=True)
        raise typer.Exit(1)


def _print(done: Imported) -> None:
    typer.echo(json.dumps(asdict(done), ensure_ascii=False))


def _zone(name: str) -> ZoneInfo:
    default = edge.settings().zone
    if not name:
        return default
    try:
        return ZoneInfo(cells.zone_name(name, default))
    except ValueError as error:
        problem, remedy = error.args
        raise InvalidInput(Fault("--zone", 0, "", str(problem), str(remedy))) from error
