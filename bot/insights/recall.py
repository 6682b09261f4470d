"""R: which share of the messages that name a product the detector finds, from marks by hand."""

import math

from bot.insights.estimates import Estimate

# The prior, by judgement, worth a dozen marked mentions: 85 %, give or take 10.
FOUND, MISSED = 10.0, 1.76


# Half the width of a 95 % interval in standard errors.
_HALF = 1.96


def estimate(found: float, missed: float) -> Estimate:
    """The recall after so many marked mentions, found and missed: a beta posterior."""
    hits, all_of_them = FOUND + found, FOUND + MISSED + found + missed
    value = hits / all_of_them
    return Estimate(value, math.sqrt(value * (1 - value) / (all_of_them + 1)))


def of_rate(value: float, low: float, high: float) -> Estimate:
    """The recall after marks of messages that were drawn with unequal chances: a weighted rate with
    its 95 % interval counts for as many plain marks as would leave that interval.
    """
    middle = min(max(value, 0.02), 0.98)
    error = max((high - low) / (2 * _HALF), 0.005)
    marks = max(middle * (1 - middle) / error**2 - 1, 0.0)
    return estimate(value * marks, (1 - value) * marks)
