"""The installation's secret, from which pseudonyms and the keys of webhooks are made."""

import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path

from bot.errors import Fault, InvalidInput


def of(home: Path) -> bytes:
    """The secret in an installation's home, made at first use and readable by its owner alone.

    Raises InvalidInput where the file holds something else: other pseudonyms would join nobody.
    """
    path = home / "secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        _make(path)
    text = path.read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        fault = Fault(
            str(path), 0, "", "不是 64 位十六进制", "从备份恢复;没有导入过成员和订单时可删除"
        )
        raise InvalidInput(fault)
    return bytes.fromhex(text)


def _make(path: Path) -> None:
    # Complete before it has its name; of two commands at once, the first one's stands.
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(secrets.token_hex(32))
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
