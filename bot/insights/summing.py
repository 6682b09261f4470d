"""One room's history added up into its days and weeks (DESIGN §7). Pure.

*Speaking* is a counted message; a *seat* is one member in one room; a week ends on Sunday, or
where the known days do. Lifecycle of the seats of a week, so that speakers = new + returning +
resurrected:

    new          never spoke in the room before
    returning    spoke last week too
    resurrected  spoke earlier, not last week
    dormant      spoke last week, not in this one
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.counting import local_day
from bot.insights.history import Asked, Day, History, Member, Spoken, Sums, Week
from bot.times import DAY

WEEK = dt.timedelta(days=7)
MONTH = dt.timedelta(days=28)
PROMPT_SECONDS = 86_400
# The days in which a new member may speak up, the day of joining being the first.
FIRST_DAYS = 7
HOURS = 7 * 24
_WHOLE_WEEK = 0b111_1111

# The days on which a member spoke: bit n of a Monday is the n-th day of its week.
Masks = Mapping[dt.date, int]


def add_up(history: History) -> Sums:
    """The roll-ups of the history's days; none before the room was first recorded."""
    if history.first_day is None:
        return Sums([], [], [])
    members = _members(history)
    masks = _masks(history, members)
    days = _days(history, max(history.since, history.first_day))
    weeks = [
        _week(history, monday, masks, days, [one for one in members if one.week == monday])
        for monday in mondays(history.since, history.until)
        if history.first_day < min(monday + WEEK, history.until)
    ]
    return Sums(days, members, weeks)


def monday(day: dt.date) -> dt.date:
    """The Monday of a day's week."""
    return day - DAY * day.weekday()


def mondays(since: dt.date, until: dt.date) -> list[dt.date]:
    """The Mondays of the weeks that the days `[since, until)` touch."""
    first = monday(since)
    return [first + WEEK * n for n in range(-(-(until - first).days // 7))]


def _days(history: History, first: dt.date) -> list[Day]:
    spoken: dict[dt.date, list[Spoken]] = defaultdict(list)
    for one in history.spoken:
        spoken[one.day].append(one)
    asked: dict[dt.date, list[Asked]] = defaultdict(list)
    for question in history.asked:
        asked[question.at.astimezone(history.zone).date()].append(question)
    days = (first + DAY * n for n in range((history.until - first).days))
    return [_day(history, day, spoken[day], asked[day]) for day in days]


def _day(history: History, day: dt.date, spoken: Sequence[Spoken], asked: Sequence[Asked]) -> Day:
    speakers = {one.contact_id for one in spoken}
    return Day(
        day=day,
        room_id=history.room_id,
        messages=sum(one.messages for one in spoken),
        effective_messages=sum(one.effective for one in spoken),
        speakers=len(speakers),
        members=len(_present(history, day + DAY) | speakers),
        questions=sum(one.questions for one in spoken),
        answered=sum(is_prompt(question.first) for question in asked),
        answered_by_members=sum(is_prompt(question.first_by_member) for question in asked),
        shares=sum(one.shares for one in spoken),
        product_mentions=sum(one.mentions for one in spoken),
    )


def is_prompt(seconds: int | None) -> bool:
    """Whether an answer came within 24 hours."""
    return seconds is not None and seconds <= PROMPT_SECONDS


def _present(history: History, end: dt.date) -> set[int]:
    """Who is in the room at the midnight with which `end` begins."""
    at = local_day(end, history.zone)[0]
    return {
        stay.contact_id
        for stay in history.stays
        if (stay.joined_at is None or stay.joined_at < at)
        and (stay.left_at is None or stay.left_at >= at)
    }


def _members(history: History) -> list[Member]:
    sums: dict[tuple[dt.date, int], list[int]] = {}
    for one in history.spoken:
        total = sums.setdefault((monday(one.day), one.contact_id), [0, 0, 0])
        total[0] += one.messages
        total[1] += one.effective
        total[2] |= 1 << one.day.weekday()
    return [Member(history.room_id, *key, *total) for key, total in sorted(sums.items())]


def _masks(history: History, members: Iterable[Member]) -> dict[int, dict[dt.date, int]]:
    masks: dict[int, dict[dt.date, int]] = defaultdict(dict)
    for contact, weeks in history.past.items():
        masks[contact] |= weeks
    for one in members:
        masks[one.contact_id][one.week] = one.days
    return masks


def _week(
    history: History,
    start: dt.date,
    masks: Mapping[int, Masks],
    days: Sequence[Day],
    members: Sequence[Member],
) -> Week:
    end = min(start + WEEK, history.until)
    covered = [day for day in days if start <= day.day < end]
    present = _present(history, end)
    month = _month(masks, start, end)
    stages = _lifecycle(history, start, masks)
    newcomers = _newcomers(history, end)
    joins, leaves = _moves(history, start, end)
    pairs = _pairs(history, end)
    speech = Counter(one.messages for one in members)
    return Week(
        week=start,
        room_id=history.room_id,
        room_days=len(covered),
        messages=sum(day.messages for day in covered),
        effective_messages=sum(day.effective_messages for day in covered),
        questions=sum(day.questions for day in covered),
        shares=sum(day.shares for day in covered),
        product_mentions=sum(day.product_mentions for day in covered),
        speaker_days=sum(day.speakers for day in covered),
        member_days=sum(day.members for day in covered),
        speakers=len(members),
        members=len(present | {one.contact_id for one in members}),
        month_speakers=len(month),
        month_members=len(present | month),
        seats_new=stages["new"],
        seats_returning=stages["returning"],
        seats_resurrected=stages["resurrected"],
        seats_dormant=stages["dormant"],
        joins=joins,
        leaves=leaves,
        newcomers=len(newcomers),
        activated=sum(_spoke(masks.get(one, {}), day) for one, day in newcomers.items()),
        ties=len(pairs),
        returned=sum((asker, answerer) in pairs for answerer, asker in pairs),
        speech={str(messages): speech[messages] for messages in sorted(speech)},
        asked=_asked(history, start, end),
        hours=_hours(history, start, end),
    )


def _month(masks: Mapping[int, Masks], start: dt.date, end: dt.date) -> set[int]:
    """Who spoke in the 28 days before `end`."""
    since = end - MONTH
    windows = [
        (week, _WHOLE_WEEK << max((since - week).days, 0)) for week in mondays(since, start + WEEK)
    ]
    return {
        contact
        for contact, weeks in masks.items()
        if any(weeks.get(week, 0) & window for week, window in windows)
    }


def _lifecycle(history: History, start: dt.date, masks: Mapping[int, Masks]) -> Counter[str]:
    return Counter(
        stage
        for contact, weeks in masks.items()
        if (stage := _stage(weeks, start, history.first_weeks.get(contact))) is not None
    )


def _stage(weeks: Masks, start: dt.date, first: dt.date | None) -> str | None:
    last_week = bool(weeks.get(start - WEEK))
    if not weeks.get(start):
        return "dormant" if last_week else None
    if last_week:
        return "returning"
    return "new" if min(first or start, *weeks) >= start else "resurrected"


def _moves(history: History, start: dt.date, end: dt.date) -> tuple[int, int]:
    """How many stays began and how many ended."""
    since_at, until_at = local_day(start, history.zone)[0], local_day(end, history.zone)[0]
    return (
        sum(_within(stay.joined_at, since_at, until_at) for stay in history.stays),
        sum(_within(stay.left_at, since_at, until_at) for stay in history.stays),
    )


def _newcomers(history: History, end: dt.date) -> dict[int, dt.date]:
    """Who was seen to join for the first time and whose first days ended in the week to `end`,
    with the day of joining.
    """
    stays: dict[int, list[dt.datetime]] = defaultdict(list)
    for stay in history.stays:
        if stay.joined_at is not None:
            stays[stay.contact_id].append(stay.joined_at)
    here_before = {stay.contact_id for stay in history.stays if stay.joined_at is None}
    joined = {
        contact: min(at).astimezone(history.zone).date()
        for contact, at in stays.items()
        if contact not in here_before
    }
    last = end - DAY * FIRST_DAYS
    return {contact: day for contact, day in joined.items() if last - WEEK < day <= last}


def _spoke(weeks: Masks, since: dt.date) -> bool:
    """Whether somebody who joined on `since` spoke in their first days."""
    days = (since + DAY * n for n in range(FIRST_DAYS))
    return any(weeks.get(monday(day), 0) & (1 << day.weekday()) for day in days)


def _pairs(history: History, end: dt.date) -> set[tuple[int, int]]:
    """Who answered whom in the 28 days before `end`."""
    since_at, until_at = (local_day(day, history.zone)[0] for day in (end - MONTH, end))
    return {(tie.answerer, tie.asker) for tie in history.ties if since_at <= tie.at < until_at}


def _asked(history: History, start: dt.date, end: dt.date) -> list[list[int | None]]:
    since_at, until_at = (local_day(day, history.zone)[0] for day in (start, end))
    found = [
        [int(one.at.timestamp()), one.first, one.first_by_member]
        for one in history.asked
        if since_at <= one.at < until_at
    ]
    return sorted(found, key=lambda one: [-1 if each is None else each for each in one])


def _hours(history: History, start: dt.date, end: dt.date) -> list[int]:
    """Messages by hour of the wall clock, 24 for each day from Monday on."""
    since_at, until_at = (local_day(day, history.zone)[0] for day in (start, end))
    hours = [0] * HOURS
    for at in history.moments:
        if since_at <= at < until_at:
            local = at.astimezone(history.zone)
            hours[24 * local.weekday() + local.hour] += 1
    for day, counted in history.sealed_hours.items():
        if start <= day < end:
            for hour, messages in enumerate(counted):
                hours[24 * day.weekday() + hour] += messages
    return hours


def _within(at: dt.datetime | None, since: dt.datetime, until: dt.datetime) -> bool:
    return at is not None and since <= at < until
