"""What is derived from the log message by message: signals and mentions, and the counters on them.

There is one way: `derive` judges stretches of rooms' messages in order, replaces what stands for
them and has their days counted. A batch asks for what it changed, `rederiving` for everything, so
both give equal tables. Messages that come after all that was said in their room change nothing
that stands: of them nothing is read, replaced or counted twice.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, func, select
from sqlmodel import Session

from bot import counting, database, late, sealing, terms, times, transcript, verdicts
from bot import memory as memory_module
from bot.memory import Memory
from bot.models import WordKind
from bot.terms import Terms
from bot.text import judging, segment
from bot.text import lexicon as lexicon_module
from bot.text.judging import Heard, Verdict
from bot.text.lexicon import Lexicon
from bot.text.segment import Segmenter
from bot.times import Stretch

# The first half of an advisory lock's key on PostgreSQL; the second is the room's id.
ROOM_LOCK = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What derivation depends on besides the log. `zone` is that of rooms which name none."""

    terms: Terms
    lexicon: Lexicon
    segmenter: Segmenter
    zone: ZoneInfo


def load_rules(session: Session, zone: ZoneInfo) -> Rules:
    """The rules of this installation as its products, campaigns and words stand now."""
    return rules_of(terms.load(session), zone)


def rules_of(known: Terms, zone: ZoneInfo) -> Rules:
    """The rules that come of these terms."""
    return Rules(
        known,
        lexicon_module.lexicon(known.names, terms.everyday(known), known.categories),
        segment.segmenter(*vocabulary(known)),
        zone,
    )


def vocabulary(known: Terms) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What a segmenter is told of these terms: words, deleted ones, stop words."""
    named = [name for given in known.names.values() for name in given]
    words = known.words
    return (
        (*named, *words[WordKind.WORD]),
        tuple(words[WordKind.DELETED]),
        tuple(words[WordKind.STOP]),
    )


def derive(
    session: Session,
    stretches: Iterable[Stretch],
    rules: Rules,
    memory: Memory | None = None,
    fresh: Sequence[Heard] = (),
) -> int:
    """Judge every message of the stretches again and recount their days; judge `fresh` messages,
    which were just recorded and never judged, with all that may change because of them.

    Returns how many messages were judged. Safe to repeat. Sealed days are left alone. Of a fresh
    message that comes after all that was said in its room, as nearly all do, nothing has to be
    read where `memory` holds the room: it is judged and added to the counters. All others have
    their stretch of the log read, judged and counted again; stretches of one room that lie closer
    than the look-back are judged as one.
    """
    memory = memory or Memory()
    given, coming = list(stretches), _by_room(fresh)
    disturbed = {stretch.room_id for stretch in given}
    rooms = sorted(disturbed | coming.keys())
    lock_rooms(session, rooms)
    ends = _open(session, rooms, coming, memory)
    merged = _merge([*given, *(one for room in coming.values() for one in _stretches(room))])
    late.note(session, merged)
    sealed = sealing.intervals(session, merged)
    following = {
        room_id: room
        for room_id, messages in coming.items()
        if room_id not in disturbed
        and room_id not in sealed
        and not any(message.recalled for message in messages)
        and (room := memory.before(messages[0], ends.get(room_id))) is not None
    }
    for room_id, messages in coming.items():
        ends[room_id] = max(messages[-1].at, ends.get(room_id, messages[-1].at))
    judged = _go_on(session, following, coming, rules, memory)
    again = times.without([one for one in merged if one.room_id not in following], sealed)
    judged += _judge_again(
        session, again, rules, memory, ends, frozenset(message.id for message in fresh)
    )
    memory.close(session, ends)
    return judged


def _by_room(fresh: Iterable[Heard]) -> dict[int, list[Heard]]:
    coming: dict[int, list[Heard]] = {}
    for message in sorted(fresh, key=judging.order):
        coming.setdefault(message.room_id, []).append(message)
    return coming


def _open(
    session: Session, rooms: Collection[int], coming: Mapping[int, Sequence[Heard]], memory: Memory
) -> dict[int, dt.datetime]:
    """Up to when the rooms' logs went before the messages that come."""
    ends = memory.open(session, rooms)
    unknown = {
        room: (messages[0].at - judging.LOOK_BACK).date()
        for room, messages in coming.items()
        if room not in ends
    }
    newest = min((one.id for messages in coming.values() for one in messages), default=0)
    ends |= memory_module.latest(session, unknown, newest)
    return ends


def _go_on(
    session: Session,
    following: Mapping[int, judging.Room],
    coming: Mapping[int, Sequence[Heard]],
    rules: Rules,
    memory: Memory,
) -> int:
    """Judge messages that come after all that was said in their rooms."""
    found: list[Verdict] = []
    for room_id, room in following.items():
        messages = coming[room_id]
        found += judging.hear(room, messages, messages[0].at, rules.lexicon, rules.segmenter)
        memory.keep(room_id, room, messages[-1])
    verdicts.append(session, found)
    counting.add(session, found, rules.zone)
    return len(found)


def _judge_again(
    session: Session,
    stretches: Sequence[Stretch],
    rules: Rules,
    memory: Memory,
    ends: Mapping[int, dt.datetime],
    fresh: AbstractSet[int],
) -> int:
    """Read stretches of the log with the look-back before them, and judge them."""
    if not stretches:
        return 0
    read = [replace(one, since=one.since - judging.LOOK_BACK) for one in stretches]
    heard = transcript.read(session, read)
    found: list[Verdict] = []
    for stretch, part in zip(stretches, read, strict=True):
        room = judging.Room()
        messages = sorted(
            (one for one in heard[stretch.room_id] if part.since <= one.at < part.until),
            key=judging.order,
        )
        found += judging.hear(room, messages, stretch.since, rules.lexicon, rules.segmenter)
        end = ends.get(stretch.room_id)
        if messages and end is not None and end < stretch.until:
            memory.keep(stretch.room_id, room, messages[-1])
    verdicts.write(session, found, fresh)
    counting.recount(session, stretches, rules.zone)
    return len(found)


def touched(room_id: int, at: dt.datetime) -> Stretch:
    """What a message can change: its own verdict and those of the 24 hours after it, ends
    included.
    """
    return _touched(room_id, at, at)


def _touched(room_id: int, first: dt.datetime, last: dt.datetime) -> Stretch:
    return Stretch(room_id, first, last + judging.LOOK_BACK + dt.timedelta(seconds=1))


def _stretches(messages: Sequence[Heard]) -> list[Stretch]:
    """What one room's messages, in order, can change, in few stretches."""
    found: list[Stretch] = []
    first = last = messages[0]
    for message in messages:
        if message.at - last.at > judging.LOOK_BACK:
            found.append(_touched(first.room_id, first.at, last.at))
            first = message
        last = message
    return [*found, _touched(first.room_id, first.at, last.at)]


def lock_rooms(session: Session, rooms: Iterable[int]) -> None:
    """Be the only one who derives from these rooms until the end of the transaction.

    SQLite has one writer anyway.
    """
    if database.is_sqlite(session):
        return
    wanted = database.given(
        session, {"room_id": Integer()}, [(room,) for room in sorted(set(rooms))]
    )
    ordered = select(wanted.c.room_id).order_by(wanted.c.room_id).subquery()
    session.connection().execute(
        select(func.pg_advisory_xact_lock(ROOM_LOCK, ordered.c.room_id))
    ).all()


def _merge(stretches: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.room_id, one.since)):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.room_id == stretch.room_id
            and stretch.since - judging.LOOK_BACK <= last.until
        ):
            until = max(last.until, stretch.until)
            merged[-1] = Stretch(last.room_id, last.since, until)
        else:
            merged.append(stretch)
    return merged
