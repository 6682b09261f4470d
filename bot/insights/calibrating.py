"""Fit what attribution is calibrated by, on final lines and on marks by hand.

    final lines → lag kernel, F;  marks → R;  → a new version

The first version applies to all lines, a later one to lines paid after it was fitted. A version is
never edited, so that what it decided can be decided again.
"""

import datetime as dt

import numpy as np
from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.insights import arrays, calibrations, chronicle, lags, recall, sights, weights
from bot.insights.arrays import HOUR, Floats, Record
from bot.models import Calibration, Mark, Mention
from bot.orders import lines

MARK, MENTION = database.tables(Mark, Mention)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MONTHLY = dt.timedelta(days=30)


def fit(session: Session, now: dt.datetime) -> int:
    """Fit on all lines that are final and all marks present; returns the new version."""
    before = calibrations.latest(session)
    record = chronicle.gather(session, None, now - lines.FINAL_AFTER)
    seen = sights.observe(record)
    kernel = lags.fit(seen, by_hour(record))
    found, missed = marked(session)
    told = recall.estimate(found, missed)
    version = 1 if before is None else before.version + 1
    database.insert_rows(
        session,
        Calibration,
        [
            {
                "version": version,
                "fitted_at": now,
                "applies_from": EVER if before is None else now,
                "lines": len(seen.line),
                "rooms": len(np.unique(seen.room)),
                "found": found,
                "missed": missed,
                "influence": kernel.influence.value,
                "influence_error": kernel.influence.error,
                "recall": told.value,
                "recall_error": told.error,
                "median_hours": kernel.median_hours,
                "sigma": kernel.sigma,
                "odds": weights.as_json(weights.priors()),
            }
        ],
    )
    return version


def fit_due(session: Session, now: dt.datetime) -> bool:
    """Whether nothing was fitted yet, the last is a month old, or marks have come since."""
    before = calibrations.latest(session)
    if before is None or now - before.fitted_at >= MONTHLY:
        return True
    return marked(session) != (before.found, before.missed)


def marked(session: Session) -> tuple[int, int]:
    """Of the products that persons found in randomly drawn messages: how many the detector found,
    too, and how many it missed.
    """
    rows = session.connection().execute(
        select(MARK.c.message_id, MARK.c.products).where(MARK.c.drawn, MARK.c.products.is_not(None))
    )
    named = {(row.message_id, product) for row in rows for product in row.products or ()}
    messages = select(MARK.c.message_id).where(MARK.c.drawn)
    told = session.connection().execute(
        select(MENTION.c.message_id, MENTION.c.product_id).where(MENTION.c.message_id.in_(messages))
    )
    detected = {(row.message_id, row.product_id) for row in told}
    return len(named & detected), len(named - detected)


def by_hour(record: Record) -> Floats:
    """How much organic talk there is at each hour of the day (24, UTC)."""
    organic = record.talk.touch == arrays.ORGANIC
    counts = np.bincount(record.talk.at[organic] // HOUR % 24, minlength=24)
    return counts.astype(np.float64) + 1
