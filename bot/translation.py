"""What gives a sentence with its values in a reader's language; Chinese is what the code says.

A sentence is written once, as a text with `{names}`, wherever it is composed: a command says it as
it stands, a page hands in a function that looks its translation up.
"""

from typing import Protocol


class Translate(Protocol):
    """From a Chinese text and its values to what the reader sees."""

    def __call__(self, text: str, /, **values: object) -> str: ...


def in_chinese(text: str, /, **values: object) -> str:
    """The text as the code says it, with its values."""
    return text.format_map(values) if values else text
