"""Segments (人群): profiles of people as of a day, made afresh, and what they are read for.

    order_line, daily_count, need_mention → subjects → tagging.tags → profile, profile_tag

A profile is a person, or a contact whom no evidence ties to a buyer. A quarantined person's
contacts stand alone: nobody knows what they bought. A fixed number of statements whatever the
number of people; making the profiles of one day again gives the same rows.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Engine, FromClause, Select, delete, func, select
from sqlmodel import Session

from bot import database
from bot.insights import needs, subjects, tagging
from bot.insights.subjects import Known
from bot.insights.tagging import Norms
from bot.models import Contact, Dimension, Membership, Profile, ProfileTag, Room
from bot.translation import Translate, in_chinese

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag of a profile; `why` holds its figures, `latest` the ids of messages behind it."""

    name: str
    dimension: Dimension
    why: Mapping[str, Any]

    @property
    def messages(self) -> tuple[int, ...]:
        """Ids of messages to look at."""
        return tuple(self.why.get("latest", ()))


@dataclass(frozen=True, slots=True)
class Person:
    """A profile as pages and digests show it. `rooms` are topics of rooms they are in now."""

    profile: Profile
    contact: str | None
    name: str
    rooms: tuple[str, ...]
    tags: tuple[Tagged, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Some people of `total`, as of a day; None where no profiles were made yet."""

    as_of: dt.date | None
    total: int
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Whom to think of for a tester program (体验官): busy in the rooms, and low spenders.

    `unknown` are just as busy, but no evidence ties them to a buyer: what they spend is not known.
    """

    as_of: dt.date | None
    total: int
    unknown: int
    people: tuple[Person, ...]


def refresh(session: Session, as_of: dt.date, zone: ZoneInfo) -> int:
    """Make every profile as of the beginning of a local day; returns how many there are.

    Needs are those that were derived before (`needs.refresh`).
    """
    until = dt.datetime.combine(as_of, dt.time(), zone).astimezone(dt.UTC)
    known = subjects.gather(session, as_of, until)
    norms = subjects.norms(session, until, known)
    profile, tag = database.tables(Profile, ProfileTag)
    session.connection().execute(delete(tag))
    session.connection().execute(delete(profile))
    ordered = sorted(known, key=lambda one: (one.person_id or 0, one.contact_id or 0))
    for start in range(0, len(ordered), CHUNK):
        _write(session, as_of, start, ordered[start : start + CHUNK], norms)
    return len(ordered)


def steps(engine: Engine, day: dt.date, zone: ZoneInfo) -> Iterator[int]:
    """Read the needs of days whose log changed, and make the profiles of a day unless they stand,
    in transactions of their own.
    """
    yield from needs.steps(engine, day - subjects.NEED_BACK * subjects.DAY)
    with database.transaction(engine) as session:
        if as_of(session) != day:
            yield refresh(session, day, zone)


def candidates(
    session: Session,
    *,
    limit: int = 50,
    offset: int = 0,
    within: ColumnElement[bool] | None = None,
) -> Candidates:
    """Whom to think of for a tester program, the busiest first; `within` as for `listed`."""
    profile = database.table(Profile).c
    busy = select(func.count()).where(
        profile.id.in_(_with(tagging.BUSY)), profile.person_id.is_(None)
    )
    both = fitting()
    chosen = select(both.c.id)
    if within is not None:
        busy = busy.where(profile.contact_id.in_(_in_rooms(within)))
        chosen = chosen.where(both.c.contact_id.in_(_in_rooms(within)))
    found = _listed(session, chosen, limit, offset, within)
    return Candidates(
        found.as_of, found.total, session.connection().scalar(busy) or 0, found.people
    )


def fitting() -> FromClause:
    """The candidates as a FROM clause: id (of the profile), contact_id."""
    profile = database.table(Profile).c
    return (
        select(profile.id, profile.contact_id)
        .where(profile.id.in_(_with(tagging.BUSY)), profile.id.in_(_with(tagging.LOW_SPEND)))
        .subquery("fitting")
    )


def listed(
    session: Session,
    tags: Sequence[str],
    *,
    called_like: str = "",
    limit: int = 50,
    offset: int = 0,
    within: ColumnElement[bool] | None = None,
) -> Listed:
    """People who carry every one of the tags, the busiest first; all of them where none is named.

    A tag is named as `tagging` names it, or as people do (`named`). `called_like` is a part of
    their name. `within` is a condition on the room table: those who are in such a room now, and
    no other room of theirs is told.
    """
    profile, contact = database.tables(Profile, Contact)
    chosen = select(profile.c.id)
    for tag in tags:
        chosen = chosen.where(profile.c.id.in_(_with(called(tag))))
    if called_like:
        alike = contact.c.name.icontains(called_like, autoescape=True)
        chosen = chosen.where(profile.c.contact_id.in_(select(contact.c.id).where(alike)))
    if within is not None:
        chosen = chosen.where(profile.c.contact_id.in_(_in_rooms(within)))
    return _listed(session, chosen, limit, offset, within)


def one(
    session: Session, contact_id: int, within: ColumnElement[bool] | None = None
) -> Person | None:
    """The profile of one contact, None where there is none or no room of theirs is `within`."""
    chosen = _of(contact_id, within)
    return next(iter(_listed(session, chosen, 1, 0, within).people), None)


def known(session: Session, contact_id: int, within: ColumnElement[bool] | None = None) -> bool:
    """Whether `one` finds the contact."""
    return session.connection().scalar(_of(contact_id, within)) is not None


def summary(
    session: Session, within: ColumnElement[bool] | None = None
) -> tuple[tuple[Dimension, str, int], ...]:
    """How many people carry each tag, by dimension, the most frequent first; `within` as for
    `listed`.
    """
    tag, profile = database.tables(ProfileTag, Profile)
    counted = select(tag.c.dimension, tag.c.tag, func.count())
    if within is not None:
        counted = counted.join(profile, profile.c.id == tag.c.profile_id).where(
            profile.c.contact_id.in_(_in_rooms(within))
        )
    rows = session.connection().execute(
        counted.group_by(tag.c.dimension, tag.c.tag).order_by(
            tag.c.dimension, func.count().desc(), tag.c.tag
        )
    )
    return tuple((row[0], row[1], row[2]) for row in rows)


def as_of(session: Session) -> dt.date | None:
    """The day that the profiles speak of; None where none were made yet."""
    day: dt.date | None = session.connection().scalar(
        select(func.max(database.table(Profile).c.as_of))
    )
    return day


def named(tag: str, tr: Translate = in_chinese) -> str:
    """A tag as people read it: 高价值, 成分党, 类目·奶粉."""
    if tag.startswith(tagging.NEED):
        return tr(tag.removeprefix(tagging.NEED))
    if tag.startswith(tagging.CATEGORY):
        return tr("类目·{name}", name=tag.removeprefix(tagging.CATEGORY))
    return tr(NAMES[tag])


def called(name: str) -> str:
    """The tag that people call `name`; what nobody calls so is taken for a tag."""
    if name.startswith("类目·"):
        return f"{tagging.CATEGORY}{name.removeprefix('类目·')}"
    if name in needs.named():
        return f"{tagging.NEED}{name}"
    return _CALLED.get(name, name)


NAMES = {
    tagging.HIGH_VALUE: "高价值",
    tagging.REPEAT: "复购",
    tagging.NEWCOMER: "新客",
    tagging.ASLEEP: "沉睡",
    tagging.LOW_SPEND: "低消费",
    tagging.BUSY: "高互动",
    tagging.ACTIVE: "活跃",
    tagging.ANSWERS: "热心解答",
    tagging.SHARES: "爱分享",
}
_CALLED = {name: tag for tag, name in NAMES.items()}


def _with(tag: str) -> Select[tuple[int]]:
    carried = database.table(ProfileTag).c
    return select(carried.profile_id).where(carried.tag == tag)


def _write(
    session: Session, as_of: dt.date, start: int, known: Sequence[Known], norms: Norms
) -> None:
    rows, given = [], []
    for number, one in enumerate(known, start + 1):
        scored = tagging.scores(one.subject.spending, norms)
        rows.append(
            {"id": number, "as_of": as_of, "person_id": one.person_id, "contact_id": one.contact_id}
            | asdict(one.subject.spending or tagging.Spending())
            | {
                "recency": scored.recency if scored else None,
                "frequency": scored.frequency if scored else None,
                "monetary": scored.monetary if scored else None,
            }
            | asdict(one.subject.talking)
        )
        given += [
            {"profile_id": number, "tag": tag.name, "dimension": tag.dimension, "why": tag.why}
            for tag in tagging.tags(one.subject, norms)
        ]
    database.insert_rows(session, Profile, rows)
    database.insert_rows(session, ProfileTag, given)


def _of(contact_id: int, within: ColumnElement[bool] | None) -> Select[tuple[int]]:
    profile = database.table(Profile).c
    chosen = select(profile.id).where(profile.contact_id == contact_id)
    if within is None:
        return chosen
    return chosen.where(profile.contact_id.in_(_in_rooms(within)))


def _in_rooms(within: ColumnElement[bool]) -> Select[tuple[int]]:
    """The contacts that are now in a room that `within` holds of."""
    stay, room = database.tables(Membership, Room)
    return (
        select(stay.c.contact_id)
        .join(room, room.c.id == stay.c.room_id)
        .where(stay.c.left_at.is_(None), within)
    )


def _listed(
    session: Session,
    chosen: Select[tuple[int]],
    limit: int,
    offset: int,
    within: ColumnElement[bool] | None,
) -> Listed:
    profile, contact = database.tables(Profile, Contact)
    total = session.connection().scalar(select(func.count()).select_from(chosen.subquery()))
    rows = session.connection().execute(
        select(profile, contact.c.platform_id.label("contact"), contact.c.name)
        .outerjoin(contact, contact.c.id == profile.c.contact_id)
        .where(profile.c.id.in_(chosen))
        .order_by(profile.c.effective.desc(), profile.c.net.desc(), profile.c.id)
        .limit(limit)
        .offset(offset)
    )
    found = [
        (Profile(**{column.name: row._mapping[column] for column in profile.c}), row)
        for row in rows
    ]
    tags = _tags(session, [each.id or 0 for each, _ in found])
    rooms = _rooms(session, [each.contact_id for each, _ in found if each.contact_id], within)
    people = tuple(
        Person(
            each,
            row.contact,
            row.name or "",
            rooms.get(each.contact_id or 0, ()),
            tags.get(each.id or 0, ()),
        )
        for each, row in found
    )
    return Listed(as_of(session), total or 0, people)


def _tags(session: Session, profiles: Sequence[int]) -> dict[int, tuple[Tagged, ...]]:
    tag = database.table(ProfileTag).c
    rows = session.connection().execute(
        select(tag.profile_id, tag.tag, tag.dimension, tag.why)
        .where(tag.profile_id.in_(profiles))
        .order_by(tag.profile_id, tag.dimension.desc(), tag.tag)
    )
    found: dict[int, tuple[Tagged, ...]] = {}
    for row in rows:
        told = Tagged(row.tag, row.dimension, row.why)
        found[row.profile_id] = (*found.get(row.profile_id, ()), told)
    return found


def _rooms(
    session: Session, contacts: Sequence[int], within: ColumnElement[bool] | None
) -> dict[int, tuple[str, ...]]:
    stay, room = database.tables(Membership, Room)
    theirs = (
        select(stay.c.contact_id, room.c.topic, room.c.platform_id)
        .join(room, room.c.id == stay.c.room_id)
        .where(stay.c.contact_id.in_(contacts), stay.c.left_at.is_(None))
        .order_by(stay.c.contact_id, room.c.id)
    )
    rows = session.connection().execute(theirs if within is None else theirs.where(within))
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        topic = row.topic or row.platform_id
        if topic not in found.get(row.contact_id, ()):
            found[row.contact_id] = (*found.get(row.contact_id, ()), topic)
    return found
