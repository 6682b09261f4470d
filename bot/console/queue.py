"""The queue as its page shows it: the filters, the list, the batches and how far they are."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from bot import database
from bot.console import roles
from bot.console.page import Page
from bot.console.paging import SIZE, Listing
from bot.models import Account, Delivery, DeliveryState, Room, Series
from bot.recalling import LIMIT

DELIVERY, ROOM, SERIES, ACCOUNT = database.tables(Delivery, Room, Series, Account)
DAY = dt.timedelta(days=1)
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
BATCHES = 12
# What waits for somebody: asked for without a day, it is shown whenever it was due.
OPEN = {"pending", "claimed", "sending", "failed", "uncertain"}
# By name of the `day` filter: from how many days before today until how many after.
DAYS = {
    "today": (0, 1), "yesterday": (-1, 0), "tomorrow": (1, 2),
    "week": (-6, 1), "fortnight": (-13, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to. `day`: a name of `DAYS`, `all`, a date; empty: see `given`.

    `date` goes before `day`; `room` is the id of a room, or a part of its name.
    """

    state: str = ""
    series: str = ""
    room: str = ""
    account: str = ""
    day: str = ""
    date: str = ""

    def given(self) -> dict[str, str]:
        """By name, without the spaces around, with the day that is meant."""
        found = {name: getattr(self, name).strip() for name in Filters.__slots__}
        found["day"] = found.pop("date") or found["day"]
        if found["state"] not in set(DeliveryState):
            found["state"] = ""
        if not found["day"]:
            found["day"] = "all" if found["state"] in OPEN else "week" if found["room"] else "today"
        elif found["day"] not in DAYS and _date(found["day"]) is None:
            found["day"] = "all"
        # All that was ever sent is for `qunyun export deliveries`: a page answers at once.
        if found["day"] == "all" and found["state"] not in OPEN:
            found["day"] = "fortnight"
        if found["day"] == "fortnight" and (found["series"] or found["account"]):
            found["day"] = "week"
        return found


def query(page: Page) -> Select[Any]:
    """Deliveries with room, series and account."""
    return (
        select(
            DELIVERY.c.id, DELIVERY.c.kind, DELIVERY.c.state, DELIVERY.c.step, DELIVERY.c.due_at,
            DELIVERY.c.sent_at, DELIVERY.c.attempts, DELIVERY.c.reason, DELIVERY.c.recalled_at,
            DELIVERY.c.recall_asked_at, DELIVERY.c.room_id, ROOM.c.topic, ROOM.c.platform_id,
            SERIES.c.name.label("series"), SERIES.c.key.label("series_key"),
            ACCOUNT.c.name.label("account"), recallable(page.now).label("recallable"),
        )
        .join(ROOM, ROOM.c.id == DELIVERY.c.room_id)
        .outerjoin(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .outerjoin(ACCOUNT, ACCOUNT.c.id == DELIVERY.c.account_id)
    )  # fmt: skip


def order(given: dict[str, str]) -> tuple[ColumnElement[Any], ...]:
    """What waits goes by what comes next, everything else by what was last."""
    if given["state"] == DeliveryState.PENDING:
        return DELIVERY.c.due_at, DELIVERY.c.id
    return DELIVERY.c.due_at.desc(), DELIVERY.c.id.desc()


def counts(page: Page, given: dict[str, str]) -> dict[DeliveryState, int]:
    """How many in each state, whichever state the list is narrowed to; of any day: what waits."""
    query = select(DELIVERY.c.state, func.count()).where(*conditions(page, given | {"state": ""}))
    states = [state for state in DeliveryState if given["day"] != "all" or state in OPEN]
    query = query.where(DELIVERY.c.state.in_(states)).group_by(DELIVERY.c.state)
    found = {row[0]: row[1] for row in page.session.connection().execute(query)}
    return {state: found.get(state, 0) for state in states}


def cut(
    page: Page, given: dict[str, str], counted: dict[DeliveryState, int], number: int
) -> Listing:
    """One page of the list: the counts say how many there are, only what is shown is joined."""
    total = counted[DeliveryState(given["state"])] if given["state"] else sum(counted.values())
    number = min(max(number, 1), max(1, -(-total // SIZE)))
    shown = select(DELIVERY.c.id).where(*conditions(page, given)).order_by(*order(given))
    ids = shown.limit(SIZE).offset((number - 1) * SIZE).subquery()
    chosen = query(page).where(DELIVERY.c.id.in_(select(ids.c.id))).order_by(*order(given))
    rows = tuple(page.session.connection().execute(chosen))
    kept = tuple((name, value) for name, value in given.items() if value)
    return Listing(rows, total, number, SIZE, "/deliveries", kept)


def conditions(page: Page, given: dict[str, str]) -> list[ColumnElement[bool]]:
    """What the filters ask for and the operator may see, on the delivery table."""
    # Every state by name: the index leads with it.
    states = [DeliveryState(given["state"])] if given["state"] else list(DeliveryState)
    found: list[ColumnElement[bool]] = [DELIVERY.c.state.in_(states)]
    since, until = period(page, given["day"])
    if since is not None and until is not None:
        found += [DELIVERY.c.due_at >= since, DELIVERY.c.due_at < until]
    if given["series"]:
        named = select(SERIES.c.id).where(SERIES.c.key == given["series"]).scalar_subquery()
        found.append(DELIVERY.c.series_id == named)
    if given["account"]:
        named = select(ACCOUNT.c.id).where(ACCOUNT.c.name == given["account"]).scalar_subquery()
        found.append(DELIVERY.c.account_id == named)
    if given["room"]:
        found.append(DELIVERY.c.room_id.in_(_rooms(given["room"])))
    if not roles.sees_all(page.someone):
        found.append(DELIVERY.c.room_id.in_(select(ROOM.c.id).where(page.in_scope(ROOM))))
    return found


def period(page: Page, day: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The stretch of a `day` filter as instants; (None, None) for all time."""
    today = page.now.astimezone(page.settings.zone).date()
    if day in DAYS:
        first, last = (today + DAY * offset for offset in DAYS[day])
    elif (date := _date(day)) is not None:
        first, last = date, date + DAY
    else:
        return None, None
    since, until = (
        dt.datetime.combine(each, dt.time(), page.settings.zone) for each in (first, last)
    )
    return since, until


@dataclass(frozen=True, slots=True)
class Batch:
    """The posts of one step of one series that are due at one time. `recallable` were sent within
    the last two minutes.
    """

    series_id: int
    series: str
    key: str
    step: str
    due_at: dt.datetime
    counts: dict[DeliveryState, int]
    recallable: int

    @property
    def rooms(self) -> int:
        """How many rooms get it."""
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """How many are not handed over yet."""
        return self.counts.get(DeliveryState.PENDING, 0) + self.counts.get(DeliveryState.CLAIMED, 0)

    @property
    def settled(self) -> int:
        """Those of which nothing more is to come."""
        return self.rooms - self.waiting - self.counts.get(DeliveryState.SENDING, 0)


def batches(page: Page, given: dict[str, str]) -> tuple[Batch, ...]:
    """The batches of one day, whatever their state: under way first, then the latest; no more than
    `BATCHES`. Nothing where the list is of more than one day.
    """
    since, until = period(page, given["day"])
    if since is None or until is None or until - since > DAY + dt.timedelta(hours=1):
        return ()
    rows = page.session.connection().execute(
        select(
            SERIES.c.id, SERIES.c.name, SERIES.c.key, DELIVERY.c.step, DELIVERY.c.due_at,
            DELIVERY.c.state, func.count().label("rooms"),
            func.sum(case((recallable(page.now), 1), else_=0)).label("recallable"),
        )
        .join(SERIES, SERIES.c.id == DELIVERY.c.series_id)
        .where(*conditions(page, given | {"state": ""}))
        .group_by(SERIES.c.id, DELIVERY.c.step, DELIVERY.c.due_at, DELIVERY.c.state)
        .order_by(DELIVERY.c.due_at.desc(), SERIES.c.key)
    )  # fmt: skip
    found: dict[tuple[int, str, dt.datetime], list[Any]] = {}
    for row in rows:
        found.setdefault((row.id, row.step or "", row.due_at), []).append(row)
    made = [
        Batch(
            series_id, rows[0].name, rows[0].key, step, due_at,
            {row.state: row.rooms for row in rows}, sum(int(row.recallable) for row in rows),
        )
        for (series_id, step, due_at), rows in found.items()
    ]  # fmt: skip
    made.sort(key=lambda each: (each.settled == each.rooms, each.due_at > page.now))
    return tuple(made[:BATCHES])


def of_batch(page: Page, series_id: int, step: str, due_at: dt.datetime) -> ColumnElement[bool]:
    """The deliveries of one batch that the operator may see."""
    return and_(
        DELIVERY.c.state.in_(list(DeliveryState)),
        DELIVERY.c.due_at == due_at,
        DELIVERY.c.series_id == series_id,
        func.coalesce(DELIVERY.c.step, "") == step,
        DELIVERY.c.room_id.in_(select(ROOM.c.id).where(page.in_scope(ROOM))),
    )


def recallable(now: dt.datetime) -> ColumnElement[bool]:
    """Sent so lately, with a number of the platform's, that it can still be taken back, and nobody
    has asked for it: a condition on the delivery table.
    """
    return and_(
        DELIVERY.c.state == DeliveryState.SENT,
        DELIVERY.c.sent_at >= literal(now - LIMIT, DELIVERY.c.sent_at.type),
        DELIVERY.c.message_id.is_not(None),
        DELIVERY.c.recall_asked_at.is_(None),
        DELIVERY.c.recalled_at.is_(None),
    )


def _date(text: str) -> dt.date | None:
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        # A name, or half a date: it narrows nothing down.
        return None
    return found if 1970 <= found.year < 3000 else None


def _rooms(wanted: str) -> Select[tuple[int]]:
    if wanted.isascii() and wanted.isdigit():
        return select(ROOM.c.id).where(ROOM.c.id == min(int(wanted), 2**31 - 1))
    like = f"%{wanted.translate(LIKE)}%"
    columns = (ROOM.c.topic, ROOM.c.platform_id)
    return select(ROOM.c.id).where(or_(*(column.ilike(like, escape="\\") for column in columns)))
