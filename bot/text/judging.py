"""The signals of messages among their neighbours: floods, near-duplicates, answers.

Everything is decided in order of (at, platform id), whatever the order of arrival, and looks
back 24 hours at the most; so a message that comes late can only change those in the 24 hours
after it.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.models import SignalKind
from bot.text import pictures, similarity, threads
from bot.text import reading as reading_module
from bot.text.lexicon import Cut, Lexicon
from bot.text.past import Past
from bot.text.pictures import Part
from bot.text.reading import Reading
from bot.text.segment import Segmenter
from bot.text.signals import Sign
from bot.text.threads import Open

LOOK_BACK = dt.timedelta(hours=24)
FLOOD_FROM = 6
UNCOUNTED_TYPES = ("system", "recall")
# In seconds.
_FLOOD_WINDOW = 60.0
# However busy a room: nobody reads back further to see what a message is about.
_MOST_BACK = 30


class Heard(NamedTuple):
    """A standing message as the rules see it. `sender` and `mentions` are platform ids."""

    id: int
    platform_id: str
    room_id: int
    contact_id: int
    sender: str
    at: dt.datetime
    type: str
    text: str | None
    mentions: tuple[str, ...]
    quote: str | None
    own: bool
    recalled: bool


class Verdict(NamedTuple):
    """What one message is: its signals and the products that it names."""

    message: Heard
    signals: tuple[Sign, ...]
    products: frozenset[int]


@dataclass(slots=True)
class Room:
    """What is remembered of one room on the way through its messages, in order: of the last 24
    hours what was said (`recent`) and who may have asked (`past`), of the last few messages (of
    `count` in all) what waits for an answer and what may be part of a share, and of the last minute
    who spoke how often.
    """

    recent: similarity.Recent = field(default_factory=similarity.Recent)
    past: Past = field(default_factory=Past)
    count: int = 0
    waiting: list[Open] = field(default_factory=list)
    parts: deque[Part] = field(default_factory=lambda: deque(maxlen=_MOST_BACK))
    minute: deque[tuple[float, int]] = field(default_factory=deque)
    speaking: dict[int, int] = field(default_factory=dict)


def judge(
    messages: Iterable[Heard], since: dt.datetime, lexicon: Lexicon, segmenter: Segmenter
) -> list[Verdict]:
    """The verdicts on one room's messages at or after `since`.

    `messages` are the room's standing ones from 24 hours before `since`, in any order.
    """
    return hear(Room(), sorted(messages, key=order), since, lexicon, segmenter)


def hear(
    room: Room,
    messages: Sequence[Heard],
    since: dt.datetime,
    lexicon: Lexicon,
    segmenter: Segmenter,
) -> list[Verdict]:
    """As `judge`, going on in a room where earlier messages were heard before; these are in
    `order`.
    """
    if not messages:
        return []
    first = since.timestamp()
    early = first - threads.WINDOW
    moments = [message.at.timestamp() for message in messages]
    readings = [
        _read(message, moment < early, lexicon, segmenter.engine.cut)
        for message, moment in zip(messages, moments, strict=True)
    ]
    repeats = room.recent.hears([reading.normal for reading in readings], moments)
    found: list[Verdict] = []
    for message, reading, moment, again in zip(messages, readings, moments, repeats, strict=True):
        signs: tuple[Sign, ...] = ()
        if message.type not in UNCOUNTED_TYPES:
            if message.recalled:
                signs = _RECALLED
            else:
                signs = _hear(room, message, reading, moment, again, is_early=moment < early)
        if moment >= first:
            found.append(Verdict(message, signs, reading.products))
    room.past.forget(moments[-1] - _LOOK_BACK)
    return found


def order(message: Heard) -> tuple[dt.datetime, str]:
    """The order in which messages are judged."""
    return message.at, message.platform_id


def _read(message: Heard, is_early: bool, lexicon: Lexicon, cut: Cut) -> Reading:
    if message.recalled or message.type in UNCOUNTED_TYPES:
        return reading_module.NOTHING
    if is_early:
        return reading_module.normal(message.text)
    if message.own:
        return reading_module.said(message.text, lexicon, cut)
    return reading_module.read(message.type, message.text, lexicon, cut)


_LOOK_BACK = LOOK_BACK.total_seconds()
_RECALLED = (Sign(SignalKind.RECALLED, "recall"),)


def _hear(
    room: Room, message: Heard, reading: Reading, moment: float, repeats: bool, *, is_early: bool
) -> tuple[Sign, ...]:
    """What a message that counts is, and remember it.

    Of what is too early to matter to anybody but who quotes it or mentions its sender, no more is
    kept than its text.
    """
    id, name, _, contact, sender, _, kind, text, mentions, quote, own, _ = message
    floods = _floods(room, contact, moment)
    if room.waiting:
        room.waiting = threads.still_open(room.waiting, room.count - _MOST_BACK, moment)
    is_picture = kind in pictures.PICTURES
    part = Part(room.count, contact, moment, is_picture, reading.tells)
    signs = reading.signs
    if not own and not is_early:
        signs += _among(room, message, reading, part, repeats=repeats, floods=floods)
    unheard = (kind, text) if is_early and not own and text is not None else None
    room.past.add(id, name, contact, sender, moment, unheard, asks=reading.asks)
    if room.waiting:
        room.waiting = threads.after(room.waiting, contact, reading.normal, quote, mentions)
    if reading.asks:
        room.waiting.append(Open(room.count, id, name, contact, sender, moment, reading.normal))
    if reading.tells or is_picture:
        room.parts.append(part)
    room.count += 1
    return signs


def _floods(room: Room, contact: int, moment: float) -> bool:
    minute, speaking = room.minute, room.speaking
    while minute and minute[0][0] <= moment - _FLOOD_WINDOW:
        _, earlier = minute.popleft()
        if speaking[earlier] == 1:
            del speaking[earlier]
        else:
            speaking[earlier] -= 1
    minute.append((moment, contact))
    speaking[contact] = often = speaking.get(contact, 0) + 1
    return often >= FLOOD_FROM


def _among(
    room: Room, message: Heard, reading: Reading, part: Part, *, repeats: bool, floods: bool
) -> tuple[Sign, ...]:
    """What a message is besides, for what was said before."""
    found: tuple[Sign, ...] = ()
    if (floods or repeats) and not reading.little:
        found = (_FLOOD if floods else _NEAR_DUPLICATE,)
    if not reading.asks:
        answer = _answered(room, message, reading, part.at)
        if answer is not None:
            found += (answer,)
    if (part.tells or part.is_picture) and pictures.shares(
        room.parts, part, room.count - _MOST_BACK
    ):
        found += (_SHARE,)
    return found


_SHARE = Sign(SignalKind.SHARE, "picture")
_FLOOD = Sign(SignalKind.FLOOD, "rate")
_NEAR_DUPLICATE = Sign(SignalKind.NEAR_DUPLICATE, "words")


def _answered(room: Room, message: Heard, reading: Reading, moment: float) -> Sign | None:
    """The question that a message answers: the one it quotes, else the latest of whom it @-s, else,
    where it says of nobody that it is meant for them, one that is open in the room.
    """
    if not (message.quote or message.mentions):
        if not room.waiting or message.type != "text" or not reading.may_answer:
            return None
        guess = threads.answered(room.waiting, reading.normal, message.contact_id, moment)
        return _answer("window", guess)
    room.past.forget(moment - _LOOK_BACK)
    quoted = room.past.find(message.quote) if message.quote else None
    if quoted is not None:
        return _answer("quote", room.past.question(quoted, message.contact_id))
    for mentioned in message.mentions:
        for asked in room.past.asked_by(mentioned):
            answered = _answer("mention", room.past.question(asked, message.contact_id))
            if answered is not None:
                return answered
    return None


def _answer(rule: str, question: int | None) -> Sign | None:
    return None if question is None else Sign(SignalKind.ANSWER, rule, target=question)
