"""The one way out: every post, reply and digest is a row whose life is written here.

    PENDING → CLAIMED → SENDING → SENT
    CLAIMED → PENDING    begin (paused), recover, recover_abandoned (crash, lease lost),
                         reassign (account away)
            → EXPIRED    begin (too late)
    SENDING → SENT       sent, echo
            → PENDING    not_handed_over (retry with backoff), throttled
            → FAILED     refused
            → UNCERTAIN  unanswered (timeout), recover, recover_abandoned (crash, kill -9)
    UNCERTAIN → SENT     echo, decide
              → PENDING  decide, and what its beginner still says: not_handed_over, throttled
              → FAILED   decide, refused
    FAILED → PENDING     decide
    PENDING, CLAIMED, FAILED, EXPIRED, CANCELLED → SENT  echo, sent (of a first sending that an
                         operator thought lost: it is in the room after all)
    PENDING → EXPIRED    expire
    PENDING → SENT, CANCELLED and back   `by_hand` (people post, where `post = confirm`)
    PENDING, CLAIMED → CANCELLED  cancel, withdraw
    CANCELLED → PENDING  plan (what the calendar had withdrawn, to be sent otherwise)

One key is never posted twice on purpose, and every post that may not have arrived is listed.
Each arrow is one function, safe to repeat: a row that is not in the state it starts from stays
as it is.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlmodel import Session

from bot import arrows, claiming, database, echoes, intents, leases, pauses, serving
from bot.gateway import Post, Said
from bot.intents import Intent
from bot.models import Audit, Delivery, DeliveryState
from bot.models.pause import PauseScope

PENDING, CLAIMED, SENDING, SENT, FAILED, UNCERTAIN, EXPIRED, CANCELLED = DeliveryState
BACKOFF = dt.timedelta(seconds=5)
LONGEST_BACKOFF = dt.timedelta(minutes=10)
# What a person wants sent again has at least so long, however late it was.
AGAIN = dt.timedelta(hours=1)
NOT_SENT = tuple(state for state in DeliveryState if state is not SENT)
# Where an echo came too late to stop the second sending.
TWICE = "重发之后才看到第一次发出的那条:群里可能有两条"
# What whoever began a delivery may still say of it: it knows, and nobody has decided yet.
BEGUN = (SENDING, UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process is about to send."""

    id: int
    room_id: int


class Decision(StrEnum):
    """What an operator says of a delivery that nobody else can decide."""

    SENT = "sent"
    RESEND = "resend"
    FAILED = "failed"


def plan(
    session: Session, wanted: Iterable[Intent], now: dt.datetime, *, revive: bool = True
) -> int:
    """Make PENDING deliveries; returns how many. What is refused is written down as CANCELLED.

    A key that stands already stays as it is, except that with `revive` what the calendar withdrew
    unsent is planned again as it is now. Safe to repeat.
    """
    rows = [intents.as_row(intent, now) for intent in wanted]
    database.insert_alike(session, Delivery, [row for row in rows if row["state"] is CANCELLED])
    pending = [row for row in rows if row["state"] is PENDING]
    planned = database.insert_alike(session, Delivery, pending)
    return planned + (_revive(session, pending) if revive else 0)


def renew(session: Session, wanted: Iterable[Intent], now: dt.datetime) -> int:
    """Plan again, as it is now, what the calendar withdrew unsent, and nothing else."""
    rows = [intents.as_row(intent, now) for intent in wanted]
    return _revive(session, [row for row in rows if row["state"] is PENDING])


def _revive(session: Session, rows: Sequence[Mapping[str, object]]) -> int:
    if not rows:
        return 0
    delivery = database.table(Delivery)
    again = (
        *("key", "room_id", "account_id", "text", "mention_all", "image", "card"),
        *("topic", "variant", "planned_at", "due_at", "expires_at"),
    )
    source = database.given(
        session,
        {name: delivery.c[name].type for name in again},
        [[row[name] for name in again] for row in rows],
    )
    revived = session.connection().execute(
        update(delivery)
        .where(
            delivery.c.key == source.c.key,
            delivery.c.state == CANCELLED,
            delivery.c.withdrawn,
        )
        .values(
            {name: source.c[name] for name in again[1:]}
            | {"state": PENDING, "withdrawn": False, "reason": None}
        )
    )
    return revived.rowcount


def claim(
    session: Session,
    account_id: int,
    epoch: int,
    now: dt.datetime,
    *,
    limit: int = 1,
    room_id: int | None = None,
    resting_rooms: ColumnElement[bool] | None = None,
    alerts_only: bool = False,
) -> list[Claimed]:
    """Take the next deliveries of an account, in one statement: replies first, then by time.

    Nothing is taken under an old epoch, while paused, for `resting_rooms` (a
    condition on the room table; replies go out all the same), or ahead of an earlier delivery
    to the same room. `room_id` takes from that room alone, `alerts_only` nothing but alerts.
    """
    statement, parameters = claiming.statement(
        session, account_id, epoch, now, limit=limit, room_id=room_id,
        resting_rooms=resting_rooms, alerts_only=alerts_only,
    )  # fmt: skip
    taken = session.connection().execute(statement, parameters)
    ordered = sorted(taken, key=lambda row: (row.priority, row.due_at, row.id))
    return [Claimed(row.id, row.room_id) for row in ordered]


def begin(session: Session, delivery_id: int, epoch: int, now: dt.datetime) -> Post | None:
    """Write down that this delivery is being handed over, right before it is; commit durably.

    None where it must not go out after all: paused, too late, or the lease is lost.
    """
    delivery = database.table(Delivery)
    held = session.connection().scalar(
        select(pauses.holds(delivery)).where(delivery.c.id == delivery_id)
    )
    row = arrows.row(session, delivery_id)
    if row is None or row.state != CLAIMED or row.epoch != epoch:
        return None
    if not leases.is_current(session, row.account_id, epoch):
        return None
    if held:
        arrows.move(session, delivery_id, [CLAIMED], {"state": PENDING})
        return None
    if row.expires_at <= now:
        late = {"state": EXPIRED, "reason": _too_late(row.expires_at)}
        arrows.move(session, delivery_id, [CLAIMED], late)
        return None
    begun = arrows.move(
        session,
        delivery_id,
        [CLAIMED],
        {
            "state": SENDING,
            "sending_at": now,
            "attempts": row.attempts + 1,
            "fingerprint": echoes.fingerprint(intents.content(row)),
            "reason": None,
        },
        epoch,
    )
    if not begun:
        # Somebody cancelled it or took the account over between our look and our step.
        return None
    return intents.as_post(row, serving.platform_id(session, row.room_id))


def sent(session: Session, delivery_id: int, message_id: str | None, now: dt.datetime) -> bool:
    """It arrived. An old owner may still say so of what it had begun."""
    values: dict[str, object] = {"state": SENT, "sent_at": now, "reason": None}
    if message_id is not None:
        values["message_id"] = message_id
    if arrows.move(session, delivery_id, BEGUN, values):
        return True
    row = arrows.row(session, delivery_id)
    thought_lost = row is not None and row.doubtful_since is not None
    return thought_lost and arrows.move(session, delivery_id, NOT_SENT, values)


def not_handed_over(
    session: Session, delivery_id: int, epoch: int, reason: str, now: dt.datetime
) -> bool:
    """The gateway could not be reached before anything was handed over: try again later."""
    row = arrows.row(session, delivery_id)
    attempts = row.attempts if row is not None else 0
    wait = min(BACKOFF * 2 ** min(attempts, 10), LONGEST_BACKOFF)
    again = {"state": PENDING, "account_id": serving.server(), "not_before": now + wait}
    return arrows.move(session, delivery_id, BEGUN, again | {"reason": reason}, epoch)


def refused(
    session: Session, delivery_id: int, epoch: int, reason: str, *, gone: bool = False
) -> bool:
    """The platform said no for good; `gone` where nothing else can be posted to the room either:
    the room is marked, and what waits for it goes to another account or stays listed.
    """
    row = arrows.row(session, delivery_id)
    failed = {"state": FAILED, "reason": reason}
    moved = arrows.move(session, delivery_id, BEGUN, failed, epoch)
    if moved and gone and row is not None:
        at = row.sending_at
        reassign(session, serving.lost(session, row.account_id, row.room_id, reason, at))
    return moved


def reassign(session: Session, accounts: Mapping[int, int]) -> int:
    """Give what waits for these rooms to their new accounts, by room id; returns how many rows.

    A claim of the account that is away ends: nothing of it was handed over.
    """
    delivery = database.table(Delivery)
    moved = 0
    for room_id, account_id in accounts.items():
        waiting = delivery.c.state.in_([PENDING, CLAIMED])
        moved += (
            session.connection()
            .execute(
                update(delivery)
                .where(delivery.c.room_id == room_id, waiting)
                .values(account_id=account_id, state=PENDING, epoch=None)
            )
            .rowcount
        )
    return moved


def throttled(
    session: Session,
    delivery_id: int,
    epoch: int,
    reason: str,
    now: dt.datetime,
    rest: dt.timedelta | None = None,
) -> bool:
    """The platform said no because the account does too much: the account rests, for `rest` where
    the platform says how long, else until an operator lets it go on. What waits for it waits on,
    and so does what is planned meanwhile, alerts as well.
    """
    row = arrows.row(session, delivery_id)
    if row is None or row.state not in BEGUN or row.epoch != epoch:
        return False
    if rest is None:
        pauses.pause(session, PauseScope.ACCOUNT, row.account_id, reason, pauses.RISK_CONTROL, now)
    else:
        leases.rest(session, row.account_id, now + rest)
    again = {"state": PENDING, "account_id": serving.server(), "reason": reason}
    return arrows.move(session, delivery_id, BEGUN, again, epoch)


def unanswered(session: Session, delivery_id: int, epoch: int, reason: str) -> bool:
    """Handed over, and no answer came: it waits for its echo or for an operator."""
    held = {"state": UNCERTAIN, "reason": reason}
    return arrows.move(session, delivery_id, [SENDING], held, epoch)


def recover(session: Session, account_id: int, epoch: int) -> tuple[int, int]:
    """Put right what an earlier owner left: returns (released, uncertain).

    What was only claimed was never handed over and goes back; what was being sent may have
    arrived and is held for its echo or an operator.
    """
    delivery = database.table(Delivery)
    return _put_back(session, and_(delivery.c.account_id == account_id, delivery.c.epoch < epoch))


def recover_abandoned(session: Session, now: dt.datetime) -> tuple[int, int]:
    """Put right, as `recover` does, what is in nobody's hands because no owner comes back: its
    account was taken out of the settings or never logs in again. Returns (released, uncertain).

    Whoever began such a row and lives after all may still say what became of it.
    """
    delivery, long_ago = database.table(Delivery), now - serving.AWAY
    nobodys = and_(leases.is_over(delivery, long_ago), delivery.c.claimed_at <= long_ago)
    return _put_back(session, nobodys)


def _put_back(session: Session, left: ColumnElement[bool]) -> tuple[int, int]:
    delivery = database.table(Delivery)
    counts = []
    for state, values in (
        (CLAIMED, {"state": PENDING}),
        (SENDING, {"state": UNCERTAIN, "reason": "发送途中进程中断,未收到回执"}),
    ):
        moved = session.connection().execute(
            update(delivery).where(left, delivery.c.state == state).values(values)
        )
        counts.append(moved.rowcount)
    return counts[0], counts[1]


def echo(session: Session, said: Said) -> bool:
    """A message of one of our accounts came back in a stream: settle the one delivery it can only
    be (`echoes`). True where one was settled.

    `said.own` tells that the account that sent it heard it; another one knows it under an id that
    nobody can take back with.
    """
    look = echoes.delivery_of if said.own else echoes.delivery_of_another
    found = look(session, said)
    if found is None:
        return False
    reason = TWICE if found.again else None
    if found.again and not found.unsettled:
        # The second one has been settled; what is bound to it can still be taken back.
        arrows.move(session, found.id, [SENT], {"reason": reason})
        return False
    values: dict[str, object] = {"state": SENT, "sent_at": said.at, "reason": reason}
    if said.own:
        values["message_id"] = said.id
    return arrows.move(session, found.id, tuple(DeliveryState), values)


def decide(
    session: Session, delivery_id: int, decision: Decision, by: str, now: dt.datetime
) -> bool:
    """What an operator says of an UNCERTAIN delivery, or of a FAILED one that is to go again."""
    row = arrows.row(session, delivery_id)
    starts = (UNCERTAIN, FAILED) if decision is Decision.RESEND else (UNCERTAIN,)
    if row is None or row.state not in starts:
        return False
    values: dict[str, object] = {
        Decision.SENT: {"state": SENT, "sent_at": row.sending_at, "reason": f"{by} 确认已发"},
        Decision.RESEND: {
            "state": PENDING,
            "not_before": None,
            "account_id": serving.server(),
            "expires_at": max(row.expires_at, now + AGAIN),
            "reason": f"{by} 要求重发",
        },
        Decision.FAILED: {"state": FAILED, "reason": f"{by} 确认未发"},
    }[decision]
    if row.state is UNCERTAIN and decision is not Decision.SENT:
        # Whoever looked may have looked too early.
        values["doubtful_since"] = row.doubtful_since or row.sending_at
    session.add(
        Audit(
            at=now,
            by=by,
            action=f"settle {decision.value}",
            object=f"delivery:{delivery_id}",
            before={"state": row.state.value},
        )
    )
    return arrows.move(session, delivery_id, starts, values)


def expire(session: Session, now: dt.datetime) -> int:
    """Give up on what is later than its lateness limit; returns how many."""
    delivery = database.table(Delivery)
    why = case(
        (pauses.holds(delivery), "已过时限:到期时处于暂停"),
        (delivery.c.account_id.is_(None), "已过时限:本群没有可用账号"),
        (delivery.c.reason.is_not(None), "已过时限:" + delivery.c.reason),
        else_="已过时限:账号未能及时发出",
    )
    return (
        session.connection()
        .execute(
            update(delivery)
            .where(
                delivery.c.state == PENDING,
                delivery.c.expires_at <= now,
                # What people carry out waits for them, however late.
                or_(
                    delivery.c.account_id.is_(None),
                    delivery.c.account_id.not_in(serving.by_hand()),
                ),
            )
            .values(state=EXPIRED, reason=why)
        )
        .rowcount
    )


def cancel(session: Session, delivery_ids: Collection[int], reason: str) -> int:
    """Take back for good what is not being sent yet; returns how many."""
    return _cancel(session, database.table(Delivery).c.id.in_(delivery_ids), reason, False)


def withdraw(session: Session, which: ColumnElement[bool], reason: str) -> int:
    """Take back what the calendar no longer wants like this; planning it again revives it.

    `which` is a condition on the delivery table. Returns how many were taken back.
    """
    return _cancel(session, which, reason, True)


def cancel_series(session: Session, series_id: int, reason: str) -> int:
    """Withdraw everything of a series that is not being sent yet; returns how many."""
    return withdraw(session, database.table(Delivery).c.series_id == series_id, reason)


def _cancel(session: Session, which: ColumnElement[bool], reason: str, withdrawn: bool) -> int:
    delivery = database.table(Delivery)
    return (
        session.connection()
        .execute(
            update(delivery)
            .where(delivery.c.state.in_([PENDING, CLAIMED]), which)
            .values(state=CANCELLED, reason=reason, withdrawn=withdrawn)
        )
        .rowcount
    )


def _too_late(expires_at: dt.datetime) -> str:
    return f"已过时限:{expires_at:%Y-%m-%d %H:%M} UTC 前未能发出"
