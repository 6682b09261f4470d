"""Send one digest now, to a room that somebody chose: the same key as Monday's, so never twice."""

import datetime as dt

from sqlmodel import Session

from bot.digest import approval, dispatch, storing
from bot.digest.dispatch import Due, Prepared, Slot, Wanted
from bot.digest.sheet import Sheet, Subject
from bot.errors import Fault, InvalidInput
from bot.models import DigestState
from bot.settings import Settings


def rooms(settings: Settings, subject: Subject) -> tuple[str, ...]:
    """Where it may go: the rooms that `QUNYUN_DIGEST_ROOMS` names for it, then other rooms of
    operators that the settings name. Platform ids.
    """
    asked = dispatch.wanted(settings)
    own = [each.room for each in asked if each.subject == subject]
    others = [each.room for each in asked] + list(settings.alert_rooms)
    return tuple(dict.fromkeys(own + others))


def prepare(
    session: Session,
    settings: Settings,
    sheet: Sheet,
    monday: dt.date,
    room: str,
    now: dt.datetime,
) -> Prepared:
    """The digest with its card, drawn; reads only, and takes a moment."""
    known = dispatch.reachable(session, [room])
    slot = Slot(monday, now, now + dt.timedelta(hours=settings.digest_late_hours))
    wanted = tuple(Wanted(each, sheet.subject) for each in known)
    due = Due(slot, wanted, known, frozenset(), {sheet.subject: sheet}, late=False)
    picture = dispatch.drawn(settings.attachments, sheet) if known else None
    pictures = {sheet.subject: picture} if picture is not None else {}
    return Prepared(due, {sheet.subject: sheet}, pictures)


def send(session: Session, settings: Settings, ready: Prepared, now: dt.datetime) -> int:
    """Plan its deliveries; returns how many. None where it stands in the outbox already.

    Raises InvalidInput where it is no longer what was drawn: its approval was taken back meanwhile.
    """
    (subject, drawn), *_ = ready.sheets.items()
    week = ready.due.slot.monday
    # Held first and read then: what is read is what nobody changes until it is planned.
    state = approval.held(session, week, subject)
    stands = storing.stored(session, week, [subject]).get(subject)
    if state is DigestState.DRAFT or stands is None or stands.sheet != drawn:
        raise InvalidInput(Fault("digests", 0, "", "批准刚刚收回了", "看过新的一版，批准以后再发"))
    return dispatch.plan(session, settings, ready, now)
