"""Shop events: taken in while the shop waits, worked on later.

    RECEIVED → DONE      its rows are order events
             → IGNORED   it says nothing of paid orders
             → FAILED    it cannot be read: a person must look
             → HELD      a product is unknown, or the lines come by file: tried again
    HELD     → DONE | FAILED (after thirty days)
    FAILED   → RECEIVED  a person asks for it

Taking in writes one row and nothing else, so that the answer is quick; working is safe to repeat.
What came is dropped once it has been read: what is held are rows without names.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, String, bindparam, func, or_, select, update
from sqlmodel import Session

from bot import database
from bot.models import Audit, EventState, OrderLine, ShopEvent
from bot.orders import catalogue, intake
from bot.orders.intake import Content
from bot.orders.shops import KINDS
from bot.orders.shops.shop import Connection, News, Refused, Request, Unreadable

EVENT = database.table(ShopEvent)
# Stands for the product of what is about no product.
ANY = object()
AGAIN = dt.timedelta(minutes=10)
AT_ONCE = 100
SETTLED = ("state", "reason", "body", "contents", "missing", "worked_at")
HELD_FOR = dt.timedelta(days=30)
# More refusals of one shop in an hour are somebody trying: they are answered and not written down.
AUDITED_AN_HOUR = 60
REFUSED = "shop.refused"
TOO_LARGE, NOBODY = "内容太大", "没有这个店铺"
FETCHED = "fetched"


@dataclass(frozen=True, slots=True)
class Taken:
    """A genuine event that was taken in, or had been before; `id` is None for a copy of another."""

    id: int | None
    answer: str


def take_in(session: Session, connection: Connection, request: Request, now: dt.datetime) -> Taken:
    """Keep a genuine event. Raises Refused, and then nothing is written.

    The same event again is refused as a replay, unless the shop may not have had our answer. The
    same words under another name are known already.
    """
    shop = KINDS[connection.kind]
    notice = shop.verify(request, connection, now)
    digest = hashlib.sha256(f"{notice.topic}\n{notice.body}".encode()).hexdigest()
    standing = session.connection().execute(
        select(EVENT.c.id, EVENT.c.event_id, EVENT.c.digest, EVENT.c.answered).where(
            EVENT.c.source == connection.name,
            (EVENT.c.event_id == notice.id) | (EVENT.c.digest == digest),
        )
    )
    known = standing.all()
    for row in known:
        if row.event_id == notice.id and (row.answered or row.digest != digest):
            raise Refused(409, "这条消息已经收过")
        if row.event_id == notice.id:
            return Taken(row.id, shop.answer)
    if known:
        return Taken(None, shop.answer)
    fresh: dict[str, object] = {
        "source": connection.name,
        "event_id": notice.id,
        "topic": notice.topic[:100],
        "digest": digest,
        "received_at": now,
        "answered": False,
        "state": EventState.RECEIVED,
        "body": notice.body,
        "attempts": 0,
        "not_before": now,
        "reason": "",
    }
    found = database.insert_new(session, ShopEvent, list(fresh), [list(fresh.values())], ("id",))
    if not found:
        # Another process took the same event in meanwhile; the shop asks again.
        raise Refused(409, "这条消息正在收")
    return Taken(found[0].id, shop.answer)


def keep(
    session: Session,
    source: str,
    told: Mapping[str, Sequence[Content]],
    failed: Mapping[str, str],
    now: dt.datetime,
) -> int:
    """Keep what was fetched from a shop, as events to work on, and why others cannot be read, by
    names that say which state of which order; returns how many were new.
    """
    rows = [
        {
            "source": source,
            "event_id": name,
            "topic": FETCHED,
            "digest": hashlib.sha256(name.encode()).hexdigest(),
            "received_at": now,
            "answered": True,
            "state": EventState.FAILED if name in failed else EventState.RECEIVED,
            "contents": None if name in failed else list(told[name]),
            "attempts": 0,
            "not_before": now,
            "reason": failed.get(name, ""),
        }
        for name in (*told, *failed)
    ]
    return database.insert_rows(session, ShopEvent, rows, skip_existing=True)


def answered(session: Session, event_id: int) -> None:
    """Note that our answer to an event has left."""
    session.connection().execute(update(EVENT).where(EVENT.c.id == event_id).values(answered=True))


def refused(session: Session, source: str, status: int, reason: str, now: dt.datetime) -> bool:
    """Write a refusal down; False where there have been so many that it is somebody trying."""
    audit, about = database.table(Audit), f"shop:{source}"
    lately = session.connection().scalar(
        select(func.count()).where(
            audit.c.object == about,
            audit.c.action == REFUSED,
            audit.c.at > now - dt.timedelta(hours=1),
        )
    )
    if (lately or 0) >= AUDITED_AN_HOUR:
        return False
    row = {"at": now, "by": "webhook", "action": REFUSED, "object": about}
    after = {"status": status, "reason": reason}
    database.insert_rows(session, Audit, [row | {"before": None, "after": after}])
    return True


def claim(session: Session, now: dt.datetime) -> list[int]:
    """The events to work on next, held back for a while should working on them fail; none where
    none waits. Commit before working.

    An event that failed before, by a bug of ours, is claimed alone: it holds no other up.
    """
    waiting = (
        select(EVENT.c.id)
        .where(EVENT.c.state.in_([EventState.RECEIVED, EventState.HELD]))
        .where(EVENT.c.not_before <= now)
        .order_by(EVENT.c.not_before, EVENT.c.id)
    )
    if not database.is_sqlite(session):
        waiting = waiting.with_for_update(skip_locked=True)
    sound = or_(EVENT.c.state == EventState.HELD, EVENT.c.attempts == 0)
    for some in (waiting.where(sound).limit(AT_ONCE), waiting.where(~sound).limit(1)):
        ids = list(session.connection().scalars(some))
        if ids:
            session.connection().execute(
                update(EVENT)
                .where(EVENT.c.id.in_(ids))
                .values(not_before=now + AGAIN, attempts=EVENT.c.attempts + 1)
            )
            return ids
    return []


def work(
    session: Session,
    event_ids: Sequence[int],
    connections: Mapping[str, Connection],
    secret: bytes,
    now: dt.datetime,
) -> list[EventState]:
    """Turn events into order events, as far as their products are known; returns their states."""
    events = session.connection().execute(
        select(EVENT).where(EVENT.c.id.in_(event_ids)).order_by(EVENT.c.id)
    )
    read = [(event, _read(event, connections.get(event.source), secret)) for event in events]
    products = {*catalogue.product_ids(session), ANY}
    by_source: defaultdict[str, list[Content]] = defaultdict(list)
    for event, reading in read:
        known = (told for told in reading.contents if told.get("sku", ANY) in products)
        by_source[event.source] += known
    for source, contents in sorted(by_source.items()):
        intake.record_contents(session, contents, source, now)
    there = _with_lines(session, {number for _, reading in read for number in reading.missing})
    settled = [_settled(event, reading, products, there, now) for event, reading in read]
    session.connection().execute(
        update(EVENT)
        .where(EVENT.c.id == bindparam("key"))
        .values({name: bindparam(f"new_{name}", type_=EVENT.c[name].type) for name in SETTLED}),
        [{"key": event.id} | values for (event, _), values in zip(read, settled, strict=True)],
    )
    return [EventState(str(values["new_state"])) for values in settled]


def retry(session: Session, event_id: int, now: dt.datetime) -> bool:
    """Let a failed event be read again; False where it is not there to read."""
    done = session.connection().execute(
        update(EVENT)
        .where(EVENT.c.id == event_id, EVENT.c.state == EventState.FAILED)
        .where(EVENT.c.body.is_not(None))
        .values(state=EventState.RECEIVED, not_before=now, reason="")
    )
    return done.rowcount == 1


def sweep(session: Session, now: dt.datetime) -> int:
    """Drop what came with events that could not be read in thirty days; returns how many."""
    done = session.connection().execute(
        update(EVENT)
        .where(EVENT.c.state == EventState.FAILED, EVENT.c.received_at < now - HELD_FOR)
        .where(EVENT.c.body.is_not(None))
        .values(body=None)
    )
    return done.rowcount


def summary(session: Session) -> dict[tuple[str, EventState], int]:
    """How many events of each shop are in each state."""
    rows = session.connection().execute(
        select(EVENT.c.source, EVENT.c.state, func.count()).group_by(EVENT.c.source, EVENT.c.state)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def listed(
    session: Session, states: Sequence[EventState], *, limit: int = 200
) -> Sequence[Row[Any]]:
    """Events in these states, the latest first, without what came."""
    columns = [column for column in EVENT.c if column.name not in ("body", "contents")]
    return (
        session.connection()
        .execute(
            select(*columns)
            .where(EVENT.c.state.in_(list(states)))
            .order_by(EVENT.c.received_at.desc(), EVENT.c.id.desc())
            .limit(limit)
        )
        .all()
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """What an event says; `failed` and `ignored` are why it says nothing."""

    contents: Sequence[Content] = ()
    missing: Sequence[str] = ()
    failed: str = ""
    ignored: str = ""


def _read(event: Row[Any], connection: Connection | None, secret: bytes) -> _Reading:
    if event.body is None:
        return _Reading(event.contents or (), event.missing or ())
    if connection is None:
        return _Reading(failed="QUNYUN_SHOPS 里没有这个店铺了")
    try:
        news: News = KINDS[connection.kind].read(event.topic, event.body, connection)
    except Unreadable as error:
        return _Reading(failed=str(error))
    return _Reading(
        [
            *(intake.content(row, secret) for row in news.rows),
            *(intake.whole_content(whole) for whole in news.wholes),
        ],
        news.missing,
        ignored=news.ignored,
    )


def _with_lines(session: Session, order_ids: Collection[str]) -> set[str]:
    """Of these orders, those that have a line."""
    line = database.table(OrderLine).c
    given = database.given(session, {"order_id": String()}, [(each,) for each in order_ids])
    rows = session.connection().scalars(
        select(line.order_id).join(given, given.c.order_id == line.order_id).distinct()
    )
    return set(rows)


def _settled(
    event: Row[Any],
    reading: _Reading,
    products: Collection[object],
    there: Collection[str],
    now: dt.datetime,
) -> dict[str, object]:
    """What an event's row says once it was worked on."""
    unknown = [told for told in reading.contents if told.get("sku", ANY) not in products]
    absent = sorted(set(reading.missing) - set(there))
    state, reason = _outcome(reading, unknown, absent)
    if state is EventState.HELD and now - event.received_at > HELD_FOR:
        state, reason = EventState.FAILED, f"等了 {HELD_FOR.days} 天:{reason}"
    is_held = state is EventState.HELD
    return {
        "new_state": state,
        "new_reason": reason,
        # What cannot be read is kept for whoever mends that, until `sweep`.
        "new_body": event.body if reading.failed else None,
        "new_contents": unknown if is_held else None,
        "new_missing": absent if is_held else None,
        "new_worked_at": now,
    }


def _outcome(
    reading: _Reading, unknown: Sequence[Content], absent: Sequence[str]
) -> tuple[EventState, str]:
    if reading.failed:
        return EventState.FAILED, reading.failed
    if reading.ignored:
        return EventState.IGNORED, reading.ignored
    if unknown:
        reason = f"没有商品“{unknown[0]['sku']}”:先用 qunyun products import 导入"
        return EventState.HELD, reason
    if absent:
        return EventState.HELD, f"订单 {absent[0]} 的商品明细要用 qunyun orders import 导入"
    return EventState.DONE, ""
