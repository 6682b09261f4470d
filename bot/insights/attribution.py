"""The label of one order line, its evidence and its credit (ATTRIBUTION §2). Pure.

The first that holds: out, promo by coupon or link, unknown, organic A, promo within 24 hours,
organic B, direct. A label is weak evidence for one order; the weights say how weak.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.insights import weights
from bot.insights.buying import LOOK_BACK, Bought, Case
from bot.insights.speaking import Speech
from bot.insights.touches import Candidate
from bot.models import Grade, Label, OrderStatus, Touch

RULE_VERSION = 1
RECENT = dt.timedelta(hours=24)

_PROMOS = frozenset({Touch.PROMO, Touch.PROMO_ECHO})


@dataclass(frozen=True, slots=True)
class Qualified:
    """A touch that may have led to the order, graded where it is organic, with its weight."""

    candidate: Candidate
    grade: Grade | None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The label of one order line. `named` is the one touch that it names; weights are ppm.

    `evidence` is every qualifying touch, the latest first. The three sums are None for `out` and
    `unknown`; else they add up to 1,000,000, and so do the evidence's weights with `ppm_base`,
    but for what a coupon or link says by itself, which is in `ppm_promo` alone.
    """

    label: Label
    grade: Grade | None = None
    possible: bool = False
    named: Candidate | None = None
    evidence: tuple[Qualified, ...] = ()
    ppm_organic: int | None = None
    ppm_promo: int | None = None
    ppm_base: int | None = None


def attribute(case: Case) -> Decision:
    """Decide one order line. Every tie is broken: later touch, higher grade, smaller name."""
    bought = case.bought
    if _is_out(bought) or (case.buyer is not None and case.buyer.ours):
        return Decision(Label.OUT)
    if case.buyer is None and not bought.marked:
        return Decision(Label.UNKNOWN)
    met = sorted(_qualified(case), key=_preference)
    label, named, possible = _label(bought, met)
    shares = _weigh(bought, met)
    evidence = tuple(
        Qualified(one.candidate, one.grade, share)
        for one, share in zip(met, shares[2:], strict=True)
    )
    organic = sum(one.weight for one in evidence if one.candidate.touch == Touch.ORGANIC)
    return Decision(
        label=label,
        grade=named.grade if named else None,
        possible=possible,
        named=named.candidate if named else None,
        evidence=evidence,
        ppm_organic=organic,
        ppm_promo=weights.WHOLE - organic - shares[0],
        ppm_base=shares[0],
    )


def inputs_hash(case: Case, decision: Decision, final: bool) -> str:
    """What a row depends on, and the rules that make it: the same hash, the same row."""
    bought = case.bought
    met = [
        (one.candidate.touch, one.candidate.at.isoformat(), one.candidate.name, one.grade)
        for one in decision.evidence
    ]
    known = None if case.buyer is None else case.buyer.ours
    paid = bought.paid_at.isoformat()
    told = [
        *(RULE_VERSION, weights.VERSION, bought.order_id, bought.line_no, bought.product_id),
        *(bought.amount, bought.refunded, bought.status, paid, bought.marked, known, met, final),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _is_out(bought: Bought) -> bool:
    fully_refunded = 0 < bought.refunded >= bought.amount
    return fully_refunded or bought.status == OrderStatus.CANCELLED


def _qualified(case: Case) -> list[Qualified]:
    """Touches that may have caused the order: none of the buyer's own, none after the intent."""
    if case.buyer is None:
        return []
    paid_at, own = case.bought.paid_at, case.buyer.contact_ids
    spoken = [one.at for one in case.touches if one.contact_id in own and one.at < paid_at]
    met = [
        Qualified(candidate, grade)
        for candidate in case.touches
        if candidate.contact_id not in own
        and candidate.touch != Touch.PROMPT
        and _may_lead(candidate, paid_at, grade := _grade(candidate, case.speeches))
    ]
    # Who asked first already wanted it: what came after answers the wish, it did not make it.
    if spoken and met and min(spoken) < min(one.candidate.at for one in met):
        return []
    return met


def _may_lead(candidate: Candidate, paid_at: dt.datetime, grade: Grade | None) -> bool:
    lag = paid_at - candidate.at
    return dt.timedelta(0) < lag <= (LOOK_BACK if grade == Grade.A else RECENT)


def _grade(candidate: Candidate, speeches: Sequence[Speech]) -> Grade | None:
    if candidate.touch != Touch.ORGANIC:
        return None
    after = [
        speech
        for speech in speeches
        if speech.room_id == candidate.room_id and speech.at > candidate.at
    ]
    for speech in speeches:
        if speech.quoted is not None and speech.quoted == candidate.message_id:
            return Grade.A
    for speech in after:
        if candidate.message_id in speech.thread or candidate.contact_id in speech.named:
            return Grade.A
    if any(speech.at - candidate.at <= RECENT for speech in after):
        return Grade.B
    return Grade.C


def _preference(one: Qualified) -> tuple[float, str, str, str]:
    candidate = one.candidate
    return (-candidate.at.timestamp(), one.grade or "", candidate.touch, candidate.name)


def _label(bought: Bought, met: Sequence[Qualified]) -> tuple[Label, Qualified | None, bool]:
    """The label, the touch that it names, and whether talk was merely possible."""

    def first(holds: Callable[[Qualified], bool]) -> Qualified | None:
        return next((one for one in met if holds(one)), None)

    promo = first(lambda one: one.candidate.touch in _PROMOS)
    if bought.marked:
        return Label.PROMO, promo, False
    if answered := first(lambda one: one.grade == Grade.A):
        return Label.ORGANIC, answered, False
    if promo:
        return Label.PROMO, promo, False
    if spoke_after := first(lambda one: one.grade == Grade.B):
        return Label.ORGANIC, spoke_after, False
    was_there = first(lambda one: one.grade == Grade.C)
    return Label.DIRECT, was_there, was_there is not None


def _weigh(bought: Bought, met: Sequence[Qualified]) -> list[int]:
    """Shares of the base, of the coupon or link, and of each touch, in ppm."""
    odds = [
        weights.odds(
            one.candidate.touch,
            one.grade,
            int((bought.paid_at - one.candidate.at).total_seconds()),
        )
        for one in met
    ]
    marked = weights.COUPON if bought.marked else 0
    return weights.share_out([weights.BASE * 1_000, marked * 1_000, *odds])
