"""Cards: the same picture on every host, small enough to be posted, and looking as it was approved."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image, ImageChops

from bot.digest import card, fonts
from bot.digest.sheet import Section
from tests.sheets import a_full_sheet, a_sheet

GOLDEN = Path(__file__).parent.parent / "fixtures" / "cards"
# Of 255, and in points of a picture shrunk to a quarter: less than an eye tells apart.
NOTICED = 24
FEWEST = 20
ALONE = """
import sys
from bot.digest import card
from tests.sheets import a_sheet
sys.stdout.buffer.write(card.png(a_sheet(topic="宝妈育儿🌸 1 群 𠮷")))
"""


def different(one: Image.Image, other: Image.Image) -> int:
    """The points, of a picture shrunk to a quarter, in which an eye would see a difference."""
    if one.size != other.size:
        return one.width * one.height
    size = (one.width // 4, one.height // 4)
    small = [each.convert("RGB").resize(size, Image.Resampling.BOX) for each in (one, other)]
    apart = ImageChops.difference(*small).convert("L").point(lambda value: 255 * (value > NOTICED))
    return apart.histogram()[255]


def drawn(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_card_looks_like_the_golden_one(dark: bool) -> None:
    path = GOLDEN / f"room-{'dark' if dark else 'light'}.png"
    picture = card.png(a_sheet(), dark=dark)
    if os.environ.get("QUNYUN_GOLDEN"):
        path.write_bytes(picture)
    assert different(drawn(picture), Image.open(path)) < FEWEST


def test_a_changed_number_is_seen() -> None:
    picture = card.png(a_sheet(topic="宝妈育儿 7 群"))
    assert different(drawn(picture), Image.open(GOLDEN / "room-light.png")) >= FEWEST


def test_a_card_is_1080_wide_and_small_enough_for_a_robot() -> None:
    picture = card.png(a_sheet())
    assert drawn(picture).width == card.PIXELS
    assert len(picture) < card.LARGEST


def test_no_font_of_the_host_is_used(tmp_path: Path) -> None:
    nothing = tmp_path / "fonts.conf"
    nothing.write_text("<fontconfig></fontconfig>", encoding="utf-8")
    bare = {"FONTCONFIG_FILE": str(nothing), "HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    hidden = subprocess.run(
        [sys.executable, "-c", ALONE], check=True, capture_output=True, env=os.environ | bare
    )
    assert hidden.stdout == card.png(a_sheet(topic="宝妈育儿🌸 1 群 𠮷"))


def test_the_fullest_week_is_one_screen() -> None:
    path, picture = GOLDEN / "full-light.png", card.png(a_full_sheet("很长的名字" * 40))
    if os.environ.get("QUNYUN_GOLDEN"):
        path.write_bytes(picture)
    assert 2_000 < drawn(picture).height <= card.HIGHEST
    assert different(drawn(picture), Image.open(path)) < FEWEST


def test_what_is_too_high_all_the_same_has_no_card() -> None:
    sheet = a_sheet()
    number = replace(sheet.sections[1].figures[0], key="wau", text="很长的数 " * 200)
    with pytest.raises(card.CardUnavailable, match="pixels high"):
        card.png(replace(sheet, sections=(Section("people", "成员", figures=(number,)),)))


@settings(max_examples=5, deadline=None)
@given(some.text(max_size=200))
def test_a_card_can_be_drawn_with_any_words(words: str) -> None:
    assert drawn(card.png(a_sheet(topic=words))).width == card.PIXELS


@pytest.mark.parametrize("name", fonts.FILES)
def test_the_fonts_hold_what_is_drawn_and_their_licence(name: str) -> None:
    path = fonts.FOLDER / name
    font = TTFont(path)
    assert fonts.characters() <= {chr(code) for code in font.getBestCmap()}
    assert font["name"].getDebugName(1) == fonts.FAMILY
    assert "SIL Open Font License" in font["name"].getDebugName(13)
    assert path.stat().st_size < 5_000_000


def test_what_the_fonts_lack_is_left_out_and_nothing_else() -> None:
    assert fonts.drawable("宝妈育儿🌸 1 群\n𠮷野家 繁體") == "宝妈育儿 1 群\n野家 繁體"
