"""Files on their way in: kept between the check and the yes, for their operator alone."""

import datetime as dt
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path, PurePath

from bot.settings import Settings

KEPT = dt.timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was checked; `path` carries the name that it came with."""

    ticket: str
    kind: str
    source: str
    path: Path


def keep(settings: Settings, by: str, kind: str, source: str, name: str, content: bytes) -> Upload:
    """Put a file aside, and clear what nobody came back for."""
    _clear(settings)
    ticket = secrets.token_hex(16)
    folder = _folder(settings) / ticket
    folder.mkdir(parents=True, mode=0o700)
    path = folder / _plain(name)
    path.write_bytes(content)
    about = {"by": by, "kind": kind, "source": source, "name": path.name}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")
    return Upload(ticket, kind, source, path)


def find(settings: Settings, by: str, ticket: str) -> Upload | None:
    """The file of a ticket; None where it is gone or somebody else's."""
    if not re.fullmatch("[0-9a-f]{32}", ticket):
        return None
    folder = _folder(settings) / ticket
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if about["by"] != by:
        return None
    return Upload(ticket, about["kind"], about["source"], folder / about["name"])


def drop(upload: Upload) -> None:
    """Forget a file. Safe to repeat."""
    _drop(upload.path.parent)


def _clear(settings: Settings) -> None:
    folder = _folder(settings)
    if not folder.is_dir():
        return
    # By the clock of the files themselves, not of the database.
    newest = max((each.stat().st_mtime for each in folder.iterdir()), default=0.0)
    for each in folder.iterdir():
        if newest - each.stat().st_mtime > KEPT.total_seconds():
            _drop(each)


def _drop(folder: Path) -> None:
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        each.unlink(missing_ok=True)
    folder.rmdir()


def _folder(settings: Settings) -> Path:
    return settings.home / "uploads"


def _plain(name: str) -> str:
    """A file name that leads nowhere else; its ending stays, since it tells the format."""
    last = PurePath(name.replace("\\", "/")).name
    kept = re.sub(r"[^\w.\- ]", "_", last).strip(". ")[-80:]
    return f"file-{kept}" if kept in ("", "about.json") else kept
