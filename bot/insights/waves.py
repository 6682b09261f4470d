"""The share of orders that talk led to, by the lags between both, with talk's waves taken off.

    what lines saw, bin of lags by bin: mentions before − mentions after
    = organic share × (recall × lag kernel + what a wave adds before more than after)

Talk comes in waves, and an order that talk caused comes after the crest: there was more talk before
it than after, whatever the lag. How much more follows from the kernel and from how mentions cluster
around mentions, which the log tells. The excess is the antisymmetric part of the cross-covariance
of talk and orders, written by the covariance of talk with itself (Bacry & Muzy 2016, IEEE Trans.
Inf. Theory 62:2184–2202). Whatever moves talk and orders alike and at once, forwards as backwards
in time, drops out. It fails, as the mirror window does, where something outside makes people talk
first and buy later.

    record, seen → sums by fold of rooms and stratum → kernels weighed → shares, jackknife
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from bot.insights import arrays, lags, mirror
from bot.insights.arrays import DAY, HOUR, Floats, Ints, Record
from bot.insights.estimates import Estimate, Shares
from bot.insights.lags import FIRST, STEP, Kernel
from bot.insights.mirror import FOLDS, STRATA
from bot.insights.sights import AROUND, LAGS, Seen

# Offsets between mentions are followed for so many hours: past the longest lag by half as much.
SPAN_HOURS = 144
STEPS = int(SPAN_HOURS / STEP)
_NEAR = int(LAGS[-1] / STEP)
# The edges of bins of lags, in steps.
EDGES = np.append(FIRST, _NEAR)
# Mentions around which others are counted; more say no more, and cost memory.
CENTRES, AT_ONCE = 60_000, 4_000
# Bins of lags share waves and so are not independent, as the likelihood takes them to be: it counts
# for half, and the kernels that it leaves are the more.
POWER = 0.5
# What no data of ours tells, and so widens the intervals, by judgement: which part of what
# promotions made came by ones that look like talk, and how far, for its size, the organic share is
# off because buyers are taken for others and no kernel of the family is the true one.
DISGUISED, UNLIKE = 0.05, 0.03
# The first bin past two hours.
_LATE = LAGS.index(2)
# Kernels that weigh less than this beside the best are left out of what is added up.
_LIGHT = 1e-3
_LEAST_VARIANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Sums:
    """What the estimate is made of, by (fold, stratum, …).

    `lines`, `clean`: all lines, the clean ones; `late`, `later`: those whose log tells of
    promotions 48 to 96 hours after, and those with one. `used` are the clean ones without a
    promotion in the 48 hours after and without a word of their buyer near; `excess`
    (…, bin) is mentions before minus after, over them. `centres` are mentions, `level` (…) how many
    others would be in one step by chance, `pairs` (…, step) how many are, so many steps after.
    """

    lines: Floats
    clean: Floats
    late: Floats
    later: Floats
    used: Floats
    excess: Floats
    centres: Floats
    level: Floats
    pairs: Floats

    def whole(self) -> "Sums":
        """Over all folds."""
        return Sums(*(getattr(self, each.name).sum(axis=0) for each in fields(self)))

    def without(self, fold: int) -> "Sums":
        """Over all folds but one."""
        parts = (getattr(self, each.name) for each in fields(self))
        return Sums(*(part.sum(axis=0) - part[fold] for part in parts))


@dataclass(frozen=True, slots=True)
class Design:
    """What is fitted: kernels (kernel, hump), what of each hump falls on bins (hump, bin) and steps
    (hump, step); how many more mentions the hour alone brings before than after (bin) and how talk
    follows talk by the hour alone (step); `weight`, one over the variance of the excess (stratum,
    bin).
    """

    kernels: Floats
    bins: Floats
    steps: Floats
    chance: Floats
    cycle: Floats
    weight: Floats


def shares(record: Record, seen: Seen, recall: Estimate) -> tuple[Shares, Kernel] | None:
    """The shares of all lines and the kernel that fits; None where too few lines or mentions can be
    used (a fold of rooms without any).
    """
    sums, design = _prepare(record, seen)
    if not (sums.used.sum(axis=1) > 0).all() or not sums.centres.sum(axis=0).all():
        return None
    chance, heavy = _weigh(sums.whole(), design, recall.value)
    middle, spread = _parts(sums.whole(), heavy, chance, recall.value)
    left = np.stack(
        [_parts(sums.without(fold), heavy, chance, recall.value)[0] for fold in range(FOLDS)]
    )
    errors = np.sqrt((FOLDS - 1) / FOLDS * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    # What the kernel and the recall leave open is the organic share's error, too, and the base's.
    shifted, _ = _parts(sums.whole(), heavy, chance, recall.value + recall.error)
    hidden, mistaken = DISGUISED * middle[1], UNLIKE * middle[0]
    told = np.linalg.norm([spread, middle[0] - shifted[0], mistaken])
    clean = seen.clean.sum()
    made = Shares(
        organic=Estimate(float(middle[0]), float(np.linalg.norm([errors[0], told, hidden]))),
        promo=Estimate(float(middle[1]), float(np.hypot(errors[1], hidden))),
        base=Estimate(float(middle[2]), float(np.hypot(errors[2], told))),
        hit=float(seen.hit[seen.clean].sum() / max(clean, 1)),
        chance=float(seen.chance[seen.clean].sum() / max(clean, 1)),
        lines=len(seen.line),
        clean=int(clean),
        rooms=len(np.unique(seen.room)),
        hump=_hump(sums.whole(), heavy, chance, recall.value),
    )
    return made, lags.mean(heavy.kernels, chance)


def _prepare(record: Record, seen: Seen) -> tuple[Sums, Design]:
    talk = lags.by_hour(record)
    used = seen.clean & seen.far & ~seen.promo_after
    hours = np.bincount(seen.hour[used], seen.intensity[used], 24).astype(np.float64)
    chance = lags.chance(hours, talk)
    edges = mirror.edges(seen.intensity)
    cell = mirror.folds(seen.room) * STRATA + np.searchsorted(edges, seen.intensity, side="left")
    difference = (seen.before - seen.after * chance) * used[:, None]
    centres, level, pairs = _around_mentions(record, seen, edges)
    sums = Sums(
        lines=_totals(cell, np.ones(len(cell))),
        clean=_totals(cell, seen.clean),
        late=_totals(cell, seen.late),
        later=_totals(cell, seen.late & seen.promo_later),
        used=_totals(cell, used),
        excess=np.stack([_totals(cell, column) for column in difference.T], axis=-1),
        centres=centres,
        level=level,
        pairs=pairs,
    )
    kernels = lags.kernels()
    # A kernel is a mixture of humps, and all that follows is linear in it: five are added up.
    humps = np.eye(kernels.shape[1])
    steps = np.diff(lags.within(humps, np.arange(0.0, STEPS + 1) * STEP), axis=1)
    bins = np.add.reduceat(steps[:, :_NEAR], FIRST, axis=1)
    weight = 1 / np.maximum(_variance(sums), _LEAST_VARIANCE)
    return sums, Design(kernels, bins, steps, chance, _cycle(talk), weight)


def _totals(cell: Ints, what: Floats | arrays.Flags) -> Floats:
    found = np.bincount(cell, what, FOLDS * STRATA).reshape(FOLDS, STRATA)
    return found.astype(np.float64)


def around(wave: Floats, edges: Ints = EDGES) -> tuple[Floats, Floats]:
    """How many mentions stand between edges (in steps) before, and after, an order that came so
    many steps after its cause: (stratum, lag, bin) each, given how many others stand so many steps
    after a mention, and as many before it (stratum, step). Pure.

    A mention `step` steps before the order is lag − step after the cause, one as many steps after
    the order lag + step. Cause and mention are anywhere inside their steps, so that half of the
    time it is one step less, or one more.
    """
    none = np.zeros_like(wave)
    until = np.concatenate((none[:, :1], wave[:, ::-1], wave, none), axis=1).cumsum(axis=1)
    # Up to a step as up to the next, half and half; the cause itself is at step STEPS.
    until = (until[:, :-1] + until[:, 1:]) / 2
    lag = np.arange(STEPS)[:, None] + STEPS
    before = -np.diff(until[:, lag - edges], axis=2)
    after = np.diff(until[:, lag + edges], axis=2)
    return before, after


def _around_mentions(record: Record, seen: Seen, edges: Floats) -> tuple[Floats, Floats, Floats]:
    """`centres`, `level` and `pairs` of the sums: organic mentions after organic mentions."""
    organic = np.flatnonzero(record.talk.touch == arrays.ORGANIC)
    room, at = record.talk.room[organic], record.talk.at[organic]
    stream = arrays.stream(room, record.talk.product[organic])
    begins, ends = record.log.since[room], record.log.until[room]
    since, until = np.maximum(at - AROUND, begins), np.minimum(at + AROUND, ends)
    start, end = arrays.between(stream, at, stream, since, until)
    a_day = (end - start - 1) / (np.maximum(until - since, DAY) / DAY)
    rooms, first = np.unique(seen.room, return_index=True)
    fold = mirror.folds(seen.room)[first]
    held = np.isin(room, rooms) & (at >= begins) & (at + SPAN_HOURS * HOUR <= ends)
    centre = np.flatnonzero(held)
    # Evenly spread over rooms and time, and the same every time.
    centre = centre[:: max(1, -(-len(centre) // CENTRES))]
    stratum = np.searchsorted(edges, a_day[centre], side="left")
    cell = fold[np.searchsorted(rooms, room[centre])] * STRATA + stratum
    pairs = np.zeros(FOLDS * STRATA * STEPS)
    start, end = arrays.between(
        stream, at, stream[centre], at[centre] + 1, at[centre] + SPAN_HOURS * HOUR
    )
    for begin in range(0, len(centre), AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        which, place = arrays.spread(start[some], end[some])
        step = (at[place] - at[centre[some]][which]) // int(STEP * HOUR)
        pairs += np.bincount(cell[some][which] * STEPS + step, minlength=len(pairs))
    return (
        _totals(cell, np.ones(len(cell))),
        _totals(cell, a_day[centre] / 24 * STEP),
        pairs.reshape(FOLDS, STRATA, STEPS),
    )


def _cycle(talk: Floats) -> Floats:
    """How much talk there is so many steps after talk, beside the mean, by the hour alone."""
    share = talk / talk.sum()
    after = (np.arange(STEPS) + 0.5) * STEP
    there = np.interp(
        (np.arange(24) + after[:, None]) % 24, np.arange(25), np.append(share, share[0])
    )
    return np.asarray(24 * there @ share)


def _variance(sums: Sums) -> Floats:
    """The variance of the mean excess by (stratum, bin): a jackknife over folds."""
    used, excess = sums.used.sum(axis=0), sums.excess.sum(axis=0)
    left = (excess - sums.excess) / np.maximum(used - sums.used, 1)[:, :, None]
    spread = ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray((FOLDS - 1) / FOLDS * spread)


def _weigh(sums: Sums, design: Design, recall: float) -> tuple[Floats, Design]:
    """The kernels that weigh anything, and their weights: the likelihood of each with the
    amplitudes that fit best, none below zero.
    """
    found, shape = _found(sums), _shapes(sums, design, recall)
    size = np.maximum(_amplitudes(found, shape, design.weight), 0)[:, :, None]
    told = ((size * shape * found - (size * shape) ** 2 / 2) * design.weight).sum(axis=(1, 2))
    chance = np.exp(POWER * (told - told.max()))
    heavy = chance >= _LIGHT
    return chance[heavy] / chance[heavy].sum(), replace(design, kernels=design.kernels[heavy])


def _hump(sums: Sums, design: Design, chance: Floats, recall: float) -> float:
    """How far, in standard errors, the excess rises above the best kernel somewhere past two hours.

    What people say works the less the longer ago it was. Where something outside makes them talk
    first and buy hours later, talk of those hours ago is more frequent than any such kernel has it.
    Two bins together, the most that any two show; every stratum counts.
    """
    best = int(chance.argmax())
    found, shape = _found(sums), _shapes(sums, design, recall)
    size = np.maximum(_amplitudes(found, shape, design.weight), 0)[best]
    left = ((found - size[:, None] * shape[best]) * design.weight).sum(axis=0)
    scale = design.weight.sum(axis=0)
    both = (left[1:] + left[:-1]) / np.sqrt(scale[1:] + scale[:-1])
    return float(both[_LATE:].max())


def _parts(sums: Sums, design: Design, chance: Floats, recall: float) -> tuple[Floats, float]:
    """(organic, promo, base) under the weights of the kernels, and how far organic spreads."""
    size = _amplitudes(_found(sums), _shapes(sums, design, recall), design.weight)
    # What is promoted is what sold the day before. So chance has its mirror not at the order but a
    # day after: as many promotions as by chance within 48 hours before come 48 to 96 hours after.
    free = mirror.free(sums.lines, sums.clean, sums.lines * sums.later / np.maximum(sums.late, 1))
    organic = size @ free
    value = float(chance @ organic)
    promo = 1 - float(free.sum())
    spread = float(np.sqrt(chance @ (organic - value) ** 2))
    return np.array([value, promo, 1 - promo - value]), spread


def _found(sums: Sums) -> Floats:
    """The mean excess by (stratum, bin)."""
    return np.asarray(sums.excess / np.maximum(sums.used, 1)[:, None])


def _shapes(sums: Sums, design: Design, recall: float) -> Floats:
    """The excess that orders would have that talk alone caused: (kernel, stratum, bin)."""
    others = sums.pairs - sums.level[:, None] * design.cycle
    wave = others / np.maximum(sums.centres, 1)[:, None]
    before, after = around(wave)
    spread = np.tensordot(design.steps, before - after * design.chance, axes=(1, 1))
    return np.tensordot(design.kernels, recall * design.bins[:, None, :] + spread, axes=1)


def _amplitudes(found: Floats, shape: Floats, weight: Floats) -> Floats:
    """The organic share of the lines used that fits best, by (kernel, stratum); not clipped."""
    size = (shape * found * weight).sum(axis=2)
    return np.asarray(size / np.maximum((shape**2 * weight).sum(axis=2), _LEAST_VARIANCE))
