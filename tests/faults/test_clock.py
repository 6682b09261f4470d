"""A machine whose clock jumps an hour ahead and an hour back."""

import datetime as dt
from pathlib import Path

import pytest

from tests.faults import installation as day
from tests.faults.conftest import LONG
from tests.faults.installation import Installation

FEW = 20 if LONG else 4
HOUR = 3600

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_clock_that_jumps_an_hour_neither_doubles_nor_stops_posts(
    installation: Installation, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    # Due long enough ago to be due by every clock.
    day.prepare(installation, due=dt.timedelta(hours=3))
    service = installation.service("tests.faults.altered", faults_clock=str(clock))
    await installation.node.ask("behave", slow=0.05)
    service.start()
    await day.speak(installation, service)
    for wrong in (HOUR, 0, -HOUR, 0):
        async with day.talk(installation):
            await day.until(day.more_posts(installation, FEW), "posts")
        set_clock(clock, wrong)
        day.check(installation)
    await day.finish(installation, service)


def set_clock(clock: Path, wrong: int) -> None:
    """All at once: whoever reads it sees the old time or the new one."""
    written = clock.with_suffix(".new")
    written.write_text(str(wrong))
    written.replace(clock)
