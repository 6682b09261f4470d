"""`qunyun digest`: the digests of a week, stored and written as files."""

import json
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.commands import edge
from bot.digest import gather, publish
from bot.digest.publish import FLEET, Subject
from bot.digest.sheet import Sheet
from bot.errors import Fault, InvalidInput
from bot.gateway import Read
from bot.models import Account, DigestScope

# Kinds of gateway that do not see what members say; every other kind reads all.
READS = {"manual": Read.NONE}


def digest(
    *,
    week: Annotated[str, typer.Option(help="An ISO week, as in 2026-W45.")],
    room: Annotated[str | None, typer.Option(help="One room, by its platform id.")] = None,
    vertical: Annotated[str | None, typer.Option(help="One vertical.")] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="All rooms together (default).")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="The fleet, every vertical and every room.")
    ] = False,
    formats: Annotated[str, typer.Option(help="Some of md,html,txt,png,xlsx.")] = "md,html",
    out: Annotated[Path | None, typer.Option(help="Default: <home>/digests.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the digests of a week (周报)."""
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    publish.check(wanted)
    subject = _subject(room, vertical, fleet=fleet, every=every)
    folder = out or edge.settings().home / "digests"
    sheets = _drafted(week, subject)
    paths = publish.write(sheets, folder, wanted)
    if as_json:
        typer.echo(json.dumps(_summary(week, sheets, paths), ensure_ascii=False))
        return
    where = folder / sheets[0].week
    typer.echo(f"{len(sheets)} 份周报，{len(paths)} 个文件：{where}")


def _subject(room: str | None, vertical: str | None, *, fleet: bool, every: bool) -> Subject | None:
    """What the options name; None stands for everything."""
    if (room is not None) + (vertical is not None) + fleet + every > 1:
        raise InvalidInput(
            Fault(
                "digest",
                0,
                "",
                "more than one scope is named",
                "use one of --room, --vertical, --fleet, --all",
            )
        )
    if every:
        return None
    if room is not None:
        return Subject(DigestScope.ROOM, room)
    return FLEET if vertical is None else Subject(DigestScope.VERTICAL, vertical)


def _drafted(week: str, subject: Subject | None) -> list[Sheet]:
    monday = gather.monday(week)
    zone = edge.settings().zone
    quoting = None if subject is None else [subject.target]
    engine = edge.engine()
    try:
        with database.transaction(engine) as session:
            gathered = gather.gather(
                session, monday, edge.now(), zone, reads=_reads(session), quoting=quoting
            )
            subjects = publish.everything(gathered) if subject is None else [subject]
            drafts = publish.draft_all(session, gathered, subjects)
            return [publish.sheet(digest) for digest in drafts]
    finally:
        engine.dispose()


def _reads(session: Session) -> dict[str, Read]:
    """What each account's gateway lets us read, by the account's name."""
    account = database.table(Account).c
    rows = session.connection().execute(select(account.name, account.gateway))
    return {name: READS.get(kind, Read.ALL) for name, kind in rows}


def _summary(week: str, sheets: list[Sheet], paths: list[Path]) -> dict[str, object]:
    per_sheet = len(paths) // len(sheets)
    return {
        "week": week,
        "digests": [
            {
                "scope": sheet.scope,
                "target": sheet.target,
                "final": sheet.final,
                "figures": sheet.amounts(),
                "files": [str(path) for path in paths[n * per_sheet : (n + 1) * per_sheet]],
            }
            for n, sheet in enumerate(sheets)
        ],
    }
