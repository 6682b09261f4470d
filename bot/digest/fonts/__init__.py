"""The letters that cards are drawn with: a subset of Noto Sans CJK SC, shipped, so that a card is
the same on every host.

`make fonts` makes the subset once from Debian's fonts-noto-cjk; `OFL.txt` is its licence.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

# A name of its own: no font of the host can be taken for it.
FAMILY = "Qunyun Sans SC"
FILES = ("QunyunSansSC-Regular.otf", "QunyunSansSC-Bold.otf")
FOLDER = Path(__file__).parent
# Beside the Chinese sets: what figures, sentences and names are written with.
EXTRA = "·•–—…‘’“”€¥°±×÷−²³¹←↑→↓⇧≈≠≤≥▲△▼▽◆◇●○■□★☆✓‰％㎡℃①②③④⑤⑥⑦⑧⑨⑩"


@cache
def characters() -> frozenset[str]:
    """Every character that the shipped fonts can draw: GB 2312, Big5 level 1, ASCII, EXTRA."""
    ascii_ = {chr(code) for code in range(0x20, 0x7F)}
    return (
        frozenset(_decoded("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF)))
        | frozenset(_decoded("big5", range(0xA1, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF))))
        | ascii_
        | frozenset(EXTRA)
    ) - MISSING


def drawable(text: str) -> str:
    """The text without what the shipped fonts cannot draw, such as emoji in a room's name."""
    unknown = set(text) - characters() - {"\n", "\t"}
    return text.translate(dict.fromkeys(map(ord, unknown))) if unknown else text


def files() -> list[bytes]:
    """The fonts, regular and bold."""
    return [(FOLDER / name).read_bytes() for name in FILES]


def _decoded(codec: str, leads: Iterable[int], trails: Iterable[int]) -> Iterable[str]:
    trail_bytes = list(trails)
    for lead in leads:
        for trail in trail_bytes:
            try:
                yield bytes([lead, trail]).decode(codec)
            except UnicodeDecodeError:
                continue


# In the Chinese sets, and not in the font.
MISSING = frozenset("ˍ‾∼≒")
