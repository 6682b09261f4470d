"""An account that is taken away in the middle of a run, and two processes that want the same one."""

import datetime as dt

import pytest
from sqlalchemy import update

from bot import database, leases, outbox
from bot.models import Account, DeliveryState
from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation
from tests.saying import rows

FEW = 20 if LONG else 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_stolen_lease_ends_the_sending_until_it_is_given_back(
    installation: Installation,
) -> None:
    node = installation.node
    day.prepare(installation)
    service = installation.service()
    await node.ask("behave", slow=0.05)
    service.start()
    await day.speak(installation, service)
    for turn in range(1, 3 if LONG else 2):
        await day.until(day.more_posts(installation, FEW), "posts")
        thief = steal(installation)
        await day.until(service.says("belongs to another process", turn), "the loss noticed")
        reached = await day.quiet(installation)
        sends = rob(installation, *thief)
        # Whatever wakes it, it no longer sends; and it goes on listening.
        await day.speak(installation, service)
        assert len(day.posted(installation)) == reached
        give_back(installation, *thief)
        async with day.talk(installation):
            await day.until(day.more_posts(installation, 1), "posts")
        held = {
            row.id for row in day.deliveries(installation) if row.state is DeliveryState.UNCERTAIN
        }
        assert sends in held
        day.check(installation)
    await day.finish(installation, service)


def steal(at: Installation) -> tuple[int, int]:
    """Another owner takes the account while its lease runs; returns the account and the epoch."""
    account = database.table(Account)
    (owned,) = (row.id for row in rows(at.engine, Account))
    with database.transaction(at.engine) as session:
        long_ago = day.now() - dt.timedelta(hours=1)
        session.connection().execute(update(account).values(lease_until=long_ago))
        epoch = leases.take(session, owned, "elsewhere:1", day.now())
    assert epoch is not None
    return owned, epoch


def run_out(at: Installation) -> None:
    """As if the owner had been silent for longer than a lease lasts."""
    with database.transaction(at.engine) as session:
        long_ago = day.now() - dt.timedelta(hours=1)
        session.connection().execute(update(database.table(Account)).values(lease_until=long_ago))


def rob(at: Installation, account: int, epoch: int) -> int:
    """What the other owner does before it ends: claims two and begins one; returns that one."""
    with database.transaction(at.engine) as session:
        outbox.recover(session, account, epoch)
        begun, claimed = outbox.claim(session, account, epoch, day.now(), limit=2)
    with database.transaction(at.engine) as session:
        assert outbox.begin(session, begun.id, epoch, day.now()) is not None
    at.claimed.add((claimed.id, 0))
    return begun.id


def give_back(at: Installation, account: int, epoch: int) -> None:
    with database.transaction(at.engine) as session:
        leases.release(session, account, epoch)


@pytest.mark.parametrize(
    "database_url", ["sqlite", "postgresql"] if LONG else ["postgresql"], indirect=True
)
async def test_two_processes_at_once_share_nothing_twice_and_one_outlives_the_other(
    installation: Installation,
) -> None:
    day.prepare(installation)
    await installation.node.ask("behave", slow=0.05)
    first, second = installation.service(), installation.service()
    first.start()
    second.start()
    await day.until(day.more_posts(installation, FEW), "posts")
    day.check(installation)
    owner = rows(installation.engine, Account)[0].lease_owner
    ours, other = (first, second) if owner.endswith(f":{first.pid}") else (second, first)
    await day.until(ours.says("is online"), "the account online")
    ours.kill()
    day.look_after_kill(installation)
    await day.until(other.says("is online"), "the other one online")
    await day.speak(installation, other)
    await day.finish(installation, other)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_whoever_stands_by_takes_over_from_one_that_died_on_another_machine(
    installation: Installation,
) -> None:
    day.prepare(installation)
    await installation.node.ask("behave", slow=0.05)
    first = installation.service()
    other = installation.service(gateways="manual://people", standby_gateways=installation.node.url)
    first.start()
    await day.until(day.more_posts(installation, FEW), "posts")
    other.start()
    await day.speak(installation, first)
    account = next(row for row in rows(installation.engine, Account) if row.gateway == "wechaty")
    assert account.lease_owner.endswith(f":{first.pid}")
    first.strike()
    if not LONG:
        run_out(installation)
    # The one that stands by was let in when the lease had run out, not before.
    await day.until(other.says(f"account {account.id} is online"), "the other one online")
    first.kill()
    day.look_after_kill(installation)
    await day.finish(installation, other)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_process_that_slept_leaves_its_account_to_the_one_that_took_it(
    installation: Installation,
) -> None:
    day.prepare(installation)
    await installation.node.ask("behave", slow=0.05)
    sleeper, other = installation.service(), installation.service()
    sleeper.start()
    await day.speak(installation, sleeper)
    await day.until(day.more_posts(installation, FEW), "posts")
    sleeper.freeze()
    run_out(installation)
    # A gateway keeps whoever sleeps, until its connection breaks.
    installation.node.kill()
    await installation.restart_gateway()
    await installation.node.ask("behave", slow=0.05)
    epoch = rows(installation.engine, Account)[0].lease_epoch
    other.start()

    def is_taken() -> bool:
        return bool(rows(installation.engine, Account)[0].lease_epoch > epoch)

    await day.until(is_taken, "the lease taken")
    day.check(installation)
    sleeper.thaw()
    # Which of the two goes on does not matter; that one does, does.
    async with day.talk(installation):
        await day.until(day.more_posts(installation, FEW), "posts")
    await day.settle_rest(installation)
    sleeper.stop()
    await day.finish(installation, other)
