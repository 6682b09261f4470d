"""Draw the cards that tests look at into a folder: `python -m tests.cards FOLDER`, in a process of
its own, since which fonts the host has is found out once in a process.
"""

import sys
from pathlib import Path

import blitz_py
from PIL import Image

from bot.digest import card
from tests.sheets import a_full_sheet, a_sheet

HOST_FAMILY = "Host Sans"
# No card of ours, but a page that asks for a font of the host.
ASKING = f"<html><body style=\"font: 40px '{HOST_FAMILY}'\">宝妈育儿 1 群</body></html>"


def draw(folder: Path) -> None:
    """The golden cards, one with characters that no font of ours has, and the asking page."""
    pictures = {
        "room-light": card.png(a_sheet()),
        "room-dark": card.png(a_sheet(), dark=True),
        "full-light": card.png(a_full_sheet("很长的名字" * 40)),
        "odd": card.png(a_sheet(topic="宝妈育儿🌸 1 群 𠮷")),
    }
    for name, picture in pictures.items():
        (folder / f"{name}.png").write_bytes(picture)
    width, height, pixels = blitz_py.render_rgba(ASKING, width=432, scale=1.0)
    Image.frombytes("RGBA", (width, height), pixels).save(folder / "asking.png")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
