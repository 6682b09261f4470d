"""Fit the odds of evidence on recorded orders (ATTRIBUTION §2): EM, talk after them as control.

    lines used → counts of touches before, and as in a mirror after, by class and lag
        → odds of each against "would have come anyway" → their level after the share of many

A line that would have come anyway sees as many touches before as after, class by class, lag by lag;
one hour's hazard is the base times 1 + Σ odds. So what a line saw before is told from its mirror
with chance (1 + Σ before) / (2 + Σ before + Σ after), and the odds maximise that. It is a
case-crossover study with a control on the other side (Navidi 1998, Biometrics 54:596–605) with
additive odds; the latent cause of each line gives an EM step that never lowers the likelihood
(Veen & Schoenberg 2008, JASA 103:614–624, for points in time).
"""

import numpy as np
from sqlalchemy import select
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays, buying, lags, meeting, speaking, weights
from bot.insights.arrays import DAY, HOUR, Flags, Floats, Ints, Record
from bot.insights.buying import Bought
from bot.insights.meeting import LOOK_BACK, Met
from bot.insights.sights import Seen
from bot.models import OrderLine

LINE = database.table(OrderLine)
# Lines that are read, at most, and below which the priors stand.
AT_MOST, LEAST_LINES = 20_000, 1_000
# Touches of a class and lag, both sides together, below which its prior stands.
LEAST_TOUCHES = 30
# A prior counts for as many lines that it explains.
SHRINK = 10.0
ROUNDS, CLOSE = 300, 1e-4
_ORGANIC = slice(0, 3 * weights.BINS)


def fit(session: Session, record: Record, seen: Seen, ids: Ints, led: float) -> Ints:
    """The odds as `weights` keeps them. `ids` are the ids of the record's lines, in order; `led` is
    which part of the lines that no promotion made a touch in reach led to: the level of the odds.
    """
    used = seen.far & ~record.lines.marked[seen.line]
    used &= record.lines.at[seen.line] + 2 * LOOK_BACK <= record.log.until[seen.room]
    chosen = ids[seen.line[used]]
    chosen = chosen[:: max(1, -(-len(chosen) // AT_MOST))]
    if len(chosen) < LEAST_LINES:
        return weights.priors()
    given = bulk.given(session, {"id": chosen})
    bought, buyers = buying.gather(session, LINE.c.id.in_(select(given.c.id)))
    before = counted(bought, meeting.gather(session, bought, buyers))
    after = counted(bought, meeting.mirrored(session, bought, buyers))
    found = by_class_and_lag(before, after * _hours(record, bought))
    alone = before[:, _ORGANIC.stop :].sum(axis=1) == 0
    found[_ORGANIC] *= level(before[alone, _ORGANIC], found[_ORGANIC], led)
    told = np.rint(found * weights.BASE).astype(np.int64)
    return told.reshape(len(weights.CLASSES), weights.BINS)


def counted(bought: Bought, met: Met) -> Floats:
    """How many touches each line met by class and lag: (line, class · bin), as evidence counts."""
    touched = met.touched
    lag = np.abs(bought.at[touched.line] - touched.at)
    reach = np.where(met.grade == speaking.A, LOOK_BACK, DAY)
    kept = ~met.own & (touched.touch != arrays.PROMPT) & (lag > 0) & (lag <= reach)
    kind = weights.classes(touched.touch[kept], met.grade[kept])
    cells = len(weights.CLASSES) * weights.BINS
    place = touched.line[kept] * cells + kind * weights.BINS + weights.bins(lag[kept])
    found = np.bincount(place, minlength=len(bought) * cells).reshape(-1, cells)
    return found.astype(np.float64)


def by_class_and_lag(before: Floats, after: Floats) -> Floats:
    """The odds of each class and lag (flat), given how often each line met it before and after.

    First how much each class works beside its prior, then each lag beside that. Pure.
    """
    prior = weights.priors().astype(np.float64) / weights.BASE
    both = [each.reshape(-1, *prior.shape) for each in (before, after)]
    some = (before + after).sum(axis=0).reshape(prior.shape)
    ones = np.ones(len(prior))
    met, mirrored = ((each * prior).sum(axis=2) for each in both)
    works = maximise(met, mirrored, ones, some.sum(axis=1) >= LEAST_TOUCHES)
    drawn_to = (prior * works[:, None]).ravel()
    return maximise(before, after, drawn_to, some.ravel() >= LEAST_TOUCHES)


def maximise(before: Floats, after: Floats, prior: Floats, free: Flags) -> Floats:
    """The odds of what each line met so often before and after, by EM. Pure.

    Each is drawn to its prior as `SHRINK` lines would; what is not free stays there.
    """
    both = before + after
    odds = prior.copy()
    for _ in range(ROUNDS):
        # E: how many lines each led to; M: so many, by how often it would stand before by chance.
        led = ((before / (1 + before @ odds)[:, None]) * odds).sum(axis=0)
        chance = (both / (2 + both @ odds)[:, None]).sum(axis=0)
        step = np.where(free, (led + SHRINK) / (chance + SHRINK / prior), prior)
        moved = np.abs(step - odds).max()
        odds = step
        if moved < CLOSE:
            break
    return odds


def level(before: Floats, odds: Floats, led: float) -> float:
    """By how much to multiply the odds so that they explain so many of the lines, on the mean."""
    size = before @ odds
    low, high = 0.0, 64.0
    for _ in range(60):
        middle = (low + high) / 2
        if (middle * size / (1 + middle * size)).mean() < led:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _hours(record: Record, bought: Bought) -> Floats:
    """How much more there is before than after for the hour of day alone, by class and lag."""
    hours = np.bincount(bought.at // HOUR % 24, minlength=24).astype(np.float64)
    told = [
        lags.chance(hours, lags.by_hour(record, touch), weights.LAGS)
        for touch in (*(arrays.ORGANIC,) * 3, arrays.PROMO, arrays.ECHO)
    ]
    return np.concatenate(told)
