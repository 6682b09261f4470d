"""The words of the simulated community: invented products and made-up talk, from YAML beside this.

A template holds slots like `<p>`; `fill` replaces each by one of the words that stand for it.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

Words = Mapping[str, str | Sequence[str]]

FOLDER: Final = Path(__file__).parent
# The order decides which room is about what.
FILES: Final = ("mother_baby", "office_wear", "skin_care", "home_goods", "fitness", "pets")
_SLOT: Final = re.compile(r"<(\w+)>")
_CLOSED: Final = "？！~。])）"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question in several wordings, with answers that fit each of them."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """An invented product; `price` is whole yuan."""

    sku: str
    name: str
    aliases: tuple[str, ...]
    category: str
    price: int
    good: tuple[str, ...]
    bad: tuple[str, ...]
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Promo:
    """What the promotions of the demo's calendar carry; `saves` is whole yuan."""

    sku: str
    coupon: str
    link: str
    saves: int


@dataclass(frozen=True, slots=True)
class Vertical:
    """What the rooms of one vertical talk about. `weekend` scales their weekends."""

    name: str
    code: str
    weekend: float
    heads: tuple[str, ...]
    tails: tuple[str, ...]
    nicknames: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]
    products: tuple[Product, ...]
    promos: tuple[Promo, ...]
    asks: tuple[Ask, ...]
    chats: tuple[tuple[str, ...], ...]

    def product(self, sku: str) -> Product:
        """The product of that SKU."""
        return next(product for product in self.products if product.sku == sku)


@cache
def phrases() -> Mapping[str, tuple[str, ...]]:
    """What is said in every room, by purpose."""
    return {key: tuple(lines) for key, lines in _load(FOLDER / "common.yaml").items()}


@cache
def verticals() -> tuple[Vertical, ...]:
    """Every vertical of the demo."""
    return tuple(_vertical(_load(FOLDER / "verticals" / f"{name}.yaml")) for name in FILES)


def fill(rng: random.Random, template: str, words: Words) -> str:
    """A template with every slot replaced; words may hold slots of their own."""

    def chosen(slot: re.Match[str]) -> str:
        word = words[slot[1]]
        return word if isinstance(word, str) else rng.choice(word)

    while "<" in template:
        template = _SLOT.sub(chosen, template)
    return template


def scene(rng: random.Random, vertical: Vertical, product: Product | None = None) -> Words:
    """Words for one thread: what must agree between its messages is fixed, names vary."""
    common = phrases()
    words: dict[str, str | Sequence[str]] = dict(_leads())
    for key, options in vertical.slots.items():
        words[key] = rng.choice(options)
    for key in ("time", "few", "score"):
        words[key] = rng.choice(common[key])
    if product is not None:
        good, good2 = rng.sample(product.good, 2)
        words |= {
            "p": (product.name, *product.aliases, *product.aliases),
            "category": product.category,
            "price": str(product.price),
            "good": good,
            "good2": good2,
            "bad": product.bad,
        }
    return words


def plainly() -> Words:
    """Words for a message that is about nothing."""
    return _leads()


def habit(style: int, text: str) -> str:
    """The same words as one person types them; `style` is a member's, from 0 to 9."""
    match style:
        case 0 | 1:
            return text.replace("，", " ").rstrip("。")
        case 2:
            return text if text[-1] in _CLOSED else text + "~"
        case 3:
            return text.replace("？", "？？").replace("！", "！！")
        case 4:
            return text.rstrip("？。")
        case _:
            return text


def tailed(rng: random.Random, text: str) -> str:
    """Sometimes a message trails off in a particle or a sticker."""
    if len(text) < 5:
        return text
    tail = rng.choice(phrases()["tail"])
    closed = text[-1] in _CLOSED and not tail.startswith("[")
    return text if closed else text + tail


@cache
def _leads() -> Words:
    return {key: phrases()[key] for key in ("lead", "reply_lead")}


def _load(path: Path) -> dict[str, Any]:  # what the shipped YAML holds is checked by its test
    with path.open(encoding="utf-8") as file:
        loaded: dict[str, Any] = yaml.safe_load(file)
    return loaded


def _vertical(raw: Mapping[str, Any]) -> Vertical:
    products = tuple(
        _product(f"{raw['code']}{number:03d}", each)
        for number, each in enumerate(raw["products"], 1)
    )
    skus = {product.name: product.sku for product in products}
    return Vertical(
        name=raw["name"],
        code=raw["code"],
        weekend=raw["weekend"],
        heads=tuple(raw["names"]["heads"]),
        tails=tuple(raw["names"]["tails"]),
        nicknames=tuple(raw["names"]["others"]),
        slots={key: tuple(words) for key, words in raw["slots"].items()}
        | {"call": tuple(raw["call"])},
        products=products,
        promos=tuple(
            Promo(skus[each["product"]], each["coupon"], each["link"], each["saves"])
            for each in raw["promos"]
        ),
        asks=_asks(raw["asks"]),
        chats=tuple(tuple(lines) for lines in raw["chats"]),
    )


def _product(sku: str, raw: Mapping[str, Any]) -> Product:
    return Product(
        sku=sku,
        name=raw["name"],
        aliases=tuple(raw["alias"]),
        category=raw["category"],
        price=raw["price"],
        good=tuple(raw["good"]),
        bad=tuple(raw["bad"]),
        asks=_asks(raw["asks"]),
    )


def _asks(raw: Sequence[Mapping[str, Any]]) -> tuple[Ask, ...]:
    return tuple(Ask(tuple(each["q"]), tuple(each["a"])) for each in raw)
