"""How often the rules are right (查准) and how much they hear (查全), from messages that a person
marked.

Only marks of random draws count. A draw is stratified, so each mark stands for as many messages
as its stratum had for each of its marks. An interval is the middle 95 % of the figure when, within
each stratum, the rates among what the rules said and among what they did not say are drawn from
their Jeffreys posteriors; so a stratum in which nothing was missed among few marks still says
that something may be. Brown, Cai & DasGupta (2001), Statistical Science 16:101–133, §4.3;
effective counts of unequal weights by Kish (1965), Survey Sampling, §11.2.

Pure below `of`; `of` reads.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy
from sqlalchemy import ColumnElement, Table, and_, select
from sqlmodel import Session

from bot import database, labelling
from bot.insights.arrays import Floats
from bot.insights.statistics import Interval
from bot.models import DrawnMessage, Mark, Mention, Message, Signal
from bot.text import signals
from bot.text.wording import wording

PRODUCT = "product_mention"
DRAWS = 4000

DRAWN, MARK, MESSAGE, SIGNAL, MENTION = database.tables(
    DrawnMessage, Mark, Message, Signal, Mention
)


class Marked(NamedTuple):
    """One drawn message for one signal: what a person says, what the rules say.

    It stands for `weight` messages of its stratum.
    """

    stratum: str
    weight: float
    true: bool
    said: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate among all messages that could be drawn, with its interval of 95 %."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Quality:
    """One signal. The counts are marks, as they stand; the rates are weighted.

    A rate is None where there is nothing to take it from.
    """

    signal: str
    right: int
    wrong: int
    missed: int
    precision: Rate | None
    recall: Rate | None


@dataclass(frozen=True, slots=True)
class Report:
    """What the marks say of the rules in force, `rule_version`.

    `unsure` messages have words of a complaint and the rules abstained; `unsure_complaints` of
    them are complaints. They count as not said. `dropped` marks have no text any more, so that
    nobody can tell whether the rules abstained.
    """

    rule_version: int
    marks: int
    skipped: int
    unsure: int
    unsure_complaints: int
    dropped: int
    signals: tuple[Quality, ...]


class _Read(NamedTuple):
    draw_id: int
    stratum: str
    probability: float
    kinds: frozenset[str]
    products: frozenset[int] | None
    said: frozenset[str]
    named: frozenset[int]
    text: str | None


def of(session: Session, seed: int = 7) -> Report:
    """The quality of the rules as their verdicts stand, by every mark of every draw."""
    read = _read(session)
    weights = _weights(session, read)
    rng = numpy.random.default_rng(seed)
    found = []
    for kind in labelling.KINDS:
        cases = [
            Marked(one.stratum, weight, kind in one.kinds, kind in one.said)
            for one, weight in zip(read, weights, strict=True)
        ]
        found.append(measured(kind.value, cases, rng))
    found.append(measured(PRODUCT, _mentions(read, weights), rng))
    unsure = [
        one
        for one in read
        if one.text is not None
        and "complaint" not in one.said
        and signals.is_unsure(wording(one.text), names_product=bool(one.named))
    ]
    return Report(
        signals.RULE_VERSION,
        len(read),
        labelling.progress(session).skipped,
        len(unsure),
        sum("complaint" in one.kinds for one in unsure),
        sum(one.text is None for one in read),
        tuple(found),
    )


def of_products(session: Session, seed: int = 7) -> Quality:
    """How well products are found in messages, by every mark of every draw."""
    read = _read(session)
    return measured(
        PRODUCT, _mentions(read, _weights(session, read)), numpy.random.default_rng(seed)
    )


def measured(signal: str, cases: Sequence[Marked], rng: numpy.random.Generator) -> Quality:
    """Precision and recall of one signal."""
    right = [one for one in cases if one.true and one.said]
    wrong = [one for one in cases if one.said and not one.true]
    missed = [one for one in cases if one.true and not one.said]
    hits, all_said, misses = _drawn_totals(cases, rng)
    said = sum(one.weight for one in cases if one.said)
    kept = sum(one.weight for one in right)
    true = kept + sum(one.weight for one in missed)
    precision = _rate(kept / said, hits / all_said) if said else None
    recall = _rate(kept / true, hits / (hits + misses)) if true else None
    return Quality(signal, len(right), len(wrong), len(missed), precision, recall)


def _drawn_totals(
    cases: Iterable[Marked], rng: numpy.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """How many messages are what the signal says and were said to be, how many were said to be,
    and how many are and were not, in DRAWS draws from what the marks leave possible.
    """
    strata: dict[str, list[Marked]] = defaultdict(list)
    for one in cases:
        strata[one.stratum].append(one)
    hits, all_said, misses = numpy.zeros((3, DRAWS))
    for _, inside in sorted(strata.items()):
        share, effective, size = _share(inside, [one.said for one in inside])
        # Where the rules say the same of a whole stratum, its part is known.
        split = rng.beta(share * effective, (1 - share) * effective, DRAWS) if share % 1 else share
        for said, amount in ((True, split * size), (False, (1 - split) * size)):
            cell = [one for one in inside if one.said is said]
            if not cell:
                continue
            true, effective, _ = _share(cell, [one.true for one in cell])
            rate = rng.beta(true * effective + 0.5, (1 - true) * effective + 0.5, DRAWS)
            if said:
                hits, all_said = hits + amount * rate, all_said + amount
            else:
                misses = misses + amount * rate
    return hits, all_said, misses


def _share(cases: Sequence[Marked], so: Sequence[bool]) -> tuple[float, float, float]:
    """The weighted share of cases that are so, their effective count, and what they weigh."""
    weights = numpy.array([one.weight for one in cases])
    size = float(weights.sum())
    # Kept from 1 + ε, which is no share.
    share = min(float(weights[numpy.array(so)].sum()) / size, 1.0)
    return share, size**2 / float((weights**2).sum()), size


def _rate(value: float, drawn: Floats) -> Rate:
    low, high = numpy.quantile(drawn, [0.025, 0.975])
    return Rate(value, Interval(min(float(low), value), max(float(high), value)))


def _weights(session: Session, read: Sequence[_Read]) -> list[float]:
    """How many messages each mark stands for: its stratum's size over its stratum's marks, since
    whoever stops half-way has marked a random part.
    """
    drawn = select(DRAWN.c.draw_id, DRAWN.c.stratum, DRAWN.c.probability)
    counted: dict[tuple[int, str], int] = defaultdict(int)
    for row in session.connection().execute(drawn):
        counted[row.draw_id, row.stratum] += 1
    marked: dict[tuple[int, str], int] = defaultdict(int)
    for one in read:
        marked[one.draw_id, one.stratum] += 1
    return [
        counted[one.draw_id, one.stratum]
        / one.probability
        / marked[one.draw_id, one.stratum]
        for one in read
    ]  # fmt: skip


def _mentions(read: Iterable[_Read], weights: Iterable[float]) -> list[Marked]:
    """One case for each product that a message names, or is said to; one where it is neither."""
    cases = []
    for one, weight in zip(read, weights, strict=True):
        if one.products is None:
            continue
        either = one.products | one.named
        cases += [
            Marked(one.stratum, weight, product in one.products, product in one.named)
            for product in sorted(either)
        ]
        if not either:
            cases.append(Marked(one.stratum, weight, False, False))
    return cases


def _read(session: Session) -> list[_Read]:
    """Every mark of a draw, with what the rules say now, by draw and place."""
    same = and_(
        MESSAGE.c.day == DRAWN.c.day,
        MESSAGE.c.room_id == DRAWN.c.room_id,
        MESSAGE.c.id == DRAWN.c.message_id,
    )
    rows = (
        session.connection()
        .execute(
            select(DRAWN, MARK.c.kinds, MARK.c.products, MESSAGE.c.text)
            .join(MARK, MARK.c.message_id == DRAWN.c.message_id)
            .outerjoin(MESSAGE, same)
            .where(MARK.c.drawn.is_(True), MARK.c.kinds.is_not(None))
            .order_by(DRAWN.c.draw_id, DRAWN.c.place)
        )
        .all()
    )
    said, named = _said(session), _named(session)
    return [
        _Read(
            row.draw_id,
            row.stratum,
            row.probability,
            frozenset(row.kinds),
            None if row.products is None else frozenset(row.products),
            frozenset(said[row.message_id]),
            frozenset(named[row.message_id]),
            row.text,
        )
        for row in rows
    ]


def _said(session: Session) -> Mapping[int, Collection[str]]:
    """The kinds of signals of drawn messages."""
    found: dict[int, set[str]] = defaultdict(set)
    query = select(DRAWN.c.message_id, SIGNAL.c.kind).join(SIGNAL, _of_drawn(SIGNAL))
    for message_id, kind in session.connection().execute(query):
        found[message_id].add(kind.value)
    return found


def _named(session: Session) -> Mapping[int, Collection[int]]:
    """The products that drawn messages name by the rules."""
    found: dict[int, set[int]] = defaultdict(set)
    query = select(DRAWN.c.message_id, MENTION.c.product_id).join(MENTION, _of_drawn(MENTION))
    for message_id, product in session.connection().execute(query):
        found[message_id].add(product)
    return found


def _of_drawn(derived: Table) -> ColumnElement[bool]:
    return and_(
        derived.c.day == DRAWN.c.day,
        derived.c.room_id == DRAWN.c.room_id,
        derived.c.message_id == DRAWN.c.message_id,
    )
