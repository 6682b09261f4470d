"""Results of benches in a folder, a file a run, a line a repeat: what is there stays measured."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kept:
    """One repeat: the words after `qunyun bench` (files of a corpus left out), when it began (UTC,
    ISO), and its object.

    `busy` is which part of the processors others had used in the second before it, `took_s` all
    that the process took, with preparing.
    """

    arguments: tuple[str, ...]
    at: str
    busy: float
    took_s: float
    measured: Mapping[str, object]


def keep(folder: Path, name: str, one: Kept) -> None:
    """Add a repeat of the run of that name, behind a line that a kill cut off, too."""
    folder.mkdir(parents=True, exist_ok=True)
    with _file(folder, name).open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            # Written at the end wherever it was read: the file is opened to be added to.
            file.write(b"" if file.read() == b"\n" else b"\n")
        file.write(json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n")


def kept(folder: Path, name: str, arguments: Sequence[str]) -> list[Kept]:
    """The repeats of a run with just these arguments; a line that was cut off is not one."""
    if not _file(folder, name).exists():
        return []
    found = [_read(line) for line in _file(folder, name).read_text("utf-8").splitlines()]
    return [one for one in found if one is not None and one.arguments == tuple(arguments)]


def forget(folder: Path, name: str) -> None:
    """Leave nothing of that run."""
    _file(folder, name).unlink(missing_ok=True)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl"


def _read(line: str) -> Kept | None:
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        return None
    return Kept(**told | {"arguments": tuple(told["arguments"])})
