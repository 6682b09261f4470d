"""Random draws (抽样) of messages for a person to mark: seeded, stratified, with known chances.

Rare signals would hardly come up in a plain draw of a few hundred, so messages are drawn by
strata: what the rules say of them. Each drawn message keeps the probability with which one of its
stratum was drawn, and whoever takes rates from the marks weighs by it (`insights.quality`).

A message's turn is the hash of the seed and of its name (room and id), so the draw depends
neither on the order of arrival nor on the database, and any first part of it is a draw, too.
"""

import datetime as dt
import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlmodel import Session

from bot import database
from bot.errors import Fault, InvalidInput
from bot.models import (
    DrawnMessage,
    MarkDraw,
    Mention,
    Message,
    MessageIdentity,
    Recall,
    Room,
    Signal,
    SignalKind,
)
from bot.text import signals
from bot.text.wording import wording

DRAW, MESSAGE, IDENTITY, RECALL = database.tables(MarkDraw, Message, MessageIdentity, Recall)
ROOM, SIGNAL, MENTION = database.tables(Room, Signal, Mention)
RECALLED = (
    select(RECALL.c.message_id)
    .join(
        IDENTITY,
        and_(IDENTITY.c.room_id == RECALL.c.room_id, IDENTITY.c.platform_id == RECALL.c.recalled),
    )
    .where(IDENTITY.c.id == MESSAGE.c.id)
    .correlate(MESSAGE)
    .exists()
)


class Candidate(NamedTuple):
    """A message that may be drawn; `key` is its name, the same on every database."""

    message_id: int
    day: dt.date
    room_id: int
    key: str
    stratum: str


class Chosen(NamedTuple):
    """A drawn message, and the probability with which one of its stratum was drawn."""

    candidate: Candidate
    probability: float


def draw(
    session: Session, count: int, seed: int, since: dt.datetime, until: dt.datetime, by: str
) -> int:
    """Draw at most `count` texts of members of `[since, until)`; returns how many.

    Raises InvalidInput where another draw reaches into that time: a message must have one
    chance, and a known one.
    """
    overlapping = select(DRAW.c.id).where(DRAW.c.since < until, DRAW.c.until > since)
    if session.connection().execute(overlapping).first():
        remedy = "从上一次抽样结束的时间抽起,或先标完上一次的"
        raise InvalidInput(Fault("抽样", 0, "since", "这段时间已经抽过", remedy))
    sizes, drawn = chosen(_candidates(session, since, until), count, seed)
    if not drawn:
        return 0
    drawing = MarkDraw(
        seed=seed,
        since=since,
        until=until,
        sizes=dict(sorted(sizes.items())),
        rule_version=signals.RULE_VERSION,
        by=by,
        at=until,
    )
    session.add(drawing)
    session.flush()
    rows = [
        {
            "draw_id": drawing.id,
            "place": place,
            "message_id": candidate.message_id,
            "day": candidate.day,
            "room_id": candidate.room_id,
            "stratum": candidate.stratum,
            "probability": probability,
        }
        for place, (candidate, probability) in enumerate(drawn, 1)
    ]
    return database.insert_rows(session, DrawnMessage, rows)


def drawn_until(session: Session) -> dt.datetime | None:
    """Where the last draw ended."""
    return session.connection().execute(select(func.max(DRAW.c.until))).scalar()


def chosen(
    candidates: Iterable[Candidate], count: int, seed: int
) -> tuple[Mapping[str, int], list[Chosen]]:
    """The sizes of the strata, and at most `count` candidates in the order of their turns.

    Keeps `count` candidates of each stratum at the most, however many pass.
    """
    sizes: Counter[str] = Counter()
    # Largest turn on top, so that a smaller one takes its place.
    kept: dict[str, list[tuple[int, Candidate]]] = defaultdict(list)
    for candidate in candidates:
        sizes[candidate.stratum] += 1
        heap, entry = kept[candidate.stratum], (-_turn(seed, candidate.key), candidate)
        if len(heap) < count:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)
    wanted = allocated(sizes, count)
    drawn = [
        (turn, Chosen(candidate, wanted[name] / sizes[name]))
        for name, heap in kept.items()
        for turn, candidate in heapq.nlargest(wanted[name], heap)
    ]
    return sizes, [one for _, one in sorted(drawn, key=lambda each: -each[0])]


def allocated(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many to draw of each stratum: half of `count` evenly, the rest by what is left of each.

    Evenly, so that what is rare is seen; by size, so that what the rules miss among the many
    without a signal is seen, too.
    """
    if not sizes:
        return {}
    even = max(count // (2 * len(sizes)), 1)
    given = {name: min(size, even) for name, size in sizes.items()}
    left = {name: size - given[name] for name, size in sizes.items()}
    rest, total = min(max(count - sum(given.values()), 0), sum(left.values())), sum(left.values())
    if not rest:
        return given
    shares = {name: rest * size / total for name, size in left.items()}
    for name, share in shares.items():
        given[name] += int(share)
    short = rest - sum(map(int, shares.values()))
    by_fraction = sorted(shares, key=lambda name: (int(shares[name]) - shares[name], name))
    for name in by_fraction[:short]:
        given[name] += 1
    return given


def stratum(kinds: Collection[str], *, names_product: bool, unsure: bool) -> str:
    """The stratum of a message by what the rules say of it: the rarest of its signals."""
    if SignalKind.COMPLAINT in kinds:
        return SignalKind.COMPLAINT.value
    if unsure:
        return "unsure"
    if names_product:
        return "product"
    return next((kind.value for kind in _RAREST_FIRST if kind in kinds), "none")


_RAREST_FIRST = (
    SignalKind.ADVERTISEMENT,
    SignalKind.SHARE,
    SignalKind.ORDER_NUMBER,
    SignalKind.PURCHASE_INTENT,
    SignalKind.PRICE_QUESTION,
    SignalKind.PRAISE,
    SignalKind.GREETING,
    SignalKind.CHECK_IN,
    SignalKind.ANSWER,
    SignalKind.QUESTION,
    SignalKind.PLUS_ONE,
    SignalKind.STICKER,
    SignalKind.FLOOD,
    SignalKind.NEAR_DUPLICATE,
)


def _turn(seed: int, key: str) -> int:
    name = f"{seed}\n{key}".encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.sha256(name).digest()[:8])


def _candidates(session: Session, since: dt.datetime, until: dt.datetime) -> Iterator[Candidate]:
    """Every standing text of a member in `[since, until)`, read a few thousand at a time."""
    same_signal, same_mention = (
        and_(
            table.c.day == MESSAGE.c.day,
            table.c.room_id == MESSAGE.c.room_id,
            table.c.message_id == MESSAGE.c.id,
        )
        for table in (SIGNAL, MENTION)
    )
    kinds = select(func.aggregate_strings(SIGNAL.c.kind, ",")).where(same_signal)
    query = (
        select(
            MESSAGE.c.id,
            MESSAGE.c.day,
            MESSAGE.c.room_id,
            MESSAGE.c.text,
            IDENTITY.c.platform_id,
            ROOM.c.platform_id.label("room"),
            kinds.scalar_subquery().label("kinds"),
            select(MENTION.c.product_id).where(same_mention).exists().label("names"),
        )
        .join(IDENTITY, IDENTITY.c.id == MESSAGE.c.id)
        .join(ROOM, ROOM.c.id == MESSAGE.c.room_id)
        .where(
            MESSAGE.c.day.between(since.date(), until.date()),
            MESSAGE.c.at >= since,
            MESSAGE.c.at < until,
            MESSAGE.c.type == "text",
            MESSAGE.c.own.is_(False),
            MESSAGE.c.text.is_not(None),
            ~RECALLED,
        )
    )
    rows = session.connection().execute(query, execution_options={"yield_per": 5_000})
    for row in rows:
        names = bool(row.names)
        unsure = signals.is_unsure(wording(row.text), names_product=names)
        found = stratum((row.kinds or "").split(","), names_product=names, unsure=unsure)
        key = f"{row.room}\n{row.platform_id}"
        yield Candidate(row.id, row.day, row.room_id, key, found)
