"""Curated answers: from CSV, one row a question of a vertical, and ready to be asked.

(vertical, question) names an entry, so the same file twice changes nothing; an empty cell leaves
alone what stands, also that an entry is retired. An empty vertical stands for every one.

    (nothing) → IN USE   record (a file), add (an operator)
    IN USE  → RETIRED    retire: the bot gives it no more
    RETIRED → IN USE     restore
"""

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from bot import cells, database
from bot.csv_files import NOWHERE, Column, Imported, Place, Reading, Row, read
from bot.errors import Fault, InvalidInput
from bot.models import Audit, Faq
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


def add(
    session: Session, row: FaqRow, by: str, now: dt.datetime, question_id: int | None = None
) -> int:
    """Make one entry; returns its id. `question_id` is the open question that it answers.

    Raises InvalidInput where the vertical has this question already, or a part is missing.
    """
    _complete(session, row)
    made = {**_values(row), "retired_at": None, "question_id": question_id}
    faq = database.table(Faq)
    made_id = int(
        session.connection().execute(insert(faq).values(made).returning(faq.c.id)).scalar_one()
    )
    _note(session, "faq.add", made_id, by, now, None, _values(row))
    return made_id


def change(session: Session, faq_id: int, row: FaqRow, by: str, now: dt.datetime) -> bool:
    """Write one entry anew; False where there is none or nothing changes.

    Raises InvalidInput as `add` does.
    """
    faq = database.table(Faq)
    found = session.connection().execute(select(faq).where(faq.c.id == faq_id)).first()
    if found is None:
        return False
    _complete(session, row, but=faq_id)
    before = {name: found._mapping[name] for name in _values(row)}
    if before == _values(row):
        return False
    session.connection().execute(update(faq).where(faq.c.id == faq_id).values(_values(row)))
    _note(session, "faq.change", faq_id, by, now, before, _values(row))
    return True


def retire(session: Session, faq_id: int, by: str, now: dt.datetime) -> bool:
    """Let the bot give this answer no more. False where it does not."""
    return _put(session, faq_id, "faq.retire", by, now, retired_at=now)


def restore(session: Session, faq_id: int, by: str, now: dt.datetime) -> bool:
    """Let the bot give a retired answer again. False where it does."""
    return _put(session, faq_id, "faq.restore", by, now, retired_at=None)


def curated(session: Session, segmenter: Segmenter) -> Curated:
    """The answers as they stand, ready to be asked; made anew only where they have changed."""
    faq = database.table(Faq)
    used = select(faq).where(faq.c.retired_at.is_(None))
    rows = session.connection().execute(used.order_by(faq.c.vertical, faq.c.question))
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


def _values(row: FaqRow) -> dict[str, object]:
    return {
        "vertical": row.vertical,
        "question": row.question,
        "answer": row.answer or "",
        "alternatives": list(row.alternatives or ()),
    }


def _complete(session: Session, row: FaqRow, but: int | None = None) -> None:
    for column, name in (("question", "问题"), ("answer", "答案")):
        if not getattr(row, column):
            raise InvalidInput(Fault("常见问题", 0, column, f"{name}是空的", f"写上{name}"))
    faq = database.table(Faq)
    same = select(faq.c.id).where(faq.c.vertical == row.vertical, faq.c.question == row.question)
    if session.connection().scalar(same) not in (None, but):
        problem = f"“{row.question}”已经有一条"
        raise InvalidInput(Fault("常见问题", 0, "question", problem, "改那一条,或者换一种问法"))


def _put(
    session: Session,
    faq_id: int,
    action: str,
    by: str,
    now: dt.datetime,
    retired_at: dt.datetime | None,
) -> bool:
    faq = database.table(Faq)
    was = faq.c.retired_at.is_(None) if retired_at else faq.c.retired_at.is_not(None)
    done = session.connection().execute(
        update(faq).where(faq.c.id == faq_id, was).values(retired_at=retired_at)
    )
    if done.rowcount:
        _note(session, action, faq_id, by, now, None, None)
    return done.rowcount > 0


def _note(
    session: Session,
    action: str,
    faq_id: int,
    by: str,
    now: dt.datetime,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
) -> None:
    told = Audit(at=now, by=by, action=action, object=f"faq:{faq_id}", before=before, after=after)
    session.add(told)


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
