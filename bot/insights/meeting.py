"""What was said of a product before it was bought, where the buyer was: touches by order line.

    lines × stays × mentions of the 72 hours before, and our promotions → graded touches

A constant number of statements, whatever the number of orders.
"""

import datetime as dt
from dataclasses import dataclass, fields

import numpy as np
from sqlalchemy import and_, case, select
from sqlmodel import Session

from bot import bulk, database
from bot.insights import arrays, posts, speaking
from bot.insights.arrays import DAY, Flags, Ints
from bot.insights.buying import Bought, Buyers
from bot.insights.posts import Promotions
from bot.models import Mention, MessageIdentity
from bot.models.columns import serial

MENTION, NAMED = database.tables(Mention, MessageIdentity)
LOOK_BACK = 3 * DAY
NONE = -1


@dataclass(frozen=True, slots=True)
class Touched:
    """Touches that lines met, one entry each: `line` is a place among the lines, `touch` one in
    TOUCHES; `contact`, `message` and `delivery` are ids, NONE where there is none.
    """

    line: Ints
    room: Ints
    at: Ints
    touch: Ints
    contact: Ints
    message: Ints
    delivery: Ints

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True)
class Met:
    """Touches with what the line's buyer did about them. `own`: the buyer said it. `grade` is one
    of `speaking`'s. `rank` orders touches of one line and moment, by the messages' platform ids.
    """

    touched: Touched
    own: Flags
    grade: Ints
    rank: Ints


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where and when each line looks: `[since, until)` of a room's talk about its product."""

    line: Ints
    room: Ints
    product: Ints
    since: Ints
    until: Ints


def gather(session: Session, bought: Bought, buyers: Buyers) -> Met:
    """Every touch of the 72 hours before these lines, where their buyers were at the time."""
    return _gather(session, bought, buyers, _windows(bought, buyers, -LOOK_BACK, 0))


def mirrored(session: Session, bought: Bought, buyers: Buyers) -> Met:
    """Every touch of the 72 hours after, which cannot have led to these lines. One so long after is
    graded by what its buyer did until as long again after, as one before is until the order.
    """
    return _gather(session, bought, buyers, _windows(bought, buyers, 1, LOOK_BACK + 1))


def _gather(session: Session, bought: Bought, buyers: Buyers, windows: _Windows) -> Met:
    said = _said(session, windows)
    sent = _promotions(session, windows)
    said = _delivered(said, sent)
    met = _once(_joined(said, _unheard(windows, sent, said)), windows)
    own = buyers.persons_of(met.contact) == bought.person[met.line]
    grade = np.full(len(met), speaking.NO_GRADE)
    organic = np.flatnonzero((met.touch == arrays.ORGANIC) & ~own)
    if len(organic):
        line, at = met.line[organic], met.at[organic]
        # For what came before, that is when the order was paid.
        until = at + np.abs(bought.at[line] - at)
        heard = speaking.Heard(
            *(bought.person[line], until, met.room[organic], at),
            *(met.contact[organic], met.message[organic]),
        )
        grade[organic] = speaking.graded(heard, *speaking.gather(session, buyers, heard))
    return Met(met, own, grade, _ranks(session, met))


def _windows(bought: Bought, buyers: Buyers, begin: int, end: int) -> _Windows:
    """From `begin` to `end` seconds after each line was paid, as far as the buyer was there."""
    paired = arrays.pairs(bought.person, buyers.stays)
    stays, at = buyers.stays, bought.at[paired.line]
    since = np.maximum(at + begin, stays.since[paired.stay])
    until = np.minimum(at + end, stays.until[paired.stay])
    kept = since < until
    line, stay = paired.line[kept], paired.stay[kept]
    return _Windows(line, stays.room[stay], bought.product[line], since[kept], until[kept])


def _said(session: Session, windows: _Windows) -> Touched:
    """Mentions of the products inside the windows, each read once however many windows hold it."""
    stream, since, until = arrays.united(
        arrays.stream(windows.room, windows.product), windows.since, windows.until
    )
    stretch, at, touch, contact, message = _heard(session, stream, since, until)
    streams = stream[stretch]
    order = np.lexsort((at, streams))
    start, end = arrays.between(
        streams[order], at[order],
        arrays.stream(windows.room, windows.product), windows.since, windows.until,
    )  # fmt: skip
    window, place = arrays.spread(start, end)
    place = order[place]
    return Touched(
        *(windows.line[window], windows.room[window], at[place], touch[place]),
        *(contact[place], message[place], np.full(len(window), NONE)),
    )


def _heard(session: Session, stream: Ints, since: Ints, until: Ints) -> list[Ints]:
    """Mentions in these stretches of streams: the stretch, time, touch, contact and message."""
    room, product = arrays.of_stream(stream)
    given = bulk.given(
        session,
        {
            **{"stretch": np.arange(len(stream)), "room_id": room, "product_id": product},
            # The earliest stay begins before there was a calendar of ours.
            **{"since": np.maximum(since, 0), "until": until},
        },
    )
    code = case({touch: place for place, touch in enumerate(arrays.TOUCHES)}, value=MENTION.c.touch)
    inside = and_(
        MENTION.c.room_id == given.c.room_id,
        MENTION.c.product_id == given.c.product_id,
        MENTION.c.at >= bulk.instant(given.c.since, session),
        MENTION.c.at < bulk.instant(given.c.until, session),
    )
    met = (
        select(
            *(given.c.stretch, database.seconds(MENTION.c.at, session).label("at")),
            *(code.label("touch"), MENTION.c.contact_id, MENTION.c.message_id),
        )
        .join_from(given, MENTION, inside)
        .where(MENTION.c.touch.is_not(None))
    )
    return bulk.columns(session, met)


def _promotions(session: Session, windows: _Windows) -> Promotions:
    """Our promotions while the windows were open."""
    if not len(windows.line):
        return Promotions(*(np.zeros(0, np.int64) for _ in fields(Promotions)))
    # The earliest stay begins before there was a calendar of ours.
    ends = max(int(windows.since.min()), 0), int(windows.until.max())
    return posts.promotions(session, *(dt.datetime.fromtimestamp(each, dt.UTC) for each in ends))


def _delivered(said: Touched, sent: Promotions) -> Touched:
    """The same mentions; those that are our own promotions' echo know which delivery they are."""
    order = np.argsort(sent.message, kind="stable")
    messages = sent.message[order]
    place = np.searchsorted(messages, said.message)
    known = place < len(messages)
    known[known] = messages[place[known]] == said.message[known]
    delivery = said.delivery.copy()
    delivery[known] = sent.delivery[order][place[known]]
    return Touched(said.line, said.room, said.at, said.touch, said.contact, said.message, delivery)


def _unheard(windows: _Windows, sent: Promotions, said: Touched) -> Touched:
    """Promotions that no mention stands for, beside the lines that met them."""
    start, end = arrays.between(
        arrays.stream(sent.room, sent.product), sent.at,
        arrays.stream(windows.room, windows.product), windows.since, windows.until,
    )  # fmt: skip
    which, place = arrays.spread(start, end)
    line = windows.line[which]
    known = said.delivery != NONE
    width = 1 + max(said.delivery.max(initial=0), sent.delivery.max(initial=0))
    heard = np.isin(
        line * width + sent.delivery[place], said.line[known] * width + said.delivery[known]
    )
    line, place = line[~heard], place[~heard]
    promo, nobody = (np.full(len(line), each) for each in (arrays.PROMO, NONE))
    return Touched(
        *(line, sent.room[place], sent.at[place], promo, nobody),
        *(sent.message[place], sent.delivery[place]),
    )


def _joined(one: Touched, other: Touched) -> Touched:
    return Touched(
        *(
            np.concatenate((getattr(one, each.name), getattr(other, each.name)))
            for each in fields(Touched)
        )
    )


def _once(touched: Touched, windows: _Windows) -> Touched:
    """A buyer with two accounts in a room, or two stays, meets a touch once."""
    order = np.lexsort((windows.room, windows.line))
    line, room = windows.line[order], windows.room[order]
    again = line[1:][(line[1:] == line[:-1]) & (room[1:] == room[:-1])]
    kept = ~np.isin(touched.line, again)
    twice = np.flatnonzero(~kept)
    key = np.stack((touched.line[twice], touched.message[twice], touched.delivery[twice]))
    _, first = np.unique(key, axis=1, return_index=True)
    kept[twice[first]] = True
    return Touched(*(getattr(touched, each.name)[kept] for each in fields(Touched)))


def _ranks(session: Session, touched: Touched) -> Ints:
    """Zero but where a line met several touches at one moment: by platform id, then by delivery."""
    rank = np.zeros(len(touched), np.int64)
    order = np.lexsort((touched.at, touched.line))
    same = (np.diff(touched.line[order]) == 0) & (np.diff(touched.at[order]) == 0)
    tied = np.unique(np.concatenate((order[:-1][same], order[1:][same])))
    if not len(tied):
        return rank
    messages = {each for each in touched.message[tied].tolist() if each != NONE}
    given = database.given(session, {"id": serial()}, [(each,) for each in sorted(messages)])
    rows = session.connection().execute(
        select(NAMED.c.id, NAMED.c.platform_id).join(given, given.c.id == NAMED.c.id)
    )
    names: dict[int, str] = {row[0]: row[1] for row in rows}
    named = sorted(
        tied.tolist(),
        key=lambda place: (
            names.get(int(touched.message[place]), f"delivery:{touched.delivery[place]}"),
            int(touched.room[place]),
        ),
    )
    for number, place in enumerate(named):
        rank[place] = number
    return rank
