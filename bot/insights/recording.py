"""Keep what was decided: replace the rows of lines whose inputs changed, restate final ones."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row, delete, select
from sqlmodel import Session

from bot import database
from bot.insights import arrays
from bot.insights.arrays import Flags, Ints
from bot.insights.attribution import GRADES, LABELS, NOTHING, RULE_VERSION, Decisions
from bot.insights.buying import Bought
from bot.insights.meeting import Met
from bot.models import Attribution, AttributionEvidence, Restatement
from bot.models.columns import serial

TOLD = database.table(Attribution)


def record(
    session: Session,
    bought: Bought,
    met: Met,
    decided: Decisions,
    *,
    final: Flags,
    versions: Ints,
    told: Sequence[str],
    now: dt.datetime,
) -> tuple[int, int]:
    """Keep the decisions on these lines; returns how many rows changed, and were restated.

    `told` are their `inputs_hash`es, `versions` the calibrations that gave the weights. The same
    again changes nothing, nor does anything change what is sealed.
    """
    ids = bought.id.tolist()
    before = _standing(session, ids)
    stale = np.array(
        [_is_stale(before.get(line), one) for line, one in zip(ids, told, strict=True)], bool
    )
    rows = list(_rows(bought, met, decided, final, versions, told, now, stale))
    _replace(session, rows, list(_evidence(bought, met, decided, stale)))
    return len(rows), _restate(session, before, rows, now)


def _is_stale(before: Row[Any] | None, told: str) -> bool:
    return before is None or not (before.sealed or before.inputs_hash == told)


def _standing(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    given = database.given(session, {"id": serial()}, [(each,) for each in ids])
    names = ("order_line_id", "inputs_hash", "label", "ppm_organic", "ppm_promo", "final", "sealed")
    rows = session.connection().execute(
        select(*(TOLD.c[name] for name in names)).join(given, given.c.id == TOLD.c.order_line_id)
    )
    return {row.order_line_id: row for row in rows}


def _rows(
    bought: Bought,
    met: Met,
    decided: Decisions,
    final: Flags,
    versions: Ints,
    told: Sequence[str],
    now: dt.datetime,
    stale: Flags,
) -> Iterator[dict[str, object]]:
    """The rows of those lines that are stale."""
    touched = met.touched
    places = np.flatnonzero(stale)
    named = decided.named[places]
    for place, touch, line, label, grade, possible, organic, promo, base, ended, version in zip(
        *(places.tolist(), named.tolist(), bought.id[places].tolist()),
        *(decided.label[places].tolist(), decided.grade[places].tolist()),
        *(decided.possible[places].tolist(), decided.organic[places].tolist()),
        *(decided.promo[places].tolist(), decided.base[places].tolist()),
        *(final[places].tolist(), versions[places].tolist()),
        strict=True,
    ):
        names = touch != NOTHING
        yield {
            "order_line_id": line,
            "label": LABELS[label],
            "grade": GRADES[grade],
            "possible": possible,
            "room_id": int(touched.room[touch]) if names else None,
            "message_id": _id(touched.message[touch]) if names else None,
            "delivery_id": _id(touched.delivery[touch]) if names else None,
            "ppm_organic": _id(organic),
            "ppm_promo": _id(promo),
            "ppm_base": _id(base),
            "final": ended,
            "sealed": False,
            "rule_version": RULE_VERSION,
            "calibration": version,
            "inputs_hash": told[place],
            "computed_at": now,
        }


def _evidence(
    bought: Bought, met: Met, decided: Decisions, stale: Flags
) -> Iterator[dict[str, object]]:
    """The evidence of those lines that are stale."""
    touched, told = met.touched, decided.evidence
    shown = np.flatnonzero(stale[told.line])
    line, touch = told.line[shown], told.touch[shown]
    for order_line, position, weight, kind, grade, room, message, delivery, at in zip(
        *(bought.id[line].tolist(), told.position[shown].tolist(), told.weight[shown].tolist()),
        *(touched.touch[touch].tolist(), met.grade[touch].tolist(), touched.room[touch].tolist()),
        *(touched.message[touch].tolist(), touched.delivery[touch].tolist()),
        touched.at[touch].tolist(),
        strict=True,
    ):
        yield {
            "order_line_id": order_line,
            "position": position,
            "touch": arrays.TOUCHES[kind],
            "grade": GRADES[grade],
            "room_id": room,
            "message_id": _id(message),
            "delivery_id": _id(delivery),
            "at": dt.datetime.fromtimestamp(at, dt.UTC),
            "weight": weight,
        }


def _id(value: int) -> int | None:
    return None if value == NOTHING else int(value)


def _replace(
    session: Session, rows: Sequence[Mapping[str, object]], evidence: Sequence[Mapping[str, object]]
) -> None:
    if not rows:
        return
    ids = database.given(session, {"id": serial()}, [(row["order_line_id"],) for row in rows])
    for model in (AttributionEvidence, Attribution):
        stale = database.table(model)
        session.connection().execute(
            delete(stale).where(stale.c.order_line_id.in_(select(ids.c.id)))
        )
    database.insert_rows(session, Attribution, rows)
    database.insert_rows(session, AttributionEvidence, evidence)


def _restate(
    session: Session,
    before: Mapping[int, Row[Any]],
    rows: Iterable[Mapping[str, Any]],
    now: dt.datetime,
) -> int:
    """Write down what changed of lines that were final; returns how many."""
    told = []
    for row in rows:
        stood = before.get(row["order_line_id"])
        if stood is None or not stood.final:
            continue
        after = (row["label"], row["ppm_organic"], row["ppm_promo"])
        if after != (stood.label, stood.ppm_organic, stood.ppm_promo):
            told.append(
                {
                    "order_line_id": row["order_line_id"],
                    "at": now,
                    "label_before": stood.label,
                    "label_after": after[0],
                    "organic_before": stood.ppm_organic,
                    "organic_after": after[1],
                    "promo_before": stood.ppm_promo,
                    "promo_after": after[2],
                }
            )
    return database.insert_rows(session, Restatement, told)
