"""How far rooms' roll-ups reach, and what has to be added up so that they reach further."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlmodel import Session

from bot import database
from bot.insights import engagement, histories, summing
from bot.insights.engagement import RoomView
from bot.insights.histories import Roles, Span
from bot.models import Rolled
from bot.times import DAY

# Rooms a transaction: others wait for it about as long as for a batch of messages.
ROOMS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """How far roll-ups reach, and what they have to stand on now."""

    views: Mapping[int, RoomView]
    roles: Roles
    rolled: Mapping[int, Row[Any]]
    inputs: Mapping[int, str]
    firsts: Mapping[int, dt.date]

    def behind(self, until: Mapping[int, dt.date], *, exactly: bool = False) -> dict[int, Span]:
        """What has to be added up so that every room's roll-ups hold up to `until`.

        `exactly`: also of rooms whose roll-ups go further, since their last week ends elsewhere.
        """
        spans = {}
        for room, view in self.views.items():
            since = self._since(room, until[room], exactly=exactly)
            if since is not None:
                spans[room] = self._span(room, view.zone, since, until[room])
        return spans

    def _since(self, room: int, until: dt.date, *, exactly: bool) -> dt.date | None:
        rolled = self.rolled.get(room)
        if rolled is None:
            return self.firsts.get(room, until - DAY)
        if rolled.inputs != self.inputs[room]:
            first: dt.date | None = rolled.first_day
            return first or until - DAY
        reach: dt.date = rolled.until
        if rolled.since is not None:
            reach = min(reach, rolled.since)
        if reach < until:
            # Answers to the questions of the day before came on that day.
            return reach - DAY
        return until - DAY if exactly and rolled.until != until else None

    def _span(self, room: int, zone: ZoneInfo, since: dt.date, until: dt.date) -> Span:
        monday = summing.monday(min(since, until - DAY))
        rolled = self.rolled.get(room)
        first = rolled.first_day if rolled is not None else None
        return Span(
            zone, monday, until, until, first if first is not None and first < monday else None
        )


def standing(session: Session, views: Mapping[int, RoomView]) -> Standing:
    """The standing of these rooms. A fixed number of queries."""
    roles = engagement.roles(session)
    left_out: dict[int, list[str]] = defaultdict(list)
    for (room, contact), role in sorted(roles.items()):
        left_out[room].append(f"{contact} {role}")
    inputs = {
        id: hashlib.sha256(
            "\n".join([view.zone.key, view.vertical, *left_out[id]]).encode()
        ).hexdigest()
        for id, view in views.items()
    }
    table = database.table(Rolled)
    rolled = {row.room_id: row for row in session.connection().execute(select(table))}
    missing = views.keys() - rolled.keys()
    firsts = histories.first_days(session, missing) if missing else {}
    return Standing(views, roles, rolled, inputs, firsts)


def parts(rooms: Sequence[int]) -> Iterable[Sequence[int]]:
    """Rooms a transaction at a time."""
    return (rooms[n : n + ROOMS_AT_ONCE] for n in range(0, len(rooms), ROOMS_AT_ONCE))
