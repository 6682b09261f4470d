"""Roll-ups: rooms' days and weeks added up once, so that figures need not read every counter.

Derived from daily counters, signals and stays (`insights/rolling.py`); operators, bots and our
own accounts are left out, as roles stood when the row was made.
"""

import datetime as dt

from sqlmodel import Field, SQLModel

from bot.models.columns import choice, json
from bot.models.digest import DigestScope


class Rolled(SQLModel, table=True):
    """How far one room's roll-ups reach: they hold for days before `until`, and not from `since`
    on, where something changed after they were made.

    `first_day` is the first on which anything was recorded. `inputs` names the roles, the zone and
    the vertical that the roll-ups stand on.
    """

    room_id: int = Field(primary_key=True, foreign_key="room.id")
    until: dt.date
    since: dt.date | None = None
    first_day: dt.date | None = None
    inputs: str = ""


class RoomDay(SQLModel, table=True):
    """One room on one room-local day on which something was recorded.

    `answered` questions had an answer of any human within 24 hours. `members` were present at
    the day's end or spoke in it.
    """

    __tablename__ = "room_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    day: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True, foreign_key="room.id")
    messages: int
    effective_messages: int
    speakers: int
    members: int
    questions: int
    answered: int
    answered_by_members: int
    shares: int
    product_mentions: int
    rule_version: int


class MemberWeek(SQLModel, table=True):
    """One member who spoke in one room in one Monday-to-Sunday week.

    Bit n of `days` says that they spoke on the n-th day (Monday is 0).
    """

    __tablename__ = "member_week"
    __table_args__ = ({"sqlite_with_rowid": False},)

    room_id: int = Field(primary_key=True, foreign_key="room.id")
    week: dt.date = Field(primary_key=True)
    contact_id: int = Field(primary_key=True)
    messages: int
    effective_messages: int
    days: int
    rule_version: int


class EngagementWeek(SQLModel, table=True):
    """One room's week in numbers that add up over rooms (`insights/figures.py` says what each is).

    The last week of a room ends where its roll-ups do. `speech` maps messages that somebody said
    to how many members said so many; `asked` lists [asked at (epoch seconds), seconds to the first
    human answer or null, seconds to the first by a member or null]; `hours` holds the messages of
    24 hours of wall clock for each day from Monday on.
    """

    __tablename__ = "engagement_week"
    __table_args__ = ({"sqlite_with_rowid": False},)

    week: dt.date = Field(primary_key=True)
    room_id: int = Field(primary_key=True, foreign_key="room.id")
    room_days: int
    messages: int
    effective_messages: int
    questions: int
    shares: int
    product_mentions: int
    speaker_days: int
    member_days: int
    speakers: int
    members: int
    month_speakers: int
    month_members: int
    seats_new: int
    seats_returning: int
    seats_resurrected: int
    seats_dormant: int
    joins: int
    leaves: int
    newcomers: int
    activated: int
    ties: int
    returned: int
    speech: dict[str, int] = Field(sa_type=json())
    asked: list[list[int | None]] = Field(sa_type=json())
    hours: list[int] = Field(sa_type=json())
    rule_version: int


class AudienceWeek(SQLModel, table=True):
    """Distinct people of a vertical or the fleet in a week: somebody in many rooms counts once.

    `person_days` adds up those who spoke on each day; `weekly` and `monthly` spoke in the 7 and
    28 days to the week's end. `target` is the vertical, "" for the fleet.
    """

    __tablename__ = "audience_week"
    __table_args__ = ({"sqlite_with_rowid": False},)

    week: dt.date = Field(primary_key=True)
    scope: DigestScope = Field(primary_key=True, sa_type=choice(DigestScope))
    target: str = Field(primary_key=True)
    person_days: int
    weekly: int
    monthly: int
