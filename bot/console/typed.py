"""What people type into forms, as we keep it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BeforeValidator


def _lines(value: object) -> object:
    """A browser sends each line break as two characters; its `maxlength` counts it as one."""
    return unix(value) if isinstance(value, str) else value


def unix(text: str) -> str:
    """The text with one character for each line break."""
    return text.replace("\r\n", "\n")


# Beside `Form(max_length=...)` of every field of several lines.
LINES = BeforeValidator(_lines)
# Never said back, in no refusal.
SECRETS = {"password", "again"}


def given_back(fault: Mapping[str, Any]) -> str | None:
    """What was typed into the field of a fault of FastAPI's, where it was too long and is no
    secret: the page on which it stood is gone.
    """
    text = fault["input"]
    # Behind LINES the length is told in another word.
    is_long = fault["type"] in ("too_long", "string_too_long") and isinstance(text, str)
    in_form = fault["loc"][0] == "body" and fault["loc"][-1] not in SECRETS
    return unix(text) if is_long and in_form else None
