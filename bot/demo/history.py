"""Twenty-four weeks before the log, as roll-ups that say of themselves that they are simulated.

They tell of rooms without a calendar: each room's own words of the logged weeks before the last
(no talk that our posts started), around a week's chance.
"""

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlmodel import Session

from bot import database
from bot.demo.world import World
from bot.models import DailyCount, Room, RoomWeek

WEEKS = 24
ORIGIN = "simulated"
WEEK = dt.timedelta(weeks=1)


def record(session: Session, made: World) -> int:
    """Write the roll-ups; returns how many."""
    first = made.everybody.days[0] - dt.timedelta(days=made.everybody.days[0].weekday())
    shares = _shares(session)
    rows = []
    for room in made.everybody.rooms:
        rng = made.everybody.draws("before", room.id)
        ordinary = _ordinary(made, room.id)
        room_id, effective, speakers, questions, told = shares[room.id]
        members = sum(1 for stay in room.stays if stay.joined is None)
        for back in range(WEEKS, 0, -1):
            messages = round(7 * ordinary * rng.lognormvariate(0, 0.09))
            rows.append(
                {
                    "week": first - back * WEEK,
                    "room_id": room_id,
                    "messages": messages,
                    "effective_messages": round(messages * effective),
                    "speakers": min(members, round(speakers * rng.lognormvariate(-0.05, 0.06))),
                    "members": max(1, members - round(back * rng.uniform(0, 1.2))),
                    "questions": round(messages * questions * rng.lognormvariate(0, 0.15)),
                    "shares": round(messages * told * rng.lognormvariate(0, 0.2)),
                    "origin": ORIGIN,
                }
            )
    return database.insert_rows(session, RoomWeek, rows)


def _ordinary(made: World, room: str) -> float:
    """Messages a day that the room says of itself, the last week's stories left out."""
    last = made.everybody.days[-1] - WEEK
    days = [words for (each, day), words in made.own_words.items() if each == room and day <= last]
    every = [words for (each, _), words in made.own_words.items() if each == room]
    return statistics.fmean(days or every)


def _shares(session: Session) -> Mapping[str, tuple[int, float, int, float, float]]:
    """Of each room: its id, share of effective messages, speakers a week, questions and shares."""
    counts, room = database.table(DailyCount), database.table(Room)
    totals = session.connection().execute(
        select(
            room.c.platform_id,
            room.c.id,
            func.sum(counts.c.messages),
            func.sum(counts.c.effective_messages),
            func.sum(counts.c.questions),
            func.sum(counts.c.shares),
        )
        .join(counts, counts.c.room_id == room.c.id)
        .group_by(room.c.platform_id, room.c.id)
    )
    weekly = _speakers(session)
    return {
        name: (
            room_id, float(effective / messages), weekly[room_id],
            float(questions / messages), float(shares / messages),
        )
        for name, room_id, messages, effective, questions, shares in totals
    }  # fmt: skip


def _speakers(session: Session) -> Mapping[int, int]:
    """Speakers of a room in a middling week."""
    counts = database.table(DailyCount).c
    seen: dict[int, dict[dt.date, set[int]]] = defaultdict(lambda: defaultdict(set))
    rows = session.connection().execute(select(counts.room_id, counts.day, counts.contact_id))
    for room_id, day, contact in rows:
        seen[room_id][day - dt.timedelta(days=day.weekday())].add(contact)
    return {
        room_id: round(statistics.median(len(people) for people in weeks.values()))
        for room_id, weeks in seen.items()
    }
