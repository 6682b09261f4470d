"""What waits for people in the large community: questions, complaints, answers, what rose."""

import datetime as dt

from sqlalchemy import Row, select
from sqlmodel import Session

from bot import complaints, database, desk
from bot.models import (
    Complaint,
    ComplaintOutcome,
    ComplaintState,
    DigestScope,
    Faq,
    Message,
    OpenQuestion,
    QuestionState,
    Topic,
    TopicKind,
)

MESSAGE = database.table(Message)
# Of so many messages one is a question for people, of so many a complaint.
ASKED, HEARD = 100, 2_000
ENTRIES, WORDS, QUESTIONS, OF_A_ROOM = 300, 20, 10, 5
VERTICALS = 10
# Half of the questions wait; most complaints are closed.
ASKED_STATES = (
    *(QuestionState.OPEN,) * 4,
    QuestionState.CLAIMED,
    *(QuestionState.ANSWERED,) * 3,
    *(QuestionState.DISMISSED,) * 2,
)
HEARD_STATES = (ComplaintState.OPEN, ComplaintState.CLAIMED, *(ComplaintState.CLOSED,) * 8)
ROWS = 10_000


def furnish(session: Session, rooms: int, now: dt.datetime) -> None:
    """Questions and complaints of four weeks, some hundred curated answers, topics of last week."""
    asked = [_asked(row, n) for n, row in enumerate(_every(session, ASKED))]
    for start in range(0, len(asked), ROWS):
        database.insert_rows(session, OpenQuestion, asked[start : start + ROWS])
    heard = [_heard(row, n) for n, row in enumerate(_every(session, HEARD))]
    database.insert_rows(session, Complaint, heard)
    entries = [
        {
            "vertical": f"垂类{n % VERTICALS}" if n % 3 else "", "question": f"第{n}个问题怎么办",
            "answer": f"第{n}个答案", "alternatives": [f"问法{n}甲", f"问法{n}乙"],
        }
        for n in range(ENTRIES)
    ]  # fmt: skip
    database.insert_rows(session, Faq, entries)
    topics = _topics(session, rooms, now)
    for start in range(0, len(topics), ROWS):
        database.insert_rows(session, Topic, topics[start : start + ROWS])


def _every(session: Session, nth: int) -> list[Row[tuple[int, dt.date, int, int, dt.datetime]]]:
    columns = (MESSAGE.c[name] for name in ("id", "day", "room_id", "contact_id", "at"))
    query = select(*columns).where(MESSAGE.c.id % nth == 0).order_by(MESSAGE.c.id)
    return list(session.connection().execute(query))


def _asked(row: Row[tuple[int, dt.date, int, int, dt.datetime]], n: int) -> dict[str, object]:
    state = ASKED_STATES[n % len(ASKED_STATES)]
    ended = state in (QuestionState.ANSWERED, QuestionState.DISMISSED)
    return {
        "message_id": row.id, "day": row.day, "room_id": row.room_id,
        "contact_id": row.contact_id, "asked_at": row.at, "listed_at": row.at + desk.GRACE,
        "due_at": row.at + desk.CLOCK, "state": state, "reason": "", "draft": "",
        "claimed_by": "bench" if state is QuestionState.CLAIMED else None,
        "claimed_at": row.at + desk.GRACE if state is QuestionState.CLAIMED else None,
        "closed_by": "bench" if ended else None,
        "closed_at": row.at + (n % 40) * dt.timedelta(hours=1) if ended else None,
    }  # fmt: skip


def _heard(row: Row[tuple[int, dt.date, int, int, dt.datetime]], n: int) -> dict[str, object]:
    state = HEARD_STATES[n % len(HEARD_STATES)]
    closed = state is ComplaintState.CLOSED
    return {
        "message_id": row.id, "day": row.day, "room_id": row.room_id,
        "contact_id": row.contact_id, "at": row.at, "due_at": row.at + complaints.CLOCK,
        "severity": n % 3 + 1, "rule": "defect", "opened_by": "", "state": state, "note": "",
        "owner": "bench" if state is ComplaintState.CLAIMED else None,
        "claimed_at": row.at if state is ComplaintState.CLAIMED else None,
        "outcome": ComplaintOutcome.SOLVED if closed else None,
        "closed_by": "bench" if closed else None,
        "closed_at": row.at + (n % 40) * dt.timedelta(hours=1) if closed else None,
    }  # fmt: skip


def _topics(session: Session, rooms: int, now: dt.datetime) -> list[dict[str, object]]:
    today = now.date()
    monday = today - dt.timedelta(days=today.weekday() + 7)
    first = session.connection().execute(
        select(MESSAGE.c.day, MESSAGE.c.room_id, MESSAGE.c.id)
        .where(MESSAGE.c.day == monday)
        .order_by(MESSAGE.c.room_id, MESSAGE.c.id)
        .limit(QUESTIONS)
    )
    quoted = list(first)
    found = {
        "week": monday, "score": 3.0, "count": 12, "before": 3.0, "members": 9, "rooms": 4,
        "rule_version": 2, "computed_at": now,
    }  # fmt: skip
    targets = [
        (DigestScope.FLEET, "", WORDS),
        *((DigestScope.VERTICAL, f"垂类{n}", WORDS) for n in range(VERTICALS)),
        *((DigestScope.ROOM, f"room{n}@chatroom", OF_A_ROOM) for n in range(1, rooms + 1)),
    ]
    nothing = dict.fromkeys(("text", "day", "room_id", "message_id", "messages"))
    rows: list[dict[str, object]] = []
    for scope, target, words in targets:
        named = found | nothing | {"scope": scope, "target": target}
        rows += [
            {**named, "kind": TopicKind.WORD, "rank": n + 1, "text": "晚上" if n == 0 else f"词{n}"}
            for n in range(words)
        ]
        if scope is DigestScope.ROOM:
            continue
        rows += [
            {
                **named, "kind": TopicKind.QUESTION, "rank": n + 1, "day": row.day,
                "room_id": row.room_id, "message_id": row.id,
                "messages": [each.id for each in quoted],
            }
            for n, row in enumerate(quoted)
        ]  # fmt: skip
    return rows
