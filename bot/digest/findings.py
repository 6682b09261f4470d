"""What is worked out once from a gathered week, for as many digests as are made of it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bot.digest.gather import MONTH_DAYS, Week
from bot.insights import lift
from bot.insights.engagement import Days
from bot.insights.lift import Calendar, Daily
from bot.models import SeriesKind


@dataclass(frozen=True)
class Findings:
    """A week, and what many digests of it share; worked out when it is first asked for.

    `before` holds the week before it, once somebody asked what became of it.
    """

    week: Week
    before: "list[Findings]" = field(default_factory=list)

    @cached_property
    def seen(self) -> list[int]:
        """The rooms whose messages are known."""
        return [room for room in self.week.rooms if room not in self.week.unread | self.week.unseen]

    @cached_property
    def daily(self) -> Daily:
        """Messages on every day of the last 28, of the rooms whose log covers them.

        A quiet room may well say nothing on the first day, so a week is allowed for it.
        """
        month = self.week.days.back(MONTH_DAYS)
        firsts = {
            room: min(counted) for room in self.seen if (counted := self.week.daily.get(room))
        }
        rooms = [
            room for room, first in firsts.items() if first <= month.since + dt.timedelta(days=6)
        ]
        if not rooms:
            return {}
        days = list(Days(max(month.since, min(firsts[room] for room in rooms)), month.until))
        return {room: self._messages(room, days) for room in rooms}

    @cached_property
    def effects(self) -> Mapping[SeriesKind, Mapping[int, float]]:
        """By kind of day and room: what one such day added, where others stood by to compare."""
        if not self.daily:
            return {}
        return {
            kind: lift.effects(self.daily, held, self.others[kind])
            for kind, held in self.week.held.items()
        }

    @cached_property
    def others(self) -> Mapping[SeriesKind, Mapping[int, Calendar]]:
        """By kind and room: days of the other kinds, which are no ordinary days to compare with."""
        found: dict[SeriesKind, dict[int, Calendar]] = {kind: {} for kind in SeriesKind}
        for held_kind, held in self.week.held.items():
            for kind, by_room in found.items():
                if kind is not held_kind:
                    for room, days in held.items():
                        by_room[room] = by_room.get(room, lift.NO_DAYS) | days
        return found

    def _messages(self, room: int, days: list[dt.date]) -> dict[dt.date, int]:
        counted = self.week.daily[room]
        return {day: counted[day].messages if day in counted else 0 for day in days}
