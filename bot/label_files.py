"""Marks from CSV and to CSV: which products a message names, and what else a person says it is.

A message may take several rows, one a product; one row with an empty SKU says that it names
none. The same file twice changes nothing. What a file holds was picked by somebody and is no
random sample, so no rate is taken from it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from bot import cells, database, labelling
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault
from bot.models import DrawnMessage, Mark, MessageIdentity, Room
from bot.models.columns import LogText
from bot.orders import catalogue

NAMES = {
    "提问": "question",
    "回答": "answer",
    "问价": "price_question",
    "想买": "purchase_intent",
    "投诉": "complaint",
    "好评": "praise",
    "分享": "share",
    "问候": "greeting",
    "广告": "advertisement",
    "订单号": "order_number",
    "打卡": "check_in",
    "附和": "plus_one",
}
# An empty cell says nothing of kinds, and "no product" of products: so these words.
NONE = "-"
NOT_ASKED = "?"
HEADER = (
    "room", "message", "sku", "kinds", "drawn", "stratum", "probability", "by", "at",
)  # fmt: skip


def _kinds(cell: str, zone: ZoneInfo) -> tuple[str, ...]:
    if cell == NONE:
        return ()
    known = {kind.value for kind in labelling.KINDS}
    found = [NAMES.get(name, name) for name in cells.names(cell, zone)]
    for name in found:
        if name not in known:
            raise ValueError(f"不认识“{name}”", f"写 {'、'.join(NAMES)},几种用 | 分开,都不是写 -")
    return tuple(found)


MESSAGE = Column("message", cells.identifier, ("消息",), required=True, filled=True)
SKU = Column("sku", cells.identifier, ("商品编码",), required=True)
ROOM = Column("room", cells.identifier, ("群",))
KINDS = Column("kinds", _kinds, ("信号",))


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a file says of one message; None says nothing."""

    message: str
    sku: str | None
    room: str | None = None
    kinds: tuple[str, ...] | None = None
    place: Place = NOWHERE


def read_rows(path: Path, zone: ZoneInfo) -> Reading[LabelRow]:
    """Labels of a file."""
    return read(path, (MESSAGE, SKU, ROOM, KINDS), zone, _label)


def record(session: Session, rows: Sequence[LabelRow], by: str, now: dt.datetime) -> Imported:
    """Make or change marks. A message that is not in the log, or is in several rooms and the row
    names none, and an unknown SKU are faults.
    """
    products, messages = catalogue.product_ids(session), _messages(session, rows)
    faults: list[Fault] = []
    told: dict[_Message, list[LabelRow]] = defaultdict(list)
    for row in rows:
        found = [one for one in messages[row.message] if row.room in (None, one.room)]
        fault = _fault(row, len(found), products)
        if fault is None and (earlier := told.get(found[0])) and not _goes_with(row, earlier[0]):
            fault = row.place.fault(
                "sku", f"消息“{row.message}”又有商品又没有", "写商品,或只留一行空的"
            )
        if fault is None:
            told[found[0]].append(row)
        else:
            faults.append(fault)
    standing = _standing(session)
    after = {
        one: _merged(said, products, standing.get(one.id, _Content(None, None)))
        for one, said in told.items()
    }
    created = {one for one in after if one.id not in standing}
    changed = {one for one in after.keys() - created if after[one] != standing[one.id]}
    _write(session, {one: after[one] for one in after if one in created | changed}, by, now)
    unchanged = len(after) - len(created) - len(changed)
    return Imported(len(created), len(changed), unchanged, tuple(faults))


def export(session: Session) -> Iterator[tuple[str | int | None, ...]]:
    """Every mark, cells as HEADER names them, in key order; `record` reads them back."""
    mark, identity, room = database.tables(Mark, MessageIdentity, Room)
    drawn = database.table(DrawnMessage)
    skus = {id: sku for sku, id in catalogue.product_ids(session).items()}
    rows = session.connection().execute(
        select(
            room.c.platform_id.label("room"),
            identity.c.platform_id.label("message"),
            mark,
            drawn.c.stratum,
            drawn.c.probability,
        )
        .join(identity, identity.c.id == mark.c.message_id)
        .join(room, room.c.id == mark.c.room_id)
        .outerjoin(drawn, drawn.c.message_id == mark.c.message_id)
        .order_by(
            database.code_points(room.c.platform_id, session),
            database.code_points(identity.c.platform_id, session),
        )
    )
    for row in rows:
        kinds = None if row.kinds is None else "|".join(row.kinds) or NONE
        probability = None if row.probability is None else f"{row.probability:.9g}"
        rest = (int(row.drawn), row.stratum, probability, row.by, row.at.isoformat())
        named = [NOT_ASKED] if row.products is None else [skus[id] for id in row.products]
        for sku in named or [""]:
            yield (row.room, row.message, sku, kinds, *rest)


class _Message(NamedTuple):
    room: str
    id: int
    day: dt.date
    room_id: int


class _Content(NamedTuple):
    kinds: list[str] | None
    products: list[int] | None


def _label(row: Row) -> LabelRow:
    return LabelRow(row[MESSAGE], row.get(SKU), row.get(ROOM), row.get(KINDS), row.place)


def _goes_with(row: LabelRow, earlier: LabelRow) -> bool:
    """Whether two rows of one message agree: several products, or the same once more."""
    named = row.sku not in (None, NOT_ASKED)
    return row.sku == earlier.sku or (named and earlier.sku not in (None, NOT_ASKED))


def _fault(row: LabelRow, found: int, products: Mapping[str, int]) -> Fault | None:
    if not found:
        return row.place.fault("message", f"没有消息“{row.message}”", "核对消息编号和群")
    if found > 1:
        problem = f"几个群里都有消息“{row.message}”"
        return row.place.fault("message", problem, "加一列 room(群),写是哪个群的")
    if row.sku not in (None, NOT_ASKED) and row.sku not in products:
        return catalogue.unknown_sku(row.place, row.sku or "")
    return None


def _merged(said: Sequence[LabelRow], products: Mapping[str, int], before: _Content) -> _Content:
    kinds = [sorted(row.kinds) for row in said if row.kinds is not None]
    if said[0].sku == NOT_ASKED:
        named = before.products
    else:
        named = sorted({products[row.sku] for row in said if row.sku})
    return _Content(kinds[-1] if kinds else before.kinds, named)


def _messages(session: Session, rows: Sequence[LabelRow]) -> Mapping[str, list[_Message]]:
    """The messages of each id that the rows name."""
    identity, room = database.tables(MessageIdentity, Room)
    found: dict[str, list[_Message]] = defaultdict(list)
    ids = sorted({row.message for row in rows})
    given = database.given(session, {"message": LogText()}, [(each,) for each in ids])
    query = (
        select(
            identity.c.platform_id,
            room.c.platform_id.label("room"),
            identity.c.id,
            identity.c.day,
            identity.c.room_id,
        )
        .join(given, given.c.message == identity.c.platform_id)
        .join(room, room.c.id == identity.c.room_id)
    )
    for name, *rest in session.connection().execute(query):
        found[name].append(_Message(*rest))
    return found


def _standing(session: Session) -> dict[int, _Content]:
    mark = database.table(Mark)
    rows = session.connection().execute(select(mark.c.message_id, mark.c.kinds, mark.c.products))
    return {row.message_id: _Content(row.kinds, row.products) for row in rows}


def _write(session: Session, marks: Mapping[_Message, _Content], by: str, now: dt.datetime) -> None:
    """Marks as they are now; one of a draw stays one."""
    rows = [
        {
            "message_id": one.id,
            "day": one.day,
            "room_id": one.room_id,
            "kinds": content.kinds,
            "products": content.products,
            "drawn": False,
            "by": by,
            "at": now,
        }
        for one, content in marks.items()
    ]
    database.insert_rows(session, Mark, rows, replace=("kinds", "products", "by", "at"))
