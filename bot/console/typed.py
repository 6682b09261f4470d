"""What people type into forms, as we keep it."""

from pydantic import BeforeValidator


def _lines(value: object) -> object:
    """A browser sends each line break as two characters; its `maxlength` counts it as one."""
    return unix(value) if isinstance(value, str) else value


def unix(text: str) -> str:
    """The text with one character for each line break."""
    return text.replace("\r\n", "\n")


# Beside `Form(max_length=...)` of every field of several lines.
LINES = BeforeValidator(_lines)
