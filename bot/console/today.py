"""Today as the overview shows it: gathered in a few queries, laid out as a time line."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlmodel import Session

from bot import database
from bot.console import coming, roles
from bot.models import Account, Delivery, DeliveryState, Operator, Room, Series

DAY = dt.timedelta(days=1)
# More lanes than this and nobody reads any: the rest share the last one.
LANES = 8
WIDTH, LEFT, LANE, TOP = 960.0, 150.0, 34.0, 26.0
DOT = 11.0


@dataclass(frozen=True, slots=True)
class Batch:
    """The posts of one step of one series that are due at one time."""

    series: str
    key: str
    step: str
    due_at: dt.datetime
    counts: dict[DeliveryState, int]
    coming: int = 0

    @property
    def rooms(self) -> int:
        """How many rooms get it; `coming` ones are not planned yet."""
        return sum(self.counts.values()) + self.coming

    @property
    def tone(self) -> str:
        """What stands out about it, worst first."""
        states = self.counts
        if states.get(DeliveryState.UNCERTAIN):
            return "doubt"
        if states.get(DeliveryState.FAILED):
            return "bad"
        if states.get(DeliveryState.SENDING) or states.get(DeliveryState.CLAIMED):
            return "moving"
        if states.get(DeliveryState.PENDING):
            return "waiting" if not states.get(DeliveryState.SENT) else "moving"
        if self.coming:
            return "coming"
        return "good" if states.get(DeliveryState.SENT) else "off"


@dataclass(frozen=True, slots=True)
class Health:
    """One account as its process last left it."""

    name: str
    gateway: str
    posting: str
    online: bool
    state_at: dt.datetime | None
    reason: str
    rooms: int


@dataclass(frozen=True, slots=True)
class Today:
    """One local day, `[since, until)`."""

    since: dt.datetime
    until: dt.datetime
    posts: tuple[Batch, ...]
    counts: dict[DeliveryState, int]
    accounts: tuple[Health, ...]
    rooms: int
    gone: int

    @property
    def coming(self) -> int:
        """Posts that the calendar has for today and that are not planned yet."""
        return sum(batch.coming for batch in self.posts)

    @property
    def planned(self) -> int:
        """All of today's posts, whatever became of them."""
        return sum(self.counts.values())

    @property
    def settled(self) -> int:
        """Those of which nothing more is to come."""
        states = (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
        return self.planned - sum(self.counts[state] for state in states)


def gather(session: Session, operator: Operator, now: dt.datetime, zone: ZoneInfo) -> Today:
    """Today in `zone`, as far as the operator may see it."""
    day = now.astimezone(zone).date()
    since = dt.datetime.combine(day, dt.time(), zone)
    until = dt.datetime.combine(day + DAY, dt.time(), zone)
    posts = _posts(session, operator, since, until)
    counts = {state: sum(batch.counts.get(state, 0) for batch in posts) for state in DeliveryState}
    expected = coming.gather(session, operator, now, until, zone)
    planned = {(batch.key, batch.step, batch.due_at) for batch in posts}
    posts += tuple(
        Batch(each.series, each.key, each.step, each.due_at, {}, each.rooms)
        for each in expected
        if each.rooms and (each.key, each.step, each.due_at) not in planned
    )
    rooms, gone = _rooms(session, operator)
    return Today(since, until, posts, counts, _accounts(session, operator), rooms, gone)


def _posts(
    session: Session, operator: Operator, since: dt.datetime, until: dt.datetime
) -> tuple[Batch, ...]:
    delivery, series = database.tables(Delivery, Series)
    rows = session.connection().execute(
        select(
            series.c.name, series.c.key, delivery.c.step, delivery.c.due_at, delivery.c.state,
            func.count().label("rooms"),
        )
        .join(series, series.c.id == delivery.c.series_id)
        .where(
            # Every state by name: the index leads with it.
            delivery.c.state.in_(list(DeliveryState)),
            delivery.c.due_at >= since,
            delivery.c.due_at < until,
            _visible(operator, delivery.c.room_id),
        )
        .group_by(series.c.id, delivery.c.step, delivery.c.due_at, delivery.c.state)
        .order_by(delivery.c.due_at, series.c.key)
    )  # fmt: skip
    found: dict[tuple[str, str, dt.datetime], Batch] = {}
    for row in rows:
        place = (row.key, row.step or "", row.due_at)
        if place not in found:
            found[place] = Batch(row.name, row.key, row.step or "", row.due_at, {})
        found[place].counts[row.state] = row.rooms
    return tuple(found.values())


def _accounts(session: Session, operator: Operator) -> tuple[Health, ...]:
    account, room = database.tables(Account, Room)
    rows = session.connection().execute(
        select(
            account.c.name, account.c.gateway, account.c.posting, account.c.online,
            account.c.state_at, account.c.state_reason,
            func.count(room.c.id).label("rooms"),
        )
        .select_from(account)
        .outerjoin(room, and_(room.c.account_id == account.c.id, roles.in_scope(operator, room)))
        .group_by(account.c.id)
        .order_by(account.c.online, account.c.name)
    )  # fmt: skip
    return tuple(Health(*row) for row in rows)


def _rooms(session: Session, operator: Operator) -> tuple[int, int]:
    room = database.table(Room)
    row = (
        session.connection()
        .execute(
            select(func.count(), func.count(room.c.unavailable_reason)).where(
                roles.in_scope(operator, room)
            )
        )
        .one()
    )
    return int(row[0]), int(row[1])


def _visible(operator: Operator, room_id: ColumnElement[int]) -> ColumnElement[bool]:
    if roles.sees_all(operator):
        return true()
    room = database.table(Room)
    return room_id.in_(select(room.c.id).where(roles.in_scope(operator, room)))


@dataclass(frozen=True, slots=True)
class Mark:
    """One batch on the time line."""

    x: float
    width: float
    batch: Batch


@dataclass(frozen=True, slots=True)
class Lane:
    """One series on the time line; `key` is empty where several share it."""

    name: str
    key: str
    y: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """A day as it is drawn, in view-box units; `hours` are (x, label)."""

    lanes: tuple[Lane, ...]
    hours: tuple[tuple[float, str], ...]
    now: float
    width: float
    height: float


def draw(posts: tuple[Batch, ...], now: dt.datetime, since: dt.datetime) -> TimeLine:
    """Lay a day out: a lane a series, in the order in which they begin."""
    series: dict[str, list[Batch]] = {}
    for batch in posts:
        series.setdefault(batch.key, []).append(batch)
    kept = list(series.items())[: LANES if len(series) <= LANES else LANES - 1]
    lanes = [(batches[0].series, key, batches) for key, batches in kept]
    others = [batch for key, batches in list(series.items())[len(kept) :] for batch in batches]
    if others:
        lanes.append(("", "", others))
    drawn = tuple(
        Lane(name, key, TOP + place * LANE, tuple(_mark(batch, since) for batch in batches))
        for place, (name, key, batches) in enumerate(lanes)
    )
    hours = tuple((_x(dt.timedelta(hours=hour)), f"{hour:02}") for hour in range(0, 25, 3))
    height = TOP + max(len(drawn), 1) * LANE + 8
    return TimeLine(drawn, hours, _x(now - since), WIDTH, height)


def _mark(batch: Batch, since: dt.datetime) -> Mark:
    # As wide as its number: the eye finds the large ones.
    width = DOT * (1 + len(str(batch.rooms)))
    return Mark(round(_x(batch.due_at - since) - width / 2, 1), width, batch)


def _x(after: dt.timedelta) -> float:
    return round(LEFT + (WIDTH - LEFT - 30) * (after / DAY), 1)
