"""`qunyun digest`: the digests of a week, stored and written as files."""

import json
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from bot.commands import edge
from bot.digest import approval, compose, gather, publish, storing
from bot.digest.findings import Findings
from bot.digest.gather import Week
from bot.digest.sheet import Sheet, Subject
from bot.errors import Fault, InvalidInput
from bot.models import DigestScope


def digest(
    *,
    week: Annotated[str, typer.Option(help="An ISO week, as in 2026-W45.")],
    room: Annotated[str | None, typer.Option(help="One room, by its platform id.")] = None,
    vertical: Annotated[str | None, typer.Option(help="One vertical.")] = None,
    owner: Annotated[str | None, typer.Option(help="The rooms of one owner.")] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="All rooms together (default).")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="The fleet, every vertical, owner and room.")
    ] = False,
    formats: Annotated[str, typer.Option(help="Some of md,html,txt,png,xlsx.")] = "md,html",
    out: Annotated[Path | None, typer.Option(help="Default: <home>/digests.")] = None,
    comment: Annotated[str | None, typer.Option(help="Words for the top of one digest.")] = None,
    approve: Annotated[
        str | None, typer.Option(metavar="NAME", help="Let one digest out as it stands.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the digests of a week (周报)."""
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    publish.check(wanted)
    chosen = _chosen(room, vertical, owner, fleet=fleet, every=every)
    if chosen is None and (comment is not None or approve is not None):
        raise InvalidInput(
            Fault("digest", 0, "", "one digest is approved at a time", "name it instead of --all")
        )
    folder = out or edge.settings().home / "digests"
    monday = gather.monday(week)
    told: list[dict[str, object]] = []
    taken: set[str] = set()
    with edge.reading() as session:
        gathered = gather.gather(session, monday, edge.now(), edge.settings().zone)
    findings = Findings(gathered)
    for subjects in storing.parts(storing.everything(gathered) if chosen is None else [chosen]):
        with edge.reading() as session:
            fresh = compose.sheets(session, findings, subjects)
        # Nobody waits for the files: a transaction is as short as can be.
        with edge.changing() as session:
            sheets = storing.keep(session, gathered, fresh)
            if comment is not None or approve is not None:
                sheets = [_let_out(session, gathered, fresh[0].subject, comment, approve)]
        paths = publish.write(sheets, folder, wanted, taken)
        told += [_summary(sheet, files) for sheet, files in zip(sheets, paths, strict=True)]
    if as_json:
        typer.echo(json.dumps({"week": week, "digests": told}, ensure_ascii=False))
        return
    typer.echo(f"{len(told)} 份周报，{len(told) * len(wanted)} 个文件：{folder / week}")


def _chosen(
    room: str | None, vertical: str | None, owner: str | None, *, fleet: bool, every: bool
) -> Subject | None:
    """What the options name; None stands for everything."""
    named = {
        DigestScope.ROOM: room,
        DigestScope.VERTICAL: vertical,
        DigestScope.OWNER: owner,
        DigestScope.FLEET: "" if fleet else None,
    }
    chosen = [Subject(scope, target) for scope, target in named.items() if target is not None]
    if len(chosen) + every > 1:
        remedy = "use one of --room, --vertical, --owner, --fleet, --all"
        raise InvalidInput(Fault("digest", 0, "", "more than one scope is named", remedy))
    if every:
        return None
    return chosen[0] if chosen else storing.FLEET


def _let_out(
    session: Session, week: Week, subject: Subject, comment: str | None, approve: str | None
) -> Sheet:
    """The digest under a comment, approved where somebody says so. Raises InvalidInput."""
    one = storing.stored(session, week.monday, [subject])[subject]
    by = edge.by(approve or "")
    changed = comment is None or approval.comment(session, one.id, comment, by, week.now)
    if approve is not None:
        changed &= approval.approve(session, one.id, by, week.now)
    if not changed:
        problem, remedy = "this digest was approved already", "it stays word for word"
        raise InvalidInput(Fault("digest", 0, "", problem, remedy))
    return storing.stored(session, week.monday, [subject])[subject].sheet


def _summary(sheet: Sheet, paths: list[Path]) -> dict[str, object]:
    return {
        "scope": sheet.scope,
        "target": sheet.target,
        "final": sheet.final,
        "figures": sheet.amounts(),
        "files": [str(path) for path in paths],
    }
