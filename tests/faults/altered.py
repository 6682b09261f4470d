"""`qunyun run` with what a test alters.

QUNYUN_FAULTS_CLOCK names a file that holds the seconds by which the clock is wrong.
QUNYUN_FAULTS_HOLD is `before STATE` or `after STATE`: the first statement that writes a delivery of
that state is the last one; whoever asks for it waits before or behind it for ever, in the middle of
its transaction, once the file that QUNYUN_FAULTS_HELD names is there.

Everything else is built as `bot/commands/run.py` builds it.
"""

import asyncio
import datetime as dt
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bot import app as app_module
from bot import database
from bot import settings as settings_module
from bot.gateways import open_gateway


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(_run())


async def _run() -> None:
    offset = os.environ.get("QUNYUN_FAULTS_CLOCK")

    def clock() -> dt.datetime:
        wrong = float(Path(offset).read_text() or 0) if offset else 0
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wrong)

    settings = settings_module.load()
    gateways = [
        open_gateway(
            url,
            clock=clock,
            rng=app_module.jitter(),
            send_timeout=settings.send_timeout_seconds,
        )
        for url in settings.gateways
    ]
    engine = database.connect(settings.database)
    if point := os.environ.get("QUNYUN_FAULTS_HOLD"):
        _hold(engine, *point.split(), marker=Path(os.environ["QUNYUN_FAULTS_HELD"]))
    app = app_module.build(settings, engine, gateways, clock)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await app_module.run(app, stop)


def _hold(engine: Engine, side: str, state: str, *, marker: Path) -> None:
    def held(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        planned = state == "pending" and statement.startswith("INSERT INTO delivery")
        # The new state is the first that such a statement is given, on SQLite.
        moved = statement.startswith("UPDATE delivery SET state") and parameters[0] == state
        if planned or moved:
            marker.touch()
            threading.Event().wait()

    event.listen(engine, f"{side}_cursor_execute", held)


if __name__ == "__main__":
    main()
