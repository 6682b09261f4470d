"""Cards: the same picture on every host, small enough to be posted, and looking as it was approved."""

import io
import os
import subprocess
import sys
from ctypes.util import find_library
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image, ImageChops

from bot.digest import card, fonts
from bot.digest.sheet import Section
from tests import cards
from tests.sheets import a_sheet

GOLDEN = Path(__file__).parent.parent / "fixtures" / "cards"
# Of 255, and in points of a picture shrunk to a quarter: less than an eye tells apart.
NOTICED = 24
FEWEST = 20
NAMES = ("room-light", "room-dark", "full-light")


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


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cards as a host without a single font draws them."""
    return alone(tmp_path_factory.mktemp("hidden"), "<fontconfig></fontconfig>")


def alone(folder: Path, fonts_conf: str) -> Path:
    """Draw the cards in a process of its own, on a host whose fonts are those of `fonts_conf`."""
    conf = folder / "fonts.conf"
    conf.write_text(fonts_conf, encoding="utf-8")
    host = {"FONTCONFIG_FILE": str(conf), "HOME": str(folder), "PYTHONPATH": str(Path.cwd())}
    subprocess.run(
        [sys.executable, "-m", "tests.cards", str(folder)], check=True, env=os.environ | host
    )
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_card_looks_like_the_golden_one_where_no_font_is(hidden: Path, name: str) -> None:
    picture, path = hidden / f"{name}.png", GOLDEN / f"{name}.png"
    if os.environ.get("QUNYUN_GOLDEN"):
        path.write_bytes(picture.read_bytes())
    assert different(Image.open(picture), Image.open(path)) < FEWEST


def test_a_changed_number_is_seen() -> None:
    picture = card.png(a_sheet(topic="宝妈育儿 7 群"))
    assert different(drawn(picture), Image.open(GOLDEN / "room-light.png")) >= FEWEST


def test_a_card_is_1080_wide_and_small_enough_for_a_robot() -> None:
    picture = card.png(a_sheet())
    assert drawn(picture).width == card.PIXELS
    assert len(picture) < card.LARGEST


def test_no_font_of_the_host_is_used(hidden: Path, tmp_path: Path) -> None:
    """Not even one that has our family's name; a page that asks for the host's font shows that the
    host's fonts are there to be used, and that using one would be seen.
    """
    for file, family in (("host", cards.HOST_FAMILY), ("impostor", fonts.FAMILY)):
        renamed(tmp_path / f"{file}.otf", family)
    conf = f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    host = alone(tmp_path, conf)
    asked = [drawn((folder / "asking.png").read_bytes()) for folder in (hidden, host)]
    # Without the library that finds them no font of a host can be used at all.
    assert (different(*asked) >= FEWEST) == bool(find_library("fontconfig"))
    for name in (*NAMES, "odd"):
        pictures = [(folder / f"{name}.png").read_bytes() for folder in (hidden, host)]
        assert pictures[0] == pictures[1], name


def renamed(path: Path, family: str) -> None:
    """Our bold font as the regular one of another family."""
    font = TTFont(fonts.FOLDER / fonts.FILES[1])
    for name in font["name"].names:
        if name.nameID in (1, 4, 6, 16):
            name.string = family.replace(" ", "") if name.nameID == 6 else family
        elif name.nameID in (2, 17):
            name.string = "Regular"
    font["OS/2"].usWeightClass = 400
    font.save(path)


def test_the_fullest_week_is_one_screen(hidden: Path) -> None:
    assert 2_000 < drawn((hidden / "full-light.png").read_bytes()).height <= card.HIGHEST


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
