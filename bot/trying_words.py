"""What words would change (试一试), told before anybody adds them: the latest messages that hold
them, read by the dictionary as it stands and as it would be.

    terms, a change → two sets of rules → messages of a week → cut, topics, products: before, after
"""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select, true
from sqlmodel import Session

from bot import database, deriving, own_words, standing, terms, times
from bot.deriving import Rules
from bot.models import Message, Room, WordKind
from bot.own_words import Named
from bot.terms import Terms

# Messages that are looked at, and of those that read otherwise, how many are shown.
MOST, SHOWN = 500, 5
BACK = dt.timedelta(days=7)
MESSAGE, ROOM = database.tables(Message, Room)


@dataclass(frozen=True, slots=True)
class Heard:
    """How one message reads: its pieces, the words that can become topics, products by id."""

    pieces: tuple[str, ...]
    topics: frozenset[str]
    products: frozenset[int]


@dataclass(frozen=True, slots=True)
class Example:
    """One message that reads otherwise."""

    at: dt.datetime
    topic: str
    before: Heard
    after: Heard


@dataclass(frozen=True, slots=True)
class Tried:
    """Of `held` messages of the week that hold a word (`more`: the latest MOST of them), how many
    are cut otherwise, make other topics, name other products.
    """

    held: int
    more: bool
    cut: int
    topics: int
    products: int
    examples: tuple[Example, ...]


def words(
    session: Session,
    named: Collection[Named],
    zone: ZoneInfo,
    now: dt.datetime,
    within: ColumnElement[bool] | None = None,
) -> Tried:
    """What these words would change; `within` is a condition on the room table."""
    known = terms.load(session)
    changed = replace(known, words=_with(known, named))
    return _tried(session, (known, changed), [word for word, _ in named], zone, now, within)


def aliases(
    session: Session,
    sku: str,
    given: Collection[str],
    zone: ZoneInfo,
    now: dt.datetime,
    within: ColumnElement[bool] | None = None,
) -> Tried:
    """What these other names of a product would change. Raises InvalidInput."""
    product = own_words.product(session, sku)
    known = terms.load(session)
    names = {**known.names, product: tuple(sorted({*known.names[product], *given}))}
    changed = replace(known, names=names, aliases=known.aliases | frozenset(given))
    return _tried(session, (known, changed), given, zone, now, within)


def _with(known: Terms, named: Collection[Named]) -> dict[WordKind, tuple[str, ...]]:
    """The words of each kind after the change; a word is no longer what is its opposite."""
    found = {kind: set(given) for kind, given in known.words.items()}
    for word, kind in named:
        found[own_words.OPPOSITE.get(kind, kind)].discard(word)
        found[kind].add(word)
    return {kind: tuple(sorted(given)) for kind, given in found.items()}


def _tried(
    session: Session,
    stands_and_would: tuple[Terms, Terms],
    wanted: Collection[str],
    zone: ZoneInfo,
    now: dt.datetime,
    within: ColumnElement[bool] | None,
) -> Tried:
    rows = list(_holding(session, wanted, now, true() if within is None else within))
    stands, would = (deriving.rules_of(each, zone) for each in stands_and_would)
    read = [
        Example(at, topic, _read(text, stands), _read(text, would))
        for at, topic, text in rows[:MOST]
    ]
    other = [each for each in read if each.before != each.after]
    return Tried(
        held=len(read),
        more=len(rows) > MOST,
        cut=sum(each.before.pieces != each.after.pieces for each in other),
        topics=sum(each.before.topics != each.after.topics for each in other),
        products=sum(each.before.products != each.after.products for each in other),
        examples=tuple(other[:SHOWN]),
    )


def _holding(
    session: Session, wanted: Collection[str], now: dt.datetime, within: ColumnElement[bool]
) -> Iterator[tuple[dt.datetime, str, str]]:
    """Time, room and text of members' messages that hold a word, the latest first."""
    holds = or_(*(MESSAGE.c.text.icontains(word, autoescape=True) for word in wanted))
    left = MOST + 1
    # A day at a time, so that a word of everybody's is found without reading the week.
    for day in reversed(times.utc_days(now - BACK, now)):
        rows = session.connection().execute(
            select(MESSAGE.c.at, ROOM.c.topic, MESSAGE.c.text)
            .join(ROOM, ROOM.c.id == MESSAGE.c.room_id)
            .where(MESSAGE.c.day == day, MESSAGE.c.type == "text", ~MESSAGE.c.own, holds, within)
            .where(~standing.recalled(MESSAGE, MESSAGE.c.id))
            .order_by(MESSAGE.c.at.desc(), MESSAGE.c.id.desc())
            .limit(left)
        )
        found = rows.all()
        yield from ((row[0], row[1], row[2]) for row in found)
        left -= len(found)
        if not left:
            return


def _read(text: str, rules: Rules) -> Heard:
    return Heard(
        tuple(rules.segmenter.words(text)),
        frozenset(rules.segmenter.keywords(text)),
        rules.lexicon.mentioned(text, rules.segmenter.words),
    )
