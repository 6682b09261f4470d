"""wechaty 0.10.7, importable beside today's libraries, silent, and without files of its own.

Only this module and `wechaty_link` know that wechaty exists. It was last released in 2022: what
it expects of others and no longer finds is put back here before the import.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings

import pyee
import pyee.asyncio
import urllib3
from urllib3.util import parse_url


def _get_host(url: str) -> tuple[str | None, str | None, int | None]:
    """What urllib3 2 dropped and wechaty's link cards import."""
    parsed = parse_url(url)
    return parsed.scheme, parsed.hostname, parsed.port


# pyee 12 moved the emitter out of its top level.
pyee.AsyncIOEventEmitter = pyee.asyncio.AsyncIOEventEmitter
urllib3.get_host = _get_host  # type: ignore[attr-defined]  # it is gone

# At DEBUG, hpack logs every header, the token among them.
logging.getLogger("hpack").setLevel(logging.WARNING)

_kept = {name: os.environ.get(name) for name in ("CACHE_DIR", "WECHATY_LOG")}
with tempfile.TemporaryDirectory(prefix="qunyun-wechaty-") as _cache, warnings.catch_warnings():
    # telnetlib and unescaped patterns warn at import; nothing of ours can change that.
    warnings.simplefilter("ignore")
    # wechaty makes its cache directory where it is imported, and never writes there for us.
    os.environ["CACHE_DIR"] = _cache
    # Its loggers print message text, names and the token; "silly" is its word for CRITICAL alone.
    os.environ["WECHATY_LOG"] = "silly"
    try:
        from wechaty_puppet import PuppetOptions

        # Python 3.11 refuses an unhashable default in the dataclass WechatyOptions.
        PuppetOptions.__hash__ = object.__hash__

        # Wechaty imports its puppet by name, later, when its loggers would no longer be silent.
        import wechaty_puppet_service  # noqa: F401
        from wechaty import Wechaty, WechatyOptions
    finally:
        for _name, _value in _kept.items():
            if _value is None:
                os.environ.pop(_name, None)
            else:
                os.environ[_name] = _value

__all__ = ["PuppetOptions", "Wechaty", "WechatyOptions"]
