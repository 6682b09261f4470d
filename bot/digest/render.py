"""Render a sheet as Markdown and as one self-contained HTML page: no request leaves it."""

import re
from functools import cache

import jinja2

from bot.digest import drawing
from bot.digest.sheet import Sheet

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
# These mean something at the start of a line only.
_STARTS = re.compile(r"^(\s*)([-+=]|\d+[.)])(?=\s)")


def markdown(sheet: Sheet) -> str:
    """The digest as Markdown with footnotes."""
    return _templates().get_template("digest.md.jinja").render(sheet=sheet)


def html(sheet: Sheet) -> str:
    """The digest as one HTML page for phone, desktop and paper, in light and dark."""
    return _templates().get_template("digest.html.jinja").render(sheet=sheet)


def plain(text: str) -> str:
    """Text as Markdown shows it word for word: nothing in it is taken for markup."""
    return _STARTS.sub(r"\1\\\2", _MARKS.sub(r"\\\1", " ".join(text.split())))


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bot.digest"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja", "css")),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["plain"] = plain
    environment.filters["draw"] = drawing.draw
    return environment
