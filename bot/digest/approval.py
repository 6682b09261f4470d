"""Who lets a digest out, with which words at its top.

    (computed) → DRAFT    publish.draft; again and again, as more is known
    DRAFT → APPROVED      approve: a person, or nobody where none is asked for
    APPROVED → DRAFT      withdraw
    APPROVED → SENT       sent: its deliveries are in the outbox

A draft may be commented; what was approved stays word for word. Each arrow is one function, safe
to repeat: a digest that is not in the state it starts from stays as it is.
"""

import datetime as dt

from sqlalchemy import select, update
from sqlmodel import Session

from bot import database
from bot.digest.sheet import Subject
from bot.errors import Fault, InvalidInput
from bot.models import Audit, Digest, DigestState

DIGEST = database.table(Digest)
# What stands above the rest must leave room for it.
LONGEST_COMMENT = 300


def comment(session: Session, digest_id: int, words: str, by: str, now: dt.datetime) -> bool:
    """Put an operator's words at the top; False where it is no draft. Raises InvalidInput."""
    said = words.strip()
    if len(said) > LONGEST_COMMENT:
        problem = f"有 {len(said)} 个字"
        raise InvalidInput(Fault("comment", 0, "", problem, f"不超过 {LONGEST_COMMENT} 个字"))
    return _move(session, digest_id, DigestState.DRAFT, "digest comment", by, now, comment=said)


def approve(session: Session, digest_id: int, by: str, now: dt.datetime) -> bool:
    """Let it out as it is; `by` is "" where no approval is asked for."""
    return _move(
        session,
        digest_id,
        DigestState.DRAFT,
        "digest approve",
        by,
        now,
        state=DigestState.APPROVED,
        approved_by=by,
        approved_at=now,
    )


def withdraw(session: Session, digest_id: int, by: str, now: dt.datetime) -> bool:
    """Take an approval back before it was sent."""
    return _move(
        session,
        digest_id,
        DigestState.APPROVED,
        "digest withdraw",
        by,
        now,
        state=DigestState.DRAFT,
        approved_by=None,
        approved_at=None,
    )


def sent(session: Session, digest_id: int, now: dt.datetime) -> bool:
    """Its deliveries are planned."""
    return _move(
        session,
        digest_id,
        DigestState.APPROVED,
        "digest sent",
        "",
        now,
        state=DigestState.SENT,
        sent_at=now,
    )


def held(session: Session, week: dt.date, subject: Subject) -> DigestState | None:
    """The state of a digest, which nobody else changes until the transaction ends; None of none."""
    named = (DIGEST.c.week == week, DIGEST.c.scope == subject.scope)
    wanted = select(DIGEST.c.state).where(*named, DIGEST.c.target == subject.target)
    wanted = wanted.with_for_update()
    state: DigestState | None = session.connection().scalar(wanted)
    return state


def note_sending(session: Session, digest_id: int, room: str, by: str, now: dt.datetime) -> None:
    """Write down that somebody sent it to a room."""
    about, after = f"digest:{digest_id}", {"room": room}
    session.add(Audit(at=now, by=by, action="digest send", object=about, after=after))


def _move(
    session: Session,
    digest_id: int,
    start: DigestState,
    action: str,
    by: str,
    now: dt.datetime,
    **values: object,
) -> bool:
    moved = session.connection().execute(
        update(DIGEST).where(DIGEST.c.id == digest_id, DIGEST.c.state == start).values(values)
    )
    if not moved.rowcount:
        return False
    if by:
        about = f"digest:{digest_id}"
        said = values.get("comment")
        after = {"comment": said} if said is not None else None
        session.add(Audit(at=now, by=by, action=action, object=about, after=after))
    return True
