"""Class what was said about products, and what the new changes of the old (ATTRIBUTION §1).

    mentions without a class (new, or derived again)
        → by themselves: ours, marks, campaign texts, the same text in other rooms
        → members' ones after the promotions of their stream: echo or organic
        → members' ones around promotions that came or went

A constant number of statements for each UTC day. Which order things came in does not matter.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, and_, or_, select, tuple_, update
from sqlmodel import Session
from sqlmodel.sql.sqltypes import UTCDateTime

from bot import database
from bot.insights import posts, touches
from bot.insights.posts import Marks
from bot.insights.touches import ECHO, SPREAD, THREAD, Naming, Post, Promos, Saying, Stream
from bot.models import Membership, Mention, Message, MessageIdentity, Role, Touch
from bot.models.columns import LogText, serial
from bot.text import similarity
from bot.times import Stretch

MENTION, MESSAGE, NAMED, STAY = database.tables(Mention, Message, MessageIdentity, Membership)
# What depends on more than the log (a post settled late) is looked at again for so long.
AGAIN = dt.timedelta(hours=72)
_SECOND = dt.timedelta(seconds=1)
_MEMBERS = (Touch.ORGANIC, Touch.PROMO_ECHO)

Key = tuple[dt.date, int, int, int]


@dataclass(frozen=True, slots=True)
class _Told:
    """A naming with its key, the class that it had, and what names its text where that is long."""

    key: Key
    naming: Naming
    before: Touch | None
    text_key: int | None
    normal: str


def class_new(session: Session, now: dt.datetime) -> list[Stretch]:
    """Class every mention that waits for it; returns where a class changed that stood before."""
    days = session.connection().scalars(
        select(MENTION.c.day).where(MENTION.c.touch.is_(None)).distinct().order_by(MENTION.c.day)
    )
    known, staff = posts.marks(session), _Staff.load(session)
    changed: list[Stretch] = []
    for day in days.all():
        fresh = _namings(session, and_(MENTION.c.day == day, MENTION.c.touch.is_(None)), staff)
        changed += _class(session, fresh, (), known, staff)
    recent = posts.sent(session, now - AGAIN, now, known)
    return changed + _class(
        session, _namings(session, _unsettled(now, staff), staff), recent, known, staff
    )


def _unsettled(now: dt.datetime, staff: "_Staff") -> ColumnElement[bool]:
    """Recent mentions of ours, and recent copies: what they are may have changed without them."""
    recent = and_(MENTION.c.day >= (now - AGAIN).date(), MENTION.c.at >= now - AGAIN)
    copies = and_(MENTION.c.text_key.is_not(None), MENTION.c.touch == Touch.PROMO)
    ours = MENTION.c.contact_id.in_(staff.everywhere)
    return and_(recent, MENTION.c.touch.is_not(None), or_(copies, ours))


def _class(
    session: Session,
    fresh: Sequence[_Told],
    recent: Sequence[Post],
    known: Marks,
    staff: "_Staff",
) -> list[Stretch]:
    """Class these, and the members' mentions around them and around `recent` posts."""
    if not fresh and not recent:
        return []
    arrived = {(post.room_id, post.name): post for post in _arrived(session, fresh, known)}
    copies, going_round = _copies(session, fresh, arrived, staff)
    told = [*fresh, *copies]
    kinds = _kinds(session, told, arrived, going_round, known)
    around = _around(session, told, kinds, recent, staff)
    asked = [one for one in [*told, *around] if kinds.get(one.key) is None]
    promotions = _promotions(session, asked, told, kinds, known)
    for one in asked:
        kinds[one.key] = touches.member_kind(one.naming, promotions.get(one.naming.stream))
    return _write(session, [*told, *around], kinds, arrived)


def _kinds(
    session: Session,
    told: Sequence[_Told],
    arrived: Mapping[tuple[int, str | None], Post],
    going_round: frozenset[int],
    known: Marks,
) -> dict[Key, Touch | None]:
    """The class of each by itself."""
    if not told:
        return {}
    until = max(one.naming.at for one in told) + _SECOND
    texts = touches.campaign_texts(posts.texts(session, until))
    return {
        one.key: touches.kind(
            one.naming, one.normal, arrived.get((one.naming.room_id, one.naming.name)),
            marks=known.marks, texts=texts, spread=one.naming.message_id in going_round,
        )
        for one in told
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Staff:
    """Who is more than a member: somewhere at some time, or everywhere as one of us."""

    ours: frozenset[int]
    stays: Mapping[tuple[int, int], Sequence[Any]]

    @classmethod
    def load(cls, session: Session) -> "_Staff":
        """As stays and accounts stand."""
        rows = session.connection().execute(
            select(STAY.c.room_id, STAY.c.contact_id, STAY.c.joined_at, STAY.c.left_at, STAY.c.role)
            .where(STAY.c.role != Role.MEMBER)
            .order_by(STAY.c.joined_at)
        )
        found: defaultdict[tuple[int, int], list[Any]] = defaultdict(list)
        for row in rows:
            found[row.room_id, row.contact_id].append(row)
        return cls(posts.our_contacts(session), found)

    @property
    def everywhere(self) -> list[int]:
        """Every contact who is more than a member anywhere."""
        return sorted(self.ours | {contact for _, contact in self.stays})

    def role(self, room_id: int, contact_id: int, at: dt.datetime) -> Role:
        """What a contact was in a room at that time."""
        if contact_id in self.ours:
            return Role.BOT
        for stay in self.stays.get((room_id, contact_id), ()):
            if stay.joined_at <= at and (stay.left_at is None or at < stay.left_at):
                return Role(stay.role)
        return Role.MEMBER


def _namings(session: Session, which: ColumnElement[bool], staff: _Staff) -> list[_Told]:
    rows = session.connection().execute(
        select(
            *(MENTION.c[name] for name in ("day", "room_id", "message_id", "product_id")),
            *(MENTION.c.at, MENTION.c.contact_id, MENTION.c.touch, NAMED.c.platform_id),
            *(MESSAGE.c.text, MESSAGE.c.quote, MESSAGE.c.mentions, MESSAGE.c.own),
        )
        .join(NAMED, NAMED.c.id == MENTION.c.message_id)
        .outerjoin(
            MESSAGE,
            and_(
                MESSAGE.c.day == MENTION.c.day,
                MESSAGE.c.room_id == MENTION.c.room_id,
                MESSAGE.c.id == MENTION.c.message_id,
            ),
        )
        .where(which)
    )
    return [_told(row, staff) for row in rows]


def _told(row: Any, staff: _Staff) -> _Told:
    role = Role.BOT if row.own else staff.role(row.room_id, row.contact_id, row.at)
    naming = Naming(
        room_id=row.room_id,
        product_id=row.product_id,
        message_id=row.message_id,
        contact_id=row.contact_id,
        at=row.at,
        name=row.platform_id,
        text=row.text or "",
        role=role,
        quotes=row.quote,
        replies=row.quote is not None or bool(row.mentions),
    )
    normal = similarity.normalise(naming.text)
    key = row.day, row.room_id, row.message_id, row.product_id
    return _Told(key, naming, row.touch, touches.text_key(normal), normal)


def _arrived(session: Session, fresh: Iterable[_Told], known: Marks) -> Sequence[Post]:
    """The deliveries that some of these are."""
    names = {
        (one.naming.room_id, one.naming.name) for one in fresh if one.naming.role != Role.MEMBER
    }
    return posts.arrived(session, sorted(names), known) if names else []


def _copies(
    session: Session,
    fresh: Sequence[_Told],
    arrived: Mapping[tuple[int, str | None], Post],
    staff: _Staff,
) -> tuple[list[_Told], frozenset[int]]:
    """Other mentions of the same long texts within a day, and the messages whose text goes round.

    What we ourselves deliver is no copy.
    """
    own = {
        one.naming.message_id for one in fresh if (one.naming.room_id, one.naming.name) in arrived
    }
    said = [
        Saying(key, one.naming.room_id, one.naming.contact_id, one.naming.at, one.naming.message_id)
        for one in fresh
        if (key := one.text_key) is not None and one.naming.message_id not in own
    ]
    if not said:
        return [], frozenset()
    given = database.given(
        session,
        {"text_key": MENTION.c.text_key.type, "since": UTCDateTime(), "until": UTCDateTime()},
        _windows((one.key, one.at) for one in said),
    )
    near = and_(
        MENTION.c.text_key == given.c.text_key,
        MENTION.c.at >= given.c.since,
        MENTION.c.at <= given.c.until,
    )
    columns = [
        MENTION.c[name] for name in ("text_key", "room_id", "contact_id", "at", "message_id")
    ]
    rows = session.connection().execute(select(*columns).join(given, near))
    mine = {one.naming.message_id for one in fresh}
    others = [Saying(*row) for row in rows if row.message_id not in mine]
    times: defaultdict[int, list[dt.datetime]] = defaultdict(list)
    for one in said:
        times[one.key].append(one.at)
    again = {
        (one.at.date(), one.room_id, one.message_id)
        for one in others
        if any(abs(one.at - at) <= SPREAD for at in times[one.key])
    }
    return _named(session, again, staff), touches.spread([*said, *others])


def _windows(
    said: Iterable[tuple[int, dt.datetime]],
) -> list[tuple[int, dt.datetime, dt.datetime]]:
    """Two days to both sides of each text's sayings."""
    bounds: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for key, at in said:
        first, last = bounds.get(key, (at, at))
        bounds[key] = min(first, at), max(last, at)
    return [
        (key, first - 2 * SPREAD, last + 2 * SPREAD)
        for key, (first, last) in sorted(bounds.items())
    ]


def _named(
    session: Session, messages: Iterable[tuple[dt.date, int, int]], staff: _Staff
) -> list[_Told]:
    """The mentions of these messages: (day, room, message)."""
    wanted = sorted(set(messages))
    if not wanted:
        return []
    given = database.given(
        session, {"day": Date(), "room_id": Integer(), "message_id": serial()}, wanted
    )
    keys = select(given.c.day, given.c.room_id, given.c.message_id)
    return _namings(
        session, tuple_(MENTION.c.day, MENTION.c.room_id, MENTION.c.message_id).in_(keys), staff
    )


def _around(
    session: Session,
    told: Sequence[_Told],
    kinds: Mapping[Key, Touch | None],
    recent: Sequence[Post],
    staff: _Staff,
) -> list[_Told]:
    """Members' mentions that may echo, or no longer echo, promotions that came or went."""
    moved = [one for one in told if (kinds[one.key] == Touch.PROMO) != (one.before == Touch.PROMO)]
    said = [(one.naming.stream, one.naming.at) for one in moved]
    said += [(stream, at) for stream, at, _ in touches.promo_posts(recent)]
    if not said:
        return []
    near = _in_streams(session, [(*stream, at, at + ECHO) for stream, at in said])
    found = {(row.day, row.room_id, row.message_id) for row in near if row.touch in _MEMBERS}
    mine = {one.key for one in told}
    return [
        one
        for one in _named(session, found | _quoting(session, moved), staff)
        if one.key not in mine and one.before in _MEMBERS
    ]


def _in_streams(
    session: Session, windows: Iterable[tuple[int, int, dt.datetime, dt.datetime]]
) -> Sequence[Any]:
    """Mentions of these streams, both ends included: (room, product, since, until)."""
    given = database.given(
        session,
        {
            **{"room_id": Integer(), "product_id": Integer()},
            **{"since": UTCDateTime(), "until": UTCDateTime()},
        },
        sorted(set(windows)),
    )
    names = ("day", "room_id", "message_id", "product_id", "at", "touch")
    inside = and_(
        MENTION.c.room_id == given.c.room_id,
        MENTION.c.product_id == given.c.product_id,
        MENTION.c.at >= given.c.since,
        MENTION.c.at <= given.c.until,
    )
    query = select(*(MENTION.c[name] for name in names)).join(given, inside)
    return session.connection().execute(query).all()


def _quoting(session: Session, moved: Iterable[_Told]) -> set[tuple[dt.date, int, int]]:
    """Messages that quote these, within three days."""
    days = {
        (one.naming.at.date() + dt.timedelta(days=shift), one.naming.room_id, one.naming.name)
        for one in moved
        for shift in range(-1, THREAD.days + 2)
    }
    if not days:
        return set()
    given = database.given(
        session, {"day": Date(), "room_id": Integer(), "name": LogText()}, sorted(days)
    )
    rows = session.connection().execute(
        select(MESSAGE.c.day, MESSAGE.c.room_id, MESSAGE.c.id).join(
            given,
            and_(
                MESSAGE.c.day == given.c.day,
                MESSAGE.c.room_id == given.c.room_id,
                MESSAGE.c.quote == given.c.name,
            ),
        )
    )
    return {(row[0], row[1], row[2]) for row in rows}


def _promotions(
    session: Session,
    asked: Sequence[_Told],
    told: Sequence[_Told],
    kinds: Mapping[Key, Touch | None],
    known: Marks,
) -> Mapping[Stream, Promos]:
    """The promotions of the streams of those asked about, two hours back, and those quoted."""
    if not asked:
        return {}
    # Those classed just now are known better than they are stored.
    fresh = {one.key for one in told}
    said: list[tuple[Stream, dt.datetime, str | None]] = [
        (one.naming.stream, one.naming.at, one.naming.name)
        for one in told
        if kinds[one.key] == Touch.PROMO
    ]
    windows = [(*one.naming.stream, one.naming.at - ECHO, one.naming.at) for one in asked]
    said += [
        ((row.room_id, row.product_id), row.at, None)
        for row in _in_streams(session, windows)
        if row.touch == Touch.PROMO
        and (row.day, row.room_id, row.message_id, row.product_id) not in fresh
    ]
    said += [
        ((row.room_id, row.product_id), row.at, row.name)
        for row in _quoted(session, asked)
        if (row.day, row.room_id, row.message_id, row.product_id) not in fresh
    ]
    first, last = (each(one.naming.at for one in asked) for each in (min, max))
    sent = posts.sent(session, first - THREAD, last + _SECOND, known)
    return touches.promos([*said, *touches.promo_posts(sent)])


def _quoted(session: Session, asked: Iterable[_Told]) -> Sequence[Any]:
    """The promotions among the messages that these quote."""
    names = {(one.naming.room_id, one.naming.quotes) for one in asked if one.naming.quotes}
    if not names:
        return []
    given = database.given(session, {"room_id": Integer(), "name": LogText()}, sorted(names))
    key = ("day", "room_id", "message_id", "product_id", "at")
    query = (
        select(*(MENTION.c[name] for name in key), given.c.name)
        .select_from(given)
        .join(NAMED, and_(NAMED.c.room_id == given.c.room_id, NAMED.c.platform_id == given.c.name))
        .join(
            MENTION,
            and_(
                MENTION.c.day == NAMED.c.day,
                MENTION.c.room_id == NAMED.c.room_id,
                MENTION.c.message_id == NAMED.c.id,
            ),
        )
        .where(MENTION.c.touch == Touch.PROMO)
    )
    return session.connection().execute(query).all()


def _write(
    session: Session,
    told: Iterable[_Told],
    kinds: Mapping[Key, Touch | None],
    arrived: Mapping[tuple[int, str | None], Post],
) -> list[Stretch]:
    """Keep what changed; returns where a class changed that stood before."""
    changed = [one for one in told if kinds[one.key] != one.before]
    if not changed:
        return []
    names = ("day", "room_id", "message_id", "product_id")
    rows = [
        (
            *one.key,
            kinds[one.key],
            None if (one.naming.room_id, one.naming.name) in arrived else one.text_key,
        )
        for one in changed
    ]
    columns = (*names, "touch", "text_key")
    given = database.given(session, {name: MENTION.c[name].type for name in columns}, rows)
    session.connection().execute(
        update(MENTION)
        .values(touch=given.c.touch, text_key=given.c.text_key)
        .where(*(MENTION.c[name] == given.c[name] for name in names))
    )
    return [
        Stretch(one.naming.room_id, one.naming.at, one.naming.at + _SECOND)
        for one in changed
        if one.before is not None
    ]
