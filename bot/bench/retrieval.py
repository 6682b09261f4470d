"""Curated answers on real questions: how many are answered, and how many wrongly.

Each kind of thing that is asked for (a hotel's address, a sight's price) is one answer, known by
three of the wordings in which people asked for it; the other questions are asked of it. A wrong
answer is one for another kind of thing. The threshold is chosen on one half of the dialogues, as
the lowest at which at most 2 % of the answers there are wrong (one in 50: the labels are not
without fault themselves), and the figures are of the other half.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.text import retrieval, segment
from bot.text.retrieval import Curated, Entry

WORDINGS = 3
# Kinds of thing that were asked for less often have no curated answer.
FEWEST = 8
MOST_WRONG = 0.02
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class Asked(NamedTuple):
    """A question, what it asks for, and whether it belongs to the half that chooses."""

    text: str
    target: tuple[str, str]
    chooses: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of so many questions so many were answered, `wrong` of them wrongly, at a threshold."""

    covered: float
    questions: int
    answered: int
    wrong: int


def measure(asked: Iterable[Asked]) -> Mapping[str, Outcome]:
    """The outcome `in_force` on the half that did not choose, the outcome there with the threshold
    `chosen` on the other half, and that half itself (`choosing`).
    """
    entries, questions = _parted(asked)
    keywords = segment.segmenter().keywords
    choosing = [one for one in questions if one.chooses]
    held = [one for one in questions if not one.chooses]
    in_force = retrieval.curated(entries, keywords)
    best = Outcome(1.0, len(choosing), 0, 0)
    for covered in sorted(THRESHOLDS, reverse=True):
        there = _asked(retrieval.curated(entries, keywords, covered=covered), choosing)
        if there.answered and there.wrong <= MOST_WRONG * there.answered:
            best = there
    chosen = retrieval.curated(entries, keywords, covered=best.covered)
    return {
        "in_force": _asked(in_force, held),
        "chosen": _asked(chosen, held),
        "choosing": best,
    }


def _parted(asked: Iterable[Asked]) -> tuple[list[Entry], list[Asked]]:
    """The curated answers, and the questions that are no wording of one."""
    by_target: dict[tuple[str, str], dict[str, Asked]] = defaultdict(dict)
    for one in asked:
        by_target[one.target].setdefault(one.text, one)
    entries, questions = [], []
    for target, given in sorted(by_target.items()):
        if len(given) < FEWEST:
            continue
        drawn = sorted(given, key=lambda text: hashlib.sha256(text.encode()).digest())
        entries.append(Entry("", tuple(drawn[:WORDINGS]), " ".join(target)))
        questions += [given[text] for text in drawn[WORDINGS:]]
    return entries, questions


def _asked(known: Curated, questions: Sequence[Asked]) -> Outcome:
    answers = [(known.best("", one.text), " ".join(one.target)) for one in questions]
    answered = [(answer, right) for answer, right in answers if answer is not None]
    wrong = sum(answer != right for answer, right in answered)
    return Outcome(known.covered, len(questions), len(answered), wrong)
