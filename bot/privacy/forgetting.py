"""Forget a person: text, names, ids and tags go everywhere; figures and orders stay, nameless.

    let nothing more of it in, wherever it waits → find what they said → take traces of it out of
    whatever quotes members, files first → out of what others said → out of what they said
    themselves, day by day; a room-day that is over is sealed before, one that goes on is derived
    again → cut their identifiers, give orders and contact a random name → write the database's
    files anew

Every part is a short transaction, and all may be repeated: what tells of the person goes last, so
that a run that was cut short finds everything again, under the random name that it began with.
Callers take turns (`turns`).
Live members of a room are heard again if they speak again.
"""

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import counting, database, deriving, retention, sealing, unnamed
from bot.deriving import Rules
from bot.models import Audit, SealedFor
from bot.privacy import erasing, files, finding, mentioned, places
from bot.privacy.finding import Found
from bot.privacy.mentioned import Hit
from bot.privacy.subject import Subject
from bot.text import judging
from bot.times import DAY, Stretch

PREFIX = "forgotten:"
BEGUN, FORGOTTEN, SWEPT = "privacy.forgetting", "privacy.forget", "privacy.swept"
# What the audit tells of it.
DONE = ("messages", "quoted", "sealed", "open_days", "files", "spooled")
CHUNK = 1_000

RoomDay = tuple[int, dt.date]


@dataclass(slots=True)
class Forgotten:
    """What was done: `messages` of their own are gone, `quoted` rows of others were cleaned.

    `sealed` room-days keep their figures; `open_days` were not over yet and were derived again.
    `files` of digests and uploads in our folder are gone, and of what waited for the log, or
    could not go there, `spooled` events.
    """

    pseudonym: str
    messages: int = 0
    quoted: int = 0
    sealed: int = 0
    open_days: int = 0
    files: int = 0
    spooled: int = 0
    cleaned: dict[str, int] = field(default_factory=dict)


def forget(
    engine: Engine, home: Path, subject: Subject, rules: Rules, now: dt.datetime, by: str
) -> Forgotten:
    """Forget somebody. `by` asked for it, for the audit, which names nobody; `home` is the folder
    of the installation. `sweep` has to follow.
    """
    with database.transaction(engine) as session:
        # From here on nothing of what waits elsewhere comes in.
        unnamed.forget(session, subject.contacts.values(), now)
        report = Forgotten(_begun(session, subject) or _begin(session, subject, now, by))
    with database.reading(engine) as session:
        found = finding.look(session, subject, report.pseudonym)
    with database.transaction(engine) as session:
        unnamed.forget_words(session, found.traces.telling, now)
    report.files = files.clean(home, found.traces)
    # Before the log, into which it would come otherwise.
    report.spooled = files.clean_spools(home, subject.contacts.values(), found.traces)
    with database.transaction(engine) as session:
        erasing.seal_orders(session, subject, found.ids)
        erasing.drop_bodies(session, subject, found.traces)
    for model, columns in places.QUOTING.items():
        table = database.table(model)
        report.cleaned[table.name] = erasing.clean(engine, table, columns, found.traces)
    still_open: set[RoomDay] = set()
    for own in (False, True):
        for day in found.days:
            with database.reading(engine) as session:
                hits = list((_own if own else _others)(session, day, subject, found))
            for start in range(0, len(hits), CHUNK):
                with database.transaction(engine) as session:
                    part = hits[start : start + CHUNK]
                    still_open |= _take_out(session, part, rules, now, report)
    with database.transaction(engine) as session:
        deriving.lock_rooms(session, found.rooms)
        still_open |= _take_out_news(session, subject, found, rules, now, report)
        erasing.cut(session, subject, found.ids, report.pseudonym)
        erasing.rename(session, subject, report.pseudonym)
        report.open_days = len(still_open)
        # Numbers alone: they stay where the person does not.
        done = {name: getattr(report, name) for name in DONE}
        session.add(Audit(at=now, by=by, action=FORGOTTEN, object=report.pseudonym, after=done))
    return report


def sweep(engine: Engine, now: dt.datetime, by: str) -> bool:
    """Let what was forgotten be read from no file of the database, where that was not done yet.

    Takes about ten seconds a GB, and others wait. False where somebody who reads is in the way:
    then it has to be asked for again. Safe to repeat.
    """
    audit = database.table(Audit).c
    swept = select(audit.object).where(audit.action == SWEPT)
    waiting = select(audit.object).where(audit.action == FORGOTTEN, audit.object.not_in(swept))
    with database.reading(engine) as session:
        names = session.connection().scalars(waiting).all()
    if not names:
        return True
    if not database.overwrite_deleted(engine):
        return False
    with database.transaction(engine) as session:
        rows = [Audit(at=now, by=by, action=SWEPT, object=name) for name in sorted(set(names))]
        session.add_all(rows)
    return True


def _begun(session: Session, subject: Subject) -> str | None:
    """The random name under which the same person was begun to be forgotten, and never finished."""
    audit = database.table(Audit).c
    done = select(audit.object).where(audit.action == FORGOTTEN)
    rows = session.connection().execute(
        select(audit.object, audit.after)
        .where(audit.action == BEGUN, audit.object.not_in(done))
        .order_by(audit.id)
    )
    for name, after in rows:
        if {*after["contacts"]} & {*subject.contacts} or {*after["persons"]} & subject.person_ids:
            return str(name)
    return None


def _begin(session: Session, subject: Subject, now: dt.datetime, by: str) -> str:
    name = PREFIX + secrets.token_hex(8)
    ours = {"contacts": sorted(subject.contacts), "persons": sorted(subject.person_ids)}
    session.add(Audit(at=now, by=by, action=BEGUN, object=name, after=ours))
    return name


def _own(session: Session, day: dt.date, subject: Subject, _found: Found) -> Iterator[Hit]:
    for row in mentioned.own(session, day, subject.contacts).rows:
        yield Hit(row.day, row.room_id, row.id, row.at, True)


def _others(session: Session, day: dt.date, subject: Subject, found: Found) -> Iterator[Hit]:
    yield from mentioned.by_others(session, day, subject.contacts, found.traces, found.said)


def _take_out(
    session: Session, hits: Sequence[Hit], rules: Rules, now: dt.datetime, report: Forgotten
) -> set[RoomDay]:
    """Take messages out of the log, the days that are over sealed before; returns the others."""
    rooms = {hit.room_id for hit in hits}
    deriving.lock_rooms(session, rooms)
    zones = counting.zones(session, rooms, rules.zone)
    days: dict[RoomDay, list[Hit]] = defaultdict(list)
    for hit in hits:
        days[hit.room_id, hit.at.astimezone(zones[hit.room_id]).date()].append(hit)
    over: dict[RoomDay, tuple[dt.datetime, dt.datetime]] = {}
    for room, day in days:
        # What is judged looks back a day, so the day after stands on the same text.
        pair = {(room, one): counting.local_day(one, zones[room]) for one in (day, day + DAY)}
        if all(until <= now for _, until in pair.values()):
            over |= pair
    report.sealed += retention.seal(session, over, zones, SealedFor.FORGOTTEN, now)
    sealed = sealing.sealed(session, list(days))
    gone = [hit for key, found in days.items() if key in sealed for hit in found if hit.own]
    erasing.delete(session, gone)
    away = {hit.id for hit in gone}
    kept = [hit for hit in hits if hit.id not in away]
    erasing.redact(session, kept, now)
    deriving.derive(session, [_stretch(hit) for hit in kept], rules)
    report.messages += sum(hit.own for hit in hits)
    report.quoted += sum(not hit.own for hit in hits)
    return days.keys() - sealed


def _take_out_news(
    session: Session,
    subject: Subject,
    found: Found,
    rules: Rules,
    now: dt.datetime,
    report: Forgotten,
) -> set[RoomDay]:
    """What they said while this was going on."""
    still_open: set[RoomDay] = set()
    for day in (now.date() - DAY, now.date(), now.date() + DAY):
        hits = _own(session, day, subject, found)
        news = [hit for hit in hits if hit.id not in found.ids]
        if news:
            still_open |= _take_out(session, news, rules, now, report)
    return still_open


def _stretch(hit: Hit) -> Stretch:
    return Stretch(hit.room_id, hit.at, hit.at + judging.LOOK_BACK + dt.timedelta(seconds=1))
