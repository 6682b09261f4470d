"""Files of ours that hold what members said: digests that were written, uploads that wait."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from bot import spool_file, unnamed
from bot.gateway import Event, Said
from bot.privacy.traces import Traces

# Where digests are written and uploads wait, below the installation's folder.
DIGESTS, UPLOADS = "digests", "uploads"
READABLE = {".md", ".html", ".txt", ".json", ".csv", ".jsonl"}


def clean(home: Path, traces: Traces) -> int:
    """Delete every digest's files where one of them names or quotes the person, and uploads that
    do; returns how many files went.

    Pictures and workbooks cannot be searched: they go with the page of the same name, and where
    there is none. All of them can be written again.
    """
    gone = set(_digests(home / DIGESTS, traces)) | set(_uploads(home / UPLOADS, traces))
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def clean_spools(home: Path, contacts: Collection[str], traces: Traces) -> int:
    """Take what these contacts said, and their coming and going, out of what waits for the log or
    was refused, and their ids and traces out of what others said; returns how many events that was.
    """

    def cleaned(event: Event) -> Event | None:
        left = unnamed.without(event, contacts)
        if not isinstance(left, Said) or left.text is None:
            return left
        return replace(left, text=str(traces.clean(left.text)))

    return sum(spool_file.rewrite(path, cleaned) for path in spool_file.paths(home))


def holding(home: Path, words: str) -> int:
    """How many readable files of digests and uploads, and events of spools, hold these words."""
    folders = [folder for name in (DIGESTS, UPLOADS) if (folder := home / name).is_dir()]
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    spooled = sum(spool_file.holding(path, words) for path in spool_file.paths(home))
    return spooled + sum(words in (_text(path) or "") for path in found if path.suffix in READABLE)


def _digests(folder: Path, traces: Traces) -> Iterator[Path]:
    weeks = [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []
    for week in weeks:
        forms: dict[str, list[Path]] = {}
        for path in week.iterdir():
            forms.setdefault(path.stem, []).append(path)
        for paths in forms.values():
            readable = [path for path in paths if path.suffix in READABLE]
            if not readable or any(_tells(path, traces) for path in readable):
                yield from paths


def _uploads(folder: Path, traces: Traces) -> Iterator[Path]:
    """A workbook that waits to be imported is a person's to upload again."""
    if folder.is_dir():
        for path in folder.rglob("*"):
            if path.is_file() and (path.suffix not in READABLE or _tells(path, traces)):
                yield path


def _tells(path: Path, traces: Traces) -> bool:
    text = _text(path)
    return text is None or traces.clean(text) != text


def _text(path: Path) -> str | None:
    """What a file says, None where nobody can tell."""
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
