"""A database connection that breaks while the rooms of an account are being listed."""

import pytest

from bot.models import Membership, Room
from tests.faults import installation as day
from tests.faults.installation import Installation
from tests.saying import rows


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_rooms_are_listed_in_the_end_although_the_database_went_away_meanwhile(
    installation: Installation,
) -> None:
    service = installation.service()
    with installation.engine.connect() as holder:
        holder.exec_driver_sql("LOCK TABLE membership IN ACCESS EXCLUSIVE MODE")
        service.start()

        def broken() -> bool:
            ended = holder.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted "
                "AND relation = 'membership'::regclass"
            )
            return bool(ended.all())

        await day.until(broken, "rooms being listed")
    everybody = installation.rooms * installation.members
    await day.until(lambda: len(rows(installation.engine, Room)) == installation.rooms, "rooms")
    await day.until(lambda: len(rows(installation.engine, Membership)) == everybody, "members")
    assert all(room.account_id is not None for room in rows(installation.engine, Room))
    service.stop()
