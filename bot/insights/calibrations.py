"""Which calibration applies to which order line: the latest that was there when it was paid, the
first to all earlier ones, the priors before there was any.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Row, select
from sqlmodel import Session

from bot import database
from bot.insights import weights
from bot.insights.arrays import Ints
from bot.models import Calibration

CALIBRATION = database.table(Calibration)


def load(session: Session) -> Sequence[Row[Any]]:
    """Every calibration, by version."""
    return session.connection().execute(select(CALIBRATION).order_by(CALIBRATION.c.version)).all()


def latest(session: Session) -> Row[Any] | None:
    """The latest calibration; None where nothing was fitted yet."""
    known = load(session)
    return known[-1] if known else None


def of_lines(known: Sequence[Row[Any]], at: Ints) -> tuple[Ints, Ints, Ints]:
    """The version and the odds of lines paid at these times, those of touches (line, class, bin)
    and those of talk that nobody heard.
    """
    starts = np.array([int(each.applies_from.timestamp()) for each in known[1:]], np.int64)
    place = np.searchsorted(starts, at, side="right")
    versions = np.array([each.version for each in known] or [0], np.int64)
    told = [weights.of_json(each.odds) for each in known] or [weights.priors()]
    touches, unheard = np.stack([each.touches for each in told]), [each.unheard for each in told]
    return versions[place], touches[place], np.array(unheard, np.int64)[place]
