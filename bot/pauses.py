"""Standing "do not send" by everything, series, account or room; in force before the next send."""

import datetime as dt

from sqlalchemy import ColumnElement, FromClause, and_, or_, select, update
from sqlmodel import Session

from bot import database
from bot.models import Audit, DeliveryKind, Pause, PauseScope

# Whoever pauses an account when the platform says that it does too much.
RISK_CONTROL = "风控"


def pause(
    session: Session,
    scope: PauseScope,
    target_id: int | None,
    reason: str,
    by: str,
    now: dt.datetime,
    *,
    besides: str | None = None,
) -> bool:
    """Hold everything of `scope` back, `besides` one delivery, by key: the word that it stands.

    False, and nothing changed, where that stands already.
    """
    if _open(session, scope, target_id):
        return False
    session.add(
        Pause(scope=scope, target_id=target_id, reason=reason, by=by, at=now, besides=besides)
    )
    session.add(_audit("pause", scope, target_id, reason, by, now))
    session.flush()
    return True


def resume(
    session: Session,
    scope: PauseScope,
    target_id: int | None,
    reason: str,
    by: str,
    now: dt.datetime,
) -> bool:
    """Let `scope` go on. False where it was not paused."""
    held = _open(session, scope, target_id)
    if not held:
        return False
    pauses = database.table(Pause)
    session.connection().execute(update(pauses).where(pauses.c.id.in_(held)).values(resumed_at=now))
    session.add(_audit("resume", scope, target_id, reason, by, now))
    session.flush()
    return True


def holds(delivery: FromClause) -> ColumnElement[bool]:
    """The SQL condition that some pause holds a row of the delivery table back."""
    pauses = database.table(Pause)

    def aims(scope: PauseScope, column: ColumnElement[int]) -> ColumnElement[bool]:
        return and_(pauses.c.scope == scope, pauses.c.target_id == column)

    return (
        select(pauses.c.id)
        .where(
            pauses.c.resumed_at.is_(None),
            or_(pauses.c.besides.is_(None), pauses.c.besides != delivery.c.key),
            or_(
                # Operators are told of trouble all the more while everything stands still.
                and_(pauses.c.scope == PauseScope.ALL, delivery.c.kind != DeliveryKind.ALERT),
                aims(PauseScope.SERIES, delivery.c.series_id),
                aims(PauseScope.ACCOUNT, delivery.c.account_id),
                aims(PauseScope.ROOM, delivery.c.room_id),
            ),
        )
        .correlate(delivery)
        .exists()
    )


def _open(session: Session, scope: PauseScope, target_id: int | None) -> list[int]:
    pauses = database.table(Pause)
    aimed = pauses.c.target_id.is_(None) if target_id is None else pauses.c.target_id == target_id
    found = select(pauses.c.id).where(pauses.c.scope == scope, aimed, pauses.c.resumed_at.is_(None))
    return list(session.connection().scalars(found))


def _audit(
    action: str, scope: PauseScope, target_id: int | None, reason: str, by: str, now: dt.datetime
) -> Audit:
    aimed = scope.value if target_id is None else f"{scope.value}:{target_id}"
    return Audit(at=now, by=by, action=action, object=aimed, after={"reason": reason})
