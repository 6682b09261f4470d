"""`qunyun export`: what the log holds, and the lists behind the figures of a digest."""

import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from bot import counting, csv_files, database, exports, message_log
from bot.commands import edge
from bot.digest import lists
from bot.errors import Fault, InvalidInput
from bot.insights import attributing, engagement, listing, takings
from bot.orders import lines as order_lines


class Subject(StrEnum):
    """What can be exported."""

    ENGAGEMENT = "engagement"
    MESSAGES = "messages"
    DELIVERIES = "deliveries"
    ORDERS = "orders"
    ATTRIBUTION = "attribution"
    TALK = "talk"
    STAYS = "stays"
    TAKINGS = "takings"
    SEATS = "seats"
    DAYS = "days"
    WEEKS = "weeks"


class Format(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSONL = "jsonl"


Rows = Iterable[Sequence[object]]
WEEK = dt.timedelta(weeks=1)
# What is listed by the days of a digest: its columns and its rows.
LISTS = {
    Subject.SEATS: (lists.SEATS, lists.seats),
    Subject.DAYS: (lists.DAYS, lists.days),
    Subject.WEEKS: (lists.WEEKS, lists.weeks),
}
EVER = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 1, 1, tzinfo=dt.UTC))


def export(
    subject: Subject,
    since: Annotated[str | None, typer.Option(metavar="DAY")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="不含当天")] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(metavar="FILE")] = None,
) -> None:
    """导出日志里记下的和由它算出的。 Export what the log holds or gave."""
    days = _day("--since", since), _day("--until", until)
    zone = edge.settings().zone
    with database.reading(edge.engine()) as session, _opened(out) as target:
        if subject is Subject.MESSAGES and form is Format.JSONL:
            _write_lines(target, _messages(session, days, zone))
            return
        columns, rows = _rows(session, subject, days, zone)
        if form is Format.CSV:
            csv_files.write(target, columns, ([_cell(value) for value in row] for row in rows))
            return
        named = (dict(zip(columns, map(_cell, row), strict=True)) for row in rows)
        _write_lines(target, (json.dumps(row, ensure_ascii=False) for row in named))


Days = tuple[dt.date | None, dt.date | None]


def _rows(
    session: Session, subject: Subject, days: Days, zone: ZoneInfo
) -> tuple[Sequence[str], Rows]:
    since, until = _instants(days, zone)
    match subject:
        case Subject.ENGAGEMENT:
            return exports.ENGAGEMENT, exports.engagement(session, *days)
        case Subject.DELIVERIES:
            return exports.DELIVERIES, exports.deliveries(session, since, until)
        case Subject.ORDERS:
            return order_lines.EXPORT, order_lines.order_rows(
                session, since, until, edge.now(), zone
            )
        case Subject.ATTRIBUTION:
            return attributing.EXPORT, attributing.attribution_rows(session, since, until, zone)
        case Subject.MESSAGES:
            told = map(json.loads, _messages(session, days, zone))
            return message_log.COLUMNS, map(_flat, told)
        case _:
            return _behind_digests(session, subject, days, zone)


def _behind_digests(
    session: Session, subject: Subject, days: Days, zone: ZoneInfo
) -> tuple[Sequence[str], Rows]:
    rooms = engagement.rooms(session, zone)
    if subject is Subject.TALK:
        return listing.TALK, listing.talk(session, rooms, *days)
    if subject is Subject.TAKINGS:
        return takings.TAKINGS, takings.rows(session, rooms, *days, zone)
    if subject in LISTS:
        columns, of_days = LISTS[subject]
        return columns, of_days(session, rooms, _span(days, zone))
    return listing.STAYS, listing.stays(session, rooms, *days)


def _span(days: Days, zone: ZoneInfo) -> engagement.Days:
    """The days asked for; without them the last week's, to yesterday."""
    since, until = days
    end = until or edge.now().astimezone(zone).date()
    return engagement.Days(since or end - WEEK, end)


def _instants(days: Days, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    since, until = (counting.local_day(day, zone)[0] if day else None for day in days)
    return since or EVER[0], until or EVER[1]


def _messages(session: Session, days: Days, zone: ZoneInfo) -> Iterator[str]:
    return message_log.lines(session, *_instants(days, zone))


def _flat(told: dict[str, object]) -> list[object]:
    mentions = told.get("mentions")
    joined = "|".join(mentions) if isinstance(mentions, list) else ""
    return [joined if name == "mentions" else told.get(name) for name in message_log.COLUMNS]


def _cell(value: object) -> str | int | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (int, str)):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _day(option: str, text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        fault = Fault(option, 0, "", f"{text} 不是日期", "写成 2026-11-09 这样")
        raise InvalidInput(fault) from error


@contextmanager
def _opened(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with out.open("wb") as target:
        yield target


def _write_lines(target: BinaryIO, lines: Iterable[str]) -> None:
    for line in lines:
        target.write(line.encode() + b"\n")
