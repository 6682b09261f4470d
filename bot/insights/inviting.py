"""Whom chance invites, and what came of it: a program's effect can be known only where chance,
not a person, decided who was invited.

    candidates → drawn by a seeded hash, logged before anybody is invited → orders of both arms
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from sqlalchemy import Integer, func, select
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.errors import Fault, InvalidInput
from bot.insights import effects, looking, segments, subjects, trial_cells
from bot.insights.effects import Observed
from bot.insights.statistics import Interval
from bot.models import (
    Arm,
    Audit,
    Contact,
    Identity,
    IdentityKind,
    Invitation,
    Person,
)

# The difference of fewer people than this on either side says nothing.
FEWEST = 20
# What was usual for a person: so long before the draw.
BEFORE = dt.timedelta(weeks=trial_cells.WEEKS_BEFORE)


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many candidates a draw was about, by arm; `before` were drawn earlier and keep theirs."""

    invited: int
    control: int
    before: int


@dataclass(frozen=True, slots=True)
class Group:
    """One arm: people, their orders and what they spent (fen, net) in the window after the draw."""

    people: int
    orders: int
    net: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Invited minus control, a person, what each bought before allowed for; 95 % interval."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of a program in `days` after each draw, invited or not, came or not.

    `waiting` are people whose window is not over; `lost` can no longer be told from others.
    Differences are None where an arm has fewer than FEWEST people.
    """

    program: str
    days: int
    groups: Mapping[Arm, Group]
    waiting: int
    lost: int
    orders: Difference | None
    net: Difference | None


@dataclass(frozen=True, slots=True)
class _Outcome:
    arm: Arm
    drawn_at: dt.datetime
    person_id: int | None
    orders: int
    net: int
    prior: int
    prior_net: int


def invite(
    session: Session, program: str, share: float, seed: int, by: str, now: dt.datetime
) -> Drawn:
    """Draw who of today's candidates is invited: `share` of those not drawn before.

    Safe to repeat: whoever was drawn keeps the arm. Raises InvalidInput.
    """
    if not 0 < share < 1:
        remedy = "写 0 到 1 之间的小数,例如 0.5;两边都有人,才知道有没有用"
        raise InvalidInput(Fault("邀请", 0, "--share", f"{share} 分不出两组", remedy))
    standing = _standing(session, program)
    fresh = [each for each in _candidates(session) if each[0] not in standing]
    arms = draw(program, seed, share, [name for _, name in fresh])
    rows = [
        {"program": program, "contact_id": contact, "seed": seed, "drawn_at": now, "by": by}
        | {"arm": arms[name][0], "draw": arms[name][1]}
        for contact, name in fresh
    ]
    database.insert_rows(session, Invitation, rows)
    invited = sum(row["arm"] == Arm.INVITED for row in rows)
    drawn = Drawn(invited, len(rows) - invited, len(standing))
    after = asdict(drawn) | {"seed": seed, "share": share}
    note = {"at": now, "by": by, "action": "invitation.draw", "object": f"program:{program}"}
    database.insert_rows(session, Audit, [note | {"before": None, "after": after}])
    return drawn


def draw(program: str, seed: int, share: float, names: Sequence[str]) -> dict[str, tuple[Arm, str]]:
    """The arm of each candidate and the number that decided it: the lowest `share` are invited.

    The order of the candidates does not matter. Rounded, and never everybody or nobody of two.
    """
    numbers = {
        name: hashlib.sha256(
            f"{seed}\n{program}\n{name}".encode(errors="surrogatepass")
        ).hexdigest()
        for name in names
    }
    count = round(share * len(numbers))
    if len(numbers) > 1:
        count = min(max(count, 1), len(numbers) - 1)
    ranked = sorted(numbers, key=lambda name: numbers[name])
    return {
        name: (Arm.INVITED if place < count else Arm.CONTROL, numbers[name])
        for place, name in enumerate(ranked)
    }


def effect(session: Session, program: str, now: dt.datetime, days: int = 30) -> Effect:
    """What the invitation did, by the arm that chance gave (intention to treat)."""
    window = dt.timedelta(days=days)
    outcomes = _outcomes(session, program, window)
    over = [one for one in outcomes if one.drawn_at + window <= now]
    told = [one for one in over if one.person_id is not None]
    arms = {arm: [one for one in told if one.arm == arm] for arm in Arm}
    enough = min(len(each) for each in arms.values()) >= FEWEST
    return Effect(
        program=program,
        days=days,
        groups={
            arm: Group(len(each), sum(one.orders for one in each), sum(one.net for one in each))
            for arm, each in arms.items()
        },
        waiting=len(outcomes) - len(over),
        lost=len(over) - len(told),
        orders=_difference(told, lambda one: one.orders, lambda one: one.prior) if enough else None,
        net=_difference(told, lambda one: one.net, lambda one: one.prior_net) if enough else None,
    )


def _difference(
    told: Sequence[_Outcome],
    outcome: Callable[[_Outcome], int],
    prior: Callable[[_Outcome], int],
) -> Difference | None:
    """As experiments are read (`effects`): with what each bought before, draws of one day compared
    with each other, and one human counting once however many accounts were drawn.
    """
    invited = np.array([one.arm is Arm.INVITED for one in told], float)
    _, drawn = np.unique([one.drawn_at.timestamp() for one in told], return_inverse=True)
    seen = Observed(
        outcome=np.array([outcome(one) for one in told], float),
        assigned=invited,
        exposed=invited,
        prior=np.array([prior(one) for one in told], float),
        stratum=drawn.astype(np.int64),
        cluster=np.array([one.person_id for one in told], np.int64),
    )
    found = effects.assigned(seen)
    return None if found is None else Difference(found.value, found.interval(looking.LEVEL))


def _standing(session: Session, program: str) -> set[int]:
    invitation = database.table(Invitation).c
    rows = session.connection().scalars(
        select(invitation.contact_id).where(invitation.program == program)
    )
    return set(rows)


def _candidates(session: Session) -> list[tuple[int, str]]:
    """Contact id and platform id of everybody who is a candidate today."""
    contact, fitting = database.table(Contact).c, segments.fitting()
    rows = session.connection().execute(
        select(contact.id, contact.platform_id)
        .where(contact.id.in_(select(fitting.c.contact_id)))
        .order_by(contact.id)
    )
    return [(row[0], row[1]) for row in rows]


def _outcomes(session: Session, program: str, window: dt.timedelta) -> list[_Outcome]:
    """Everybody who was drawn, what the person bought in the window after the draw, and in the
    eight weeks before it.
    """
    invitation, contact, identity, person = database.tables(Invitation, Contact, Identity, Person)
    rows = session.connection().execute(
        select(invitation.c.arm, invitation.c.drawn_at, person.c.id)
        .join(contact, contact.c.id == invitation.c.contact_id)
        .outerjoin(
            identity,
            (identity.c.value == contact.c.platform_id) & (identity.c.kind == IdentityKind.CONTACT),
        )
        .outerjoin(person, (person.c.id == identity.c.person_id) & person.c.quarantined.is_(None))
        .where(invitation.c.program == program)
        .order_by(contact.c.id)
    )
    drawn = [(row[0], row[1], row[2]) for row in rows]
    last = max((at for _, at, _ in drawn), default=None)
    if last is None:
        return []
    bought = subjects.orders(last + window)
    asked = database.given(
        session,
        {"person_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        {
            (person_id, *bounds)
            for _, at, person_id in drawn
            if person_id is not None
            for bounds in ((at, at + window), (at - BEFORE, at))
        },
    )
    counted = session.connection().execute(
        select(asked.c.person_id, asked.c.since, func.count(), func.sum(bought.c.net))
        .join(bought, bought.c.person_id == asked.c.person_id)
        .where(bought.c.paid_at >= asked.c.since, bought.c.paid_at < asked.c.until)
        .group_by(asked.c.person_id, asked.c.since)
    )
    found = {(row[0], row[1]): (row[2], int(row[3])) for row in counted}
    return [
        _Outcome(
            arm,
            at,
            person_id,
            *found.get((person_id, at), (0, 0)),
            *found.get((person_id, at - BEFORE), (0, 0)),
        )
        for arm, at, person_id in drawn
    ]
