"""Bring attribution up to date, and tell what it says.

    class new talk → mark lines that late talk concerns → gather, decide, compare
        → replace the rows of those whose inputs changed; restate those that were final

Repeating it without news changes nothing: `inputs_hash` sees that. Figures of a line are
provisional for 72 hours after payment, then final; a later change is written down beside.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine, Integer, Row, and_, func, select, update
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import bulk, cells, collecting, database, late
from bot.insights import (
    attribution,
    buying,
    calibrating,
    calibrations,
    classing,
    meeting,
    recording,
)
from bot.models import (
    Attribution,
    Contact,
    Identity,
    IdentityKind,
    Label,
    Membership,
    MessageIdentity,
    OrderLine,
    Product,
    Room,
)
from bot.orders import dirty, lines
from bot.times import Stretch

TOLD, LINE = database.tables(Attribution, OrderLine)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
LOOK_BACK = dt.timedelta(seconds=meeting.LOOK_BACK)
# Lines that are looked at in one go: a chunk costs some reads of whole tables, and 2 KB a line.
CHUNK = 60_000
# Lines that the night looks at in one transaction.
AT_ONCE = 2_000
EXPORT = (
    *("order_id", "line_no", "sku", "label", "grade", "room", "message_id", "paid_at", "amount"),
    *("ppm_organic", "ppm_promo", "ppm_base", "rule_version", "final"),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What attribution says of the lines paid in `[since, until)`; `changed` rows were written, of
    which `restated` were final before.
    """

    since: dt.datetime | None
    until: dt.datetime | None
    lines: int
    labels: Mapping[Label, int]
    possible: int
    changed: int
    restated: int


def attribute_all(
    session: Session,
    now: dt.datetime,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    *,
    calibrate: bool = True,
) -> Summary:
    """Attribute every line paid in `[since, until)`; without bounds, every line. What is sealed
    stays as it was decided. Where a calibration is due it is fitted first, unless told not to.
    """
    read_news(session, now)
    if calibrate and calibrating.fit_due(session, now):
        calibrating.fit(session, now)
    window = buying.paid_in(since, until)
    ids = np.sort(bulk.columns(session, select(LINE.c.id).where(window))[0]).tolist()
    changed, restated = _attribute(session, ids, now)
    counted = session.connection().execute(
        select(TOLD.c.label, TOLD.c.possible, func.count())
        .join(LINE, LINE.c.id == TOLD.c.order_line_id)
        .where(window)
        .group_by(TOLD.c.label, TOLD.c.possible)
    )
    labels: Counter[Label] = Counter()
    possible = 0
    for label, maybe, count in counted:
        labels[label] += count
        possible += count if maybe else 0
    return Summary(since, until, len(ids), labels, possible, changed, restated)


def steps(engine: Engine, now: dt.datetime) -> Iterator[int]:
    """What the night does: class new talk, calibrate where it is due and there is enough, attribute
    lines that are marked and those that become final; each a transaction of its own. Yields how
    many lines were looked at. Safe to repeat.
    """
    with database.transaction(engine) as session:
        read_news(session, now)
        if calibrating.fit_due(session, now) and calibrating.enough(session, now):
            first = calibrations.latest(session) is None
            calibrating.fit(session, now)
            if first:
                dirty.mark(session, session.connection().scalars(select(LINE.c.id)))
    looked_at = AT_ONCE
    while looked_at == AT_ONCE:
        with database.transaction(engine) as session:
            looked_at = attribute_due(session, now, AT_ONCE)
        yield looked_at


def attribute_due(session: Session, now: dt.datetime, at_most: int) -> int:
    """Attribute lines that are marked, and those that become final; returns how many were looked
    at, 0 where nothing is due.
    """
    ids = dirty.marked(session)[:at_most]
    if len(ids) < at_most:
        final = and_(TOLD.c.final.is_(False), LINE.c.paid_at <= now - lines.FINAL_AFTER)
        ids += session.connection().scalars(
            select(LINE.c.id)
            .join(TOLD, TOLD.c.order_line_id == LINE.c.id)
            .where(final, TOLD.c.sealed.is_(False), LINE.c.id.not_in(ids))
            .order_by(LINE.c.id)
            .limit(at_most - len(ids))
        )
    _attribute(session, sorted(ids), now)
    return len(ids)


def read_news(session: Session, now: dt.datetime) -> None:
    """Class what was said since, and mark the lines that talk of the past concerns."""
    changed = classing.class_new(session, now)
    _mark(session, [*late.take(session), *changed])
    late.reached(session, now)


def as_object(summary: Summary) -> dict[str, object]:
    """What `qunyun attribute --json` says of labels."""
    return {
        "since": summary.since.isoformat() if summary.since else None,
        "until": summary.until.isoformat() if summary.until else None,
        "lines": summary.lines,
        "labels": {label.value: summary.labels.get(label, 0) for label in Label},
        "possible": summary.possible,
        "changed": summary.changed,
        "restated": summary.restated,
    }


def attribution_rows(
    session: Session, since: dt.datetime, until: dt.datetime, zone: ZoneInfo
) -> Iterator[tuple[str | int | None, ...]]:
    """Rows of the `attribution` export (EXPORT names their cells) paid in `[since, until)`.

    In key order by code point, whatever the collation of the database; times in `zone`.
    """
    told, line, product, room, named = database.tables(
        Attribution, OrderLine, Product, Room, MessageIdentity
    )
    rows = session.connection().execute(
        select(
            *(line.c.order_id, line.c.line_no, line.c.paid_at, line.c.amount, product.c.sku),
            *(told, room.c.platform_id.label("room"), named.c.platform_id.label("message")),
        )
        .join(line, line.c.id == told.c.order_line_id)
        .join(product, product.c.id == line.c.product_id)
        .outerjoin(room, room.c.id == told.c.room_id)
        .outerjoin(named, named.c.id == told.c.message_id)
        .where(line.c.paid_at >= since, line.c.paid_at < until)
    )
    for row in sorted(rows, key=lambda row: (row.order_id, row.line_no)):
        yield (
            *(row.order_id, row.line_no, row.sku, row.label.value),
            *(row.grade.value if row.grade else "", row.room or "", row.message or ""),
            *(row.paid_at.astimezone(zone).isoformat(), cells.yuan(row.amount)),
            *(row.ppm_organic, row.ppm_promo, row.ppm_base, row.rule_version),
            "true" if row.final else "false",
        )


def seal(session: Session, paid_before: dt.datetime) -> int:
    """Seal what was decided of lines paid before an instant; returns how many were not yet."""
    told, line = database.tables(Attribution, OrderLine)
    old = select(line.c.id).where(line.c.paid_at < paid_before)
    sealing = update(told).values(sealed=True)
    done = session.connection().execute(
        sealing.where(told.c.order_line_id.in_(old), told.c.sealed.is_(False))
    )
    return done.rowcount


def sealed_lines(session: Session) -> set[tuple[str, int]]:
    """(order id, line number) of the lines whose attribution is sealed."""
    told, line = database.tables(Attribution, OrderLine)
    rows = session.connection().execute(
        select(line.c.order_id, line.c.line_no)
        .join(told, told.c.order_line_id == line.c.id)
        .where(told.c.sealed)
    )
    return {(row[0], row[1]) for row in rows}


def _mark(session: Session, stretches: Iterable[Stretch]) -> None:
    """Mark lines paid within 72 hours of these stretches by people of the room."""
    merged: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for one in stretches:
        since, until = merged.get(one.room_id, (one.since, one.until))
        merged[one.room_id] = min(since, one.since), max(until, one.until)
    if not merged:
        return
    given = database.given(
        session,
        {"room_id": Integer(), "since": UTCDateTime(), "until": UTCDateTime()},
        [
            (room, since, until + LOOK_BACK if until < NEVER else NEVER)
            for room, (since, until) in sorted(merged.items())
        ],
    )
    identity, contact, stay = database.tables(Identity, Contact, Membership)
    found = session.connection().scalars(
        select(LINE.c.id)
        .distinct()
        .select_from(given)
        .join(stay, stay.c.room_id == given.c.room_id)
        .join(contact, contact.c.id == stay.c.contact_id)
        .join(
            identity,
            and_(
                identity.c.kind == IdentityKind.CONTACT, identity.c.value == contact.c.platform_id
            ),
        )
        .join(LINE, LINE.c.person_id == identity.c.person_id)
        .where(LINE.c.paid_at > given.c.since, LINE.c.paid_at <= given.c.until)
    )
    dirty.mark(session, found)


def _attribute(session: Session, ids: Sequence[int], now: dt.datetime) -> tuple[int, int]:
    """Attribute these lines, some at a time; returns how many rows changed, and were restated."""
    known = calibrations.load(session)
    changed = restated = 0
    with collecting.seldom():
        for start in range(0, len(ids), CHUNK):
            rows, again = _attribute_some(session, ids[start : start + CHUNK], known, now)
            changed, restated = changed + rows, restated + again
    return changed, restated


def _attribute_some(
    session: Session, ids: Sequence[int], known: Sequence[Row[Any]], now: dt.datetime
) -> tuple[int, int]:
    bulk.look_up(session)
    which = bulk.among(LINE.c.id, np.array(ids, np.int64), session)
    bought, buyers = buying.gather(session, which)
    met = meeting.gather(session, bought, buyers)
    versions, *odds = calibrations.of_lines(known, bought.at)
    decided = attribution.decide(bought, met, *odds)
    final = bought.at + int(lines.FINAL_AFTER.total_seconds()) <= int(now.timestamp())
    told = attribution.hashes(bought, met, decided, final, versions)
    written = recording.record(
        session, bought, met, decided, final=final, versions=versions, told=told, now=now
    )
    dirty.clear(session, ids)
    return written
