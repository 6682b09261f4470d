"""`qunyun run` with a clock that a test sets: the file that QUNYUN_FAULTS_CLOCK names holds the
seconds by which it is wrong.

Everything else is built as `bot/commands/run.py` builds it.
"""

import asyncio
import datetime as dt
import logging
import os
import signal
from pathlib import Path

from bot import app as app_module
from bot import database
from bot import settings as settings_module
from bot.gateways import open_gateway


def main() -> None:
    """Run until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    asyncio.run(_run(Path(os.environ["QUNYUN_FAULTS_CLOCK"])))


async def _run(offset: Path) -> None:
    def clock() -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=float(offset.read_text() or 0))

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
    app = app_module.build(settings, database.connect(settings.database), gateways, clock)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await app_module.run(app, stop)


if __name__ == "__main__":
    main()
