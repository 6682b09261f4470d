"""How WeChat writes a mention: `@name` and the space U+2005, before the text."""

from __future__ import annotations

from collections.abc import Sequence

AFTER_NAME = "\u2005"
EVERYONE = "所有人"


def prefixed(text: str, names: Sequence[str]) -> str:
    """The text as a room sees it when these people are mentioned."""
    return "".join(f"@{name}{AFTER_NAME}" for name in names) + text
