"""Write a world into the tables, as what was recorded of it: rooms, stays, messages that name
products, deliveries, persons and orders; no text but the products' names.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from sqlmodel import Session, SQLModel

from bot import database
from bot.bench.worlds.catalogue import DAY, World
from bot.bench.worlds.recorded import Perceived
from bot.bench.worlds.tables import Ints, Story
from bot.insights import arrays
from bot.models import (
    SINCE_EVER,
    Campaign,
    Contact,
    DailyCount,
    Delivery,
    DeliveryKind,
    DeliveryState,
    HolidayPolicy,
    Identity,
    IdentityKind,
    Membership,
    Mention,
    Message,
    MessageIdentity,
    OrderLine,
    OrderStatus,
    Person,
    Product,
    Role,
    Room,
    Series,
    SeriesKind,
    SeriesState,
)
from bot.text import signals

# A Monday: the worlds begin at its midnight, UTC.
BEGIN = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ROWS = 20_000
Row = Mapping[str, object]


def store(session: Session, story: Story, perceived: Perceived) -> None:
    """Fill an empty database at head. Ids are the worlds' numbers plus one."""
    frame(session, story, perceived)
    _talk(session, story, perceived)


def frame(session: Session, story: Story, perceived: Perceived) -> None:
    """All of the world but what was said: rooms, people, promotions, orders."""
    _write(session, Product, ({"id": n + 1, "sku": f"W{n}", "name": _name(n), "category": ""}
                              for n in range(story.world.products)))  # fmt: skip
    _write(session, Room, _rooms(story.world))
    _people(session, story)
    _write(session, Campaign, _campaigns(story.world))
    _promotions(session, story)
    _write(session, OrderLine, _orders(story, perceived))


def end(world: World) -> dt.datetime:
    """When the worlds' record ends."""
    return moment(world.days * DAY)


def number(order_id: str) -> int:
    """The number of an order in its world."""
    return int(order_id[1:])


def _write(session: Session, model: type[SQLModel], rows: Iterable[Row]) -> None:
    some = list(rows)
    for start in range(0, len(some), ROWS):
        database.insert_rows(session, model, some[start : start + ROWS])


def moment(seconds: int) -> dt.datetime:
    """When so many seconds of a world have passed."""
    return BEGIN + dt.timedelta(seconds=seconds)


def _name(product: int) -> str:
    return f"商品{product:02}号"


def _rooms(world: World) -> Iterator[Row]:
    for n in range(world.rooms):
        yield {
            "id": n + 1, "platform_id": f"room{n}@chatroom", "topic": f"{n} 群",
            "vertical": f"垂类{n // 25}", "owner": "", "mention_all": False,
        }  # fmt: skip


def _people(session: Session, story: Story) -> None:
    crowd = story.crowd
    seats = np.arange(len(crowd.person))
    known = np.unique(np.concatenate((crowd.person, seats))).tolist()
    _write(session, Contact,
           ({"id": n + 1, "platform_id": f"wxid_{n}", "name": ""} for n in known))  # fmt: skip
    _write(session, Person, ({"id": n + 1, "quarantined": None} for n in known))
    _write(session, Identity,
           ({"kind": IdentityKind.CONTACT, "value": f"wxid_{n}", "person_id": n + 1}
            for n in known))  # fmt: skip
    _write(
        session,
        Membership,
        (
            {
                "room_id": seat // crowd.members + 1, "contact_id": person + 1,
                "joined_at": SINCE_EVER if since == -np.inf else moment(int(since)),
                "left_at": None if until == np.inf else moment(int(until)), "role": Role.MEMBER,
            }
            for seat, person, since, until in zip(
                *(seats.tolist(), crowd.person.tolist()),
                *(crowd.since.tolist(), crowd.until.tolist()),
                strict=True,
            )
        ),
    )  # fmt: skip


def _campaigns(world: World) -> Iterator[Row]:
    for n in range(world.products):
        yield {
            "name": "活动", "product_id": n + 1, "coupon": f"C{n}", "link": None,
            "starts_at": BEGIN, "ends_at": end(world),
        }  # fmt: skip


def _promotions(session: Session, story: Story) -> None:
    series = Series(
        key="promo", name="促销", kind=SeriesKind.PROMO, state=SeriesState.APPROVED,
        starts=BEGIN.date(), ends=end(story.world).date(), recurrence={}, at=dt.time(20),
        holidays=HolidayPolicy.KEEP, audience={},
    )  # fmt: skip
    session.add(series)
    session.flush()
    promos = story.promos
    shown = np.flatnonzero(~promos.hidden)
    rows = zip(
        *(promos.room[shown].tolist(), promos.product[shown].tolist()),
        promos.at[shown].astype(np.int64).tolist(),
        strict=True,
    )
    _write(
        session,
        Delivery,
        (
            {
                "key": f"post:promo:{n}", "kind": DeliveryKind.POST, "state": DeliveryState.SENT,
                "priority": 1, "series_id": series.id, "room_id": room + 1,
                "text": f"{_name(product)}限时优惠", "mentions": [], "mention_all": False,
                "planned_at": moment(at), "due_at": moment(at), "expires_at": moment(at + DAY),
                "sending_at": moment(at), "sent_at": moment(at), "attempts": 1, "withdrawn": False,
            }
            for n, (room, product, at) in enumerate(rows)
        ),
    )  # fmt: skip


def _talk(session: Session, story: Story, perceived: Perceived) -> None:
    """What was detected, the answers that quote it, and a word at both ends of each room's log."""
    crowd, told, answers = story.crowd, story.mentions, story.answers
    heard = np.flatnonzero(perceived.heard)
    name = np.full(len(told.at), -1)
    name[heard] = np.arange(len(heard)) + 1
    quoting = np.flatnonzero((name[answers.mention] > 0) & (answers.at < story.world.days * DAY))
    quoted = name[answers.mention[quoting]]
    rooms = np.arange(story.world.rooms)
    ends = np.repeat([0, story.world.days * DAY - 1], len(rooms))
    room = np.concatenate((told.room[heard], answers.seat[quoting] // crowd.members, rooms, rooms))
    at = np.concatenate((told.at[heard], answers.at[quoting], ends)).astype(np.int64)
    first = crowd.person[rooms * crowd.members]
    who = np.concatenate(
        (crowd.person[told.seat[heard]], crowd.person[answers.seat[quoting]], first, first)
    )
    quotes = np.concatenate(
        (np.where(told.quotes[heard] >= 0, name[told.quotes[heard]], -1), quoted, 0 * ends - 1)
    )
    inside = at < story.world.days * DAY
    product = np.full(len(at), -1)
    product[: len(heard)] = told.product[heard]
    columns = [np.arange(len(at)) + 1, room, at, who, quotes, product]
    _messages(session, *(each[inside] for each in columns))


def _messages(
    session: Session, number: Ints, room: Ints, at: Ints, who: Ints, quotes: Ints, product: Ints
) -> None:
    rows = list(
        zip(*(each.tolist() for each in (number, room, at, who, quotes, product)), strict=True)
    )
    days = {day: (BEGIN + dt.timedelta(days=day)).date() for day in set((at // DAY).tolist())}
    _write(
        session,
        MessageIdentity,
        (
            {"id": n, "room_id": where + 1, "platform_id": f"m{n}", "day": days[when // DAY]}
            for n, where, when, *_ in rows
        ),
    )
    _write(
        session,
        Message,
        (
            {
                "day": days[when // DAY], "room_id": where + 1, "id": n, "at": moment(when),
                "contact_id": person + 1, "type": "text",
                "text": _name(what) if what >= 0 else "好", "own": False,
                "quote": f"m{answered}" if answered > 0 else None,
            }
            for n, where, when, person, answered, what in rows
        ),
    )  # fmt: skip
    _write(
        session,
        Mention,
        (
            {
                "day": days[when // DAY], "room_id": where + 1, "message_id": n,
                "product_id": what + 1, "at": moment(when), "contact_id": person + 1,
                "rule_version": signals.RULE_VERSION,
            }
            for n, where, when, person, _, what in rows
            if what >= 0
        ),
    )  # fmt: skip
    counted = Counter(
        (days[when // DAY], where + 1, person + 1) for _, where, when, person, *_ in rows
    )
    _write(
        session,
        DailyCount,
        (
            {
                "day": day, "room_id": where, "contact_id": person, "messages": count,
                "effective_messages": count, "questions": 0, "answers": 0, "shares": 0,
                "product_mentions": 0, "rule_version": signals.RULE_VERSION,
            }
            for (day, where, person), count in counted.items()
        ),
    )  # fmt: skip


def _orders(story: Story, perceived: Perceived) -> Iterator[Row]:
    orders = story.orders
    columns = (orders.product, orders.at.astype(np.int64), perceived.buyer, orders.coupon)
    for n, (product, at, buyer, coupon) in enumerate(
        zip(*(each.tolist() for each in columns), strict=True)
    ):
        yield {
            "order_id": f"o{n}", "line_no": 1, "product_id": product + 1, "quantity": 1,
            "amount": 9_900, "refunded": 0, "paid_at": moment(at), "status": OrderStatus.PAID,
            "sources": "bench", "updated_at": moment(at),
            "person_id": None if buyer == arrays.UNKNOWN else buyer + 1,
            "coupon": f"C{product}" if coupon else None,
        }  # fmt: skip
