"""A digest as a picture to forward: 1080 pixels wide, drawn without a browser, a network or a
font of the host, and the same everywhere.

The only file that knows the renderer (`blitz_py`, alpha, one maintainer): where it dies, digests
go out as text, and this file is what is written anew.
"""

import io
from functools import cache

import blitz_py
from PIL import Image

from bot.digest import fonts, render
from bot.digest.sheet import Sheet
from bot.errors import QunyunError

WIDTH = 432
SCALE = 2.5
PIXELS = 1080
# One screen of a phone of 9 : 19.5.
HIGHEST = 2340
# 企业微信 robots take no larger one.
LARGEST = 2 * 1024 * 1024
COLOURS = 256


class CardUnavailable(QunyunError):
    """No picture can be made of this digest; it goes out as text."""


def png(sheet: Sheet, *, dark: bool = False) -> bytes:
    """The card as PNG, one screen high at most. Raises CardUnavailable."""
    picture = _drawn(sheet, dark=dark, tight=False)
    if picture.height > HIGHEST:
        picture = _drawn(sheet, dark=dark, tight=True)
    if picture.height > HIGHEST:
        raise CardUnavailable(f"the card would be {picture.height} pixels high")
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = io.BytesIO()
    few.save(written, "PNG")
    if written.tell() > LARGEST:
        raise CardUnavailable(f"the card would take {written.tell():,} bytes")
    return written.getvalue()


def _drawn(sheet: Sheet, *, dark: bool, tight: bool) -> Image.Image:
    _register_fonts()
    page = fonts.drawable(render.card(sheet, dark=dark, tight=tight))
    width, height, pixels = blitz_py.render_rgba(
        page, width=WIDTH, scale=SCALE, color_scheme="dark" if dark else "light"
    )
    return Image.frombytes("RGBA", (width, height), pixels).convert("RGB")


@cache
def _register_fonts() -> None:
    # Once in a process: the renderer keeps them, and reading nine megabytes takes a while.
    blitz_py.register_fonts(fonts.files(), default_family=fonts.FAMILY)
