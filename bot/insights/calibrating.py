"""Fit what attribution is calibrated by, on final lines and on marks by hand.

    final lines → lag kernel, F, odds of evidence;  marks → R;  → a new version

The first version applies to all lines, a later one to lines paid after it was fitted. A version is
never edited, so that what it decided can be decided again.
"""

import datetime as dt

import numpy as np
from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.insights import (
    buying,
    calibrations,
    chronicle,
    lags,
    odds,
    quality,
    recall,
    sights,
    waves,
    weights,
)
from bot.insights.arrays import Record
from bot.insights.estimates import Estimate, Shares
from bot.insights.lags import Kernel
from bot.insights.sights import Seen
from bot.insights.weights import Odds
from bot.models import Calibration, OrderLine
from bot.orders import lines

LINE = database.table(OrderLine)
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Lines below which nothing is estimated of many.
LEAST_LINES = 2_000
MONTHLY = dt.timedelta(days=30)
# However little an estimate leaves to what would have come anyway, it is one line in ten.
MOST_LED = 0.9


def fit(session: Session, now: dt.datetime) -> int:
    """Fit on all lines that are final and all marks present; returns the new version."""
    before = calibrations.latest(session)
    record = chronicle.gather(session, None, now - lines.FINAL_AFTER)
    seen = sights.observe(record)
    marks = quality.of_products(session)
    told = recall.estimate(0, 0) if marks.recall is None else _recall(marks.recall)
    made = waves.shares(record, seen, told)
    kernel = lags.prior() if made is None else made[1]
    fitted = weights.priors() if made is None else _odds(session, record, seen, made, told, now)
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
                "found": marks.right,
                "missed": marks.missed,
                "influence": kernel.influence.value,
                "influence_error": kernel.influence.error,
                "recall": told.value,
                "recall_error": told.error,
                "median_hours": kernel.median_hours,
                "sigma": kernel.sigma,
                "odds": weights.as_json(fitted),
            }
        ],
    )
    return version


def _odds(
    session: Session,
    record: Record,
    seen: Seen,
    made: tuple[Shares, Kernel],
    found: Estimate,
    now: dt.datetime,
) -> Odds:
    """The odds of evidence. Their level: what the shares say talk led to, and which part of it the
    detector heard inside the window.
    """
    organic, base = (max(each.value, 0.0) for each in (made[0].organic, made[0].base))
    led = min(organic / max(organic + base, 0.01), MOST_LED)
    heard = found.value * made[1].influence.value
    bought, _ = buying.gather(session, buying.paid_in(None, now - lines.FINAL_AFTER))
    return odds.fit(session, record, seen, bought.id[~bought.out & ~bought.ours], led, heard)


def fit_due(session: Session, now: dt.datetime) -> bool:
    """Whether nothing was fitted yet, the last is a month old, or marks have come since."""
    before = calibrations.latest(session)
    if before is None or now - before.fitted_at >= MONTHLY:
        return True
    marks = quality.of_products(session)
    return (marks.right, marks.missed) != (before.found, before.missed)


def enough(session: Session, now: dt.datetime) -> bool:
    """Whether there are as many final lines as a share is estimated on."""
    final = LINE.c.paid_at <= now - lines.FINAL_AFTER
    counted = session.connection().scalar(select(func.count()).where(final))
    return (counted or 0) >= LEAST_LINES


def _recall(rate: quality.Rate) -> Estimate:
    return recall.of_rate(rate.value, rate.interval.low, rate.interval.high)
