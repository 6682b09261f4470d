"""Backups: one file with the whole installation in it, and its way back into an empty one.

    qunyun-backup.tar
        manifest.json     when, which schema, rows of every table
        qunyun.db         every table, as SQLite, whatever the installation runs on
        secret            without it phones and buyer ids join nobody
        attachments/…     pictures of posts

It is read in one consistent view while the installation runs. A restore checks every row.
"""

import datetime as dt
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sqlalchemy import Engine

from bot import database, moving
from bot.errors import Fault, InvalidInput
from bot.moving import Copied

DATABASE, SECRET, ATTACHMENTS, MANIFEST = "qunyun.db", "secret", "attachments", "manifest.json"


def make(engine: Engine, home: Path, out: Path, now: dt.datetime) -> Iterator[tuple[str, int]]:
    """Write a backup to `out`, which must not exist; tells (table, rows so far) on the way."""
    if out.exists():
        raise InvalidInput(Fault(str(out), 0, "", "文件已存在", "换一个名字"))
    with tempfile.TemporaryDirectory(prefix="backup-", dir=out.parent) as folder:
        place = Path(folder)
        target = database.connect(f"sqlite:///{place / DATABASE}", pooled=False)
        with moving.view(engine) as source:
            database.migrate(target)
            yield from moving.copy(source, target)
            moving.finish(target)
            counts = {one.table: one.rows for one in moving.verify(source, target)}
        database.overwrite_deleted(target)
        manifest = {"made_at": now.isoformat(), "rows": counts}
        (place / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
        _pack(place, home, out)


def restore(file: Path, engine: Engine, home: Path) -> Iterator[tuple[str, int] | Copied]:
    """Bring a backup into an empty database and an empty home; tells the parts on the way, and at
    the end each table with whether it agrees. Raises InvalidInput where something stands there.
    """
    if (home / SECRET).exists():
        raise InvalidInput(
            Fault(str(home / SECRET), 0, "", "这里已有一个装置", "换一个空的 QUNYUN_HOME")
        )
    with tempfile.TemporaryDirectory(prefix="restore-", dir=file.parent) as folder:
        place = Path(folder)
        with tarfile.open(file) as packed:
            _unpack(packed, place)
        if not (place / DATABASE).is_file() or not (place / MANIFEST).is_file():
            raise InvalidInput(
                Fault(str(file), 0, "", "不是 qunyun 的备份", "用 qunyun backup 写的文件")
            )
        source = database.connect(f"sqlite:///{place / DATABASE}", pooled=False)
        # A backup of an older version is brought to ours first.
        database.migrate(source)
        with moving.view(source) as opened:
            moving.prepare(opened, engine)
            yield from moving.copy(opened, engine)
            moving.finish(engine)
            yield from moving.verify(opened, engine)
        home.mkdir(parents=True, exist_ok=True)
        if (place / SECRET).is_file():
            shutil.copy2(place / SECRET, home / SECRET)
        if (place / ATTACHMENTS).is_dir():
            shutil.copytree(place / ATTACHMENTS, home / ATTACHMENTS, dirs_exist_ok=True)


def _unpack(packed: tarfile.TarFile, place: Path) -> None:
    """The files of an archive below a folder. Written out, since Debian's Python 3.11.2 has no
    filters of extraction yet. Raises InvalidInput where something else is in it.
    """
    for member in packed:
        name = PurePosixPath(member.name)
        if member.isdir():
            continue
        # A picture that stands twice in the home may be a link to the first one in here.
        content = packed.extractfile(member) if member.isfile() or member.islnk() else None
        if content is None or name.is_absolute() or ".." in name.parts:
            raise InvalidInput(
                Fault(member.name, 0, "", "不是 qunyun 的备份", "用 qunyun backup 写的文件")
            )
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with content, path.open("wb") as out:
            shutil.copyfileobj(content, out)
        path.chmod(member.mode & 0o700)


def _pack(place: Path, home: Path, out: Path) -> None:
    # Whole before it has its name, and nobody else's business: it holds what members said.
    part = out.with_name(out.name + ".part")
    part.touch(mode=0o600)
    with tarfile.open(part, "w") as packed:
        for path in (place / MANIFEST, place / DATABASE, home / SECRET, home / ATTACHMENTS):
            if path.exists():
                packed.add(path, path.name)
    part.rename(out)
