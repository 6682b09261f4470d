"""The signals of messages among their neighbours: floods, near-duplicates, answers.

Everything is decided in order of (at, platform id), whatever the order of arrival, and looks
back 24 hours at the most; so a message that comes late can only change those in the 24 hours
after it.
"""

import datetime as dt
from collections import Counter, deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.models import SignalKind
from bot.text import manners, pictures, remarks, signals, similarity, threads
from bot.text.lexicon import Lexicon
from bot.text.past import Past
from bot.text.remarks import Remark
from bot.text.segment import Segmenter
from bot.text.signals import Sign
from bot.text.wording import Wording, wording

LOOK_BACK = dt.timedelta(hours=24)
FLOOD_WINDOW = dt.timedelta(seconds=60)
FLOOD_FROM = 6
UNCOUNTED_TYPES = ("system", "recall")


@dataclass(frozen=True, slots=True)
class Heard:
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one message is: its signals and the products that it names."""

    message: Heard
    signals: tuple[Sign, ...]
    products: frozenset[int]


@dataclass(slots=True)
class Room:
    """What is remembered of one room on the way through its messages, in order: of the last 24
    hours what was said (`recent`) and who may have asked (`past`), the `latest` messages, and of
    the last minute who spoke how often.
    """

    recent: similarity.Recent = field(default_factory=similarity.Recent)
    past: Past = field(default_factory=Past)
    latest: deque[Remark] = field(default_factory=lambda: deque(maxlen=remarks.MOST))
    minute: deque[tuple[dt.datetime, int]] = field(default_factory=deque)
    speaking: Counter[int] = field(default_factory=Counter)


def judge(
    messages: Iterable[Heard], since: dt.datetime, lexicon: Lexicon, segmenter: Segmenter
) -> list[Verdict]:
    """The verdicts on one room's messages at or after `since`.

    `messages` are the room's standing ones from 24 hours before `since`, in any order.
    """
    return hear(Room(), sorted(messages, key=order), since, lexicon, segmenter)


def hear(
    room: Room,
    messages: Iterable[Heard],
    since: dt.datetime,
    lexicon: Lexicon,
    segmenter: Segmenter,
) -> list[Verdict]:
    """As `judge`, going on in a room where earlier messages were heard before; these are in
    `order`.
    """
    return [
        verdict
        for message in messages
        if (verdict := _hear(room, message, since, lexicon, segmenter)) is not None
    ]


def order(message: Heard) -> tuple[dt.datetime, str]:
    """The order in which messages are judged."""
    return message.at, message.platform_id


def _hear(
    room: Room, message: Heard, since: dt.datetime, lexicon: Lexicon, segmenter: Segmenter
) -> Verdict | None:
    judged = message.at >= since
    if message.type in UNCOUNTED_TYPES:
        return Verdict(message, (), _NO_PRODUCTS) if judged else None
    if message.recalled:
        return Verdict(message, _RECALLED, _NO_PRODUCTS) if judged else None
    moment = message.at.timestamp()
    room.past.forget(moment - _LOOK_BACK)
    worded = None if message.text is None else wording(message.text)
    repeats = worded is not None and room.recent.hears(worded.normal, moment)
    floods = _floods(room, message)
    normal = worded.normal if worded is not None else ""
    if message.at < since - threads.WINDOW:
        # Too early to matter, but to whoever quotes it or mentions its sender.
        _remember(room, message, normal, moment, asks=None, tells=False)
        return None
    products = (
        _NO_PRODUCTS if worded is None else lexicon.named(worded.folded, segmenter.engine.cut)
    )
    signs: tuple[Sign, ...] = ()
    tells = False
    if not message.own:
        by_itself = signals.of(message.type, worded, names_product=bool(products))
        tells = worded is not None and _tells(worded, by_itself)
        signs = _signs(room, message, normal, by_itself, repeats, floods, tells)
    asks = any(sign.kind is SignalKind.QUESTION for sign in signs)
    _remember(room, message, normal, moment, asks=asks, tells=tells)
    return Verdict(message, signs, products) if judged else None


_NO_PRODUCTS = frozenset[int]()
_LOOK_BACK = LOOK_BACK.total_seconds()
_RECALLED = (Sign(SignalKind.RECALLED, "recall"),)


def _remember(
    room: Room, message: Heard, normal: str, moment: float, *, asks: bool | None, tells: bool
) -> None:
    """`asks` is None where nobody had to know so far."""
    text = message.text if asks is None and not message.own else None
    room.past.add(
        message.id,
        message.platform_id,
        message.contact_id,
        message.sender,
        moment,
        None if text is None else (message.type, text),
        asks=bool(asks) and not message.own,
    )
    room.latest.append(
        Remark(
            message.id,
            message.platform_id,
            message.contact_id,
            message.sender,
            message.at,
            message.type,
            message.own,
            message.quote,
            message.mentions,
            normal,
            bool(asks),
            tells,
        )
    )


def _floods(room: Room, message: Heard) -> bool:
    while room.minute and message.at - room.minute[0][0] >= FLOOD_WINDOW:
        _, contact = room.minute.popleft()
        room.speaking[contact] -= 1
        if not room.speaking[contact]:
            del room.speaking[contact]
    room.minute.append((message.at, message.contact_id))
    room.speaking[message.contact_id] += 1
    return room.speaking[message.contact_id] >= FLOOD_FROM


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
    normal: str,
    by_itself: tuple[Sign, ...],
    repeats: bool,
    floods: bool,
    tells: bool,
) -> tuple[Sign, ...]:
    found = list(by_itself)
    kinds = {sign.kind for sign in by_itself}
    if (floods or repeats) and _BY_ITSELF.isdisjoint(kinds):
        found.append(_FLOOD if floods else _NEAR_DUPLICATE)
    answer = None if SignalKind.QUESTION in kinds else _answered(room, message, normal, kinds)
    if answer is not None:
        found.append(answer)
    is_picture = message.type in pictures.PICTURES
    if pictures.shares(
        reversed(room.latest), message.contact_id, message.at, is_picture=is_picture, tells=tells
    ):
        found.append(_SHARE)
    return tuple(found)


_BY_ITSELF = frozenset({SignalKind.STICKER, SignalKind.PLUS_ONE, SignalKind.CHECK_IN})
# What answers nobody unless it says whom.
_NO_GUESS = _BY_ITSELF | {SignalKind.GREETING, SignalKind.ADVERTISEMENT}
_SHARE = Sign(SignalKind.SHARE, "picture")
_FLOOD = Sign(SignalKind.FLOOD, "rate")
_NEAR_DUPLICATE = Sign(SignalKind.NEAR_DUPLICATE, "words")


def _answered(
    room: Room, message: Heard, normal: str, kinds: AbstractSet[SignalKind]
) -> Sign | None:
    """The question that a message answers: the one it quotes, else the latest of whom it @-s, else,
    where it says of nobody that it is meant for them, one that is open in the room.
    """
    if not (message.quote or message.mentions):
        if message.type != "text" or not _NO_GUESS.isdisjoint(kinds):
            return None
        guess = threads.answered(reversed(room.latest), normal, message.contact_id, message.at)
        return None if guess is None else _answer("window", guess.id)
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
