"""What most systems do: the last touch within seven days gets the order."""

import numpy as np

from bot.bench.worlds.catalogue import DAY
from bot.insights import arrays, sights
from bot.insights.arrays import Record

WINDOW = 7 * DAY


def last_touch(record: Record) -> float:
    """The share of resolved orders whose last touch within seven days was a member's message."""
    paired = arrays.pairs(record.lines.buyer, record.stays)
    met = sights.meetings(record, sights.there(record, paired), WINDOW)
    before = ~met.own & (met.lag < 0)
    line, lag, touch = met.line[before], met.lag[before], met.touch[before]
    order = np.lexsort((lag, line))
    line, touch = line[order], touch[order]
    last = np.append(line[1:] != line[:-1], True)[: len(line)]
    organic = np.isin(touch[last], (arrays.ORGANIC, arrays.ECHO)).sum()
    return float(organic / max((record.lines.buyer >= 0).sum(), 1))
