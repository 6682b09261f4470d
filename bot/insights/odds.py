"""Fit the odds of evidence on recorded orders (ATTRIBUTION §2): EM, talk after them as control.

    lines used → counts of touches before, and as in a mirror after, by class and lag
        → odds of each against "would have come anyway" → their level, and the odds of what nobody
        heard, after the share of many

A line that would have come anyway sees as many touches before as after, class by class, lag by lag;
one hour's hazard is the base times 1 + Σ odds. So what a line saw before is told from its mirror
with chance (1 + Σ before) / (2 + Σ before + Σ after), and the odds maximise that. It is a
case-crossover study with a control on the other side (Navidi 1998, Biometrics 54:596–605) with
additive odds; the latent cause of each line gives an EM step that never lowers the likelihood
(Veen & Schoenberg 2008, JASA 103:614–624, for points in time).
"""

import numpy as np
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays, attribution, buying, lags, meeting, speaking, weights
from bot.insights.arrays import DAY, HOUR, Flags, Floats, Ints, Record
from bot.insights.buying import Bought
from bot.insights.meeting import LOOK_BACK, Met
from bot.insights.sights import Seen
from bot.insights.weights import Odds
from bot.models import OrderLine

LINE = database.table(OrderLine)
# Lines that are read, at most, and below which the priors stand.
AT_MOST, LEAST_LINES = 20_000, 1_000
# Touches of a class and lag, both sides together, below which its prior stands.
LEAST_TOUCHES = 30
# A prior counts for as many lines that it explains.
SHRINK = 10.0
ROUNDS, CLOSE = 300, 1e-4
# Odds are levelled by so many times at most.
MOST_TIMES = 64.0
_ORGANIC = slice(0, 3 * weights.BINS)


def fit(session: Session, record: Record, seen: Seen, ids: Ints, led: float, heard: float) -> Odds:
    """The odds as `weights` keeps them. `ids` are the ids of the record's lines, in order; `led` is
    which part of the lines that no promotion made talk led to, and `heard` which part of these a
    touch that the detector heard within a day: the level of the odds.
    """
    far = seen.far & ~record.lines.marked[seen.line]
    far &= record.lines.at[seen.line] + 2 * LOOK_BACK <= record.log.until[seen.room]
    step = max(1, -(-len(far) // AT_MOST))
    if far[::step].sum() < LEAST_LINES:
        return weights.priors()
    which = bulk.among(LINE.c.id, ids[seen.line[::step]], session)
    bought, buyers = buying.gather(session, which)
    used = np.isin(bought.id, ids[seen.line[::step]][far[::step]])
    met, mirrored = (each(session, bought, buyers) for each in (meeting.gather, meeting.mirrored))
    before = counted(bought, met, attribution.qualified(bought, met))
    after = counted(bought, mirrored, np.flatnonzero(_reaches(bought, mirrored)))
    found = by_class_and_lag(before[used], (after * _hours(record, bought))[used])
    # The share is one of all lines, and so is its level: those whose buyers spoke met more.
    alone = ~bought.marked & (before[:, _ORGANIC.stop :].sum(axis=1) == 0)
    size = before[alone, _ORGANIC] @ found[_ORGANIC]
    factor, unheard = levels(size, led * heard, led * (1 - heard))
    found[_ORGANIC] *= factor
    told = np.rint(found * weights.BASE).astype(np.int64)
    touches = told.reshape(len(weights.CLASSES), weights.BINS)
    return Odds(touches, round(unheard * weights.BASE))


def counted(bought: Bought, met: Met, which: Ints) -> Floats:
    """How many of these touches each line met by class and lag: (line, class · bin)."""
    line = met.touched.line[which]
    lag = np.abs(bought.at[line] - met.touched.at[which])
    kind = weights.classes(met.touched.touch[which], met.grade[which])
    cells = len(weights.CLASSES) * weights.BINS
    place = line * cells + kind * weights.BINS + weights.bins(lag)
    found = np.bincount(place, minlength=len(bought) * cells).reshape(-1, cells)
    return found.astype(np.float64)


def _reaches(bought: Bought, mirrored: Met) -> Flags:
    """Which touches would be evidence, were they as long before as they were after."""
    touched = mirrored.touched
    lag = np.abs(bought.at[touched.line] - touched.at)
    reach = np.where(mirrored.grade == speaking.A, LOOK_BACK, DAY)
    able: Flags = ~mirrored.own & (touched.touch != arrays.PROMPT) & (lag > 0) & (lag <= reach)
    return able


def by_class_and_lag(before: Floats, after: Floats) -> Floats:
    """The odds of each class and lag (flat), given how often each line met it before and after.

    First how much each class works beside its prior, then each lag beside that. Pure.
    """
    prior = weights.priors().touches / weights.BASE
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


def levels(size: Floats, heard: float, unheard: float) -> tuple[float, float]:
    """By how much to multiply the odds that each line met (`size`), and the odds of what nobody
    heard, so that on the mean they explain these parts of the lines; 1 and 0 where too few of them
    met anything for that. Pure.

    Half-way each in turn: more of one leaves less to the other, so that neither overshoots.
    """
    alone, factor, missed = np.ones_like(size), 0.0, 0.0
    for _ in range(ROUNDS):
        before = factor, missed
        factor = _times(size, missed * alone, heard)
        missed = _times(alone, factor * size, unheard)
        if abs(factor - before[0]) + abs(missed - before[1]) < CLOSE:
            break
    if max(factor, missed) > MOST_TIMES * (1 - CLOSE):
        return 1.0, 0.0
    return factor, missed


def _times(size: Floats, beside: Floats, part: float) -> float:
    """By how much to multiply odds so that, beside the base and others, they explain this part."""
    low, high = 0.0, MOST_TIMES
    for _ in range(40):
        middle = (low + high) / 2
        if (middle * size / (1 + beside + middle * size)).mean() < part:
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
