"""`qunyun run` where answers fail to come, and echoes come late, in any order, or never."""

import pytest

from bot.models import DeliveryState
from tests.faults import installation as day
from tests.faults.installation import Installation

LATE_SECONDS = 0.5

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_echoes_settle_what_was_not_answered_and_the_others_are_listed(
    installation: Installation,
) -> None:
    node, seed = installation.node, installation.chance.randrange(1, 2**31 - 1)
    day.prepare(installation)
    service = installation.service(send_timeout_seconds="0.2")
    await node.ask("behave", seed=seed, unanswered=0.3, late=LATE_SECONDS, lost=0.1)
    service.start()
    await day.until(day.more_posts(installation, installation.posts - 3), "posts")

    # The next one is never answered, and its echo comes while nobody of us is there.
    await node.ask("behave", unanswered=1, lost=0)
    await day.until(day.more_posts(installation, 1), "one more post")
    service.kill()
    day.look_after_kill(installation)
    await day.until(lambda: _all_said(installation), "the last echoes")
    unheard = {row.text for row in day.deliveries(installation) if _is_open(row.state)}
    day.check(installation)

    await node.ask("behave", unanswered=0, late=0)
    service.start()
    await day.speak(installation, service)
    never_told = {one["text"] for one in day.journal(installation, "lost")} | unheard
    async with day.talk(installation):
        await day.until(day.all_in(installation, *day.FINISHED), "every post sent or listed")
        # What is left to a person are those whose echo never came.
        await day.until(lambda: _held(installation) <= never_told, "the other echoes")
    await day.finish(installation, service)


def _held(at: Installation) -> set[str]:
    return {row.text for row in day.deliveries(at) if row.state is DeliveryState.UNCERTAIN}


def _all_said(at: Installation) -> bool:
    told = day.journal(at, "echoed") + day.journal(at, "lost")
    return {one["text"] for one in told} == set(day.posted(at))


def _is_open(state: DeliveryState) -> bool:
    return state in (DeliveryState.SENDING, DeliveryState.UNCERTAIN)
