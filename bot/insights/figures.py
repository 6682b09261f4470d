"""The figures of a week, of one room or of many together (DESIGN §7).

Counts of rooms add up, so a vertical's or the fleet's figures are those of the sums: each member
of each room counts once in that room (a *seat*). Who counts distinct people over rooms takes
`audience`. Every figure is None where there is nothing to divide by, which is not 0.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.insights import statistics
from bot.insights.history import Week
from bot.insights.summing import HOURS, PROMPT_SECONDS, is_prompt

_ADDED = Week._fields[2 : Week._fields.index("speech")]


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of `asked` questions were answered within 24 hours."""

    answered: int
    asked: int

    @property
    def share(self) -> float | None:
        """The rate, None without a question."""
        return self.answered / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What became of a week's questions; the times are seconds, None where too few were answered.

    The rates are over questions that had been watched for 24 hours; `young` had not.
    """

    questions: int
    young: int
    unanswered: int
    by_anyone: Rate
    by_members: Rate
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The sums of `rooms` rooms in one week.

    room_days: days on which the rooms were recorded · speaker_days, member_days: seats that spoke
    or were there, added up over days · speakers, members: seats that spoke in the week; those and
    the seats present at its end · month_…: the same over 28 days · newcomers: whose first seven
    days ended in the week, of whom `activated` spoke in them · ties: seats that answered another
    seat within 28 days, of which `returned` were answered back.

    `speech` maps a number of messages to how many seats said so many. `asked` lists (asked at in
    epoch seconds, seconds to the first human answer, seconds to the first by a member). `hours`
    are messages by hour of the wall clock, 24 for each day from Monday on.
    """

    rooms: int
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
    speech: Mapping[int, int]
    asked: tuple[tuple[int | None, ...], ...]
    hours: tuple[int, ...]

    @property
    def per_room_day(self) -> float | None:
        """Messages per room and recorded day."""
        return _ratio(self.messages, self.room_days)

    @property
    def per_speaker_day(self) -> float | None:
        """Messages per active member and day."""
        return _ratio(self.messages, self.speaker_days)

    @property
    def per_member_day(self) -> float | None:
        """Messages per member and day, silent ones included."""
        return _ratio(self.messages, self.member_days)

    @property
    def participation(self) -> float | None:
        """The share of the members that spoke in the week."""
        return _ratio(self.speakers, self.members)

    @property
    def silent_ratio(self) -> float | None:
        """The share of the members that did not speak in 28 days."""
        spoke = _ratio(self.month_speakers, self.month_members)
        return None if spoke is None else 1 - spoke

    @property
    def stickiness(self) -> float | None:
        """Seats that speak on a day of the week, as a share of those that spoke in 28 days."""
        days = _ratio(self.room_days, self.rooms)
        return _ratio(self.speaker_days, days * self.month_speakers) if days else None

    @property
    def activation(self) -> float | None:
        """The share of new members that spoke within their first seven days."""
        return _ratio(self.activated, self.newcomers)

    @property
    def reciprocity(self) -> float | None:
        """The share of answering ties that are returned.

        Wasserman & Faust (1994), Social Network Analysis, §13: arcs in mutual dyads over arcs.
        """
        return _ratio(self.returned, self.ties)

    @property
    def gini(self) -> float | None:
        """The Gini coefficient of messages over the seats that spoke."""
        return statistics.gini(self._said())

    @property
    def top_share(self) -> float | None:
        """The share of the messages that the most talkative tenth of those seats said."""
        return statistics.top_share(self._said())

    def waiting(self, horizon: dt.datetime) -> Waiting:
        """What became of the questions, as known at `horizon`: the midnight up to which the
        roll-ups were made, or any instant before it.
        """
        return waiting(self.asked, horizon)

    def _said(self) -> list[int]:
        return [said for said, seats in self.speech.items() for _ in range(seats)]


def together(weeks: Iterable[Week]) -> Figures:
    """The figures of these rooms' weeks together: one room's own, a vertical's, the fleet's."""
    rows = list(weeks)
    speech: Counter[int] = Counter()
    for row in rows:
        for said, seats in row.speech.items():
            speech[int(said)] += seats
    sums = {name: sum(getattr(row, name) for row in rows) for name in _ADDED}
    asked = tuple(tuple(one) for row in rows for one in row.asked)
    hours = tuple(map(sum, zip(*(row.hours for row in rows), strict=True))) or (0,) * HOURS
    return Figures(
        rooms=len(rows), **sums, speech=dict(sorted(speech.items())), asked=asked, hours=hours
    )


def waiting(asked: Sequence[Sequence[int | None]], horizon: dt.datetime) -> Waiting:
    """What became of questions, told as in `Figures.asked`, as known at `horizon`."""
    now = int(horizon.timestamp())
    known = [_known(at or 0, rest, now) for at, *rest in asked if (at or 0) <= now]
    old = [one for one in known if one[0] >= PROMPT_SECONDS]
    waits = [
        statistics.Wait(first, ended=True)
        if first is not None
        else statistics.Wait(min(watched, PROMPT_SECONDS), ended=False)
        for watched, first, _ in known
    ]
    return Waiting(
        questions=len(known),
        young=len(known) - len(old),
        unanswered=sum(first is None for _, first, _ in known),
        by_anyone=Rate(sum(is_prompt(first) for _, first, _ in old), len(old)),
        by_members=Rate(sum(is_prompt(member) for *_, member in old), len(old)),
        median=statistics.waiting_quantile(waits, 0.5),
        p90=statistics.waiting_quantile(waits, 0.9),
    )


def _known(at: int, answers: list[int | None], now: int) -> tuple[int, int | None, int | None]:
    """How long a question was watched by then, and the answers that had come."""
    first, by_member = (
        seconds if seconds is not None and at + seconds <= now else None for seconds in answers
    )
    return now - at, first, by_member


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
