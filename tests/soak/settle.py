"""The end of a soak: nothing is done any more, and everything that is under way comes to its end."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from bot import database, outbox
from bot.models import Delivery, DeliveryKind, DeliveryState
from bot.outbox import Decision
from tests.faults import installation as day
from tests.saying import rows
from tests.soak.fleet import GATEWAYS, Fleet, Line

# What takes longer than the longest outage and a take-over together does not come.
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.5
OUT = (DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.FAILED)


async def until(
    holds: Callable[[], bool], what: str, now: Callable[[], object] | None = None
) -> None:
    """Wait for a state of the tables; a database that is away is asked again.

    Fails with what was waited for, and how things stand `now`.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if await asyncio.to_thread(holds):
                return
        except SQLAlchemyError:
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)
    stands = "" if now is None else f"; now {now()}"
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {what}{stands}")


async def everything(fleet: Fleet) -> int:
    """An operator looks into the rooms and decides on what is held, until every post is out once.
    Returns how many there were to decide.
    """
    for gateway in fleet.gateways:
        await gateway.ask("behave", refuse=None, slow=0, unanswered=0, lost=0, late=0)
    decided = 0
    while True:
        await until(
            lambda: all(row["state"] in OUT for row in posts(fleet)),
            "every post decided",
            lambda: Counter(row["state"].value for row in posts(fleet)),
        )
        held = [row for row in posts(fleet) if row["state"] is not DeliveryState.SENT]
        if not held:
            break
        arrived = set(sent(fleet))
        for row in held:
            decision = Decision.SENT if row["text"] in arrived else Decision.RESEND
            with database.transaction(fleet.engine) as session:
                decided += outbox.decide(session, row["id"], decision, "小李", day.now())
    return decided


def posts(fleet: Fleet) -> list[Line]:
    """The rows of the calendar's posts, whose texts are all different."""
    return [row._asdict() for row in rows(fleet.engine, Delivery) if row.kind is DeliveryKind.POST]


def sent(fleet: Fleet) -> list[str]:
    """The texts that the gateways posted."""
    journals = (fleet.journal(gateway) for gateway in range(GATEWAYS))
    return [line["text"] for journal in journals for line in journal if "sent" in line]
