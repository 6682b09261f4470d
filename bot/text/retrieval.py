"""Curated answers found by retrieval: BM25 over segmented questions, and a threshold that would
rather say nothing than guess.

BM25 (Robertson and Zaragoza, 2009) ranks the wordings; the best is taken only where the question
and the wording are about the same things, ask for the same kind of thing, and no other answer
comes close.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bot.text import wording

_K1: Final = 1.2
_B: Final = 0.75
# Of what a question and a wording weigh, so much must be in both. Half of CrossWOZ would allow
# less (.5 to .7), its other file punishes it: `qunyun bench quality` prints both.
COVERED: Final = 0.75
# The next answer may reach so much of the best one's score.
_CLOSE: Final = 0.85
# What kind of thing is asked for, so that "how to return" is not answered by "how long it takes".
_ASPECTS: Final = {
    "how": re.compile("怎么|怎样|如何|咋|步骤|流程|方法"),
    "where": re.compile("哪里|哪儿|在哪|去哪|地址|位置|地方"),
    "when": re.compile("什么时候|几点|几号|哪天|何时|啥时|时间"),
    "duration": re.compile("多久|多长时间|几天|多少天|几个小时|多长"),
    "amount": re.compile("多少|几个|几块|价格|价钱|费用|贵"),
    "why": re.compile("为什么|为啥|为何|怎么回事|原因"),
    "who": re.compile("谁|哪位|哪个人"),
}

# Points at what was said before, which no list of answers knows.
_POINTS: Final = re.compile("[它他她]")
# Manners around a question, which say nothing of what it is about.
_AROUND: Final = frozenset(
    (
        "麻烦 帮 帮忙 帮我 告诉 告知 发给 发 查 查下 查一查 顺便 太好了 太棒了 不错 挺不错 行 "
        "恩 好啊 亲 这家 那家 我家 您家 这儿 那儿 听 建议 姐妹 姐妹们 们 宝妈 宝妈们 "
        "亲们 群主 求问 请教 求助 问 问下 问问 想问 有人 有没有 知道 说 多谢 感谢 顺带 对了 "
        "还有 另外 最后 首先 那就 挺 蛮 哪位 大神 新手 小白 打扰 不好意思 "
    ).split()
)

Keywords = Callable[[str], Sequence[str]]


class Entry(NamedTuple):
    """One curated answer with the wordings that ask for it; vertical "" stands for every one."""

    vertical: str
    wordings: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class _Wording:
    words: tuple[str, ...]
    aspects: frozenset[str]
    vertical: str
    answer: str


@dataclass(frozen=True, slots=True)
class Curated:
    """Curated answers, ready to be asked. `exact` maps (vertical, normalised wording)."""

    exact: Mapping[tuple[str, str], str]
    wordings: tuple[_Wording, ...]
    holding: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, float]
    usual_length: float
    keywords: Keywords
    covered: float = COVERED

    def exactly(self, vertical: str, text: str) -> str | None:
        """The answer to just these words, punctuation aside."""
        normal = wording.wording(text).normal
        return self.exact.get((vertical, normal)) or self.exact.get(("", normal))

    def best(self, vertical: str, text: str) -> str | None:
        """The answer to a question that a wording asks, too; None rather than a guess."""
        found = self.exactly(vertical, text)
        if found is not None:
            return found
        plain = wording.wording(text).plain
        words, asked = _about(plain, self.keywords), aspects(plain)
        if not words or _POINTS.search(plain):
            return None
        words_asked = set(words)
        near = {place for word in words for place in self.holding.get(word, ())}
        ranked = sorted(
            (
                (self._score(words, self.wordings[place]), place)
                for place in near
                if self.wordings[place].vertical in ("", vertical)
            ),
            reverse=True,
        )
        for score, place in ranked:
            candidate = self.wordings[place]
            if candidate.aspects == asked and self._same(words, candidate.words):
                rivals = [
                    (s, self.wordings[p])
                    for s, p in ranked
                    if self.wordings[p].answer != candidate.answer
                ]
                close = max((s for s, _ in rivals), default=0.0) >= _CLOSE * score
                # "Where is it?" fits the hotel and the sight: what it is about was said before.
                open_to_another = any(
                    rival.aspects == asked and words_asked <= set(rival.words)
                    for _, rival in rivals
                )
                return None if close or open_to_another else candidate.answer
        return None

    def _score(self, words: Iterable[str], document: _Wording) -> float:
        length = len(document.words)
        spread = _K1 * (1 - _B + _B * length / self.usual_length)
        return sum(
            self._weight(word) * count * (_K1 + 1) / (count + spread)
            for word in set(words)
            if (count := document.words.count(word))
        )

    def _same(self, words: Sequence[str], others: Sequence[str]) -> bool:
        """Whether enough of the weight of both is in both, and in one order: what hotels are near
        the sight is another question than what sights are near the hotel.
        """
        both, either = set(words) & set(others), set(words) | set(others)
        weight = sum(map(self._weight, both))
        if weight < self.covered * sum(map(self._weight, either)):
            return False
        first, second = (
            list(dict.fromkeys(w for w in each if w in both)) for each in (words, others)
        )
        return first == second

    def _weight(self, word: str) -> float:
        return self.weights.get(word, self.weights[""])


def curated(entries: Iterable[Entry], keywords: Keywords, covered: float = COVERED) -> Curated:
    """Make answers ready; `keywords` gives the words that say what a text is about, `covered` is
    the share of a question's and a wording's weight that must be in both.
    """
    exact: dict[tuple[str, str], str] = {}
    documents = []
    for entry in entries:
        for asked in entry.wordings:
            forms = wording.wording(asked)
            exact.setdefault((entry.vertical, forms.normal), entry.answer)
            words = _about(forms.plain, keywords)
            documents.append(_Wording(words, aspects(forms.plain), entry.vertical, entry.answer))
    holding: dict[str, list[int]] = defaultdict(list)
    for place, document in enumerate(documents):
        for word in dict.fromkeys(document.words):
            holding[word].append(place)
    count = len(documents)
    # What no wording holds weighs as much as what one alone holds.
    weights = {"": math.log1p((count + 0.5) / 1.5)} | {
        word: math.log1p((count - len(places) + 0.5) / (len(places) + 0.5))
        for word, places in holding.items()
    }
    usual = sum(len(document.words) for document in documents) / count if count else 1.0
    return Curated(
        exact,
        tuple(documents),
        {word: tuple(places) for word, places in holding.items()},
        weights,
        usual or 1.0,
        keywords,
        covered,
    )


def _about(plain: str, keywords: Keywords) -> tuple[str, ...]:
    return tuple(word for word in keywords(plain) if word not in _AROUND)


def aspects(plain: str) -> frozenset[str]:
    """What kinds of thing a question asks for."""
    return frozenset(name for name, words in _ASPECTS.items() if words.search(plain))
