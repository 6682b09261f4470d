"""The signals of messages among their neighbours: floods, near-duplicates, answers.

Everything is decided in order of (at, platform id), whatever the order of arrival, and looks
back 24 hours at the most; so a message that comes late can only change those in the 24 hours
after it.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.models import SignalKind
from bot.text import manners, pictures, signals, similarity, threads
from bot.text.lexicon import Lexicon
from bot.text.past import Past
from bot.text.pictures import Part
from bot.text.segment import Segmenter
from bot.text.signals import Sign
from bot.text.threads import Open
from bot.text.wording import Wording, wording

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
    worded = [_worded(message) for message in messages]
    moments = [message.at.timestamp() for message in messages]
    normals = ["" if words is None else words.normal for words in worded]
    repeats = room.recent.hears(normals, moments)
    first, cut = since.timestamp(), segmenter.engine.cut
    found: list[Verdict] = []
    for message, words, moment, again in zip(messages, worded, moments, repeats, strict=True):
        signs, products = _NO_SIGNS, _NO_PRODUCTS
        if message.recalled and message.type not in UNCOUNTED_TYPES:
            signs = _RECALLED
        elif message.type not in UNCOUNTED_TYPES:
            if words is not None and moment >= first - threads.WINDOW:
                products = lexicon.named(words.folded, cut)
            signs = _hear(room, message, words, moment, first, again, bool(products))
        if moment >= first:
            found.append(Verdict(message, signs, products))
    room.past.forget(moments[-1] - _LOOK_BACK)
    return found


def order(message: Heard) -> tuple[dt.datetime, str]:
    """The order in which messages are judged."""
    return message.at, message.platform_id


def _worded(message: Heard) -> Wording | None:
    """None where nothing is said that counts."""
    if message.text is None or message.recalled or message.type in UNCOUNTED_TYPES:
        return None
    return wording(message.text)


_NO_SIGNS: tuple[Sign, ...] = ()
_NO_PRODUCTS = frozenset[int]()
_LOOK_BACK = LOOK_BACK.total_seconds()
_RECALLED = (Sign(SignalKind.RECALLED, "recall"),)


def _hear(
    room: Room,
    message: Heard,
    words: Wording | None,
    moment: float,
    first: float,
    repeats: bool,
    names_product: bool,
) -> tuple[Sign, ...]:
    """What a message that counts is, and remember it."""
    floods = _floods(room, message.contact_id, moment)
    if moment < first - threads.WINDOW:
        # Too early to matter, but to whoever quotes it or mentions its sender.
        text = None if message.own else message.text
        _remember(room, message, words, moment, None if text is None else (message.type, text))
        return _NO_SIGNS
    if room.waiting:
        room.waiting = threads.still_open(room.waiting, room.count - _MOST_BACK, moment)
    if message.own:
        _remember(room, message, words, moment)
        return _NO_SIGNS
    by_itself = signals.of(message.type, words, names_product=names_product)
    tells = words is not None and _tells(words, by_itself)
    signs = _signs(room, message, words, moment, by_itself, repeats, floods, tells)
    asks = any(sign.kind is SignalKind.QUESTION for sign in by_itself)
    _remember(room, message, words, moment, asks=asks, tells=tells)
    return signs


def _remember(
    room: Room,
    message: Heard,
    words: Wording | None,
    moment: float,
    unheard: tuple[str, str] | None = None,
    *,
    asks: bool = False,
    tells: bool = False,
) -> None:
    """`unheard` are the type and text of what nobody had to understand so far."""
    id, name, _, contact, sender, *_ = message
    room.past.add(id, name, contact, sender, moment, unheard, asks=asks)
    normal = "" if words is None else words.normal
    if room.waiting:
        room.waiting = threads.after(room.waiting, contact, normal, message.quote, message.mentions)
    if asks:
        room.waiting.append(Open(room.count, id, name, contact, sender, moment, normal))
    if tells or message.type in pictures.PICTURES:
        is_picture = message.type in pictures.PICTURES
        room.parts.append(Part(room.count, contact, moment, is_picture, tells))
    room.count += 1


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


def _tells(worded: Wording, by_itself: tuple[Sign, ...]) -> bool:
    """Whether a text tells of something of one's own, and is nothing else already."""
    return (
        all(sign.kind in _TELLING for sign in by_itself)
        and len(worded.normal) >= _TELLING_FROM
        and manners.tells(worded.plain)
    )


_TELLING = frozenset({SignalKind.PRAISE, SignalKind.PURCHASE_INTENT})
_TELLING_FROM = 6


def _signs(
    room: Room,
    message: Heard,
    words: Wording | None,
    moment: float,
    by_itself: tuple[Sign, ...],
    repeats: bool,
    floods: bool,
    tells: bool,
) -> tuple[Sign, ...]:
    found = list(by_itself)
    kinds = {sign.kind for sign in by_itself}
    if (floods or repeats) and _BY_ITSELF.isdisjoint(kinds):
        found.append(_FLOOD if floods else _NEAR_DUPLICATE)
    if SignalKind.QUESTION not in kinds:
        answer = _answered(room, message, "" if words is None else words.normal, moment, kinds)
        if answer is not None:
            found.append(answer)
    if tells or message.type in pictures.PICTURES:
        is_picture = message.type in pictures.PICTURES
        part = Part(room.count, message.contact_id, moment, is_picture, tells)
        if pictures.shares(room.parts, part, room.count - _MOST_BACK):
            found.append(_SHARE)
    return tuple(found)


_BY_ITSELF = frozenset({SignalKind.STICKER, SignalKind.PLUS_ONE, SignalKind.CHECK_IN})
# What answers nobody unless it says whom.
_NO_GUESS = _BY_ITSELF | {SignalKind.GREETING, SignalKind.ADVERTISEMENT}
_SHARE = Sign(SignalKind.SHARE, "picture")
_FLOOD = Sign(SignalKind.FLOOD, "rate")
_NEAR_DUPLICATE = Sign(SignalKind.NEAR_DUPLICATE, "words")


def _answered(
    room: Room, message: Heard, normal: str, moment: float, kinds: AbstractSet[SignalKind]
) -> Sign | None:
    """The question that a message answers: the one it quotes, else the latest of whom it @-s, else,
    where it says of nobody that it is meant for them, one that is open in the room.
    """
    if not (message.quote or message.mentions):
        if not room.waiting or message.type != "text" or not _NO_GUESS.isdisjoint(kinds):
            return None
        guess = threads.answered(room.waiting, normal, message.contact_id, moment)
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
