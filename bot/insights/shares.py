"""What attribution says of many orders at once, for digests, pages and `qunyun attribute`.

share      organic, promo, base by the lags (`waves`), and organic by the mirror window beside it
by_label   lines and revenue of each label
evidence   the touches of one line, with their weights
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import case, func, select
from sqlmodel import Session

from bot import database
from bot.insights import (
    buying,
    calibrating,
    calibrations,
    chronicle,
    lags,
    mirror,
    recall,
    sights,
    waves,
)
from bot.insights.estimates import Estimate, Shares
from bot.models import (
    Attribution,
    AttributionEvidence,
    Grade,
    Label,
    OrderLine,
    OrderStatus,
    Restatement,
    Touch,
)

TOLD, MET, LINE, AGAIN = database.tables(Attribution, AttributionEvidence, OrderLine, Restatement)
LEAST_ROOMS = 30
# Standard errors from which a hump is told of: by chance, once in a hundred looks at eight bins.
HUMP = 3.0

TOO_FEW = "订单太少,不作估计"
NO_LABELS = "还没有人工标注,识别率按先验计入:请运行 qunyun label"
NO_LAG = "数据看不出聊天多久起作用,24 小时内的比例按先验计入"
MIRROR_ONLY = "群或提及太少,按滞后的估计做不出来,占比只用对照窗口"
APART = "两种估计相差超出各自的区间:它们的前提至少有一个不成立,请以实验为准"
OUTSIDE = (
    "下单前几小时到一天的聊天多得不像聊天带来的:可能有群外的事先让人聊、后让人买,占比会偏高,"
    "请以实验为准"
)
CLIPPED = "估计落在 0–100% 之外,显示时截到边上"


@dataclass(frozen=True, slots=True)
class Share:
    """One share as it is shown: fractions of 1 with the ends of the 95 % interval, and the lines
    that it was estimated on. None where it is not estimated.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """The shares of the lines paid in `[since, until)`, with what stands behind them.

    `lines` are all paid lines that count, `resolved` those whose buyer is known and whose windows
    lie in the log, `clean` those of them on which the rates stand: without coupon or promotion in
    the 48 hours before. `raw_hit_rate` and `chance_rate` are of the clean ones. `influence` is F,
    `recall` is R (None where it is the prior). `mirror` is organic by the mirror window.
    """

    since: dt.datetime | None
    until: dt.datetime | None
    organic: Share
    promo: Share
    base: Share
    mirror: Share
    lines: int
    resolved: int
    clean: int
    rooms: int
    raw_hit_rate: float | None
    chance_rate: float | None
    influence: float | None
    recall: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Lines of one label: how many, their revenue net of refunds (fen), how many final, how many of
    the direct ones possible.
    """

    label: Label
    lines: int
    net: int
    final: int
    possible: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One touch of a line, the preferred first; `weight` is ppm."""

    touch: Touch
    grade: Grade | None
    room_id: int
    message_id: int | None
    delivery_id: int | None
    at: dt.datetime
    weight: int


def share(
    session: Session,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    *,
    least_lines: int = calibrating.LEAST_LINES,
) -> Told:
    """The shares of the lines paid in `[since, until)`. 0 `least_lines` lifts both thresholds."""
    record = chronicle.gather(session, since, until)
    seen = sights.observe(record)
    influence, found, warnings = _calibrated(session)
    rooms = len(np.unique(seen.room))
    enough = len(seen.line) >= least_lines and (rooms >= LEAST_ROOMS or least_lines == 0)
    made = by_mirror = None
    if enough and seen.clean.any():
        by_mirror = mirror.shares(seen, influence, found)
        by_lags = waves.shares(record, seen, found)
        made = by_mirror if by_lags is None else by_lags[0]
        warnings += _remarks(made, by_mirror)
    else:
        warnings.insert(0, TOO_FEW)
    nothing = Share()
    clean = int(seen.clean.sum())
    return Told(
        since=since,
        until=until,
        organic=_shown(made.organic, made.lines) if made else nothing,
        promo=_shown(made.promo, made.lines) if made else nothing,
        base=_shown(made.base, made.lines) if made else nothing,
        mirror=_shown(by_mirror.organic, by_mirror.lines) if by_mirror else nothing,
        lines=len(record.lines.at),
        resolved=len(seen.line),
        clean=clean,
        rooms=rooms,
        raw_hit_rate=float(seen.hit[seen.clean].mean()) if clean else None,
        chance_rate=float(seen.chance[seen.clean].mean()) if clean else None,
        influence=influence.value,
        recall=None if NO_LABELS in warnings else found.value,
        warnings=tuple(warnings),
    )


def _calibrated(session: Session) -> tuple[Estimate, Estimate, list[str]]:
    """F and R of the latest calibration, or as the priors say, and what to say of them."""
    calibration = calibrations.latest(session)
    warnings = []
    if calibration is None:
        influence, found = lags.prior().influence, recall.estimate(0, 0)
    else:
        influence = Estimate(calibration.influence, calibration.influence_error)
        found = Estimate(calibration.recall, calibration.recall_error)
    if calibration is None or calibration.found + calibration.missed == 0:
        warnings.append(NO_LABELS)
    if influence.error > lags.VAGUE:
        warnings.append(NO_LAG)
    return influence, found, warnings


def _remarks(made: Shares, by_mirror: Shares) -> list[str]:
    found = []
    if any(not 0 <= each.value <= 1 for each in (made.organic, made.promo, made.base)):
        found.append(CLIPPED)
    if made.hump >= HUMP:
        found.append(OUTSIDE)
    if made is by_mirror:
        found.append(MIRROR_ONLY)
    elif made.organic.low > by_mirror.organic.high or by_mirror.organic.low > made.organic.high:
        found.append(APART)
    return found


def by_label(
    session: Session, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> list[Labelled]:
    """Lines and revenue of the labels that occur among the lines paid in `[since, until)`."""
    paid = case((LINE.c.status == OrderStatus.CANCELLED, 0), else_=LINE.c.amount - LINE.c.refunded)
    rows = session.connection().execute(
        select(
            *(TOLD.c.label, func.count(), func.sum(paid)),
            func.sum(case((TOLD.c.final, 1), else_=0)),
            func.sum(case((TOLD.c.possible, 1), else_=0)),
        )
        .join(LINE, LINE.c.id == TOLD.c.order_line_id)
        .where(buying.paid_in(since, until))
        .group_by(TOLD.c.label)
    )
    found = {row[0]: Labelled(row[0], *(int(each) for each in row[1:])) for row in rows}
    return [found[label] for label in Label if label in found]


def evidence(session: Session, order_line_id: int) -> list[Evidence]:
    """Every touch that qualified for one line, the preferred first."""
    names = ("touch", "grade", "room_id", "message_id", "delivery_id", "at", "weight")
    rows = session.connection().execute(
        select(*(MET.c[name] for name in names))
        .where(MET.c.order_line_id == order_line_id)
        .order_by(MET.c.position)
    )
    return [Evidence(*row) for row in rows]


def restated(session: Session, since: dt.datetime, until: dt.datetime) -> int:
    """Lines whose final attribution changed in `[since, until)`."""
    changed = session.connection().scalar(
        select(func.count(func.distinct(AGAIN.c.order_line_id))).where(
            AGAIN.c.at >= since, AGAIN.c.at < until
        )
    )
    return changed or 0


def as_object(told: Told) -> dict[str, object]:
    """What `qunyun attribute --json` says of shares."""
    parts = {"organic": told.organic, "promo": told.promo, "base": told.base}
    return {
        "share": {name: _as_object(part) for name, part in parts.items()},
        "mirror": _as_object(told.mirror),
        "raw_hit_rate": told.raw_hit_rate,
        "chance_rate": told.chance_rate,
        "influence_in_window": told.influence,
        "detector_recall": told.recall,
        "resolved": told.resolved,
        "clean": told.clean,
        "rooms": told.rooms,
        "warnings": list(told.warnings),
    }


def _as_object(part: Share) -> dict[str, float | int | None] | None:
    if part.value is None:
        return None
    return {"value": part.value, "low": part.low, "high": part.high, "orders": part.orders}


def _shown(estimate: Estimate, lines: int) -> Share:
    """Clipped to 0–100 % only here, where it is shown."""
    value, low, high = (
        min(max(x, 0.0), 1.0) for x in (estimate.value, estimate.low, estimate.high)
    )
    return Share(value, low, high, lines)


def texts(told: Told) -> Sequence[str]:
    """The shares in words, one line each, with what they stand on."""
    if told.organic.value is None:
        return [TOO_FEW]
    named = (("群聊带来", told.organic), ("促销带来", told.promo), ("本来就会买", told.base))
    shown = [
        f"{name} {part.value:.0%}(95% 区间 {part.low:.0%}–{part.high:.0%},{part.orders:,} 行)"
        for name, part in named
        if part.value is not None
    ]
    if told.mirror.value is not None:
        shown.append(
            f"对照窗口另算:群聊带来 {told.mirror.value:.0%}"
            f"(95% 区间 {told.mirror.low:.0%}–{told.mirror.high:.0%})"
        )
    if told.raw_hit_rate is not None and told.chance_rate is not None:
        shown.append(
            f"下单前 24 小时有人提到 {told.raw_hit_rate:.0%},下单后 24 小时(碰巧)"
            f" {told.chance_rate:.0%},看的是 {told.clean:,} 行没有优惠和促销的订单"
        )
    return [*shown, *told.warnings]
