"""Keep what was decided: replace the rows of lines whose inputs changed, restate final ones."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row, delete, select
from sqlmodel import Session

from bot import appending, bulk, database
from bot.insights import arrays
from bot.insights.arrays import Flags, Ints
from bot.insights.attribution import GRADES, LABELS, NOTHING, RULE_VERSION, Decisions
from bot.insights.buying import Bought
from bot.insights.meeting import Met
from bot.models import Attribution, AttributionEvidence, Restatement

TOLD = database.table(Attribution)
# What labels, grades and touches are stored as, by their numbers.
_LABELS, _GRADES, _TOUCHES = (
    np.array([each and each.value for each in some], object)
    for some in (LABELS, GRADES, arrays.TOUCHES)
)


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
    standing = _standing(session, bought.id)
    stale = _stale(standing, bought.id, told)
    places = np.flatnonzero(stale)
    if not len(places):
        return 0, 0
    replaced = np.array([each for each in bought.id[places].tolist() if each in standing], np.int64)
    before = _final(session, replaced)
    _forget(session, replaced)
    rows = _rows(bought, met, decided, final, versions, told, now, places)
    appending.append(session, Attribution, rows)
    appending.append(session, AttributionEvidence, _evidence(bought, met, decided, stale))
    return len(places), _restate(session, before, bought.id[places], decided, places, now)


def _standing(session: Session, ids: Ints) -> dict[int, str | None]:
    """What the rows of these lines stand on, by line; None where it is sealed."""
    given = bulk.given(session, {"id": ids})
    rows = session.connection().execute(
        select(TOLD.c.order_line_id, TOLD.c.inputs_hash, TOLD.c.sealed).join(
            given, given.c.id == TOLD.c.order_line_id
        )
    )
    return {line: None if sealed else inputs for line, inputs, sealed in rows.all()}


def _stale(standing: Mapping[int, str | None], ids: Ints, told: Sequence[str]) -> Flags:
    """Which lines have no row yet, or one that is not sealed and stands on other inputs."""
    return np.array(
        [
            standing.get(line, "") not in {one, None}
            for line, one in zip(ids.tolist(), told, strict=True)
        ],
        bool,
    )


def _final(session: Session, ids: Ints) -> Sequence[Row[Any]]:
    """What stands of those of these lines that are final."""
    given = bulk.given(session, {"id": ids})
    names = ("order_line_id", "label", "ppm_organic", "ppm_promo")
    return (
        session.connection()
        .execute(
            select(*(TOLD.c[name] for name in names))
            .join(given, given.c.id == TOLD.c.order_line_id)
            .where(TOLD.c.final)
            .order_by(TOLD.c.order_line_id)
        )
        .all()
    )


def _forget(session: Session, ids: Ints) -> None:
    """Delete the rows of these lines."""
    given = bulk.given(session, {"id": ids})
    for model in (AttributionEvidence, Attribution):
        stale = database.table(model)
        session.connection().execute(
            delete(stale).where(stale.c.order_line_id.in_(select(given.c.id)))
        )


def _rows(
    bought: Bought,
    met: Met,
    decided: Decisions,
    final: Flags,
    versions: Ints,
    told: Sequence[str],
    now: dt.datetime,
    places: Ints,
) -> dict[str, list[Any]]:
    """The columns of the rows of these lines."""
    touched, touch = met.touched, decided.named[places]
    named = touch != NOTHING
    room, message, delivery = (
        _of(np.where(named, each[touch], NOTHING) if len(each) else touch)
        for each in (touched.room, touched.message, touched.delivery)
    )
    count = len(places)
    return {
        "order_line_id": bought.id[places].tolist(),
        "label": _LABELS[decided.label[places]].tolist(),
        "grade": _GRADES[decided.grade[places]].tolist(),
        "possible": decided.possible[places].tolist(),
        "room_id": room,
        "message_id": message,
        "delivery_id": delivery,
        "ppm_organic": _of(decided.organic[places]),
        "ppm_promo": _of(decided.promo[places]),
        "ppm_base": _of(decided.base[places]),
        "final": final[places].tolist(),
        "sealed": [False] * count,
        "rule_version": [RULE_VERSION] * count,
        "calibration": versions[places].tolist(),
        "inputs_hash": [told[place] for place in places.tolist()],
        "computed_at": [now] * count,
    }


def _evidence(bought: Bought, met: Met, decided: Decisions, stale: Flags) -> dict[str, list[Any]]:
    """The columns of the evidence of those lines that are stale."""
    touched, told = met.touched, decided.evidence
    shown = np.flatnonzero(stale[told.line])
    touch = told.touch[shown]
    return {
        "order_line_id": bought.id[told.line[shown]].tolist(),
        "position": told.position[shown].tolist(),
        "touch": _TOUCHES[touched.touch[touch]].tolist(),
        "grade": _GRADES[met.grade[touch]].tolist(),
        "room_id": touched.room[touch].tolist(),
        "message_id": _of(touched.message[touch]),
        "delivery_id": _of(touched.delivery[touch]),
        "at": [dt.datetime.fromtimestamp(at, dt.UTC) for at in touched.at[touch].tolist()],
        "weight": told.weight[shown].tolist(),
    }


def _of(values: Ints) -> list[int | None]:
    """Whole numbers as they are stored: nothing where there is none."""
    stored = values.astype(object)
    stored[values == NOTHING] = None
    return list(stored)


def _restate(
    session: Session,
    before: Sequence[Row[Any]],
    ids: Ints,
    decided: Decisions,
    places: Ints,
    now: dt.datetime,
) -> int:
    """Write down what changed of lines that were final; returns how many."""
    found = places[np.searchsorted(ids, [row.order_line_id for row in before])]
    organic, promo = (_of(each[found]) for each in (decided.organic, decided.promo))
    told = []
    for stood, *after in zip(before, decided.label[found].tolist(), organic, promo, strict=True):
        label = LABELS[after[0]]
        if (label, *after[1:]) != (stood.label, stood.ppm_organic, stood.ppm_promo):
            told.append(
                {
                    "order_line_id": stood.order_line_id,
                    "at": now,
                    "label_before": stood.label,
                    "label_after": label,
                    "organic_before": stood.ppm_organic,
                    "organic_after": after[1],
                    "promo_before": stood.ppm_promo,
                    "promo_after": after[2],
                }
            )
    return database.insert_rows(session, Restatement, told)
