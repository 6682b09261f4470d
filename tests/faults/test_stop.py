"""`qunyun run` that is told to stop in the middle of its work."""

import pytest

from bot.models import Account, DeliveryState
from tests.faults import installation as day
from tests.faults.installation import Installation
from tests.saying import rows

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_stop_waits_for_the_answer_to_the_post_on_its_way_and_begins_no_other(
    installation: Installation,
) -> None:
    day.prepare(installation)
    service = installation.service()
    await installation.node.ask("behave", slow=1)
    service.start()
    await day.until(day.more_posts(installation, 1), "a post")
    service.stop()
    day.check(installation)
    states = [row.state for row in day.deliveries(installation)]
    assert states.count(DeliveryState.SENT) == len(day.posted(installation))
    assert set(states) == {DeliveryState.SENT, DeliveryState.PENDING}
    (account,) = rows(installation.engine, Account)
    assert (account.lease_owner, account.online) == (None, False)


async def test_a_stop_does_not_wait_for_an_answer_that_never_comes(
    installation: Installation,
) -> None:
    day.prepare(installation)
    service = installation.service(send_timeout_seconds=str(day.PATIENCE))
    await installation.node.ask("behave", unanswered=1)
    service.start()
    await day.until(day.more_posts(installation, 1), "a post")
    service.stop()
    day.check(installation)
    held = [row for row in day.deliveries(installation) if row.state is DeliveryState.UNCERTAIN]
    assert len(held) == len(day.posted(installation)) == 1
