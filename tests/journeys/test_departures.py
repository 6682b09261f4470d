"""Leaving within a day of a promo is counted, and so is how often it would happen by chance."""

import datetime as dt

import pytest
from sqlalchemy import Engine

from bot import database
from bot.gateway import Joined, Left, Person
from bot.insights import departures, engagement
from bot.insights.engagement import Days
from bot.models import (
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Membership,
    Role,
    Room,
    Series,
    SeriesKind,
)
from tests.saying import ROOM, SHANGHAI, local, member_says, record, rows

WEEK = Days(dt.date(2026, 11, 9), dt.date(2026, 11, 16))


def test_leaves_within_a_day_of_a_promo_are_counted_once(engine: Engine) -> None:
    people = [Person(f"wxid_{n}") for n in range(6)]
    record(engine, member_says("早", sender="wxid_operator"))
    record(engine, Joined(ROOM, tuple(people), local("2026-11-01 08:00")))
    _post(engine, SeriesKind.PROMO, "2026-11-08 22:00", "2026-11-11 20:00", "2026-11-12 08:00")
    _post(engine, SeriesKind.QA_DAY, "2026-11-14 20:00")
    for person, at in zip(
        people,
        [
            "2026-11-09 21:59",  # a day after the promo of the evening before
            "2026-11-09 22:01",  # too late for that one
            "2026-11-11 19:59",  # just before one
            "2026-11-12 19:00",  # after two of them
            "2026-11-14 21:00",  # after a Q&A day, which is no promo
            "2026-11-16 00:00",  # not in this week
        ],
        strict=True,
    ):
        record(engine, Left(ROOM, (person,), local(at)))
    operator = next(row.id for row in rows(engine, Contact) if row.platform_id == "wxid_operator")
    with database.transaction(engine) as session:
        session.add(
            Membership(room_id=1, contact_id=operator, role=Role.OPERATOR,
                       left_at=local("2026-11-11 21:00"))
        )  # fmt: skip
    with database.reading(engine) as session:
        found = departures.gather(session, engagement.rooms(session, SHANGHAI), WEEK)
    # From Monday's midnight 22 hours; from Wednesday's post 36, two posts overlapping.
    assert (found[1].promos, found[1].leaves, found[1].after_promo) == (2, 5, 2)
    assert found[1].expected == pytest.approx(5 * (22 + 36) / 168)
    assert departures.together(found.values()) == found[1]
    assert rows(engine, Room)[0].id == 1


def test_a_week_without_promos_or_leaves_says_nothing() -> None:
    since, until = WEEK.instants(SHANGHAI)
    assert departures.count((since, until), [], []) == departures.Departures()


def _post(engine: Engine, kind: SeriesKind, *times: str) -> None:
    with database.transaction(engine) as session:
        series = Series(
            key=kind, name=kind, kind=kind, starts=WEEK.since, ends=WEEK.until, recurrence={},
            at=dt.time(20), audience={},
        )  # fmt: skip
        session.add(series)
        session.flush()
        for at in map(local, times):
            session.add(
                Delivery(
                    key=f"post:{kind}:{at}", kind=DeliveryKind.POST, state=DeliveryState.SENT,
                    series_id=series.id, room_id=1, planned_at=at, due_at=at, expires_at=at,
                    sent_at=at,
                )
            )  # fmt: skip
