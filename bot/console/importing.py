"""Files of operators taken in: the same functions as `qunyun … import`, tried first, then done.

A check does the whole import in a transaction that is not kept, so what it says is what will be.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from bot import database, deriving, faq, membership_files, own_words, rederiving, room_files, secret
from bot.console.page import Console
from bot.console.uploads import Upload
from bot.csv_files import Imported, Reading
from bot.errors import Fault, InvalidInput
from bot.orders import catalogue, intake, people
from content_calendar import contact, day_files, holidays, interchange, words

CALENDAR, DAYS, WORDS, OWN_WORDS = "calendar", "days", "words", "own_words"
# What can be taken in: (title, columns of the first line, the endings of its files).
KINDS = {
    CALENDAR: ("内容日历", "YAML 或 Excel，和导出的格式一样", ".yaml,.yml,.xlsx"),
    "rooms": ("群", "群、群名、垂类、标签、时区、账号、负责人、允许@所有人", ".csv,.xlsx"),
    "memberships": ("群成员", "群、成员、手机、入群时间、退群时间", ".csv,.xlsx"),
    "products": ("商品", "商品编码、商品名、别名、类目、价格", ".csv,.xlsx"),
    "campaigns": ("促销活动", "活动、优惠码、链接、开始时间、结束时间", ".csv,.xlsx"),
    "faq": ("常见问题", "问题、答案、垂类、问法", ".csv,.xlsx"),
    "orders": (
        "订单",
        "订单号、行号、商品编码、数量、实付金额、支付时间、买家ID、买家手机、unionid、优惠码、渠道",
        ".csv,.xlsx",
    ),
    DAYS: ("特殊日子", "日期、这一天（放假、上班、停发）、备注", ".csv,.xlsx"),
    WORDS: ("违禁词", "一行一个词", ".txt,.csv"),
    OWN_WORDS: ("自己的词", "词、种类（词、停用词、不是词）", ".csv,.xlsx"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did or would do. `changes` are the series of a calendar file."""

    done: Imported
    changes: tuple[interchange.Change, ...] = ()
    warnings: tuple[Fault, ...] = ()
    stale: bool = False


class _NotKept(Exception):
    """Ends a trial: everything is rolled back."""


def check(console: Console, upload: Upload, by: str) -> Outcome:
    """What taking the file in would do; nothing is kept. Raises InvalidInput for a wrong file."""
    outcome = Outcome(Imported())
    with contextlib.suppress(_NotKept), database.transaction(console.engine) as session:
        outcome = _take_in(session, console, upload, by)
        raise _NotKept
    return outcome


def take_in(console: Console, upload: Upload, by: str) -> Outcome:
    """Take the file in. Raises InvalidInput, and keeps nothing, where any line is wrong."""
    with database.transaction(console.engine) as session:
        outcome = _take_in(session, console, upload, by)
        if outcome.done.faults:
            raise InvalidInput(*outcome.done.faults)
    return outcome


def derive_again(console: Console) -> None:
    """What is derived from messages depends on rooms' zones and products' names."""
    with database.reading(console.engine) as session:
        rules = deriving.load_rules(session, console.settings.zone)
    rederiving.from_log(console.engine, rules)


def _take_in(session: Session, console: Console, upload: Upload, by: str) -> Outcome:
    if upload.kind == CALENDAR:
        return _calendar(session, console, upload, by)
    if upload.kind == WORDS:
        wanted = words.read(upload.path)
        added = words.add(session, wanted)
        return Outcome(Imported(created=added, unchanged=len(wanted) - added))
    if upload.kind == OWN_WORDS:
        own = own_words.read_rows(upload.path, console.settings.zone)
        done = own_words.record(session, own.rows, by, console.clock())
        return Outcome(_with(own, done), stale=done.created > 0)
    if upload.kind == DAYS:
        rows = day_files.read_rows(upload.path, console.settings.zone)
        rules = contact.rules(console.settings)
        said = day_files.record(session, rows.rows, by, console.clock(), rules)
        return Outcome(_with(rows, said))
    return _CSV[upload.kind](session, console, upload)


def _calendar(session: Session, console: Console, upload: Upload, by: str) -> Outcome:
    zone, days = console.settings.timezone, holidays.load(session)
    read = interchange.read(upload.path.read_bytes(), upload.path.name, zone, days)
    changes = tuple(interchange.take_in(session, read.series, by, console.clock()))
    counts = [each.difference for each in changes]
    done = Imported(
        counts.count(interchange.Difference.NEW),
        counts.count(interchange.Difference.CHANGED),
        counts.count(interchange.Difference.SAME),
    )
    return Outcome(done, changes, read.warnings)


def _rooms(session: Session, console: Console, upload: Upload) -> Outcome:
    reading = room_files.read_rows(upload.path, console.settings.zone)
    done, moved = room_files.record(session, reading.rows)
    return Outcome(_with(reading, done), stale=bool(moved))


def _memberships(session: Session, console: Console, upload: Upload) -> Outcome:
    reading = membership_files.read_rows(upload.path, console.settings.zone)
    done = membership_files.record(
        session, reading.rows, secret.of(console.settings.home), console.clock()
    )
    people.resolve(session)
    return Outcome(_with(reading, done))


def _orders(session: Session, console: Console, upload: Upload) -> Outcome:
    reading = intake.read_rows(upload.path, console.settings.zone)
    now = console.clock()
    done = intake.record(
        session, reading.rows, upload.source, secret.of(console.settings.home), now
    )
    return Outcome(_with(reading, done))


def _plain(
    read: Callable[..., Reading[Any]],
    record: Callable[[Session, Sequence[Any]], Imported],
    *,
    names: bool = False,
) -> Callable[[Session, Console, Upload], Outcome]:
    """An import without a secret; with `names`, what was told apart by names is derived again."""

    def run(session: Session, console: Console, upload: Upload) -> Outcome:
        reading = read(upload.path, console.settings.zone)
        done = record(session, reading.rows)
        return Outcome(_with(reading, done), stale=names and done.created + done.changed > 0)

    return run


_CSV: dict[str, Callable[[Session, Console, Upload], Outcome]] = {
    "rooms": _rooms,
    "memberships": _memberships,
    "products": _plain(catalogue.read_products, catalogue.record_products, names=True),
    "campaigns": _plain(catalogue.read_campaigns, catalogue.record_campaigns, names=True),
    "faq": _plain(faq.read_rows, faq.record),
    "orders": _orders,
}


def _with(reading: Reading[Any], done: Imported) -> Imported:
    faults = sorted((*reading.faults, *done.faults), key=lambda fault: fault.line)
    return replace(done, faults=tuple(faults))
