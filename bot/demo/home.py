"""The demo's folder: never somebody else's, and made afresh every time."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from bot import settings as settings_module
from bot.demo import community
from bot.errors import Fault, InvalidInput
from bot.settings import Settings

MARK: Final = "demo.json"
# Only what a demo writes is ever deleted; a file that somebody put beside it stays.
OURS: Final = ("qunyun.db", "qunyun.db-wal", "qunyun.db-shm", "secret", "digests", "papers")


def prepare(home: Path, seed: int) -> bytes:
    """An empty demo home; returns its secret. Raises InvalidInput for a folder of somebody else."""
    if home.exists() and not home.is_dir():
        raise _refuse(home, "不是文件夹")
    if home.is_dir() and any(home.iterdir()) and not (home / MARK).is_file():
        raise _refuse(home, "已有内容，而且不是演示目录")
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).write_text(json.dumps({"demo": True, "seed": seed}) + "\n", encoding="utf-8")
    for name in OURS:
        path = home / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return _secret(home, seed)


def settings(home: Path) -> Settings:
    """The defaults of every setting, whatever the environment says: a demo never touches a real
    database, and the same seed gives the same counts on every machine.
    """
    defaults = {
        name: field.get_default(call_default_factory=True)
        for name, field in Settings.model_fields.items()
    }
    own = {
        "home": home,
        "database_url": f"sqlite:///{home / 'qunyun.db'}",
        "timezone": community.ZONE.key,
    }
    return settings_module.load(**(defaults | own))


def _secret(home: Path, seed: int) -> bytes:
    """Nobody real is in a demo, so its secret may follow from the seed."""
    secret = hashlib.sha256(f"qunyun demo {seed}".encode()).hexdigest()
    path = home / "secret"
    path.touch(mode=0o600)
    path.write_text(secret, encoding="utf-8")
    return bytes.fromhex(secret)


def _refuse(home: Path, problem: str) -> InvalidInput:
    return InvalidInput(Fault(str(home), 0, "--home", problem, "换一个空目录，或先自己清空它"))
