"""Operators' own words (自己的词): words, stop words, words that are none; and other names
of products. From the command line or CSV, one row a word.

A word has one of the kinds `word` and `deleted`; it may be a stop word beside. Safe to repeat: what
stands stays, and the audit gets a row only where something changed, with the version of the
dictionary that came of it (`terms.version`).
"""

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, tuple_
from sqlmodel import Session

from bot import database, terms
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault, InvalidInput
from bot.models import Audit, OwnWord, Product, ProductAlias, WordKind

LONGEST = 32
OPPOSITE = {WordKind.WORD: WordKind.DELETED, WordKind.DELETED: WordKind.WORD}
KINDS = {
    "word": WordKind.WORD, "词": WordKind.WORD, "stop": WordKind.STOP, "停用词": WordKind.STOP,
    "deleted": WordKind.DELETED, "不是词": WordKind.DELETED,
}  # fmt: skip

OWN, ALIAS, PRODUCT = database.tables(OwnWord, ProductAlias, Product)
# A word with its kind.
Named = tuple[str, WordKind]


def _word(cell: str, _zone: ZoneInfo) -> str:
    return checked(cell)


def _kind(cell: str, _zone: ZoneInfo) -> WordKind:
    kind = KINDS.get(cell.casefold())
    if kind is None:
        raise ValueError(f"“{cell}”不是一种词", "写 word(词)、stop(停用词)或 deleted(不是词)")
    return kind


WORD = Column("word", _word, ("词",), required=True, filled=True)
KIND = Column("kind", _kind, ("种类",))


@dataclass(frozen=True, slots=True)
class WordRow:
    """What a file says of one word."""

    word: str
    kind: WordKind
    place: Place = NOWHERE


def checked(word: str) -> str:
    """A word as it may be given. Raises ValueError with the problem and the remedy."""
    told = word.strip()
    if len(told) > LONGEST:
        raise ValueError(f"“{told[:LONGEST]}…”太长", f"一个词最多 {LONGEST} 个字")
    if re.search(r"\s", told) or not any(each.isalnum() for each in told):
        raise ValueError(f"“{told}”不是一个词", "写一个词,中间没有空格,不全是标点")
    return told


def told(words: Sequence[str], where: str) -> list[str]:
    """Words as they may be given, `where` somebody wrote them. Raises InvalidInput."""
    try:
        return [checked(word) for word in words]
    except ValueError as error:
        problem, remedy = error.args
        raise InvalidInput(Fault(where, 0, "", problem, remedy)) from error


def read_rows(path: Path, zone: ZoneInfo) -> Reading[WordRow]:
    """Words of a file."""
    return read(path, (WORD, KIND), zone, _row)


def record(session: Session, rows: Sequence[WordRow], by: str, now: dt.datetime) -> Imported:
    """Add the words of a file; of two rows that take each other back the later stands."""
    told: dict[Named, None] = {}
    for row in rows:
        told.pop((row.word, OPPOSITE.get(row.kind, row.kind)), None)
        told[row.word, row.kind] = None
    new = add(session, list(told), by, now)
    return Imported(new, 0, len(told) - new, ())


def add(session: Session, named: Collection[Named], by: str, now: dt.datetime) -> int:
    """Add words, which end to be the opposite; returns how many were new."""
    before = terms.version(terms.load(session))
    opposite = [(word, OPPOSITE[kind]) for word, kind in named if kind in OPPOSITE]
    _delete(session, opposite)
    rows = [{"word": word, "kind": kind, "by": by, "at": now} for word, kind in sorted(named)]
    new = database.insert_rows(session, OwnWord, rows, skip_existing=True)
    if new:
        _note(session, "dictionary.add", before, _spelled(named), by, now)
    return new


def remove(session: Session, named: Collection[Named], by: str, now: dt.datetime) -> int:
    """Take words back; returns how many there were."""
    before = terms.version(terms.load(session))
    gone = _delete(session, named)
    if gone:
        _note(session, "dictionary.remove", before, _spelled(named), by, now)
    return gone


def add_alias(
    session: Session, sku: str, aliases: Collection[str], by: str, now: dt.datetime
) -> int:
    """Let a product have other names, too; returns how many were new. Raises InvalidInput."""
    before, id = terms.version(terms.load(session)), product(session, sku)
    rows = [{"alias": alias, "product_id": id} for alias in sorted(aliases)]
    new = database.insert_rows(session, ProductAlias, rows, skip_existing=True)
    if new:
        _note(session, "dictionary.add", before, [f"{sku}:{each}" for each in aliases], by, now)
    return new


def remove_alias(
    session: Session, sku: str, aliases: Collection[str], by: str, now: dt.datetime
) -> int:
    """Take a product's other names back; returns how many there were. Raises InvalidInput."""
    before, id = terms.version(terms.load(session)), product(session, sku)
    mine = (ALIAS.c.product_id == id) & ALIAS.c.alias.in_(aliases)
    gone = session.connection().execute(delete(ALIAS).where(mine)).rowcount
    if gone:
        _note(session, "dictionary.remove", before, [f"{sku}:{each}" for each in aliases], by, now)
    return gone


def product(session: Session, sku: str) -> int:
    """The id of a product. Raises InvalidInput."""
    found = session.connection().scalar(select(PRODUCT.c.id).where(PRODUCT.c.sku == sku))
    if found is None:
        raise InvalidInput(Fault("SKU", 0, "", f"没有商品 {sku}", "先导入商品"))
    return int(found)


def aliases(session: Session) -> list[tuple[str, str]]:
    """(sku, alias) of every product, in order."""
    rows = session.connection().execute(
        select(PRODUCT.c.sku, ALIAS.c.alias).join(ALIAS, ALIAS.c.product_id == PRODUCT.c.id)
    )
    return sorted((sku, alias) for sku, alias in rows)


def _spelled(named: Collection[Named]) -> list[str]:
    return [f"{kind.value}:{word}" for word, kind in named]


def _delete(session: Session, named: Collection[Named]) -> int:
    if not named:
        return 0
    found = tuple_(OWN.c.word, OWN.c.kind).in_(list(named))
    return session.connection().execute(delete(OWN).where(found)).rowcount


def _note(
    session: Session, action: str, before: str, words: Sequence[str], by: str, now: dt.datetime
) -> None:
    after = {"words": sorted(words), "dictionary": terms.version(terms.load(session))}
    was = {"dictionary": before}
    session.add(Audit(at=now, by=by, action=action, object="dictionary", before=was, after=after))
    session.flush()


def _row(row: Row) -> WordRow:
    return WordRow(row[WORD], row.get(KIND) or WordKind.WORD, row.place)
