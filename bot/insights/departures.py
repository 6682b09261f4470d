"""Who leaves within a day of a promo, beside how many would by chance (DESIGN §7)."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.insights import engagement
from bot.insights.engagement import Days, RoomView
from bot.models import Delivery, DeliveryState, Membership, Series, SeriesKind

AFTER = dt.timedelta(hours=24)

Stretch = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Departures:
    """Leaves of members in some days. `expected` of them would follow a promo within 24 hours if
    leaving had nothing to do with promos: their share of the time.
    """

    promos: int = 0
    leaves: int = 0
    after_promo: int = 0
    expected: float = 0


def gather(session: Session, views: Mapping[int, RoomView], days: Days) -> dict[int, Departures]:
    """Per room in which a promo went out or somebody left. Two queries for all rooms."""
    bounds = {view.zone: days.instants(view.zone) for view in views.values()}
    promos = _promos(session, views, days)
    leaves = _leaves(session, views, days)
    return {
        room: count(bounds[views[room].zone], promos.get(room, ()), leaves.get(room, ()))
        for room in sorted(promos.keys() | leaves.keys())
    }


def count(
    within: Stretch, promos: Sequence[dt.datetime], leaves: Sequence[dt.datetime]
) -> Departures:
    """The departures `within` a stretch; promos from a day before it on may bear on them."""
    since, until = within
    covered = dt.timedelta()
    reach = since
    for at in sorted(promos):
        begin, end = max(at, reach), min(at + AFTER, until)
        covered += max(end - begin, dt.timedelta())
        reach = max(reach, end)
    followed = sum(any(at < left <= at + AFTER for at in promos) for left in leaves)
    share = covered / (until - since) if until > since else 0
    return Departures(
        promos=sum(since <= at < until for at in promos),
        leaves=len(leaves),
        after_promo=followed,
        expected=share * len(leaves),
    )


def together(departures: Iterable[Departures]) -> Departures:
    """The sums over rooms."""
    every = list(departures)
    return Departures(
        promos=sum(one.promos for one in every),
        leaves=sum(one.leaves for one in every),
        after_promo=sum(one.after_promo for one in every),
        expected=sum(one.expected for one in every),
    )


def _promos(
    session: Session, views: Mapping[int, RoomView], days: Days
) -> dict[int, list[dt.datetime]]:
    post, series = database.table(Delivery).c, database.table(Series).c
    given = engagement.given_rooms(session, views, Days(days.since - dt.timedelta(1), days.until))
    rows = session.connection().execute(
        select(post.room_id, post.sent_at)
        .where(post.room_id == given.c.room_id, post.series_id == series.id)
        .where(series.kind == SeriesKind.PROMO, post.state == DeliveryState.SENT)
        .where(post.sent_at >= given.c.since_at, post.sent_at < given.c.until_at)
        .distinct()
    )
    found: dict[int, list[dt.datetime]] = defaultdict(list)
    for room, at in rows:
        found[room].append(at)
    return dict(found)


def _leaves(
    session: Session, views: Mapping[int, RoomView], days: Days
) -> dict[int, list[dt.datetime]]:
    stay = database.table(Membership).c
    given = engagement.given_rooms(session, views, days)
    rows = session.connection().execute(
        select(stay.room_id, stay.left_at)
        .where(stay.room_id == given.c.room_id)
        .where(stay.left_at >= given.c.since_at, stay.left_at < given.c.until_at)
        .where(engagement.by_member(stay.room_id, stay.contact_id))
    )
    found: dict[int, list[dt.datetime]] = defaultdict(list)
    for room, at in rows:
        found[room].append(at)
    return dict(found)
