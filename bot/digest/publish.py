"""Write digests as files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bot.digest import card, render, workbook
from bot.digest.sheet import Sheet
from bot.errors import Fault, InvalidInput
from bot.models import DigestScope

TEXTS: Mapping[str, Callable[[Sheet], str]] = {
    "md": render.markdown,
    "html": render.html,
    "txt": render.text,
}
FILES: Mapping[str, Callable[[Sheet], bytes]] = {"png": card.png, "xlsx": workbook.xlsx}
FORMATS = (*TEXTS, *FILES)
# In bytes: file systems take 255 with the scope, a number and the format.
LONGEST_NAME = 200
_UNSAFE = re.compile(r"[^\w@.-]+")


def write(
    sheets: Iterable[Sheet],
    out: Path,
    formats: Sequence[str] = ("md", "html"),
    taken: set[str] | None = None,
) -> list[list[Path]]:
    """Write `<out>/<week>/<fleet|vertical-…|owner-…|room-…>.<format>`, replacing what stood there.

    Returns the paths of each sheet. `taken` holds names that stand already, and grows. Raises
    InvalidInput for an unknown format, CardUnavailable where a picture cannot be made.
    """
    check(formats)
    taken = set() if taken is None else taken
    return [_write(sheet, out / sheet.week, formats, taken) for sheet in sheets]


def _write(sheet: Sheet, folder: Path, formats: Sequence[str], taken: set[str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = _free(filename(sheet.scope, sheet.target), taken)
    paths = [folder / f"{name}.{format}" for format in formats]
    for path, format in zip(paths, formats, strict=True):
        path.write_bytes(written(sheet, format))
    return paths


def written(sheet: Sheet, format: str) -> bytes:
    """A sheet in one of FORMATS. Raises CardUnavailable where a picture cannot be made."""
    return TEXTS[format](sheet).encode() if format in TEXTS else FILES[format](sheet)


def check(formats: Sequence[str]) -> None:
    """Raises InvalidInput where a format is unknown."""
    for format in formats:
        if format not in FORMATS:
            remedy = f"use some of {','.join(FORMATS)}"
            raise InvalidInput(Fault("--formats", 0, "", f"{format!r} is no format", remedy))


def filename(scope: DigestScope, target: str) -> str:
    """A name that is safe on every file system: letters of any script, digits, `@`, `.`, `-`."""
    if scope is DigestScope.FLEET:
        return "fleet"
    # A leading dot would hide the file, and dots alone would climb out of the folder.
    safe = _UNSAFE.sub("_", target).strip("._").encode()[:LONGEST_NAME].decode(errors="ignore")
    return f"{scope}-{safe or 'unnamed'}"


def _free(name: str, taken: set[str]) -> str:
    """The name, or the name with a number where another target came out the same."""
    free, n = name, 2
    # Some file systems do not tell upper from lower case.
    while free.casefold() in taken:
        free, n = f"{name}-{n}", n + 1
    taken.add(free.casefold())
    return free
