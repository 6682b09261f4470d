"""What each order line saw: who named the product near it, before and, as in a mirror, after.

lines × stays × talk → meetings → one row a line
"""

from dataclasses import dataclass

import numpy as np

from bot.insights import arrays
from bot.insights.arrays import DAY, HOUR, Flags, Floats, Ints, Pairs, Record

WINDOW = DAY
PROMO_WINDOW = 2 * DAY
AROUND = 14 * DAY
# Edges of lags in hours: as far as the window, and past it to see what falls outside.
LAGS = (0, 1, 2, 4, 8, 12, 18, 24, 36, 48, 72, 96)
BINS = len(LAGS) - 1
REACH = LAGS[-1] * HOUR


@dataclass(frozen=True, slots=True)
class Seen:
    """What each resolved line saw, one entry a line whose windows lie inside the log.

    `line` is its place among the lines, `room` a room of the buyer, `intensity` mentions of the
    product a day around it. `clean` is one without coupon and without a promotion in the 48 hours
    before. `promo_after`: one came within the 48 hours after; `promo_later`: within the 48 hours
    from then on, of which only the logs of `late` lines tell. `hit` and `chance`: whether others
    named the product in the window before and after. `before` and `after` (one row a line, one
    column a bin of LAGS) count how often. `hour` is that of the payment (UTC). `far` is whether the
    log covers the longest lag on both sides and the buyer named the product nowhere in it: what
    others say then is an answer.
    """

    line: Ints
    room: Ints
    intensity: Floats
    clean: Flags
    promo_after: Flags
    promo_later: Flags
    late: Flags
    hit: Flags
    chance: Flags
    before: Ints
    after: Ints
    hour: Ints
    far: Flags


@dataclass(frozen=True, slots=True)
class Meetings:
    """Touches near lines, where the buyer was there: `lag` is seconds from line to touch."""

    line: Ints
    talk: Ints
    touch: Ints
    lag: Ints
    own: Flags


def observe(record: Record) -> Seen:
    """What every resolved line saw that lies well inside the log."""
    at = record.lines.at
    near = there(record, arrays.pairs(record.lines.buyer, record.stays))
    met = meetings(record, near, REACH)
    intent = intents(met, at)
    organic = ~met.own & (met.touch == arrays.ORGANIC)
    # A buyer who asked wanted it by then: what came later answered the wish.
    ahead = intent[met.line] - (at[met.line] + met.lag)
    before = organic & (met.lag < 0) & (ahead > 0)
    after = organic & (met.lag > 0)
    kept, room = _covered(record, near)
    promo = met.touch == arrays.PROMO
    promo_before = _any(met, promo & (met.lag < 0) & (met.lag >= -PROMO_WINDOW), len(at))
    promo_after = _any(met, promo & (met.lag > 0) & (met.lag <= PROMO_WINDOW), len(at))
    later = promo & (met.lag > PROMO_WINDOW) & (met.lag <= 2 * PROMO_WINDOW)
    return Seen(
        line=kept,
        room=room[kept],
        intensity=_intensity(record, near)[kept],
        clean=(~record.lines.marked & ~promo_before)[kept],
        promo_after=promo_after[kept],
        promo_later=_any(met, later, len(at))[kept],
        late=_whole(record, near, 0)[kept],
        hit=_any(met, before & (ahead <= WINDOW), len(at))[kept],
        chance=_any(met, after & (met.lag <= WINDOW), len(at))[kept],
        before=_binned(met.line[before], ahead[before], len(at))[kept],
        after=_binned(met.line[after], met.lag[after], len(at))[kept],
        hour=(at // HOUR % 24)[kept],
        far=(_whole(record, near, REACH) & ~_any(met, met.own, len(at)))[kept],
    )


def meetings(record: Record, paired: Pairs, reach: int) -> Meetings:
    """Every touch of the product within `reach` seconds of a line, in a room of the buyer."""
    talk, lines, stays = record.talk, record.lines, record.stays
    room, at = stays.room[paired.stay], lines.at[paired.line]
    start, end = _between(record, room, lines.product[paired.line], at - reach, at + reach + 1)
    which, place = arrays.spread(start, end)
    stay = paired.stay[which]
    there = (stays.since[stay] <= talk.at[place]) & (talk.at[place] < stays.until[stay])
    place, line = place[there], paired.line[which[there]]
    return Meetings(
        line=line,
        talk=place,
        touch=talk.touch[place],
        lag=talk.at[place] - lines.at[line],
        own=talk.speaker[place] == lines.buyer[line],
    )


def intents(met: Meetings, at: Ints) -> Ints:
    """When the buyer first named the product in the day before, else when it was paid."""
    intent = at.copy()
    own = met.own & (met.lag < 0) & (met.lag >= -WINDOW)
    np.minimum.at(intent, met.line[own], at[met.line[own]] + met.lag[own])
    return intent


def there(record: Record, paired: Pairs) -> Pairs:
    """The pairs whose stay covers the payment."""
    stays, at = record.stays, record.lines.at[paired.line]
    there = (stays.since[paired.stay] <= at) & (at < stays.until[paired.stay])
    return Pairs(paired.line[there], paired.stay[there])


def _between(
    record: Record, room: Ints, product: Ints, since: Ints, until: Ints
) -> tuple[Ints, Ints]:
    """Ranges of places in the talk, which is sorted by room, product and time."""
    talk = record.talk
    streams = arrays.stream(talk.room, talk.product)
    return arrays.between(streams, talk.at, arrays.stream(room, product), since, until)


def _covered(record: Record, near: Pairs) -> tuple[Ints, Ints]:
    """Lines all of whose rooms' logs hold their windows, and the first room of every line."""
    count = len(record.lines.at)
    room = record.stays.room[near.stay]
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, near.line, room)
    seen = np.zeros(count, bool)
    seen[near.line] = True
    seen[near.line[_cut(record, near, WINDOW, PROMO_WINDOW)]] = False
    return np.flatnonzero(seen), first


def _whole(record: Record, near: Pairs, back: int) -> Flags:
    """Lines whose rooms' logs reach so far back and the longest lag ahead."""
    whole = np.ones(len(record.lines.at), bool)
    whole[near.line[_cut(record, near, back, REACH)]] = False
    return whole


def _cut(record: Record, near: Pairs, back: int, ahead: int) -> Flags:
    """Pairs whose room's log does not reach so far to both sides."""
    room, at = record.stays.room[near.stay], record.lines.at[near.line]
    return (at - back < record.log.since[room]) | (at + ahead > record.log.until[room])


def _intensity(record: Record, near: Pairs) -> Floats:
    """Mentions of the product a day in the buyer's rooms, within fourteen days of the line."""
    room, at = record.stays.room[near.stay], record.lines.at[near.line]
    since = np.maximum(at - AROUND, record.log.since[room])
    until = np.minimum(at + AROUND, record.log.until[room])
    start, end = _between(record, room, record.lines.product[near.line], since, until)
    days = np.maximum(until - since, DAY) / DAY
    organic = np.concatenate(([0], (record.talk.touch == arrays.ORGANIC).cumsum()))
    rate = (organic[end] - organic[start]) / days
    return np.bincount(near.line, rate, len(record.lines.at)).astype(np.float64)


def _any(met: Meetings, which: Flags, count: int) -> Flags:
    found = np.zeros(count, bool)
    found[met.line[which]] = True
    return found


def _binned(line: Ints, lag: Ints, count: int) -> Ints:
    """Counts by line and bin of LAGS; a lag on an edge belongs to the nearer bin."""
    bins = np.searchsorted(np.array(LAGS) * HOUR, lag, side="left") - 1
    kept = (bins >= 0) & (bins < BINS)
    flat = np.bincount(line[kept] * BINS + bins[kept], minlength=count * BINS)
    return flat.reshape(count, BINS)
