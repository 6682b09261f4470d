"""How much there is of a person, in short: what goes when they are forgotten, and what stays."""

from dataclasses import dataclass

from sqlalchemy import Table, and_, func, or_, select
from sqlmodel import Session

from bot import database
from bot.models import (
    Complaint,
    Invitation,
    Membership,
    MemberWeek,
    OpenQuestion,
    OrderLine,
    Profile,
    ProfileTag,
    Room,
)
from bot.orders import evidence
from bot.privacy.subject import Subject

STAY, WEEK, ROOM = database.tables(Membership, MemberWeek, Room)


@dataclass(frozen=True, slots=True)
class Held:
    """Counts of what stands of one human. `rooms` are the names of rooms that they are or were in;
    `said` are messages as counted by whole weeks, also where the text is gone already.
    """

    rooms: tuple[str, ...]
    said: int
    tags: int
    invitations: int
    questions: int
    complaints: int
    identifiers: int
    orders: int


def held(session: Session, subject: Subject) -> Held:
    """The counts, each from an index: quick in any log."""
    contacts = list(subject.contacts)
    stays = session.connection().execute(
        select(ROOM.c.id, ROOM.c.topic, ROOM.c.platform_id)
        .join(STAY, STAY.c.room_id == ROOM.c.id)
        .where(STAY.c.contact_id.in_(contacts))
        .distinct()
        .order_by(ROOM.c.id)
    )
    rooms = {row.id: row.topic or row.platform_id for row in stays}
    said = session.connection().scalar(
        select(func.coalesce(func.sum(WEEK.c.messages), 0)).where(
            and_(WEEK.c.room_id.in_(rooms), WEEK.c.contact_id.in_(contacts))
        )
    )
    profile, tag = database.tables(Profile, ProfileTag)
    line = database.table(OrderLine)
    theirs = or_(
        line.c.person_id.in_(subject.person_ids),
        *(
            line.c[column].in_([value for kind, value in subject.identifiers if kind is wanted])
            for wanted, column in evidence.CARRIED.items()
        ),
    )
    connection = session.connection()
    return Held(
        rooms=tuple(rooms.values()),
        said=int(said or 0),
        tags=connection.scalar(
            select(func.count())
            .select_from(tag)
            .join(profile, profile.c.id == tag.c.profile_id)
            .where(profile.c.contact_id.in_(contacts))
        )
        or 0,
        invitations=_count(session, database.table(Invitation), contacts),
        questions=_count(session, database.table(OpenQuestion), contacts),
        complaints=_count(session, database.table(Complaint), contacts),
        identifiers=len(subject.identifiers),
        orders=connection.scalar(select(func.count(line.c.order_id.distinct())).where(theirs)) or 0,
    )


def _count(session: Session, table: Table, contacts: list[int]) -> int:
    query = select(func.count()).select_from(table).where(table.c.contact_id.in_(contacts))
    return session.connection().scalar(query) or 0
