"""Message logs: JSON Lines in and out, through the same `ingest` as live messages."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, RowMapping, select
from sqlmodel import Session

from bot import collecting, database, ingest
from bot.deriving import Rules
from bot.errors import Fault, InvalidInput
from bot.gateway import Said
from bot.memory import Memory
from bot.models import Account, Contact, Message, MessageIdentity, Room

BATCH = 5_000
FIRST_YEAR, LAST_YEAR = 1970, 2999
COLUMNS = (
    "id", "room", "topic", "sender", "name", "at", "type", "text", "mentions", "quote", "self",
    "recalls", "account",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """What a replay did. `rejected` names physical lines; conflicts are among the duplicates."""

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: list[Fault] = field(default_factory=list)


def replay(
    engine: Engine, path: Path, rules: Rules, progress: Callable[[int], None] = lambda _: None
) -> Report:
    """Take a message log through `ingest`, a transaction per batch. Never reacts; safe to repeat.

    Good lines are kept, refused ones reported. `progress` is told how many lines are done.
    """
    report, memory = Report(), Memory()
    with path.open("rb") as lines, collecting.seldom():
        parsed = _parsed(path, lines, report)
        while batch := list(islice(parsed, BATCH)):
            with database.transaction(engine) as session:
                outcome = ingest.record(session, batch, rules, memory)
            report.accepted += outcome.accepted
            report.duplicates += outcome.duplicates
            report.conflicts += outcome.conflicts
            progress(report.lines)
    return report


def _parsed(path: Path, lines: Iterable[bytes], report: Report) -> Iterator[Said]:
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            continue
        report.lines += 1
        try:
            yield parse(text)
        except InvalidInput as error:
            report.rejected += [
                Fault(str(path), number, fault.column, fault.problem, fault.remedy)
                for fault in error.faults
            ]


def parse(line: bytes) -> Said:
    """One line of a message log. Raises InvalidInput naming the field."""
    try:
        told = _loaded(line)
    except (ValueError, RecursionError) as error:
        raise _wrong("", "不是 JSON", "每行一个 JSON 对象,UTF-8 编码") from error
    if not isinstance(told, dict):
        raise _wrong("", "不是 JSON 对象", "每行一个 JSON 对象")
    kind = _text(told, "type", required=True)
    if kind == "recall" and not told.get("recalls"):
        raise _wrong("recalls", "没有写", "撤回要写明撤回了哪条消息")
    if "text" not in told:
        raise _wrong("text", "没有写", "没有文字的类型写 null")
    return Said(
        id=_text(told, "id", required=True),
        room=_text(told, "room", required=True),
        sender=_text(told, "sender", required=True),
        at=_moment(told),
        type=kind,
        text=_text(told, "text") if told["text"] is not None else None,
        topic=_text(told, "topic") or None,
        name=_text(told, "name") or None,
        mentions=_mentions(told),
        quote=_text(told, "quote") or None,
        recalls=(_text(told, "recalls") or None) if kind == "recall" else None,
        own=_flag(told, "self"),
        account=_text(told, "account") or None,
    )


def _loaded(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # Python's own reader also takes lone surrogates, NaN and UTF-16.
        return json.loads(line)


def _text(told: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = told.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise _wrong(name, "没有写" if value in (None, "") else "不是字符串", "写成字符串")
    return value


def _flag(told: Mapping[str, Any], name: str) -> bool:
    value = told.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _wrong(name, "不是 true 或 false", "写 true 或 false")


def _mentions(told: Mapping[str, Any]) -> tuple[str, ...]:
    value = told.get("mentions")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _wrong("mentions", "不是字符串列表", "写成发送者 id 的列表")
    return tuple(value)


def _moment(told: Mapping[str, Any]) -> dt.datetime:
    """The line's `at` in UTC; fractions of a second are cut, never rounded."""
    remedy = "写成带时差的 ISO 8601,例如 2026-11-09T08:01:02+08:00"
    text = _text(told, "at", required=True)
    try:
        at = dt.datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise _wrong("at", "没有时差", remedy)
        at = at.astimezone(dt.UTC)
        if at.microsecond:
            # Rarely, and making another one takes longer than all the rest.
            at = at.replace(microsecond=0)
        if not FIRST_YEAR <= at.year <= LAST_YEAR:
            raise _wrong("at", f"年份不在 {FIRST_YEAR}–{LAST_YEAR} 之间", remedy)
    except (ValueError, OverflowError) as error:
        raise _wrong("at", "不是时间", remedy) from error
    return at


def _wrong(column: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("", 0, column, problem, remedy))


def lines(session: Session, since: dt.datetime, until: dt.datetime) -> Iterator[str]:
    """What was said in `[since, until)` as message-log lines (without newline), by room, then
    order of arrival.
    """
    message, identity, room, contact, account = database.tables(
        Message, MessageIdentity, Room, Contact, Account
    )
    query = (
        select(
            message,
            identity.c.platform_id,
            room.c.platform_id.label("room"),
            contact.c.platform_id.label("sender"),
            account.c.name.label("account"),
        )
        .join(identity, identity.c.id == message.c.id)
        .join(room, room.c.id == message.c.room_id)
        .join(contact, contact.c.id == message.c.contact_id)
        .outerjoin(account, account.c.id == message.c.account_id)
        .where(
            message.c.day.between(since.date(), until.date()),
            message.c.at >= since,
            message.c.at < until,
        )
        .order_by(database.code_points(room.c.platform_id, session), message.c.id)
    )
    rows = session.connection().execution_options(yield_per=2_000).execute(query)
    return (_line(row) for row in rows.mappings())


def _line(row: RowMapping) -> str:
    told: dict[str, object] = {
        "id": row["platform_id"],
        "room": row["room"],
        "topic": row["topic"],
        "sender": row["sender"],
        "name": row["name"],
        "at": row["at"].isoformat(),
        "type": row["type"],
        "text": row["text"],
        "mentions": row["mentions"] or [],
        "quote": row["quote"],
        "self": row["own"],
    }
    for optional in ("recalls", "account"):
        if row[optional] is not None:
            told[optional] = row[optional]
    line = json.dumps(told, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(told)
    return line
