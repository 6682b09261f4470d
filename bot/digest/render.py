"""Render a sheet from one set of templates: Markdown, one HTML page, a card's page, short text."""

import re
from collections.abc import Mapping
from functools import cache

import jinja2

from bot.charts import drawing, palette
from bot.digest import brief, screen
from bot.digest.sheet import Line, Sheet

# What a message of the robots' and of most rooms can hold, with room for a mention.
LONGEST_TEXT = 2048
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
# These mean something at the start of a line only.
_STARTS = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s)")


def markdown(sheet: Sheet) -> str:
    """The digest as Markdown with footnotes."""
    return _templates().get_template("digest.md.jinja").render(sheet=sheet)


def html(sheet: Sheet, leads: Mapping[str, str] | None = None) -> str:
    """The digest as one HTML page for phone, desktop and paper, light and dark.

    No request leaves it. `leads` are addresses by the key of a figure, a section, a row or a piece
    of evidence: there it is a link to the list that it counts, or to what it is about.
    """
    template = _templates().get_template("digest.html.jinja")
    return template.render(sheet=sheet, colours=None, leads=leads or {})


def card(sheet: Sheet, *, dark: bool = False, tight: bool = False) -> str:
    """The page that `card.png` makes a picture of: one screen, 432 CSS pixels wide."""
    colours = palette.DARK if dark else palette.LIGHT
    template = _templates().get_template("card.html.jinja")
    page = template.render(
        sheet=sheet, screen=screen.screen(sheet, tight=tight), tight=tight, colours=colours
    )
    # The dot of Chinese fonts is as wide as a character.
    return page.replace(" · ", "·")


def text(sheet: Sheet, longest: int = LONGEST_TEXT) -> str:
    """The digest as plain text of at most `longest` bytes of UTF-8: its first lines, whole."""
    template = _templates().get_template("digest.txt.jinja")
    lines = template.render(sheet=sheet, brief=brief.brief(sheet)).splitlines()
    found: list[str] = []
    left = longest
    for line in lines:
        size = len(line.encode()) + 1
        if size > left:
            break
        found.append(line)
        left -= size
    return "\n".join(found).strip()


def plain(text: str) -> str:
    """Text as Markdown shows it word for word: nothing in it is taken for markup."""
    return _STARTS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", " ".join(text.split())))


def footnotes(line: Line) -> str:
    """The marks of a line's footnotes in Markdown."""
    return "".join(f"[^{note}]" for note in line.notes)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("bot.digest"), jinja2.PackageLoader("bot.charts")]
        ),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja", "css")),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["plain"] = plain
    environment.filters["draw"] = drawing.draw
    environment.filters["footnotes"] = footnotes
    environment.globals |= {"light": palette.LIGHT, "dark": palette.DARK}
    return environment
