"""R: which share of the messages that name a product the detector finds, from marks by hand."""

import math

from bot.insights.estimates import Estimate

# The prior, by judgement, worth a dozen marked mentions: 85 %, give or take 10.
FOUND, MISSED = 10.0, 1.76


def estimate(found: int, missed: int) -> Estimate:
    """The recall after so many marked mentions, found and missed: a beta posterior."""
    hits, all_of_them = FOUND + found, FOUND + MISSED + found + missed
    value = hits / all_of_them
    return Estimate(value, math.sqrt(value * (1 - value) / (all_of_them + 1)))
