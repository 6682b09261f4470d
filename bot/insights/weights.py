"""How much credit each touch of one order line gets, in parts per million.

These weights are priors, chosen by judgement and not fitted to any data: each touch is given odds
against "would have come anyway" by its class and grade, halved at twelve hours of lag. They say
how plausible a touch is beside the others of the same order, and no more: the share of many
orders is estimated elsewhere, and a later version fits these numbers to recorded data. Integers
only, so that every machine computes the same.
"""

from collections.abc import Sequence

from bot.models import Grade, Touch

# Raised with every change of a number below, so that credits are computed again.
VERSION = 1

WHOLE = 1_000_000
HALF_LIFE_SECONDS = 12 * 3600

# Odds against the base at no lag, in thousandths.
BASE = 1_000
ODDS: dict[tuple[Touch, Grade | None], int] = {
    (Touch.ORGANIC, Grade.A): 2_000,
    (Touch.ORGANIC, Grade.B): 700,
    (Touch.ORGANIC, Grade.C): 100,
    (Touch.PROMO, None): 900,
    (Touch.PROMO_ECHO, None): 400,
}
# A campaign's own coupon or link was used: a trace of the promo, yet coupons are also poached.
COUPON = 3_000


def odds(touch: Touch, grade: Grade | None, lag_seconds: int) -> int:
    """The odds of one touch in thousandths of thousandths, `lag_seconds` before the order."""
    return ODDS[touch, grade] * 1_000 * HALF_LIFE_SECONDS // (HALF_LIFE_SECONDS + lag_seconds)


def share_out(parts: Sequence[int]) -> list[int]:
    """Shares of WHOLE in proportion to `parts`, summing to it exactly (largest remainders)."""
    total = sum(parts)
    shares = [part * WHOLE // total for part in parts]
    by_remainder = sorted(
        range(len(parts)), key=lambda index: (-(parts[index] * WHOLE % total), index)
    )
    for index in by_remainder[: WHOLE - sum(shares)]:
        shares[index] += 1
    return shares
