"""Classes of what was said: the same whatever the order of arrival, and what each rule gives."""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from bot import database, deriving, ingest, membership_files
from bot.gateway import Said
from bot.insights import classing
from bot.membership_files import MembershipRow
from bot.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    HolidayPolicy,
    Mention,
    Message,
    MessageIdentity,
    Recall,
    Role,
    Room,
    Series,
    SeriesKind,
    SeriesState,
    Signal,
    Touch,
)
from bot.orders import catalogue
from bot.orders.catalogue import CampaignRow, ProductRow

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
NOW = AT + dt.timedelta(days=5)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
LONG = "家人们这款小熊纸尿裤真的绝了,我家宝宝用了半年从来没有红屁股,强烈推荐大家都去试一试"
PROMO = "双11 小熊纸尿裤第二件半价,点我下单"


def said(name: str, hours: float, text: str = "小熊纸尿裤不错", **more: str) -> Said:
    told = {"room": "r1", "sender": "wxid_friend"} | more
    at = AT + dt.timedelta(seconds=round(hours * 3600))
    return Said(
        name, told["room"], told["sender"], at, "text", text, quote=told.get("quote"),
        own=told.get("own") == "yes",
    )  # fmt: skip


def recalled(name: str, hours: float, room: str = "r1") -> Said:
    at = AT + dt.timedelta(hours=hours)
    return Said(f"{name}-recalled", room, "wxid_friend", at, "recall", None, recalls=name)


TALK = (
    said("organic", -3),
    said("promoted", 0, "小熊纸尿裤用 D11 立减", sender="wxid_other"),
    said("echo", 1.5),
    said("late", 2.5),
    said("quoting", 50, quote="promoted"),
    said("too-late", 80, quote="promoted"),
    said("again", 12, "双11 小熊纸尿裤第二件半价,点我下单~"),
    said("before-it-was-out", -30, PROMO),
    said("staff", 30, sender="wxid_staff"),
    said("answer", 40, sender="wxid_staff", quote="organic"),
    *(said(f"copy{n}", 33 + n, LONG, room=f"r{n}", sender=f"wxid_{n % 2}") for n in (1, 2, 3)),
    said("after-a-copy", 34.5),
    *(said(f"pair{n}", 60 + n, LONG[::-1] + "小熊纸尿裤", room=f"r{n}", sender=f"wxid_{n}")
      for n in (1, 2)),
    *(said(f"back{n}", 90 + n, LONG[::-1] * 2 + "小熊纸尿裤", room=f"r{n}", sender=f"wxid_{n}")
      for n in (1, 2, 3)),
    recalled("back3", 94, room="r3"),
    said("taken-back", 100, "小熊纸尿裤用 D11 立减", sender="wxid_other"),
    said("echo-of-nothing", 101),
    recalled("taken-back", 100.1),
)  # fmt: skip

EXPECTED: Mapping[str, Touch] = {
    "organic": Touch.ORGANIC,
    "promoted": Touch.PROMO,
    "echo": Touch.PROMO_ECHO,
    "late": Touch.ORGANIC,
    "quoting": Touch.PROMO_ECHO,
    "too-late": Touch.ORGANIC,
    "again": Touch.PROMO,
    "before-it-was-out": Touch.ORGANIC,
    "staff": Touch.PROMO,
    "answer": Touch.PROMPT,
    **{f"copy{n}": Touch.PROMO for n in (1, 2, 3)},
    "after-a-copy": Touch.PROMO_ECHO,
    **{f"pair{n}": Touch.ORGANIC for n in (1, 2)},
    **{f"back{n}": Touch.ORGANIC for n in (1, 2)},
    "echo-of-nothing": Touch.ORGANIC,
}


@pytest.fixture
def community(engine: Engine) -> Engine:
    """Three rooms, a product with a campaign, an operator, and a promotion that went to room 3."""
    with database.transaction(engine) as session:
        catalogue.record_products(session, [ProductRow("A1", "小熊纸尿裤")])
        catalogue.record_campaigns(session, [CampaignRow("双11", "A1", "D11", None, AT, NOW)])
    rows = [MembershipRow(f"r{n}", "wxid_friend") for n in (1, 2, 3)]
    rows.append(MembershipRow("r1", "wxid_staff", role=Role.OPERATOR))
    with database.transaction(engine) as session:
        membership_files.record(session, rows, b"secret", NOW)
        room = database.table(Room).c
        third = session.connection().scalar(select(room.id).where(room.platform_id == "r3"))
        series = Series(
            key="promo", name="促销", kind=SeriesKind.PROMO, state=SeriesState.APPROVED,
            starts=AT.date(), ends=AT.date(), recurrence={}, at=dt.time(20),
            holidays=HolidayPolicy.KEEP, audience={},
        )  # fmt: skip
        session.add(series)
        session.flush()
        at = AT - DAY
        session.add(
            Delivery(
                key="post:promo", kind=DeliveryKind.POST, state=DeliveryState.SENT, text=PROMO,
                series_id=series.id, room_id=third or 0, planned_at=at, due_at=at, expires_at=at,
                sending_at=at, sent_at=at,
            )
        )  # fmt: skip
    return engine


def test_each_rule_gives_its_class(community: Engine) -> None:
    hear(community, TALK)
    assert classes(community) == EXPECTED


def test_the_order_of_arrival_and_duplicates_never_matter(community: Engine) -> None:
    chance = random.Random(7)
    shuffled = [*TALK, *chance.sample(TALK, 8)]
    for _ in range(4):
        chance.shuffle(shuffled)
        with database.transaction(community) as session:
            for model in (Mention, Signal, Recall, Message, MessageIdentity):
                session.connection().execute(database.table(model).delete())
        for start in range(0, len(shuffled), 5):
            hear(community, shuffled[start : start + 5])
        assert classes(community) == EXPECTED


def test_classing_again_changes_nothing_and_names_what_changed_of_the_old(
    community: Engine,
) -> None:
    hear(community, [one for one in TALK if one.id != "promoted"])
    with database.transaction(community) as session:
        assert classing.class_new(session, NOW) == []
        rules = deriving.load_rules(session, SHANGHAI)
        ingest.record(session, [one for one in TALK if one.id == "promoted"], rules)
        changed = {one.since for one in classing.class_new(session, NOW)}
    # A quote from two days later is a day that was not derived again.
    assert AT + 50 * HOUR in changed


def hear(engine: Engine, batch: Sequence[Said], now: dt.datetime = NOW) -> None:
    """Take a batch in and class what is new, as a running system does."""
    with database.transaction(engine) as session:
        rules = deriving.load_rules(session, SHANGHAI)
        ingest.record(session, batch, rules)
        classing.class_new(session, now)


def classes(engine: Engine) -> dict[str, Touch]:
    mention, named = database.tables(Mention, MessageIdentity)
    with database.reading(engine) as session:
        rows = session.connection().execute(
            select(named.c.platform_id, mention.c.touch).join(
                named, named.c.id == mention.c.message_id
            )
        )
        return dict(rows.all())
