"""`qunyun bench segment`: cutting real sentences into words, each engine against jieba."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from bot.errors import Fault, InvalidInput
from bot.text import engines
from bot.text.engines import Engine

ROUNDS = 3
E = TypeVar("E", bound=Engine)


def measure(corpus: Sequence[Path]) -> dict[str, object]:
    """Figures of INTERFACES, "Benchmark objects", `segment`. The machine's keys are the caller's.

    One core, every message cut on its own into a list of words, the best of three rounds for each
    engine but jieba (one round); the engines and jieba in the same process on the same messages.
    """
    began = time.perf_counter()
    texts = [text for path in corpus for text in sentences(path)]
    if not texts:
        raise InvalidInput(
            Fault(str(corpus[0]), 0, "", "没有句子", "每行写一句,或每行一个带 text 的 JSON")
        )
    reference, jieba = _loaded(engines.reference)
    jieba_seconds = _seconds(reference, texts)
    fast, rjieba = _loaded(lambda: engines.fast(reference))
    seconds = min(_seconds(fast, texts) for _ in range(ROUNDS))
    equal = sum(fast.cut(text) == reference.cut(text) for text in texts)
    return {
        "messages": len(texts),
        "engines": {
            "jieba": jieba | {"per_second": _rate(texts, jieba_seconds), "equal_to_jieba": 1.0},
            "rjieba": rjieba
            | {
                "per_second": _rate(texts, seconds),
                "equal_to_jieba": round(equal / len(texts), 6),
            },
        },
        "different": len(texts) - equal,
        "seconds": round(time.perf_counter() - began, 3),
        "per_second": _rate(texts, seconds),
        "baseline_per_second": _rate(texts, jieba_seconds),
        "ratio": round(jieba_seconds / seconds, 2),
    }


def sentences(path: Path) -> Iterator[str]:
    """The messages of a file: the `text` of JSON lines, else lines, of which the last column.

    A file called …toy_train.txt has blanks between its characters.
    """
    for _, text in numbered(path):
        yield text


def numbered(path: Path) -> Iterator[tuple[int, str]]:
    """As `sentences`, each with the number of its line, from 1."""
    spaced = path.name.endswith("toy_train.txt")
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\n")
            if path.suffix == ".jsonl":
                text = json.loads(text).get("text") or ""
            text = text.rpartition("\t")[2].strip()
            text = text.replace(" ", "") if spaced else text
            if text:
                yield number, text


def _loaded(load: Callable[[], E]) -> tuple[E, dict[str, object]]:
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    engine = load()
    seconds = time.perf_counter() - began
    grown = (process.memory_info().rss - before) / 2**20
    return engine, {"load_s": round(seconds, 3), "rss_mb": round(grown, 1)}


def _seconds(engine: Engine, texts: Iterable[str]) -> float:
    began = time.perf_counter()
    for text in texts:
        engine.cut(text)
    return time.perf_counter() - began


def _rate(texts: Sequence[str], seconds: float) -> float:
    return round(len(texts) / seconds, 1)
