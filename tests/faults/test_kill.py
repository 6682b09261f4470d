"""`qunyun run` killed with SIGKILL between plan and settle, again and again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.models import DeliveryState
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation, Service

KILLS = 4 if LONG else 2
on_both = ["sqlite", "postgresql"] if LONG else ["sqlite"]


@pytest.mark.parametrize("database_url", on_both, indirect=True)
async def test_kills_at_random_points_double_nothing_and_lose_nothing(
    installation: Installation,
) -> None:
    chance, node = installation.chance, installation.node
    day.prepare(installation)
    service = installation.service()
    for kill in range(KILLS):
        service.start()
        if kill:
            await day.speak(installation, service)
        reached = len(day.posted(installation))
        most = (installation.posts - reached) // (KILLS - kill + 1)
        await node.ask("behave", slow=chance.choice([0, 0.01, 0.05]))
        await day.until(day.more_posts(installation, chance.randint(1, max(most, 1))), "posts")
        # A few round trips more, so that the kill comes anywhere in the life of a post.
        for _ in range(chance.randrange(4)):
            await node.ask("attempts")
        service.kill()
        day.look_after_kill(installation)
        day.check(installation)
    service.start()
    assert await day.finish(installation, service) <= KILLS


@dataclass(frozen=True, slots=True)
class Step:
    """A statement on the way of a post that is held up on PostgreSQL, for the kill to come there.

    `late` holds up the commit instead: it comes through after the process is gone.
    """

    name: str
    on: str
    late: bool = False


PLAN = Step("planning", "INSERT ON delivery FOR EACH ROW")
CLAIM = Step("claiming", "UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'claimed')")
BEGIN = Step("claimed", "UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'sending')")
BEGUN = Step("begun", "UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'sending')", late=True)
SETTLE = Step("answered", "UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'sent')")
SETTLED = Step("settled", "UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'sent')", late=True)
STEPS = (PLAN, CLAIM, BEGIN, BEGUN, SETTLE, SETTLED) if LONG else (BEGIN, BEGUN, SETTLED)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_kill_at_each_step_holds_just_what_was_begun(installation: Installation) -> None:
    day.prepare(installation)
    service = installation.service()
    for step in STEPS:
        await killed_at(installation, service, step)
        day.look_after_kill(installation)
        found = Counter(row.state for row in day.deliveries(installation))
        assert found[DeliveryState.CLAIMED] == (step is BEGIN), step.name
        assert found[DeliveryState.SENDING] == (step in (BEGUN, SETTLE)), step.name
        if step is SETTLED:
            # What came through after the death says what is true of the last one as well.
            last = day.posted(installation)[-1]
            states = {row.text: row.state for row in day.deliveries(installation)}
            assert states[last] is DeliveryState.SENT
        day.check(installation)
    service.start()
    await day.until(service.says("is online"), "the account online")
    # Its echo may have come in time for the one that was answered.
    assert await day.finish(installation, service) <= sum(s in (BEGUN, SETTLE) for s in STEPS)


async def killed_at(at: Installation, service: Service, step: Step) -> None:
    """Start the process and kill it in the middle of one statement."""
    with at.engine.connect() as holder:
        _execute(holder, "SELECT pg_advisory_lock(4)")
        _execute(
            holder,
            "CREATE OR REPLACE FUNCTION wait_for_kill() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_advisory_xact_lock_shared(4); RETURN NULL; END'",
        )
        late = "DEFERRABLE INITIALLY DEFERRED "
        on = step.on.replace("FOR EACH", f"{late}FOR EACH") if step.late else step.on
        _execute(
            holder,
            f"CREATE {'CONSTRAINT' if step.late else ''} TRIGGER held_up AFTER {on} "
            "EXECUTE FUNCTION wait_for_kill()",
        )
        service.start()
        await day.until(lambda: _waiting(holder), f"held up while {step.name}")
        service.kill()
        _execute(holder, "SELECT pg_advisory_unlock(4)")
        await day.until(lambda: _is_alone(holder), "the last of the killed process")
        _execute(holder, "DROP TRIGGER held_up ON delivery")


def _waiting(holder: Connection) -> bool:
    found = holder.exec_driver_sql(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    ).scalar_one()
    holder.commit()
    return bool(found)


def _is_alone(holder: Connection) -> bool:
    """Whether no other session is left in this database."""
    others = holder.exec_driver_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    ).scalar_one()
    holder.commit()
    return not others


def _execute(holder: Connection, statement: str) -> None:
    holder.exec_driver_sql(statement)
    holder.commit()


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process on SQLite is killed: in the middle of a transaction (`hold`), or while the
    gateway has a post and does not answer; and in which state the post is left.
    """

    name: str
    hold: str = ""
    behave: Mapping[str, float] = field(default_factory=dict)
    left: DeliveryState | None = None


NORMAL: dict[str, float] = {"unanswered": 0, "late": 0, "echo": 1}
MUTE: Mapping[str, float] = {"unanswered": 1, "echo": 0}
ECHOING: Mapping[str, float] = {"unanswered": 1, "late": 0.01}
CALLED = Point("in the call", behave=MUTE, left=DeliveryState.SENDING)
BEGINNING = Point("begun, not committed", "after sending", left=DeliveryState.CLAIMED)
HEARING = Point("echo heard, not committed", "after sent", ECHOING, DeliveryState.SENDING)
POINTS = (
    (
        Point("planning", "before pending"),
        Point("planned, not committed", "after pending"),
        Point("claiming", "before claimed"),
        Point("claimed, not committed", "after claimed"),
        Point("claimed", "before sending", left=DeliveryState.CLAIMED),
        BEGINNING,
        CALLED,
        Point("answered", "before sent", {"echo": 0}, DeliveryState.SENDING),
        Point("settled, not committed", "after sent", {"echo": 0}, DeliveryState.SENDING),
        Point("echo heard", "before sent", ECHOING, DeliveryState.SENDING),
        HEARING,
    )
    if LONG
    else (BEGINNING, CALLED, HEARING)
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_kill_at_each_point_on_sqlite_leaves_nothing_half_done(
    installation: Installation, tmp_path: Path
) -> None:
    day.prepare(installation)
    held = 0
    for number, point in enumerate(POINTS):
        await installation.node.ask("behave", **(NORMAL | dict(point.behave)))
        marker = tmp_path / f"held{number}"
        service = installation.service(
            "tests.faults.altered", faults_hold=point.hold, faults_held=str(marker)
        )
        posts = day.more_posts(installation, 1)
        service.start()
        await day.until(marker.exists if point.hold else posts, point.name)
        service.kill()
        day.look_after_kill(installation)
        found = Counter(row.state for row in day.deliveries(installation))
        assert found[DeliveryState.CLAIMED] == (point.left is DeliveryState.CLAIMED), point.name
        assert found[DeliveryState.SENDING] == (point.left is DeliveryState.SENDING), point.name
        held += found[DeliveryState.SENDING]
        # No echo is in the log whose post it did not settle.
        sent = {row.message_id for row in day.deliveries(installation) if row.message_id}
        assert ours(installation) <= sent, point.name
        day.check(installation)
    await installation.node.ask("behave", **NORMAL)
    service = installation.service()
    service.start()
    assert await day.finish(installation, service) <= held


def ours(at: Installation) -> set[str]:
    """The ids of what we posted that are in the log."""
    return day.logged(at) & {one["sent"] for one in day.journal(at, "sent")}
