"""`qunyun bench quality`: how often the rules are right, on real messages labelled by others or by
hand.

The data is not part of the project (`--data`, beside it): a part whose file is absent is left out
and named in `absent`. What was labelled by hand is in bot/bench/labelled, without the text. Where
a threshold or a rule was chosen by looking at messages, the figure is of the others (`held`).
"""

import csv
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bot.bench import duplicates, retrieval, segment
from bot.errors import Fault, InvalidInput
from bot.insights import intervals
from bot.models import SignalKind
from bot.text import lexicon, signals
from bot.text import segment as cutting
from bot.text.wording import wording

LABELLED = Path(__file__).parent / "labelled"
COMPLAINTS = "jddc_sample.txt"
NAMED = ("lccc_toy_train.txt", "sms_zh.txt", "jddc_sample.txt")
SPOKEN = ("crosswoz_val.jsonl", "crosswoz_test.jsonl")


class Case(NamedTuple):
    """One thing that may be so, and that the rules may say; `unsure` where they abstain."""

    true: bool
    said: bool
    unsure: bool = False


def measure(data: Path) -> dict[str, object]:
    """Figures by signal; rates with their Wilson intervals of 95 % as [rate, low, high]. The
    machine's keys are the caller's.
    """
    began = time.perf_counter()
    if not data.is_dir():
        raise InvalidInput(Fault(str(data), 0, "--data", "没有这个目录", "指向放样本的目录"))
    parts = {
        **{f"questions_{Path(name).stem}": (_spoken, (name,)) for name in SPOKEN},
        "complaints": (_complaints, (COMPLAINTS,)),
        "products": (_products, NAMED),
        "near_duplicates": (_edited, NAMED),
        **{f"faq_{Path(name).stem}": (_retrieved, (name,)) for name in SPOKEN},
    }
    found: dict[str, object] = {"rule_version": signals.RULE_VERSION}
    absent = []
    for name, (part, files) in parts.items():
        paths = [data / file for file in files]
        missing = [path.name for path in paths if not path.is_file()]
        if missing:
            absent.append(f"{name}: {', '.join(missing)}")
        else:
            found[name] = part(paths)
    return found | {"absent": absent, "seconds": round(time.perf_counter() - began, 1)}


def judged(cases: Iterable[Case]) -> dict[str, object]:
    """What a list of cases comes to. Abstentions count as not said, and are counted apart."""
    known = list(cases)
    right = sum(one.true and one.said for one in known)
    wrong = sum(one.said and not one.true for one in known)
    missed = sum(one.true and not one.said for one in known)
    return {
        "messages": len(known),
        "right": right,
        "wrong": wrong,
        "missed": missed,
        "abstained": sum(one.unsure for one in known),
        "abstained_though_true": sum(one.unsure and one.true for one in known),
        "recall": rate(right, right + missed),
        "precision": rate(right, right + wrong),
    }


def rate(count: int, of: int) -> list[float] | None:
    """A share with its interval; None of nothing."""
    share = intervals.share(count, of)
    if share is None:
        return None
    return [round(each, 3) for each in (share.value, share.interval.low, share.interval.high)]


def half(name: str) -> str:
    """Which half a thing belongs to, by its name."""
    return "tuned" if hashlib.sha256(name.encode()).digest()[0] % 2 else "held"


def _spoken(paths: Sequence[Path]) -> dict[str, object]:
    """Questions: turns with a `Request` act, of people who look for restaurants and hotels. What
    their guides say back is left out: they ask, too, and no act says so.
    """
    halves: dict[str, list[Case]] = {"tuned": [], "held": []}
    for turn in turns(paths[0]):
        if turn.role != "usr":
            continue
        said = any(sign.kind is SignalKind.QUESTION for sign in _signs(turn.text))
        halves[half(turn.dialogue)].append(Case("Request" in turn.acts, said))
    return {name: judged(cases) for name, cases in halves.items()}


class Turn(NamedTuple):
    """One turn of a dialogue; `asked` are the (domain, slot) pairs of its requests."""

    dialogue: str
    role: str
    text: str
    acts: frozenset[str]
    asked: frozenset[tuple[str, str]]


def turns(path: Path) -> Iterator[Turn]:
    """The turns of a CrossWOZ file, a JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            turn = json.loads(line)
            asked = frozenset((act[1], act[2]) for act in turn["act"] if act[0] == "Request")
            yield Turn(turn["id"], turn["role"], turn["text"], frozenset(turn["acts"]), asked)


def _complaints(paths: Sequence[Path]) -> dict[str, object]:
    texts = dict(segment.numbered(paths[0]))
    halves: dict[str, list[Case]] = {"tuned": [], "held": [], "read": []}
    for row in _rows("complaints.csv"):
        text = _text(texts, paths[0], row)
        if row["label"] == "unsure":
            continue
        said = any(sign.kind is SignalKind.COMPLAINT for sign in _signs(text))
        unsure = signals.is_unsure(wording(text))
        halves[row["half"]].append(Case(row["label"] == "complaint", said, unsure))
    return {name: judged(cases) for name, cases in halves.items()}


def _products(paths: Sequence[Path]) -> dict[str, object]:
    """One case for each product that a line names, or is said to; one where it is neither."""
    texts = {path.name: dict(segment.numbered(path)) for path in paths}
    goods = list(_rows("catalogue.csv"))
    names = {place: [one["name"], *one["aliases"].split("|")] for place, one in enumerate(goods)}
    common = {name for given in names.values() for name in given if cutting.is_common(name)}
    kinds = {place: one["category"] for place, one in enumerate(goods)}
    known, cut = lexicon.lexicon(names, common, kinds), cutting.segmenter().engine.cut
    cases = []
    for row in _rows("products.csv"):
        if row["skus"] == "?":
            continue
        text = _text(texts[row["file"]], Path(row["file"]), row)
        said = {goods[place]["sku"] for place in known.mentioned(text, cut)}
        true = set(row["skus"].split("|")) - {"-"}
        cases += [Case(sku in true, sku in said) for sku in sorted(said | true)]
        if not said | true:
            cases.append(Case(true=False, said=False))
    return judged(cases)


def _edited(paths: Sequence[Path]) -> dict[str, object]:
    texts = [text for path in paths for text in segment.sentences(path)]
    return {name: _counted(*counts) for name, counts in duplicates.measure(texts).items()}


def _counted(count: int, of: int) -> dict[str, object]:
    return {"count": count, "of": of, "rate": rate(count, of)}


def _retrieved(paths: Sequence[Path]) -> dict[str, object]:
    asked = [
        retrieval.Asked(turn.text, next(iter(turn.asked)), half(turn.dialogue) == "tuned")
        for turn in turns(paths[0])
        if turn.role == "usr" and turn.acts == {"Request"} and len(turn.asked) == 1
    ]
    return {
        name: {
            "questions": one.questions,
            "answered": one.answered,
            "wrong": one.wrong,
            "answered_rate": rate(one.answered, one.questions),
            "right_rate": rate(one.answered - one.wrong, one.answered),
            "covered": one.covered,
        }
        for name, one in retrieval.measure(asked).items()
    }


def _signs(text: str) -> tuple[signals.Sign, ...]:
    return signals.of("text", wording(text))


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with (LABELLED / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _text(texts: Mapping[int, str], path: Path, row: Mapping[str, str]) -> str:
    """The text that a row labels. Raises InvalidInput where the file is another one."""
    text = texts.get(int(row["line"]), "")
    if hashlib.sha256(text.encode()).hexdigest()[:12] != row["digest"]:
        remedy = "用 bot/bench/labelled/README.md 里说的那份文件"
        raise InvalidInput(Fault(path.name, int(row["line"]), "", "不是标注时的原文", remedy))
    return text
