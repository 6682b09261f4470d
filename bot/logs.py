"""How log lines are written: for people, or one JSON object a line for programs.

What is logged are ids and numbers, never what members say or are called (docs/operations.md).
"""

import datetime as dt
import json
import logging

from bot.settings import LogFormat

FOR_PEOPLE = "%(asctime)s %(levelname)s %(name)s %(message)s"


class AsJson(logging.Formatter):
    """One object a line: `at` (UTC), `level`, `logger`, `message`; `template` and `values` are what
    the message was made of, so that lines of one kind are found by the one and told apart by the
    others; `error` is a traceback, where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told: dict[str, object] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat("T", "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "template": str(record.msg),
            "values": list(record.args) if isinstance(record.args, tuple) else record.args,
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def start(form: LogFormat) -> None:
    """Write INFO and above to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(AsJson() if form == "json" else logging.Formatter(FOR_PEOPLE))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The scheduler that wechaty brings along reports every turn at this level.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
