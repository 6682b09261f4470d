"""Curated answers: from CSV, one row a question of a vertical, and ready to be asked.

(vertical, question) names an entry, so the same file twice changes nothing; an empty cell leaves
alone what stands. An empty vertical stands for every one.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from bot import cells, database
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault
from bot.models import Faq
from bot.text import retrieval
from bot.text.retrieval import Curated, Entry
from bot.text.segment import Segmenter

VERTICAL = Column("vertical", cells.text, ("垂类",))
QUESTION = Column("question", cells.text, ("问题",), required=True, filled=True)
ANSWER = Column("answer", cells.text, ("答案",), required=True)
ALTERNATIVES = Column("alternatives", cells.names, ("问法",))


@dataclass(frozen=True, slots=True)
class FaqRow:
    """What a file says of one question; None says nothing."""

    question: str
    answer: str | None
    vertical: str = ""
    alternatives: tuple[str, ...] | None = None
    place: Place = NOWHERE


def read_rows(path: Path, zone: ZoneInfo) -> Reading[FaqRow]:
    """Questions of a file."""
    return read(path, (VERTICAL, QUESTION, ANSWER, ALTERNATIVES), zone, _faq)


def record(session: Session, rows: Sequence[FaqRow]) -> Imported:
    """Make or change entries. A new question without an answer is a fault."""
    faq = database.table(Faq)
    standing: dict[tuple[str, str], tuple[str, list[str]]] = {
        (row.vertical, row.question): (row.answer, row.alternatives)
        for row in session.connection().execute(select(faq))
    }
    after = dict(standing)
    faults: list[Fault] = []
    for row in rows:
        key = row.vertical, row.question
        answer, alternatives = after.get(key, ("", []))
        if not (row.answer or answer):
            faults.append(row.place.fault("answer", "新问题没有答案", "在“答案”一列写上答复"))
            continue
        after[key] = (row.answer or answer, list(row.alternatives or alternatives))
    named = {(row.vertical, row.question) for row in rows} & after.keys()
    created = named - standing.keys()
    changed = {key for key in named & standing.keys() if after[key] != standing[key]}
    _insert(session, {key: after[key] for key in created})
    _update(session, {key: after[key] for key in changed})
    return Imported(len(created), len(changed), len(named - created - changed), tuple(faults))


def curated(session: Session, segmenter: Segmenter) -> Curated:
    """The answers as they stand, ready to be asked; made anew only where they have changed."""
    faq = database.table(Faq)
    rows = session.connection().execute(select(faq).order_by(faq.c.vertical, faq.c.question))
    entries = (Entry(row.vertical, (row.question, *row.alternatives), row.answer) for row in rows)
    return _ready(tuple(entries), segmenter)


@functools.lru_cache(maxsize=2)
def _ready(entries: tuple[Entry, ...], segmenter: Segmenter) -> Curated:
    return retrieval.curated(entries, segmenter.keywords)


def _faq(row: Row) -> FaqRow:
    return FaqRow(
        question=row[QUESTION],
        answer=row.get(ANSWER),
        vertical=row.get(VERTICAL) or "",
        alternatives=row.get(ALTERNATIVES),
        place=row.place,
    )


def _insert(session: Session, entries: dict[tuple[str, str], tuple[str, list[str]]]) -> None:
    rows = [
        {"vertical": vertical, "question": question, "answer": answer, "alternatives": others}
        for (vertical, question), (answer, others) in entries.items()
    ]
    database.insert_rows(session, Faq, rows)


def _update(session: Session, entries: dict[tuple[str, str], tuple[str, list[str]]]) -> None:
    if not entries:
        return
    faq = database.table(Faq)
    session.connection().execute(
        update(faq)
        .where(faq.c.vertical == bindparam("of"), faq.c.question == bindparam("asked"))
        .values(answer=bindparam("new_answer"), alternatives=bindparam("others")),
        [
            {"of": vertical, "asked": question, "new_answer": answer, "others": others}
            for (vertical, question), (answer, others) in entries.items()
        ],
    )
