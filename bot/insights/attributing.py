"""Bring attribution up to date, and tell what it says.

    gather cases → decide each → replace the rows of those whose inputs changed

Repeating it without news changes nothing: `inputs_hash` sees that. Figures of a line are
provisional for 72 hours after payment, then final.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, delete, select, update
from sqlmodel import Session

from bot import cells, database
from bot.insights import attribution, buying
from bot.insights.attribution import RULE_VERSION, Decision
from bot.models import (
    Attribution,
    AttributionEvidence,
    Label,
    MessageIdentity,
    OrderLine,
    Product,
    Room,
)
from bot.models.columns import serial
from bot.orders import lines

EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
EXPORT = (
    *("order_id", "line_no", "sku", "label", "grade", "room", "message_id", "paid_at", "amount"),
    *("ppm_organic", "ppm_promo", "ppm_base", "rule_version", "final"),
)
NOT_ESTIMATED = "not estimated in this version (needs calibration)"


@dataclass(frozen=True, slots=True)
class Summary:
    """What attribution says of the lines paid in `[since, until)`; `changed` rows were written."""

    since: dt.datetime | None
    until: dt.datetime | None
    lines: int
    labels: Mapping[Label, int]
    possible: int
    changed: int


def attribute_all(
    session: Session,
    now: dt.datetime,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Summary:
    """Attribute every line paid in `[since, until)`; without bounds, every line. What is sealed
    stays as it was decided.
    """
    cases = buying.gather(session, since or EVER, until or NEVER)
    standing = _standing(session)
    labels: Counter[Label] = Counter()
    possible = 0
    changed: list[_Row] = []
    for case in cases:
        before = standing.get(case.bought.id)
        if before is not None and before.sealed:
            labels[before.label] += 1
            possible += before.possible
            continue
        final = lines.is_final(case.bought.paid_at, now)
        decision = attribution.attribute(case)
        labels[decision.label] += 1
        possible += decision.possible
        told = attribution.inputs_hash(case, decision, final)
        if before is None or before.inputs_hash != told:
            changed.append(_Row(case.bought.id, decision, final, told))
    _replace(session, changed, now)
    return Summary(since, until, len(cases), labels, possible, len(changed))


def as_object(summary: Summary) -> dict[str, object]:
    """The object of `qunyun attribute --json`."""
    unknown = ("share.organic", "share.promo", "share.base", "raw_hit_rate", "chance_rate")
    more = ("influence_in_window", "detector_recall")
    return {
        "since": summary.since.isoformat() if summary.since else None,
        "until": summary.until.isoformat() if summary.until else None,
        "lines": summary.lines,
        "labels": {label.value: summary.labels.get(label, 0) for label in Label},
        "possible": summary.possible,
        "share": {"organic": None, "promo": None, "base": None},
        "raw_hit_rate": None,
        "chance_rate": None,
        "influence_in_window": None,
        "detector_recall": None,
        "changed": summary.changed,
        "warnings": [f"{name}: {NOT_ESTIMATED}" for name in (*unknown, *more)],
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


@dataclass(frozen=True, slots=True)
class _Row:
    order_line_id: int
    decision: Decision
    final: bool
    inputs_hash: str


def _standing(session: Session) -> dict[int, Row[Any]]:
    told = database.table(Attribution).c
    names = ("order_line_id", "inputs_hash", "label", "possible", "sealed")
    rows = session.connection().execute(select(*(told[name] for name in names)))
    return {row.order_line_id: row for row in rows}


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


def _replace(session: Session, rows: Sequence[_Row], now: dt.datetime) -> None:
    if not rows:
        return
    ids = database.given(session, {"id": serial()}, [(row.order_line_id,) for row in rows])
    for model in (AttributionEvidence, Attribution):
        stale = database.table(model)
        session.connection().execute(
            delete(stale).where(stale.c.order_line_id.in_(select(ids.c.id)))
        )
    database.insert_rows(session, Attribution, [_attribution(row, now) for row in rows])
    database.insert_rows(
        session,
        AttributionEvidence,
        [
            {
                "order_line_id": row.order_line_id,
                "position": position,
                "touch": one.candidate.touch,
                "grade": one.grade,
                "room_id": one.candidate.room_id,
                "message_id": one.candidate.message_id,
                "delivery_id": one.candidate.delivery_id,
                "at": one.candidate.at,
                "weight": one.weight,
            }
            for row in rows
            for position, one in enumerate(row.decision.evidence)
        ],
    )


def _attribution(row: _Row, now: dt.datetime) -> dict[str, object]:
    decision, named = row.decision, row.decision.named
    return {
        "order_line_id": row.order_line_id,
        "label": decision.label,
        "grade": decision.grade,
        "possible": decision.possible,
        "room_id": named.room_id if named else None,
        "message_id": named.message_id if named else None,
        "delivery_id": named.delivery_id if named else None,
        "ppm_organic": decision.ppm_organic,
        "ppm_promo": decision.ppm_promo,
        "ppm_base": decision.ppm_base,
        "final": row.final,
        "sealed": False,
        "rule_version": RULE_VERSION,
        "inputs_hash": row.inputs_hash,
        "computed_at": now,
    }
