"""Send digests to operators' rooms and robots: which, where and when.

    slot       the Monday moment that has come, and until when it may be made up for
    due        what of it is neither in the outbox nor waiting for a person
    prepare    read-only and slow: figures, words, pictures
    plan       quick: digests stored, let out where nobody is asked, into the outbox

Safe to repeat, by any process: a delivery's key names week, digest and room, and stands once.
Whoever was down on Monday makes up for it until `expires_at`; what is later is written down as
not sent, with the reason.
"""

import datetime as dt
import hashlib
import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session

from bot import database, gateway, outbox
from bot.digest import approval, card, compose, gather, publish, render, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.digest.storing import Stored
from bot.errors import Fault, InvalidInput
from bot.intents import Intent
from bot.models import (
    Account,
    Delivery,
    DeliveryKind,
    DigestScope,
    DigestState,
    Room,
)
from bot.settings import Settings

log = logging.getLogger(__name__)

WEEK = dt.timedelta(weeks=1)
# Alerts to operators go ahead of everything that was planned.
FIRST = 0
TEXT, CARD = "text", "card"
# How files of cards are named, whatever follows.
CARDS = "digest-"


@dataclass(frozen=True, slots=True)
class Slot:
    """One Monday's sending: of the week that begins on `monday`, due at `due_at`."""

    monday: dt.date
    due_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which digest goes to which room, by its platform id."""

    room: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Receiver:
    """A room as sending needs it; `images` says whether its account posts pictures."""

    room_id: int
    account_id: int | None
    images: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done for one slot now.

    `wanted` are those that are not planned yet, to known rooms (`receivers`, by platform id).
    `fresh` digests have to be computed, `approved` ones stand and may go; `late` says that it is
    too late for all of them.
    """

    slot: Slot
    wanted: tuple[Wanted, ...]
    receivers: Mapping[str, Receiver]
    fresh: frozenset[Subject]
    approved: Mapping[Subject, Sheet]
    late: bool

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.wanted and (self.late or self.fresh or self.approved))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Figures and files that are ready: sheets by subject, names of their pictures."""

    due: Due
    sheets: Mapping[Subject, Sheet]
    pictures: Mapping[Subject, str]


def slot(settings: Settings, now: dt.datetime) -> Slot:
    """The latest Monday moment that has come."""
    local = now.astimezone(settings.zone)
    monday = local.date() - dt.timedelta(days=local.weekday())
    due_at = _moment(settings, monday)
    if due_at > now:
        monday -= WEEK
        due_at = _moment(settings, monday)
    lasts = dt.timedelta(hours=settings.digest_late_hours)
    return Slot(monday - WEEK, due_at, due_at + lasts)


def wanted(settings: Settings) -> tuple[Wanted, ...]:
    """What `QUNYUN_DIGEST_ROOMS` asks for. Raises InvalidInput."""
    return tuple(_wanted(word) for word in settings.digest_rooms)


def unknown(session: Session, settings: Settings) -> list[str]:
    """Rooms of `QUNYUN_DIGEST_ROOMS` that no gateway or file has named yet."""
    rooms = [each.room for each in wanted(settings)]
    known = reachable(session, rooms)
    return [room for room in dict.fromkeys(rooms) if room not in known]


def due(session: Session, settings: Settings, now: dt.datetime) -> Due:
    """What is to be done now; cheap where nothing is."""
    at = slot(settings, now)
    receivers = reachable(session, [each.room for each in wanted(settings)])
    asked = tuple(each for each in wanted(settings) if each.room in receivers)
    planned = _planned(session, [_key(at, each, TEXT) for each in asked])
    missing = tuple(each for each in asked if _key(at, each, TEXT) not in planned)
    stored = storing.stored(session, at.monday, {each.subject for each in missing})
    late = now >= at.expires_at
    out = {
        subject: digest.sheet
        for subject, digest in stored.items()
        if digest.state is not DigestState.DRAFT
    }
    fresh = frozenset(each.subject for each in missing) - stored.keys()
    if not settings.digest_approval:
        # A draft that somebody looked at early is computed again with what is known by now.
        fresh |= stored.keys() - out.keys()
    return Due(at, missing, receivers, frozenset() if late else fresh, {} if late else out, late)


def prepare(session: Session, settings: Settings, due: Due, now: dt.datetime) -> Prepared:
    """Compute what is missing and draw the cards; reads only, and may take seconds."""
    sheets = dict(due.approved)
    if due.fresh:
        week = gather.gather(session, due.slot.monday, now, settings.zone)
        known = frozenset(storing.everything(week))
        subjects = sorted(due.fresh & known)
        sheets |= zip(subjects, compose.sheets(session, Findings(week), subjects), strict=True)
    going = due.approved if settings.digest_approval else sheets
    pictures = {
        subject: picture
        for subject, sheet in going.items()
        if (picture := drawn(settings.attachments, sheet)) is not None
    }
    return Prepared(due, sheets, pictures)


def plan(session: Session, settings: Settings, ready: Prepared, now: dt.datetime) -> int:
    """Store digests, let out those that may go, and plan their deliveries; returns how many."""
    monday = ready.due.slot.monday
    fresh = [ready.sheets[subject] for subject in ready.due.fresh & ready.sheets.keys()]
    storing.store(session, monday, fresh, now)
    stored = storing.stored(session, monday, {each.subject for each in ready.due.wanted})
    if not settings.digest_approval:
        for digest in stored.values():
            approval.approve(session, digest.id, "", now)
    intents = [
        *_deliveries(ready, settings, stored),
        *_asking(session, settings, ready, stored, now),
    ]
    planned = outbox.plan(session, intents, now)
    for subject in _going(ready, settings):
        approval.sent(session, stored[subject].id, now)
    return planned


def _deliveries(
    ready: Prepared, settings: Settings, stored: Mapping[Subject, Stored]
) -> Iterator[Intent]:
    """A text, and a picture where one can be posted; refused where it can never be."""
    going = _going(ready, settings)
    for each in ready.due.wanted:
        text = _intent(ready.due, each, TEXT)
        if ready.due.late:
            yield text._replace(refused="已过时限:该发的时候程序没有运行,也没来得及补")
        elif each.subject in ready.due.fresh - ready.sheets.keys():
            yield text._replace(refused=f"没有{_named(each.subject)}")
        elif each.subject in going:
            yield text._replace(text=render.text(outside(stored[each.subject].sheet)))
            picture = ready.pictures.get(each.subject)
            if picture is not None and ready.due.receivers[each.room].images:
                yield _intent(ready.due, each, CARD)._replace(image=picture)


def _going(ready: Prepared, settings: Settings) -> frozenset[Subject]:
    sheets = ready.due.approved if settings.digest_approval else ready.sheets
    return frozenset(sheets)


def _asking(
    session: Session,
    settings: Settings,
    ready: Prepared,
    stored: Mapping[Subject, Stored],
    now: dt.datetime,
) -> Iterator[Intent]:
    """Tell operators that a digest waits for their word, and where they give it."""
    if not settings.digest_approval:
        return
    week = f"{ready.due.slot.monday:%G-W%V}"
    for room, receiver in reachable(session, settings.alert_rooms).items():
        for subject in sorted(ready.due.fresh & ready.sheets.keys()):
            page = f"{settings.console_url.rstrip('/')}/digests/{stored[subject].id}"
            command = f"qunyun digest --week {week} {chosen(subject)} --approve 名字"
            where = f"看和批准:{page},或者:{command}" if settings.console_url else f"发出:{command}"
            yield Intent(
                key=f"alert:digest:{subject.scope}:{week}:{subject.target}:{room}",
                kind=DeliveryKind.ALERT,
                room_id=receiver.room_id,
                account_id=receiver.account_id,
                text=f"【群运】{_named(subject)} {week} 的周报写好了,等您看过再发。{where}",
                due_at=now,
                expires_at=ready.due.slot.expires_at,
                priority=FIRST,
            )


def _intent(due: Due, each: Wanted, part: str) -> Intent:
    receiver = due.receivers[each.room]
    return Intent(
        key=_key(due.slot, each, part),
        kind=DeliveryKind.DIGEST,
        room_id=receiver.room_id,
        account_id=receiver.account_id,
        text="",
        due_at=due.slot.due_at,
        expires_at=due.slot.expires_at,
    )


def _key(slot: Slot, each: Wanted, part: str) -> str:
    where = each.room if part == TEXT else f"{each.room}#{part}"
    return key_of(each.subject, slot.monday) + where


def key_of(subject: Subject, monday: dt.date) -> str:
    """How the keys of one digest's deliveries begin; the room follows."""
    about = f"{subject.scope}/{subject.target}" if subject.target else f"{subject.scope}"
    return f"digest:{about}:{monday:%G-W%V}:"


def chosen(subject: Subject) -> str:
    """How `qunyun digest` is told which one."""
    if subject.scope is DigestScope.FLEET:
        return "--fleet"
    return f"--{subject.scope} {shlex.quote(subject.target)}"


def outside(sheet: Sheet) -> Sheet:
    """The sheet as it may leave its room: without members' words."""
    parts = tuple(replace(section, quotes=()) for section in sheet.sections)
    actions = tuple(
        replace(action, evidence=tuple(replace(one, text="") for one in action.evidence))
        for action in sheet.actions
    )
    return replace(sheet, sections=parts, actions=actions)


def drawn(folder: Path, sheet: Sheet) -> str | None:
    """Draw the card into the folder of attachments; its name, None where it cannot be drawn."""
    try:
        picture = card.png(outside(sheet))
    except card.CardUnavailable as error:
        log.warning("a digest goes out as text alone: %s", error)
        return None
    named = publish.filename(sheet.scope, sheet.target)
    # Two digests, or one with other words, never share a file that is being sent.
    mark = hashlib.sha256(picture).hexdigest()[:12]
    path = folder / f"{CARDS}{sheet.week}-{named}-{mark}.png"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(picture)
    unfinished.replace(path)
    return path.name


def _wanted(word: str) -> Wanted:
    room, _, rest = word.partition("=")
    scope, _, target = rest.partition(":")
    if (
        not room
        or (scope and scope not in set(DigestScope))
        or bool(target) == (scope in ("", DigestScope.FLEET))
    ):
        remedy = "写 群编号、群编号=vertical:垂类、群编号=owner:负责人 或 群编号=room:群编号"
        raise InvalidInput(Fault("QUNYUN_DIGEST_ROOMS", 0, "", f"看不懂 {word}", remedy))
    return Wanted(room, Subject(DigestScope(scope or DigestScope.FLEET), target))


def _moment(settings: Settings, monday: dt.date) -> dt.datetime:
    local = dt.datetime.combine(monday, settings.digest_at, settings.zone)
    return local.astimezone(dt.UTC)


def reachable(session: Session, rooms: Sequence[str]) -> dict[str, Receiver]:
    """Those of these rooms that are known, by platform id."""
    room, account = database.tables(Room, Account)
    rows = session.connection().execute(
        select(room.c.platform_id, room.c.id, room.c.account_id, account.c.capabilities)
        .select_from(room.outerjoin(account))
        .where(room.c.platform_id.in_(rooms))
    )
    return {
        platform_id: Receiver(
            id, account_id, gateway.capabilities_from_json(capabilities or {}).images
        )
        for platform_id, id, account_id, capabilities in rows
    }


def _planned(session: Session, keys: Sequence[str]) -> set[str]:
    delivery = database.table(Delivery).c
    return set(session.scalars(select(delivery.key).where(delivery.key.in_(keys))))


def _named(subject: Subject) -> str:
    match subject.scope:
        case DigestScope.FLEET:
            return "全部群"
        case DigestScope.VERTICAL:
            return f"垂类 {subject.target}"
        case DigestScope.OWNER:
            return f"{subject.target} 负责的群"
        case DigestScope.ROOM:
            return f"群 {subject.target}"
