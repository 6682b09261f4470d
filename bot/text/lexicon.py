"""Which products a message names: every name, alias, SKU and tracked link, longest match first."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Final

import ahocorasick_rs

from bot.text.simplified import simplified

_SURROGATE = re.compile("[\ud800-\udfff]")
_NONE = frozenset[int]()
_NO_KINDS: Final[Mapping[int, str]] = MappingProxyType({})
# What cuts a text into words that, joined, give it back.
Cut = Callable[[str], list[str]]


# What a common word needs within so many characters to be the name of a product.
_NEAR: Final = 10
_TRADE: Final = re.compile(
    r"买|下单|链接|价|多少钱|元|牌|型号|正品|旗舰|优惠|券|发货|快递|包邮|回购|种草|测评|晒单|色号|尺码|规格"
    r"|客服|退[货款了换]|质量|好用|求推荐|推荐|库存|[有没到补]货|预售|秒杀|试用|用了|用着|订单|发票"
    r"|商品|安装|维修|保修|[这那哪]款|全网通"
)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Names (as `key` gives them) and the products that each stands for.

    Names at the places in `common` are words of everyday, too; `kinds` are products' categories.
    """

    automaton: ahocorasick_rs.AhoCorasick
    names: tuple[str, ...]
    products: tuple[tuple[int, ...], ...]
    common: frozenset[int]
    kinds: Mapping[int, str]

    def mentioned(self, text: str, cut: Cut | None = None) -> frozenset[int]:
        """The ids of the products that `text` names."""
        return self.named(key(text), cut)

    def named(self, folded: str, cut: Cut | None = None) -> frozenset[int]:
        """As `mentioned`, for a text that went through `key`.

        A common word counts where it is a whole word by `cut` and a word of trade or the
        product's category is near.
        """
        found = self.automaton.find_matches_as_indexes(folded)
        if not found:
            return _NONE
        return frozenset(
            product
            for index, start, end in found
            if _stands_alone(folded, start, end)
            for product in self.products[index]
            if index not in self.common or self._meant(product, folded, start, end, cut)
        )

    def _meant(self, product: int, folded: str, start: int, end: int, cut: Cut | None) -> bool:
        around = f"{folded[max(0, start - _NEAR) : start]} {folded[end : end + _NEAR]}"
        kind = self.kinds.get(product, "")
        if not ((kind and kind in around) or _TRADE.search(around)):
            return False
        return cut is None or {start, end} <= {0, *accumulate(map(len, cut(folded)))}


def lexicon(
    names: Mapping[int, Iterable[str]],
    common: Iterable[str] = (),
    kinds: Mapping[int, str] = _NO_KINDS,
) -> Lexicon:
    """A lexicon of products by id; a name of two products mentions both.

    `common` are the names that are words of everyday, too; `kinds` the products' categories.
    """
    owners: dict[str, tuple[int, ...]] = {}
    for product, given in names.items():
        alone = (product,)
        for name in given:
            folded = key(name).strip()
            held = owners.get(folded, ())
            if folded and product not in held:
                # Of a hundred thousand names most are folded already: one string serves both.
                owners[name if folded == name else folded] = (*held, product) if held else alone
    patterns = tuple(sorted(owners))
    everyday = {key(name).strip() for name in common}
    return Lexicon(
        ahocorasick_rs.AhoCorasick(patterns, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest),
        patterns,
        tuple(
            owners[name] if len(owners[name]) == 1 else tuple(sorted(owners[name]))
            for name in patterns
        ),
        frozenset(place for place, name in enumerate(patterns) if name in everyday),
        {product: key(kind) for product, kind in kinds.items()},
    )


def key(text: str) -> str:
    """Text as names are compared: compatibility forms and case folded, traditional characters
    simplified, lone surrogates replaced.
    """
    if text.isascii():
        return text.lower()
    try:
        text.encode()
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
    return simplified(unicodedata.normalize("NFKC", text).casefold())


def _stands_alone(text: str, start: int, end: int) -> bool:
    # "A1" is not named by "A12" nor by "BA1"; Chinese has no such boundary.
    return not (
        (start > 0 and _is_latin(text[start - 1]) and _is_latin(text[start]))
        or (end < len(text) and _is_latin(text[end]) and _is_latin(text[end - 1]))
    )


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
