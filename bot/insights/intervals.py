"""Intervals for what few people do: shares, means of clustered amounts, times until something.

Pure; all are of 95 % confidence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.insights.statistics import Interval, Wait

Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with the Wilson interval of the share."""

    count: int
    of: int
    interval: Interval

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.of


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean amount; the interval is None for fewer than two clusters."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Median:
    """The time until half have done it; `high` is None where the end of it was never seen."""

    value: float
    low: float
    high: float | None


def share(count: int, of: int) -> Share | None:
    """A share with its interval; None of nobody.

    Wilson (1927), JASA 22:209–212: it neither leaves 0–1 nor collapses at 0 and at 1.
    """
    if not of:
        return None
    p, z2 = count / of, Z * Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Share(count, of, Interval(max(middle - reach, 0.0), min(middle + reach, 1.0)))


def clustered_mean(clusters: Sequence[tuple[float, int]]) -> Mean | None:
    """The mean of amounts that come in clusters (one person's orders), each as (sum, count).

    The ratio's linearised variance, which lets the amounts of one cluster be alike:
    v = k/(k−1) · Σ(s_i − m·n_i)² / (Σn_i)². Cochran (1977), Sampling Techniques, §3.12, §9A.
    """
    count = sum(each for _, each in clusters)
    if not count:
        return None
    mean = math.fsum(amount for amount, _ in clusters) / count
    k = len(clusters)
    if k < 2:
        return Mean(mean, None)
    spread = math.fsum((amount - mean * each) ** 2 for amount, each in clusters)
    reach = Z * math.sqrt(k / (k - 1) * spread) / count
    return Mean(mean, Interval(mean - reach, mean + reach))


def median_wait(waits: Sequence[Wait]) -> Median | None:
    """When half have ended, by Kaplan–Meier; None where half of them never ended while watched.

    The interval holds every time at which S(t) = .5 is within the log(−log S) band of Greenwood's
    variance. Brookmeyer & Crowley (1982), Biometrics 38:29–41; Klein & Moeschberger (2003) §4.5.
    """
    steps = _survival(waits)
    value = next((time for time, still, _ in steps if still <= 0.5 + 1e-9), None)
    if value is None:
        return None
    inside = [time for time, still, greenwood in steps if _within(still, greenwood)]
    low = min([value, *inside])
    beyond = [time for time, still, greenwood in steps if _below(still, greenwood)]
    return Median(value, low, min(beyond) if beyond else None)


def _survival(waits: Sequence[Wait]) -> list[tuple[float, float, float]]:
    """(time, S, Σ d/(n(n−d))) at each time at which something ended."""
    ends: dict[float, int] = {}
    for wait in waits:
        ends[wait.seconds] = ends.get(wait.seconds, 0) + wait.ended
    leaving = sorted(wait.seconds for wait in waits)
    steps: list[tuple[float, float, float]] = []
    still, greenwood, gone = 1.0, 0.0, 0
    for time in sorted(ends):
        while leaving[gone] < time:
            gone += 1
        at_risk, ended = len(leaving) - gone, ends[time]
        if ended:
            still *= 1 - ended / at_risk
            greenwood += ended / (at_risk * (at_risk - ended)) if at_risk > ended else math.inf
            steps.append((time, still, greenwood))
    return steps


def _distance(still: float, greenwood: float) -> float:
    """How many standard errors S lies above .5 on the scale of log(−log S)."""
    if still <= 0:
        return -math.inf
    if still >= 1:
        return math.inf
    scale = math.sqrt(greenwood) / abs(math.log(still))
    return (math.log(-math.log(0.5)) - math.log(-math.log(still))) / scale


def _within(still: float, greenwood: float) -> bool:
    return abs(_distance(still, greenwood)) <= Z


def _below(still: float, greenwood: float) -> bool:
    return _distance(still, greenwood) < -Z
