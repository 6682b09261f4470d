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

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlmodel import Session

from bot import database
from bot.insights import namings, posts, touches
from bot.insights.namings import Key, Staff, Told
from bot.insights.posts import Marks
from bot.insights.touches import ECHO, SPREAD, THREAD, Post, Promos, Saying, Stream
from bot.models import Mention, Role, Touch
from bot.times import Stretch

MENTION = database.table(Mention)
# What depends on more than the log (a post settled late) is looked at again for so long.
AGAIN = dt.timedelta(hours=72)
_SECOND = dt.timedelta(seconds=1)
_MEMBERS = (Touch.ORGANIC, Touch.PROMO_ECHO)


def class_new(session: Session, now: dt.datetime) -> list[Stretch]:
    """Class every mention that waits for it; returns where a class changed that stood before."""
    days = session.connection().scalars(
        select(MENTION.c.day).where(MENTION.c.touch.is_(None)).distinct().order_by(MENTION.c.day)
    )
    known, staff = posts.marks(session), Staff.load(session)
    changed: list[Stretch] = []
    for day in days.all():
        fresh = namings.which(session, and_(MENTION.c.day == day, MENTION.c.touch.is_(None)), staff)
        changed += _class(session, fresh, (), known, staff)
    recent = posts.sent(session, now - AGAIN, now, known)
    return changed + _class(
        session, namings.which(session, _unsettled(now, staff), staff), recent, known, staff
    )


def _unsettled(now: dt.datetime, staff: Staff) -> ColumnElement[bool]:
    """Recent mentions of ours, and recent copies: what they are may have changed without them."""
    recent = and_(MENTION.c.day >= (now - AGAIN).date(), MENTION.c.at >= now - AGAIN)
    copies = and_(MENTION.c.text_key.is_not(None), MENTION.c.touch == Touch.PROMO)
    ours = MENTION.c.contact_id.in_(staff.everywhere)
    return and_(recent, MENTION.c.touch.is_not(None), or_(copies, ours))


def _class(
    session: Session,
    fresh: Sequence[Told],
    recent: Sequence[Post],
    known: Marks,
    staff: Staff,
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
    told: Sequence[Told],
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


def _arrived(session: Session, fresh: Iterable[Told], known: Marks) -> Sequence[Post]:
    """The deliveries that some of these are."""
    names = {
        (one.naming.room_id, one.naming.name) for one in fresh if one.naming.role != Role.MEMBER
    }
    return posts.arrived(session, sorted(names), known) if names else []


def _copies(
    session: Session,
    fresh: Sequence[Told],
    arrived: Mapping[tuple[int, str | None], Post],
    staff: Staff,
) -> tuple[list[Told], frozenset[int]]:
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
    mine = {one.naming.message_id for one in fresh}
    others = [one for one in namings.alike(session, said) if one.message_id not in mine]
    times: defaultdict[int, list[dt.datetime]] = defaultdict(list)
    for one in said:
        times[one.key].append(one.at)
    again = {
        (one.at.date(), one.room_id, one.message_id)
        for one in others
        if any(abs(one.at - at) <= SPREAD for at in times[one.key])
    }
    return namings.named(session, again, staff), touches.spread([*said, *others])


def _around(
    session: Session,
    told: Sequence[Told],
    kinds: Mapping[Key, Touch | None],
    recent: Sequence[Post],
    staff: Staff,
) -> list[Told]:
    """Members' mentions that may echo, or no longer echo, promotions that came or went."""
    moved = [one for one in told if (kinds[one.key] == Touch.PROMO) != (one.before == Touch.PROMO)]
    said = [(one.naming.stream, one.naming.at) for one in moved]
    said += [(stream, at) for stream, at, _ in touches.promo_posts(recent)]
    if not said:
        return []
    near = namings.in_streams(session, [(*stream, at, at + ECHO) for stream, at in said])
    found = {(row.day, row.room_id, row.message_id) for row in near if row.touch in _MEMBERS}
    mine = {one.key for one in told}
    return [
        one
        for one in namings.named(session, found | namings.quoting(session, moved), staff)
        if one.key not in mine and one.before in _MEMBERS
    ]


def _promotions(
    session: Session,
    asked: Sequence[Told],
    told: Sequence[Told],
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
        for row in namings.in_streams(session, windows)
        if row.touch == Touch.PROMO
        and (row.day, row.room_id, row.message_id, row.product_id) not in fresh
    ]
    said += [
        ((row.room_id, row.product_id), row.at, row.name)
        for row in namings.quoted(session, asked)
        if (row.day, row.room_id, row.message_id, row.product_id) not in fresh
    ]
    first, last = (each(one.naming.at for one in asked) for each in (min, max))
    sent = posts.sent(session, first - THREAD, last + _SECOND, known)
    return touches.promos([*said, *touches.promo_posts(sent)])


def _write(
    session: Session,
    told: Iterable[Told],
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
