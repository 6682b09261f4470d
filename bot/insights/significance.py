"""Is a change more than noise? One week against its own earlier weeks, and many such at once. Pure.

A week is compared with the weeks of the same rooms before it, never with a Poisson count or with
other rooms: all rooms share their weeks (holidays, weather, a launch), so what varies is the
week, and only weeks can say how much (DESIGN §7). Many comparisons are held to a share of false
ones by Benjamini and Hochberg.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.insights.statistics import FEWEST_WEEKS, Interval

LEVEL = 0.05


class Scale(StrEnum):
    """What is compared: an AMOUNT varies by a part of itself, a SHARE lies between 0 and 1."""

    AMOUNT = "amount"
    SHARE = "share"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Change:
    """A week against its earlier ones: `band` holds 95 % of such weeks if nothing changed.

    `usual` is the middle of the band, `p` the chance of a week at least as far from it.
    """

    now: float
    usual: float
    band: Interval
    p: float
    weeks: int

    @property
    def side(self) -> int:
        """1 above the band, −1 below it, 0 inside."""
        return (self.now > self.band.high) - (self.now < self.band.low)


def change(
    earlier: Sequence[float], now: float, scale: Scale = Scale.AMOUNT, level: float = LEVEL
) -> Change | None:
    """Where `now` stands among `earlier` weeks; None for fewer than `FEWEST_WEEKS` of them.

    The prediction interval of one more draw, mean ± t · s · √(1 + 1/n) with n − 1 degrees of
    freedom (Hahn & Meeker 1991, Statistical Intervals, §4.7), on a scale where the noise of weeks
    is about normal: logarithms of amounts, arcsines of shares.
    """
    n = len(earlier)
    if n < FEWEST_WEEKS:
        return None
    seen = [_to(scale, value) for value in earlier]
    mean = math.fsum(seen) / n
    variance = math.fsum((value - mean) ** 2 for value in seen) / (n - 1)
    spread = math.sqrt(variance * (1 + 1 / n))
    away = _to(scale, now) - mean
    reach = t_quantile(level, n - 1) * spread
    # Weeks without any noise say that any other value is a change.
    p = t_tail(abs(away) / spread, n - 1) if spread else float(away == 0)
    band = Interval(_from(scale, mean - reach), _from(scale, mean + reach))
    return Change(now, _from(scale, mean), band, p, n)


def changes(
    earlier: Mapping[int, Sequence[float]],
    now: Mapping[int, float],
    scale: Scale = Scale.AMOUNT,
) -> dict[int, Change]:
    """Where each room stands that has enough earlier weeks, by room."""
    compared = {room: change(earlier.get(room, ()), value, scale) for room, value in now.items()}
    return {room: found for room, found in compared.items() if found is not None}


def called(compared: Mapping[int, Change], level: float = LEVEL) -> frozenset[int]:
    """The rooms whose change may be called one: at most `level` of the called are false."""
    rooms = sorted(compared)
    adjusted = benjamini_hochberg([compared[room].p for room in rooms])
    return frozenset(room for room, q in zip(rooms, adjusted, strict=True) if q <= level)


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: calling all q ≤ level keeps the share of false ones
    among the called at or below `level`.

    q of rank i is the least of p_j · m / j over ranks j ≥ i, at most 1. Benjamini & Hochberg
    (1995), J. R. Statist. Soc. B 57:289–300; also where tests depend positively (Benjamini &
    Yekutieli 2001, Ann. Statist. 29:1165–1188).
    """
    count = len(ps)
    adjusted = [1.0] * count
    least = 1.0
    falling = sorted(range(count), key=lambda place: ps[place], reverse=True)
    for rank, place in zip(range(count, 0, -1), falling, strict=True):
        least = min(least, ps[place] * count / rank)
        adjusted[place] = least
    return adjusted


def t_tail(t: float, freedom: float) -> float:
    """The chance that |T| ≥ t for Student's t: the incomplete beta function I_x(ν/2, ½) at
    x = ν / (ν + t²), by its continued fraction (NIST, Digital Library of Mathematical Functions,
    8.17.22; the reflection 8.17.4 where that converges slowly).
    """
    a, b, x = freedom / 2, 0.5, freedom / (freedom + t * t)
    # 1 − x, where the difference would lose digits.
    rest = t * t / (freedom + t * t)
    if not rest:
        return 1.0
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log + a * math.log(x) + b * math.log(rest)) if x else 0.0
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b), by Lentz's method from its beginning."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 1_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = found
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            found *= c * d
        if abs(found - before) <= 1e-15 * abs(found):
            break
    return found


@functools.lru_cache(maxsize=4_096)
def t_quantile(level: float, freedom: float) -> float:
    """The t with `t_tail(t, freedom) == level`, by halving."""
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if t_tail(middle, freedom) > level:
            low = middle
        else:
            high = middle
    return high


def _to(scale: Scale, value: float) -> float:
    match scale:
        case Scale.AMOUNT:
            return math.log1p(value)
        case Scale.SHARE:
            return math.asin(math.sqrt(value))
        case Scale.PLAIN:
            return value


def _from(scale: Scale, value: float) -> float:
    match scale:
        case Scale.AMOUNT:
            return max(math.expm1(value), 0.0)
        case Scale.SHARE:
            return math.sin(min(max(value, 0.0), math.pi / 2)) ** 2
        case Scale.PLAIN:
            return value
