"""What one room's roll-ups are added up from, and what they come to: plain values, by field name
the columns of RoomDay, MemberWeek and EngagementWeek.

Rows are named tuples: a digest reads a hundred thousand, and a frozen dataclass takes five times
as long to make.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one member did on one local day."""

    day: dt.date
    contact_id: int
    messages: int
    effective: int
    questions: int
    shares: int
    mentions: int


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of one member; `joined_at` None: was there before we could see."""

    contact_id: int
    joined_at: dt.datetime | None
    left_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A member's question: seconds to the first human answer, and to the first by a member."""

    at: dt.datetime
    first: int | None
    first_by_member: int | None


@dataclass(frozen=True, slots=True)
class Tie:
    """One member's answer to another member's question."""

    at: dt.datetime
    answerer: int
    asker: int


@dataclass(slots=True)
class History:
    """One room's local days `[since, until)`, `since` being a Monday.

    `first_day` is the first on which anything was recorded in the room. `past` holds, of members
    who spoke before `since`, the days of their weeks of the last month (bit n of a Monday);
    `first_weeks` their very first one. `ties` reach back a month too. `moments` are those of the
    counted messages.
    """

    room_id: int
    zone: ZoneInfo
    since: dt.date
    until: dt.date
    first_day: dt.date | None = None
    spoken: list[Spoken] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    moments: list[dt.datetime] = field(default_factory=list)
    sealed_hours: dict[dt.date, list[int]] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)
    past: dict[int, dict[dt.date, int]] = field(default_factory=lambda: defaultdict(dict))
    first_weeks: dict[int, dt.date] = field(default_factory=dict)


class Day(NamedTuple):
    """One row of RoomDay."""

    day: dt.date
    room_id: int
    messages: int
    effective_messages: int
    speakers: int
    members: int
    questions: int
    answered: int
    answered_by_members: int
    shares: int
    product_mentions: int


class Member(NamedTuple):
    """One row of MemberWeek."""

    room_id: int
    week: dt.date
    contact_id: int
    messages: int
    effective_messages: int
    days: int


class Week(NamedTuple):
    """One row of EngagementWeek: every number adds up over rooms."""

    week: dt.date
    room_id: int
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
    speech: dict[str, int]
    asked: list[list[int | None]]
    hours: list[int]


class EarlierWeek(NamedTuple):
    """What is compared of the weeks before: some columns of EngagementWeek."""

    week: dt.date
    room_id: int
    room_days: int
    messages: int
    effective_messages: int
    questions: int
    shares: int
    speaker_days: int
    member_days: int
    speakers: int
    members: int
    month_speakers: int
    month_members: int


@dataclass(frozen=True, slots=True)
class Sums:
    """A room's roll-ups in key order."""

    days: list[Day]
    members: list[Member]
    weeks: list[Week]
