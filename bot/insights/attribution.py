"""The label of order lines, their evidence and their credit (ATTRIBUTION §2). Pure.

The first that holds: out, promo by coupon or link, unknown, organic A, promo within 24 hours,
organic B, direct. A label is weak evidence for one order; the weights say how weak.

Many lines are decided at once, in columns; what each line gets depends on its own columns alone.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from bot.insights import arrays, speaking, weights
from bot.insights.arrays import DAY, Flags, Ints
from bot.insights.buying import Bought
from bot.insights.meeting import LOOK_BACK, Met, Touched
from bot.models import Grade, Label

RULE_VERSION = 2
RECENT = DAY
NOTHING = -1

# Labels and grades as numbers: their places here.
LABELS = (Label.OUT, Label.PROMO, Label.ORGANIC, Label.UNKNOWN, Label.DIRECT)
OUT, PROMO, ORGANIC, UNKNOWN, DIRECT = range(5)
GRADES = (None, Grade.A, Grade.B, Grade.C)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every qualifying touch, by line and the one that is preferred first; weights are ppm.

    `touch` is the place among the touches met, `line` among the lines, `position` inside the line.
    """

    line: Ints
    touch: Ints
    position: Ints
    weight: Ints


@dataclass(frozen=True, slots=True)
class Decisions:
    """One entry a line. `named` is the one touch that the label names (NOTHING: none). The three
    sums add up to 1,000,000, and are NOTHING for `out` and `unknown`; the evidence's weights with
    `base` do too, but for what a coupon or link says by itself, which is in `promo` alone, and for
    talk that nobody heard, which is in `organic` alone.
    """

    label: Ints
    grade: Ints
    possible: Flags
    named: Ints
    organic: Ints
    promo: Ints
    base: Ints
    evidence: Evidence


def decide(bought: Bought, met: Met, odds: Ints, unheard: Ints) -> Decisions:
    """Decide every line. Every tie is broken: later touch, higher grade, smaller name.

    `odds` holds those of touches for each line: (line, class, bin); `unheard` those of talk that
    nobody heard.
    """
    count = len(bought)
    kept = qualified(bought, met)
    line = met.touched.line[kept]
    touch, grade = met.touched.touch[kept], met.grade[kept]
    promo = _first(line, (touch == arrays.PROMO) | (touch == arrays.ECHO), count)
    answered, spoke, there = (
        _first(line, grade == each, count) for each in (speaking.A, speaking.B, speaking.C)
    )
    gone = bought.out | bought.ours
    unknown = (bought.person == arrays.UNKNOWN) & ~bought.marked
    cases = (gone, bought.marked, unknown, answered >= 0, promo >= 0, spoke >= 0)
    none = np.full(count, NOTHING)
    label = np.select(cases, (OUT, PROMO, UNKNOWN, ORGANIC, PROMO, ORGANIC), DIRECT)
    named = np.select(cases, (none, promo, none, answered, promo, spoke), there)
    possible = (label == DIRECT) & (there >= 0)
    settled = ~np.isin(label, (OUT, UNKNOWN))
    shares, missed, base = _weigh(bought, met, kept, odds, unheard)
    heard = np.bincount(line, shares * (touch == arrays.ORGANIC), count).astype(np.int64)
    organic = heard + missed
    position = np.arange(len(line)) - np.searchsorted(line, line)
    shown = settled[line]
    return Decisions(
        label=label,
        grade=np.where(named >= 0, grade[named] if len(grade) else 0, speaking.NO_GRADE),
        possible=possible,
        named=np.where(named >= 0, kept[named] if len(kept) else 0, NOTHING),
        organic=np.where(settled, organic, NOTHING),
        promo=np.where(settled, weights.WHOLE - organic - base, NOTHING),
        base=np.where(settled, base, NOTHING),
        evidence=Evidence(line[shown], kept[shown], position[shown], shares[shown]),
    )


def qualified(bought: Bought, met: Met) -> Ints:
    """Places of the touches that may have led to their line: none of the buyer's own, none after
    the intent; by line, the preferred first.
    """
    touched: Touched = met.touched
    lag = bought.at[touched.line] - touched.at
    reach = np.where(met.grade == speaking.A, LOOK_BACK, RECENT)
    able = ~met.own & (touched.touch != arrays.PROMPT) & (lag > 0) & (lag <= reach)
    # Who asked first already wanted it: what came after answers the wish, it did not make it.
    spoken, heard = (np.full(len(bought), arrays.FOREVER) for _ in range(2))
    own = met.own & (lag > 0)
    np.minimum.at(spoken, touched.line[own], touched.at[own])
    np.minimum.at(heard, touched.line[able], touched.at[able])
    able &= (spoken >= heard)[touched.line]
    kept = np.flatnonzero(able)
    order = np.lexsort(
        (
            *(met.rank[kept], touched.touch[kept], met.grade[kept]),
            *(-touched.at[kept], touched.line[kept]),
        )
    )
    return kept[order]


def hashes(
    bought: Bought, met: Met, decided: Decisions, final: Flags, calibration: Ints
) -> list[str]:
    """What each line's rows depend on, and the rules that make them: the same, the same rows."""
    touched, told = met.touched, decided.evidence
    facts = np.stack(
        (
            *(bought.id, bought.product, bought.at, bought.amount, bought.refunded, bought.out),
            *(bought.marked, bought.person == arrays.UNKNOWN, bought.ours, final, calibration),
            np.full(len(bought), RULE_VERSION),
        ),
        axis=1,
    ).astype(np.int64)
    seen = np.stack(
        (
            *(touched.at[told.touch], touched.touch[told.touch], met.grade[told.touch]),
            *(touched.room[told.touch], touched.message[told.touch], touched.delivery[told.touch]),
            told.weight,
        ),
        axis=1,
    ).astype(np.int64)
    ends = np.searchsorted(told.line, np.arange(len(bought)), side="right").tolist()
    # Rows of bytes: a row of an array is an object to make, and there are as many as lines.
    one, other = facts.tobytes(), seen.tobytes()
    long, wide = facts.itemsize * facts.shape[1], seen.itemsize * seen.shape[1]
    found, start = [], 0
    for place, end in enumerate(ends):
        inputs = one[place * long : (place + 1) * long] + other[start * wide : end * wide]
        found.append(hashlib.blake2b(inputs, digest_size=16).hexdigest())
        start = end
    return found


def _first(line: Ints, holds: Flags, count: int) -> Ints:
    """The first place of each line where it holds, NOTHING where nowhere."""
    found = np.full(count, NOTHING)
    places = np.flatnonzero(holds)[::-1]
    # Written from the last to the first, so that the first stays.
    found[line[places]] = places
    return found


def _weigh(
    bought: Bought, met: Met, kept: Ints, odds: Ints, unheard: Ints
) -> tuple[Ints, Ints, Ints]:
    """Shares of each touch, and of what nobody heard and of the base of each line, in ppm; a coupon
    has the rest.
    """
    touched, count = met.touched, len(bought)
    line = touched.line[kept]
    lag = bought.at[line] - touched.at[kept]
    kind = weights.classes(touched.touch[kept], met.grade[kept])
    told = odds[line, kind, weights.bins(lag)]
    lines = np.arange(count)
    coupon = np.where(bought.marked, weights.COUPON, 0)
    group = np.concatenate((lines, lines, lines, line))
    parts = np.concatenate((np.full(count, weights.BASE), coupon, unheard, told))
    order = np.argsort(group, kind="stable")
    shares = np.empty(len(group), np.int64)
    shares[order] = weights.share_out(group[order], parts[order], count)
    base, _, missed = shares[: 3 * count].reshape(3, count)
    return shares[3 * count :], missed, base
