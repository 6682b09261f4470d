"""The signals of messages among their neighbours: floods, near-duplicates, answers.

Everything is decided in order of (at, platform id), whatever the order of arrival, and looks
back 24 hours at the most; so a message that comes late can only change those in the 24 hours
after it.
"""

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.models import SignalKind
from bot.text import segment, signals, similarity
from bot.text.lexicon import Lexicon

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
    """What one message is: its signals (with the question that an answer answers), its products."""

    message: Heard
    signals: tuple[tuple[SignalKind, int | None], ...]
    products: frozenset[int]


@dataclass(slots=True)
class Room:
    """What is remembered of one room on the way through its messages, in order."""

    recent: similarity.Recent = field(default_factory=similarity.Recent)
    last_five: dict[int, deque[dt.datetime]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=FLOOD_FROM - 1))
    )
    by_platform_id: dict[str, Heard] = field(default_factory=dict)
    by_sender: dict[str, list[Heard]] = field(default_factory=lambda: defaultdict(list))
    questions: dict[int, bool] = field(default_factory=dict)


def judge(
    messages: Iterable[Heard],
    since: dt.datetime,
    lexicon: Lexicon,
    segmenter: segment.Segmenter,
) -> list[Verdict]:
    """The verdicts on one room's messages at or after `since`.

    `messages` are the room's standing ones from 24 hours before `since`, in any order.
    """
    return hear(Room(), messages, since, lexicon, segmenter)


def hear(
    room: Room,
    messages: Iterable[Heard],
    since: dt.datetime,
    lexicon: Lexicon,
    segmenter: segment.Segmenter,
) -> list[Verdict]:
    """As `judge`, going on in a room where earlier messages were heard before."""
    return [
        verdict
        for message in sorted(messages, key=order)
        if (verdict := _hear(room, message, since, lexicon, segmenter)) is not None
    ]


def order(message: Heard) -> tuple[dt.datetime, str]:
    """The order in which messages are judged."""
    return message.at, message.platform_id


def _hear(
    room: Room, message: Heard, since: dt.datetime, lexicon: Lexicon, segmenter: segment.Segmenter
) -> Verdict | None:
    judged = message.at >= since
    if message.type in UNCOUNTED_TYPES:
        return Verdict(message, (), frozenset()) if judged else None
    if message.recalled:
        return Verdict(message, ((SignalKind.RECALLED, None),), frozenset()) if judged else None
    repeats = message.text is not None and room.recent.repeats(message.text, message.at)
    floods = _floods(room, message)
    verdict = None
    if judged:
        products = lexicon.mentioned(message.text) if message.text else frozenset[int]()
        said = () if message.own else _signals(room, message, repeats, floods, segmenter)
        verdict = Verdict(message, said, products)
    room.by_platform_id[message.platform_id] = message
    if not message.own:
        room.by_sender[message.sender].append(message)
    return verdict


def _floods(room: Room, message: Heard) -> bool:
    before = room.last_five[message.contact_id]
    full = len(before) == FLOOD_FROM - 1
    floods = full and message.at - before[0] < FLOOD_WINDOW
    before.append(message.at)
    return floods


def _signals(
    room: Room, message: Heard, repeats: bool, floods: bool, segmenter: segment.Segmenter
) -> tuple[tuple[SignalKind, int | None], ...]:
    own = _by_words(message, segmenter)
    room.questions[message.id] = SignalKind.QUESTION in own
    found: list[tuple[SignalKind, int | None]] = [(kind, None) for kind in own]
    if not any(kind in _BY_ITSELF for kind in own):
        if floods:
            found.append((SignalKind.FLOOD, None))
        elif repeats:
            found.append((SignalKind.NEAR_DUPLICATE, None))
    if SignalKind.QUESTION not in own:
        question = _answered(room, message, segmenter)
        if question is not None:
            found.append((SignalKind.ANSWER, question.id))
    return tuple(found)


_BY_ITSELF = frozenset({SignalKind.STICKER, SignalKind.PLUS_ONE, SignalKind.CHECK_IN})


def _answered(room: Room, message: Heard, segmenter: segment.Segmenter) -> Heard | None:
    """The question that a message answers: the one it quotes, else the latest of whom it @-s."""
    quoted = room.by_platform_id.get(message.quote) if message.quote else None
    # What is older may or may not have been read, so it must count as unknown.
    if quoted is not None and message.at - quoted.at <= LOOK_BACK:
        return quoted if _is_open_to(room, quoted, message, segmenter) else None
    for mentioned in message.mentions:
        for asked in reversed(room.by_sender.get(mentioned, ())):
            if message.at - asked.at > LOOK_BACK:
                break
            if _is_open_to(room, asked, message, segmenter):
                return asked
    return None


def _is_open_to(room: Room, question: Heard, answer: Heard, segmenter: segment.Segmenter) -> bool:
    return (
        not question.own
        and question.contact_id != answer.contact_id
        and answer.at - question.at <= LOOK_BACK
        and _is_question(room, question, segmenter)
    )


def _is_question(room: Room, message: Heard, segmenter: segment.Segmenter) -> bool:
    known = room.questions.get(message.id)
    if known is None:
        known = SignalKind.QUESTION in _by_words(message, segmenter)
        room.questions[message.id] = known
    return known


def _by_words(message: Heard, segmenter: segment.Segmenter) -> tuple[SignalKind, ...]:
    text = None if message.text is None else similarity.without_mentions(message.text)
    words = segmenter.words(text) if text and signals.need_words(text) else []
    return signals.of(message.type, text, words)
