"""When which message is due, and what it says. Pure: feeder and onlooker compute the same.

A run is whole periods of about a minute. In each, from its third on, `peak` messages a second come
for `peak_share` of it, and as many fewer in the rest as the mean asks for: by default three seconds
of 3,700/s in a minute, 195/s else, 370/s in the mean, which is 32 million a day.
"""

import datetime as dt
import random
from dataclasses import dataclass
from math import ceil, floor

from bot.bench.ingest import WORDS
from bot.gateway import Said

MINUTE = 60.0
MEMBERS = 50
ACCOUNT = "stress"
# Coprime to every number of rooms that anybody will ask for: neighbours fall into far rooms.
STRIDE = 7_919


@dataclass(frozen=True, slots=True)
class Profile:
    """How many messages a second are due over `seconds`; `peak_share` is a share of the time."""

    seconds: float
    mean: float = 370.0
    peak: float = 3_700.0
    peak_share: float = 0.05

    @property
    def period(self) -> float:
        """Seconds from one peak to the next."""
        return self.seconds / ceil(self.seconds / MINUTE)

    @property
    def calm(self) -> float:
        """Messages a second between the peaks."""
        return (self.mean - self.peak * self.peak_share) / (1 - self.peak_share)

    @property
    def messages(self) -> int:
        """How many are due in all."""
        return floor(self.mean * self.seconds)

    @property
    def peaks(self) -> list[tuple[float, float]]:
        """When each peak begins and ends, in seconds from the start."""
        since = self.period / 3
        until = since + self.period * self.peak_share
        return [
            (n * self.period + since, n * self.period + until)
            for n in range(round(self.seconds / self.period))
        ]

    def due_by(self, at: float) -> int:
        """How many messages are due `at` seconds from the start."""
        if at >= self.seconds:
            return self.messages
        periods, within = divmod(max(0.0, at), self.period)
        since, until = self.peaks[0]
        peak = min(max(within - since, 0.0), until - since)
        due = self.mean * self.period * periods + self.calm * (within - peak) + self.peak * peak
        return min(floor(due), self.messages)

    def due(self, number: int) -> float:
        """When a message is due, in seconds from the start; numbers count from 0."""
        periods, within = divmod(float(number + 1), self.mean * self.period)
        since, until = self.peaks[0]
        before, at_once = self.calm * since, self.peak * (until - since)
        if within <= before:
            at = within / self.calm if within else 0.0
        elif within <= before + at_once:
            at = since + (within - before) / self.peak
        else:
            at = until + (within - before - at_once) / self.calm
        return periods * self.period + at


def name(number: int) -> str:
    """The platform id of a message."""
    return f"m{number}"


def room(number: int, rooms: int) -> str:
    """The platform id of the room in which a message is said."""
    return f"room{number * STRIDE % rooms + 1}@chatroom"


def said(number: int, rooms: int, at: dt.datetime) -> Said:
    """One message, the same for the same number; `at` is aware and whole seconds."""
    chance = random.Random(number)  # noqa: S311  # the same words every time
    where = room(number, rooms)
    member = chance.randrange(MEMBERS)
    return Said(
        id=name(number),
        room=where,
        sender=f"wxid_{where.partition('@')[0]}_{member}",
        at=at,
        type="text",
        text="".join(chance.choices(WORDS, k=chance.randint(2, 12))),
        topic=f"{where} 群",
        name=f"成员{member}",
    )
