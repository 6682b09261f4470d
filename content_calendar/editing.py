"""Changes to single occurrences, copies of series, and posts to a test room."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select, update
from sqlmodel import Session

from bot import database, outbox
from bot.intents import Intent
from bot.models import DayKind, Delivery, DeliveryKind, Occurrence, RoomTag, SeriesState
from bot.orders import short_links
from content_calendar import (
    audience,
    audits,
    checking,
    definition,
    facts,
    holidays,
    lifecycle,
    notation,
    posts,
    questions,
    reconciling,
    recurrence,
)
from content_calendar.audience import Audience, Target
from content_calendar.contact import Rules
from content_calendar.definition import SERIES, Stored
from content_calendar.recurrence import Schedule, Slot

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)
TEST_TAG = "测试"
TEST_LASTS = dt.timedelta(minutes=30)

OCCURRENCE, DELIVERY = database.tables(Occurrence, Delivery)


def skip(
    session: Session,
    key: str,
    day: dt.date,
    by: str,
    at: dt.datetime,
    *,
    version: int | None = None,
) -> int:
    """Leave out the occurrence of this original date; returns how many pending posts it took back.

    Raises InvalidInput where the series has no such occurrence.
    """
    series = lifecycle.editable(session, key, version)
    schedule = series.definition.schedule
    _check_occurrence(key, schedule, day)
    moves = {original: to for original, to in schedule.move.items() if original != day}
    changed = replace(schedule, skip=schedule.skip | {day}, move=moves)
    _reschedule(session, series, changed, "series.skip", by, at)
    return _take_back(session, series, day, None, f"{by} 跳过了这一期")


def restore(
    session: Session,
    key: str,
    day: dt.date,
    by: str,
    at: dt.datetime,
    *,
    to: dt.date | None = None,
    version: int | None = None,
) -> None:
    """Let the occurrence of this original date take place after all, on the day `to` where it had
    been moved; the next tick plans what is due then, also what skipping took back.

    Raises InvalidInput where it is not skipped.
    """
    series = lifecycle.editable(session, key, version)
    schedule = series.definition.schedule
    if day not in schedule.skip:
        raise lifecycle.refuse("date", f"{day} 这一期没有跳过", "它照常会发")
    moves = schedule.move if to in (None, day) else {**schedule.move, day: to}
    changed = replace(schedule, skip=schedule.skip - {day}, move=moves)
    _reschedule(session, series, changed, "series.restore", by, at)


def move(
    session: Session,
    key: str,
    day: dt.date,
    to: dt.date,
    by: str,
    at: dt.datetime,
    *,
    version: int | None = None,
) -> int:
    """Let the occurrence of this original date take place on another day; returns how many
    pending posts it took back. What was sent before stays sent and is not posted again.

    Raises InvalidInput where the series has no such occurrence or the day is over.
    """
    series = lifecycle.editable(session, key, version)
    schedule = series.definition.schedule
    _check_occurrence(key, schedule, day)
    if day in schedule.skip:
        remedy = "先恢复这一期(qunyun calendar restore)"
        raise lifecycle.refuse("move", f"{day} 这一期已经跳过", remedy)
    if to < at.date() - DAY:
        raise lifecycle.refuse("move", f"{to} 已经过去", "写今天或以后的日期")
    moves = {original: moved for original, moved in schedule.move.items() if original != day}
    changed = replace(schedule, move=moves if to == day else moves | {day: to})
    _reschedule(session, series, changed, "series.move", by, at)
    return _take_back(session, series, day, to, f"{by} 把这一期改到 {to}")


def copy_week(
    session: Session, week: dt.date, weeks: int, by: str, at: dt.datetime
) -> dict[str, tuple[dt.date, ...]]:
    """Let what took place in the week of `week` take place again `weeks` later, where it does not
    anyway; returns the new dates by key of series.

    Series that end before such a date, and drafts that ended, are left alone.
    """
    monday = week - dt.timedelta(days=week.weekday())
    days = holidays.load(session)
    copied: dict[str, tuple[dt.date, ...]] = {}
    for series in definition.stored(session):
        if series.state is SeriesState.ENDED:
            continue
        schedule = series.definition.schedule
        fresh = tuple(
            day
            for day in (
                each.date + weeks * WEEK
                for each in recurrence.occurrences(schedule, monday, monday + WEEK, days)
            )
            if schedule.starts <= day <= schedule.ends
            # What somebody moved away or skipped there is not to be had again.
            and day not in schedule.move
            and day not in schedule.skip
            and not recurrence.occurrences(schedule, day, day + DAY, days)
        )
        if fresh:
            changed = replace(schedule, also=schedule.also | set(fresh))
            _reschedule(session, series, changed, "series.copy_week", by, at)
            copied[series.definition.key] = fresh
    return copied


def copy(
    session: Session, key: str, new_key: str, rooms: Sequence[str], by: str, at: dt.datetime
) -> None:
    """Make a draft like a series under a new key, for these rooms (none: for the same audience).

    Raises InvalidInput where the new key stands already.
    """
    series = lifecycle.existing(session, key)
    if definition.stored(session, keys=[new_key]):
        raise lifecycle.refuse("key", f"已经有栏目 {new_key}", "换一个 key")
    wanted = replace(series.definition, key=new_key)
    if rooms:
        wanted = replace(wanted, audience=Audience(rooms=tuple(dict.fromkeys(rooms))))
    definition.write(session, wanted, None, by, at)
    after = {"copied_from": key, "rooms": list(rooms)}
    audits.note(session, at, by, "series.copy", new_key, None, after)


def pick(session: Session, key: str, day: dt.date, question: str, by: str, at: dt.datetime) -> bool:
    """Pick a question for an occurrence; False where it is picked already.

    Raises InvalidInput where there is no such occurrence or nothing of it can be quoted.
    """
    series = lifecycle.existing(session, key)
    _check_occurrence(key, series.definition.schedule, day)
    if not questions.pick(session, series.id, day, question, by, at):
        return False
    after = {"date": day, "question": question}
    audits.note(session, at, by, "series.pick", key, None, after)
    return True


def unpick(
    session: Session, key: str, day: dt.date, question: str, by: str, at: dt.datetime
) -> bool:
    """Take a picked question out of an occurrence again; False where it is not in it."""
    series = lifecycle.existing(session, key)
    if not questions.unpick(session, series.id, day, question):
        return False
    before = {"date": day, "question": question}
    audits.note(session, at, by, "series.unpick", key, before, None)
    return True


def post_test(
    session: Session,
    key: str,
    step: str,
    room: str,
    by: str,
    at: dt.datetime,
    rules: Rules,
) -> str:
    """Send one step now to a test room, whatever the state of the series; returns its text.

    Raises InvalidInput where the room is not tagged as one for tests, or the post cannot be made.
    """
    series = lifecycle.existing(session, key)
    wanted = series.definition
    checking.step_named(wanted, step)
    today = at.astimezone(rules.zone).date()
    target = _test_room(session, room, today)
    slot = Slot(today, today, step, at)
    known = replace(facts.shared(session, [wanted], rules.links_url), own_links=True)
    gathered = facts.gather(session, series, today, step, [target.id], (at - DAY, at), known)
    (post,) = posts.compose(wanted, series.seed, slot, [target], gathered)
    if post.refused is not None:
        raise lifecycle.refuse("step", post.refused, "修改栏目")
    messages = [
        Intent(
            key=f"test:{key}:{at.isoformat()}:{part.step}:{room}",
            kind=DeliveryKind.POST,
            room_id=target.id,
            account_id=target.account_id,
            text=part.text,
            due_at=at,
            expires_at=at + TEST_LASTS,
            series_id=series.id,
            step=step,
            mention_all=part.mention_all,
            image=part.image,
            card=part.card,
            topic=post.topic,
            variant=post.variant,
            link=part.link,
        )
        for part in post.parts
    ]
    short_links.keep(session, messages, at)
    outbox.plan(session, messages, at)
    audits.note(session, at, by, "series.test", key, None, {"step": step, "room": room})
    return post.parts[0].text


def _test_room(session: Session, room: str, today: dt.date) -> Target:
    """A room that test posts may go to, by its platform id. Raises InvalidInput."""
    targets = audience.available(session, Audience(rooms=(room,)), today)
    if not targets:
        raise lifecycle.refuse("room", f"没有群 {room},或者机器人不在里面", "检查群 ID")
    if not _is_for_tests(session, targets[0].id):
        remedy = f"给测试群加上标签“{TEST_TAG}”,再导入群资料"
        raise lifecycle.refuse("room", f"群 {room} 不是测试群", remedy)
    return targets[0]


def _is_for_tests(session: Session, room_id: int) -> bool:
    tag = database.table(RoomTag).c
    named = select(tag.room_id).where(tag.room_id == room_id, tag.tag == TEST_TAG)
    return session.connection().scalar(named) is not None


def _check_occurrence(key: str, schedule: Schedule, day: dt.date) -> None:
    if recurrence.happens(schedule, day):
        return
    following = next(recurrence.dates(schedule, day, dt.date.max), None)
    remedy = f"下一期是 {following}" if following else "写这个栏目的一期的原定日期"
    raise lifecycle.refuse("date", f"栏目 {key} 在 {day} 没有排期", remedy)


def _reschedule(
    session: Session, series: Stored, changed: Schedule, action: str, by: str, at: dt.datetime
) -> None:
    before = notation.days_as_json(series.definition.schedule)
    after = notation.days_as_json(changed)
    values = {"version": series.version + 1, "changed_by": by, "changed_at": at}
    _update(session, series, after | values | {"next_due_at": None})
    audits.note(session, at, by, action, series.definition.key, before, after)


def say_day(
    session: Session, day: dt.date, kind: DayKind, note: str, by: str, at: dt.datetime, rules: Rules
) -> bool:
    """Say what a day is, and take back what waits against it; False where it was said before."""
    said = holidays.say(session, day, kind, note, by, at)
    if said:
        withdraw_stale(session, rules)
    return said


def forget_day(session: Session, day: dt.date, by: str, at: dt.datetime, rules: Rules) -> bool:
    """Take back what was said of a day; False where nothing was."""
    forgotten = holidays.forget(session, day, by, at)
    if forgotten:
        withdraw_stale(session, rules)
    return forgotten


def withdraw_stale(session: Session, rules: Rules) -> None:
    """Take back what waits against the special days as they stand now."""
    # The next tick does the same; until then something might go out.
    series, days = definition.stored(session), holidays.load(session)
    reconciling.withdraw_stale(session, series, rules.zone, days)


def _update(session: Session, series: Stored, values: Mapping[str, object]) -> None:
    written = session.connection().execute(
        update(SERIES)
        .where(SERIES.c.id == series.id, SERIES.c.version == series.version)
        .values(values)
    )
    if not written.rowcount:
        raise lifecycle.outdated(series)


def _take_back(
    session: Session, series: Stored, day: dt.date, to: dt.date | None, reason: str
) -> int:
    named = (OCCURRENCE.c.series_id == series.id) & (OCCURRENCE.c.original_date == day)
    if to is not None:
        session.connection().execute(update(OCCURRENCE).where(named).values(date=to))
    ids: Iterable[int] = session.connection().scalars(select(OCCURRENCE.c.id).where(named)).all()
    return outbox.withdraw(session, DELIVERY.c.occurrence_id.in_(list(ids)), reason)
