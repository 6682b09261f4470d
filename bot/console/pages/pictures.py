"""图片: what posts carry along, uploaded from the editor and looked at in it."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Annotated

from fastapi import File, HTTPException, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response

from bot.console import reach, roles
from bot.console.page import Page, Reader, Writer
from bot.console.roles import OPERATOR, VIEWER
from bot.console.routes import Route
from bot.digest import dispatch
from bot.errors import Fault, InvalidInput
from content_calendar import checking, definition, fields
from content_calendar.definition import Stored

# How each kind begins, whatever its name says.
KINDS = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif"}
LONGEST = 60


def add(page: Writer, file: Annotated[UploadFile | None, File()] = None) -> Response:
    """Keep a picture under its own name; a different one of the same name gets a number."""
    content = file.file.read() if file is not None else b""
    if file is None or not content:
        raise _refuse("没有选图片，或者文件是空的", "选一张图片")
    ending = next((kind for begins, kind in KINDS.items() if content.startswith(begins)), None)
    if ending is None:
        raise _refuse("这不是图片", "用 PNG、JPG 或 GIF")
    if len(content) > checking.LARGEST_IMAGE:
        megabytes = checking.LARGEST_IMAGE // 1_000_000
        raise _refuse(
            page.tr("图片太大，最多 {n} MB", n=megabytes), page.tr("压缩后再传；通道发不出更大的")
        )
    name, fresh = _keep(page.settings.attachments, _plain(file.filename or "", ending), content)
    if fresh:
        page.note("picture.add", f"picture:{name}", None, {"bytes": len(content)})
    return JSONResponse({"name": name})


def show(page: Reader, name: str) -> Response:
    """A picture, for whoever plans with it."""
    folder = page.settings.attachments.resolve()
    path = (folder / name).resolve()
    kept = path.name in _kept_from(page) or _is_card(page, path.name)
    if path.parent != folder or not path.is_file() or kept:
        raise HTTPException(404)
    return FileResponse(path)


def names(page: Page) -> list[str]:
    """The pictures that the operator may see, by name."""
    folder = page.settings.attachments
    if not folder.is_dir():
        return []
    found = {each.name for each in folder.iterdir() if each.name.lower().endswith(fields.IMAGES)}
    return sorted(name for name in found - _kept_from(page) if not _is_card(page, name))


def _kept_from(page: Page) -> set[str]:
    """Pictures of nothing but series for rooms that the operator does not see."""
    if roles.sees_all(page.someone):
        return set()
    seen = reach.visible(page)
    keys = {each.definition.key for each in seen}
    every = definition.stored(page.session)
    return _shown([each for each in every if each.definition.key not in keys]) - _shown(seen)


def _is_card(page: Page, name: str) -> bool:
    """Whether it is the card of a digest, which may tell of rooms that the operator does not see:
    the digest's own page has it, for who sees all of its rooms.
    """
    return name.startswith(dispatch.CARDS) and not roles.sees_all(page.someone)


def _shown(series: Sequence[Stored]) -> set[str]:
    return {step.image for each in series for step in each.definition.steps if step.image}


def _keep(folder: Path, name: str, content: bytes) -> tuple[str, bool]:
    """The name under which it lies now, and whether it is new there."""
    folder.mkdir(parents=True, exist_ok=True)
    stem, ending = Path(name).stem, Path(name).suffix
    number = 1
    while True:
        wanted = folder / (name if number == 1 else f"{stem}-{number}{ending}")
        if wanted.is_file() and wanted.read_bytes() == content:
            return wanted.name, False
        # Complete before it has its name, and never over another one.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".") as part:
            part.write(content)
            part.flush()
            Path(part.name).chmod(0o644)
            try:
                os.link(part.name, wanted)
            except FileExistsError:
                number += 1
            else:
                return wanted.name, True


def _plain(name: str, ending: str) -> str:
    """A name that leads nowhere else, with the ending of what it is."""
    stem = PurePath(name.replace("\\", "/")).stem
    kept = re.sub(r"[^\w\- ]", "_", stem).strip(" _")[:LONGEST]
    return f"{kept or 'picture'}{ending}"


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("pictures", 0, "file", problem, remedy))


ROUTES = (
    Route("POST", "/pictures", add, OPERATOR),
    Route("GET", "/pictures/{name}", show, VIEWER),
)
