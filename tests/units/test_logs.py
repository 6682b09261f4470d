"""Log lines for programs: one JSON object each, made of the same template and values."""

import json
import logging
import sys

from bot import logs


def line(template: str, *values: object, failed: bool = False) -> dict[str, object]:
    """What is written of one record."""
    record = logging.LogRecord(
        "bot.app",
        logging.WARNING,
        __file__,
        1,
        template,
        values,
        sys.exc_info() if failed else None,
    )
    text = logs.AsJson().format(record)
    assert "\n" not in text
    told: dict[str, object] = json.loads(text)
    return told


def test_a_line_tells_its_kind_and_its_values() -> None:
    told = line("room %d: account %s takes over", 7, "a\nb")
    assert told.pop("at")
    assert told == {
        "level": "WARNING", "logger": "bot.app", "message": "room 7: account a\nb takes over",
        "template": "room %d: account %s takes over", "values": [7, "a\nb"],
    }  # fmt: skip


def test_values_that_json_does_not_know_are_written_as_text() -> None:
    assert line("where: %s, %s", ValueError("away"), 2**70)["values"] == ["away", 2**70]
    assert line("by %(name)s", {"name": {2}})["values"] == {"name": "{2}"}


def test_a_traceback_stays_on_its_line() -> None:
    try:
        int("gone")
    except ValueError:
        told = line("a handler failed", failed=True)
    assert "ValueError: invalid literal" in str(told["error"])
