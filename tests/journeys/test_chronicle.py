"""From when to when each room was heard: what is estimated leaves out windows outside of it."""

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from bot import database, deriving, ingest, membership_files
from bot.gateway import Said
from bot.insights import chronicle
from bot.membership_files import MembershipRow
from bot.models import Room
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow

NOON = dt.datetime(2026, 11, 2, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
LAST = 20
# The days on which each room spoke, of 0 to LAST; the end of `paused` is no end yet.
SPOKE = {
    "always": (0, 9, LAST), "later": (6, 7, LAST), "gone": (0, 3, 8), "paused": (0, 18),
    "between": (5, 9),
}  # fmt: skip


def test_a_room_is_heard_from_its_first_day_to_its_last(engine: Engine) -> None:
    messages = [
        Said(f"{room}-{day}", room, "wxid_friend", NOON + day * DAY, "text", "小熊纸尿裤真的不漏")
        for day in range(LAST + 1)
        for room, days in SPOKE.items()
        if day in days
    ]
    with database.transaction(engine) as session:
        catalogue.record_products(session, [ProductRow("A1", "小熊纸尿裤")])
        rules = deriving.load_rules(session, ZoneInfo("Asia/Shanghai"))
        ingest.record(session, messages, rules)
        stays = [MembershipRow(room, "wxid_buyer", unionid="u1") for room in SPOKE]
        membership_files.record(session, stays, b"secret", NOON)
        people.resolve(session)
        paid = NOON + 4 * DAY
        bought = OrderRow("o1", 1, "A1", 1, 9_900, paid, unionid="u1", updated_at=paid)
        intake.record(session, [bought], "shop", b"secret", NOON + LAST * DAY)
    with database.reading(engine) as session:
        log = chronicle.gather(session, None, None).log
        room = database.table(Room)
        ids = dict(session.connection().execute(select(room.c.platform_id, room.c.id)).all())
    first, last = NOON.timestamp(), (NOON + LAST * DAY).timestamp()
    heard = {name: (int(log.since[ids[name]]), int(log.until[ids[name]])) for name in SPOKE}
    assert heard == {
        "always": (first, last),
        # Of a day in the middle nobody knows when they came or went.
        "later": (midnight(7), last),
        "gone": (first, midnight(8)),
        "paused": (first, last),
        "between": (midnight(6), midnight(9)),
    }


def midnight(day: int) -> float:
    return (NOON + day * DAY).replace(hour=0).timestamp()
