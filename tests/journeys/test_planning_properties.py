"""Whatever happens to a calendar, in whatever order: nothing is posted twice, wrong or not at all."""

import datetime as dt
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Engine, event

from bot import database, leases, outbox, pacing, room_files
from bot.bench import databases
from bot.errors import InvalidInput
from bot.models import (
    Account,
    DayKind,
    Delivery,
    DeliveryState,
    Occurrence,
    Room,
    SeriesState,
)
from bot.room_files import RoomRow
from bot.settings import Settings
from content_calendar import (
    audience,
    contact,
    definition,
    editing,
    holidays,
    interchange,
    lifecycle,
    planning,
    posts,
    recurrence,
)
from content_calendar.contact import Rules
from content_calendar.definition import Definition, Stored
from content_calendar.recurrence import Slot
from tests import drafts
from tests.conftest import TEMPLATE
from tests.saying import SHANGHAI, local, rows

RULES: Rules = contact.rules(Settings(_env_file=None))
# What may be approved is another subject: here posts at any hour are.
AWAKE = replace(RULES, pace=replace(RULES.pace, quiet=None))
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)
# A week before National Day, whose holidays one of the two series leaves out.
START = local("2026-09-21 09:00")
# Counted from today: what is far away is not planned yet.
DAYS_AHEAD = st.sampled_from([-1, 0, 0, 0, 1, 1, 2])
ZONES = ["Asia/Tokyo", "Europe/Berlin", "America/New_York"]
KEYS = ["qa", "share"]
_NUMBERS = count(1)

CALENDAR = """\
version: 1
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-09-21
    ends: 2026-10-18
    recurrence: {weekly: [周一, 周二, 周三, 周五]}
    at: "20:00"
    audience: {verticals: [宝妈育儿]}
    steps:
      - {name: 预告, days: -1, at: "19:00", text: "{{ room }}:明天见"}
      - {name: 开场, text: "开始啦"}
  - key: share
    name: 用户分享日
    kind: 用户分享日
    starts: 2026-09-21
    ends: 2026-10-18
    recurrence: {every_days: 1}
    at: "20:10"
    holidays: skip
    late_by_minutes: 60
    audience: {all: true, exclude: [r2]}
    steps:
      - {name: 开场, text: "来分享"}
"""


def a_calendar(text: str = CALENDAR) -> Sequence[Definition]:
    return drafts.written(text)


def a_community(engine: Engine) -> None:
    """Five rooms: two on the installation's clock, the others hours before and behind it."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for n, zone in enumerate([None, None, *ZONES[:2], "Asia/Shanghai"], start=1):
            session.add(
                Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", vertical="宝妈育儿", zone=zone,
                     account_id=1)
            )  # fmt: skip


def taken_in(engine: Engine, series: Iterable[Definition], now: dt.datetime) -> None:
    with database.transaction(engine) as session:
        interchange.take_in(session, series, "小李", now)


def approved(engine: Engine, keys: Iterable[str], now: dt.datetime) -> list[str]:
    with database.transaction(engine) as session:
        return lifecycle.approve(session, keys, "小王", now, AWAKE)


def ticked(engine: Engine, now: dt.datetime) -> int:
    with database.transaction(engine) as session:
        return planning.plan_due(session, now, RULES).new


def series_of(engine: Engine) -> dict[str, Stored]:
    with database.reading(engine) as session:
        return {each.definition.key: each for each in definition.stored(session)}


class CalendarLife(RuleBasedStateMachine):
    """Two series and five rooms in the hands of operators, outages and several processes."""

    def __init__(self, opened: Callable[[], tuple[Engine, Engine]]) -> None:
        """`opened` makes two engines on one empty database."""
        super().__init__()
        self.opened = opened

    @initialize(approve=st.sampled_from([True, True, True, False]))
    def begin(self, approve: bool) -> None:
        """Two processes on one database; nothing has been sent."""
        self.engine, self.other = self.opened()
        self.now = START
        self.sent: dict[int, Any] = {}
        # Since when a room has been as it is: a post planned before is not planned again.
        self.since = dict.fromkeys(range(1, 6), START - 30 * DAY)
        self.zones: dict[int, set[ZoneInfo]] = {}
        a_community(self.engine)
        self._note_zones()
        taken_in(self.engine, a_calendar(), START)
        if approve:
            approved(self.engine, KEYS, START)

    def teardown(self) -> None:
        """Close both processes' connections."""
        if hasattr(self, "engine"):
            self.engine.dispose()
            self.other.dispose()

    @rule(
        step=st.sampled_from(
            [
                SECOND,
                MINUTE,
                7 * MINUTE,
                16 * MINUTE,
                50 * MINUTE,
                5 * 60 * MINUTE,
                DAY,
                60 * 60 * MINUTE,
            ]
        )
    )
    def pass_time(self, step: dt.timedelta) -> None:
        """Time goes by, up to days in which nobody ticks."""
        self.now += step

    @rule(
        minutes=st.sampled_from([-16, -14, -1, 0, 1, 20]),
        key=st.sampled_from(KEYS),
        tick=st.booleans(),
    )
    def come_near(self, minutes: int, key: str, tick: bool) -> None:
        """Time goes by until shortly before or after something of a series is due."""
        coming = [
            slot.due_at
            for series, _, slot in self._slots(self.now, self.now + 3 * DAY)
            if series.definition.key == key
        ]
        if coming:
            self.now = max(self.now, min(coming) + minutes * MINUTE)
        if tick:
            self._tick(self.engine)

    @rule()
    def tick(self) -> None:
        """The planner ticks; once more, nothing changes."""
        self._tick(self.engine)

    @rule()
    def tick_elsewhere(self) -> None:
        """Another process ticks."""
        self._tick(self.other)

    @rule(
        how_many=st.integers(1, 6),
        outcome=st.sampled_from(["sent", "sent", "claimed", "failed", "unanswered", "unreachable"]),
    )
    def send(self, how_many: int, outcome: str) -> None:
        """Some of what is due is claimed and, mostly, goes out."""
        with database.transaction(self.engine) as session:
            epoch = leases.take(session, 1, "here:1", self.now)
            assert epoch is not None
            outbox.recover(session, 1, epoch)
            resting = pacing.resting_rooms(session, self.now, RULES.pace)
            some = outbox.claim(session, 1, epoch, self.now, limit=how_many, resting_rooms=resting)
            for each in some:
                if outcome == "claimed" or not outbox.begin(session, each.id, epoch, self.now):
                    continue
                if outcome == "sent":
                    assert outbox.sent(session, each.id, f"m{next(_NUMBERS)}", self.now)
                elif outcome == "failed":
                    outbox.refused(session, each.id, epoch, "不在群里")
                elif outcome == "unanswered":
                    outbox.unanswered(session, each.id, epoch, "超时")
                else:
                    outbox.not_handed_over(session, each.id, epoch, "连不上", self.now)

    @rule()
    def expire(self) -> None:
        """What is too late is given up."""
        with database.transaction(self.engine) as session:
            outbox.expire(session, self.now)

    @rule(key=st.sampled_from(KEYS), ahead=DAYS_AHEAD)
    def skip(self, key: str, ahead: int) -> None:
        """An operator skips an occurrence: nothing of it is left to send."""
        day = self._today() + ahead * DAY
        if not self._done(lambda session: editing.skip(session, key, day, "小李", self.now)):
            return
        left = [
            row
            for row in self._of(key, day)
            if row.state in (DeliveryState.PENDING, DeliveryState.CLAIMED)
        ]
        assert not left

    @rule(key=st.sampled_from(KEYS), ahead=DAYS_AHEAD, by=st.sampled_from([-1, 0, 1, 1, 2]))
    def move(self, key: str, ahead: int, by: int) -> None:
        """An operator moves an occurrence, onto another one or back as it comes."""
        day = self._today() + ahead * DAY
        to = day + by * DAY
        self._done(lambda session: editing.move(session, key, day, to, "小李", self.now))

    @rule(weeks=st.integers(1, 2))
    def copy_week(self, weeks: int) -> None:
        """An operator lets this week's occurrences take place again."""
        week = self._today()
        self._done(lambda session: editing.copy_week(session, week, weeks, "小李", self.now))

    @rule(
        key=st.sampled_from(KEYS),
        change=st.sampled_from(["text", "earlier", "later", "audience", "one step", "two steps"]),
        approve=st.booleans(),
    )
    def edit(self, key: str, change: str, approve: bool) -> None:
        """An operator imports a changed file, and perhaps somebody approves it at once."""
        wanted = series_of(self.engine)[key].definition
        taken_in(self.engine, [_changed(wanted, change)], self.now)
        if approve:
            self.approve()

    @rule()
    def approve(self) -> None:
        """Somebody approves whatever waits for it."""
        waiting = (SeriesState.DRAFT, SeriesState.IN_REVIEW)
        keys = [key for key, each in series_of(self.engine).items() if each.state in waiting]
        approved(self.engine, keys, self.now)

    @rule(key=st.sampled_from(KEYS))
    def pause(self, key: str) -> None:
        """An operator holds an approved series back."""
        if series_of(self.engine)[key].state is SeriesState.APPROVED:
            self._done(lambda session: lifecycle.pause(session, key, "有误", "小李", self.now))

    @rule(key=st.sampled_from(KEYS))
    def resume(self, key: str) -> None:
        """An operator lets it go on."""
        self._done(lambda session: lifecycle.resume(session, key, "好了", "小李", self.now))

    @rule(key=st.sampled_from(KEYS), really=st.sampled_from([True, False, False]))
    def end(self, key: str, really: bool) -> None:
        """An operator ends a series: nothing of it is left to send."""
        if really:
            self._done(lambda session: lifecycle.end(session, key, "下线", "小李", self.now))
            assert not self._pending(key)

    @rule(room=st.integers(1, 5), vertical=st.sampled_from(["宝妈育儿", "美妆"]))
    def join_or_leave(self, room: int, vertical: str) -> None:
        """A room changes its vertical, and with it the audience of a series."""
        with database.transaction(self.engine) as session:
            room_files.record(session, [RoomRow(f"r{room}", vertical=vertical)])
        self.since[room] = self.now

    @rule(room=st.integers(1, 5), zone=st.sampled_from(ZONES))
    def change_zone(self, room: int, zone: str) -> None:
        """A room's clock is put right."""
        with database.transaction(self.engine) as session:
            room_files.record(session, [RoomRow(f"r{room}", zone=zone)])
        self.since[room] = self.now
        self._note_zones()

    @rule(ahead=DAYS_AHEAD, kind=st.sampled_from([DayKind.HOLIDAY, DayKind.WORKDAY, None]))
    def say_what_a_day_is(self, ahead: int, kind: DayKind | None) -> None:
        """An operator knows better than the published holidays, or did."""
        day = self._today() + ahead * DAY
        with database.transaction(self.engine) as session:
            if kind is None:
                holidays.forget(session, day, "小李", self.now)
            else:
                holidays.say(session, day, kind, "", "小李", self.now)

    @invariant()
    @precondition(lambda self: hasattr(self, "engine"))
    def what_was_sent_stays_and_stays_alone(self) -> None:
        """A sent row is never touched again, and its room got no other of the same step."""
        found = rows(self.engine, Delivery)
        now = {row.id: row for row in found if row.state is DeliveryState.SENT}
        assert all(now.get(id) == row for id, row in self.sent.items())
        self.sent = now
        dates = {row.id: row.original_date for row in rows(self.engine, Occurrence)}
        posted = Counter(
            (row.series_id, dates[row.occurrence_id], row.step, row.room_id) for row in found
        )
        assert all(times == 1 for times in posted.values())

    def _tick(self, engine: Engine) -> None:
        before = {row.id: row for row in rows(engine, Delivery)}
        states = {each.id: each for each in series_of(engine).values()}
        ticked(engine, self.now)
        after = rows(engine, Delivery)
        for row in after:
            known = before.get(row.id)
            if row.state is DeliveryState.PENDING and (
                known is None or known.state is not row.state
            ):
                series = states[row.series_id]
                assert series.state is SeriesState.APPROVED, "only the approved is planned"
                assert series.approved_at is not None
                assert known is not None or row.due_at >= series.approved_at, row.key
        standing = rows(engine, Occurrence), series_of(engine)
        assert ticked(engine, self.now) == 0
        assert rows(engine, Delivery) == after
        assert (rows(engine, Occurrence), series_of(engine)) == standing
        self._is_as_the_calendar_says(after)
        self._lacks_nothing(after)

    def _is_as_the_calendar_says(self, found: Sequence[Any]) -> None:
        """What is pending is due when its series, as it stands, takes place."""
        dates = {row.id: row.original_date for row in rows(self.engine, Occurrence)}
        stored = {each.id: each for each in series_of(self.engine).values()}
        days = self._days()
        for row in found:
            series = stored[row.series_id]
            if row.state is not DeliveryState.PENDING or series.state is not SeriesState.APPROVED:
                continue
            wanted = series.definition
            dues = {
                slot.due_at
                for zone in self.zones[row.room_id]
                for slot in recurrence.slots(
                    wanted.schedule, wanted.timings, zone, row.due_at, row.due_at + SECOND, days
                )
                if (slot.original_date, slot.step) == (dates[row.occurrence_id], row.step)
            }
            assert row.due_at in dues, row.key

    def _lacks_nothing(self, found: Sequence[Any]) -> None:
        """Every post that can still go out stands in the outbox, in whatever state."""
        keys = {row.key for row in found}
        with database.reading(self.engine) as session:
            for series, room, slot in self._slots(self.now - 2 * DAY, self.now + planning.HORIZON):
                wanted = series.definition
                zone = _zone(room)
                end = posts.expires_at(slot.due_at, zone, wanted.late_by_minutes, RULES.pace.quiet)
                stable = slot.due_at - planning.HORIZON >= self.since[room.id]
                assert series.approved_at is not None
                late = end <= self.now or slot.due_at < series.approved_at
                if stable and not late and room.id in self._reached(session, series):
                    key = posts.key(wanted.key, slot, slot.step, room.platform_id)
                    assert key in keys, f"{key} was lost at {self.now}"

    def _slots(self, since: dt.datetime, until: dt.datetime) -> Iterator[tuple[Stored, Any, Slot]]:
        """What each approved series has for each room."""
        days = self._days()
        everyone = rows(self.engine, Room)
        for series in series_of(self.engine).values():
            wanted = series.definition
            if series.state is not SeriesState.APPROVED:
                continue
            for room in everyone:
                for slot in recurrence.slots(
                    wanted.schedule, wanted.timings, _zone(room), since, until, days
                ):
                    yield series, room, slot

    def _reached(self, session: Any, series: Stored) -> set[int]:
        return audience.ids(session, series.definition.audience, self._today())

    def _today(self) -> dt.date:
        return self.now.astimezone(SHANGHAI).date()

    def _days(self) -> holidays.Days:
        with database.reading(self.engine) as session:
            return holidays.load(session)

    def _done(self, change: Callable[[Any], object]) -> bool:
        """Try what an operator asks for; False where it is refused, and then nothing changed."""
        before = rows(self.engine, Delivery), series_of(self.engine)
        try:
            with database.transaction(self.engine) as session:
                change(session)
        except InvalidInput:
            assert (rows(self.engine, Delivery), series_of(self.engine)) == before
            return False
        return True

    def _of(self, key: str, day: dt.date) -> list[Any]:
        prefix = f"post:{key}:{day}:"
        return [row for row in rows(self.engine, Delivery) if row.key.startswith(prefix)]

    def _pending(self, key: str) -> list[Any]:
        return [
            row
            for row in rows(self.engine, Delivery)
            if row.key.startswith(f"post:{key}:")
            and row.state in (DeliveryState.PENDING, DeliveryState.CLAIMED)
        ]

    def _note_zones(self) -> None:
        for room in rows(self.engine, Room):
            self.zones.setdefault(room.id, set()).add(_zone(room))


def _zone(room: Any) -> ZoneInfo:
    return ZoneInfo(room.zone) if room.zone else RULES.zone


def _changed(wanted: Definition, change: str) -> Definition:
    """A series as a file says that names it again."""
    opening = wanted.step("开场")
    if change == "text":
        return replace(
            wanted, steps=(*wanted.steps[:-1], replace(opening, text=opening.text + "!"))
        )
    if change in ("earlier", "later"):
        hour = max(17, min(21, wanted.at.hour + (1 if change == "later" else -1)))
        return replace(wanted, at=wanted.at.replace(hour=hour))
    if change == "audience":
        left_out = () if wanted.audience.exclude else ("r1",)
        return replace(wanted, audience=replace(wanted.audience, exclude=left_out))
    again = replace(opening, name="提醒", at=dt.time(20, 20))
    return replace(wanted, steps=(opening,) if change == "one step" else (again, opening))


def lived(opened: Callable[[], tuple[Engine, Engine]], examples: int) -> None:
    """Live so many calendars' lives, each on a database of its own."""

    class Life(CalendarLife):
        def __init__(self) -> None:
            super().__init__(opened)

    # Shrinking a life takes minutes, and every step of the failing one is printed anyway.
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nothing_goes_wrong_whatever_happens_on_sqlite(
    sqlite_template: Path, tmp_path: Path
) -> None:
    def opened() -> tuple[Engine, Engine]:
        path = tmp_path / f"{next(_NUMBERS)}.db"
        shutil.copy(sqlite_template, path)
        return database.connect(f"sqlite:///{path}"), database.connect(f"sqlite:///{path}")

    lived(opened, 25)


def test_nothing_goes_wrong_whatever_happens_on_postgresql(postgresql_server: str) -> None:
    name = f"qunyun_life_{next(_NUMBERS)}"
    with databases.postgresql_database(postgresql_server, name, TEMPLATE) as url:

        def opened() -> tuple[Engine, Engine]:
            first = database.connect(url)
            emptied(first)
            return first, database.connect(url)

        lived(opened, 6)


def emptied(engine: Engine) -> None:
    """Empty the tables that a life writes to, and count their ids from one again."""
    names = "delivery, occurrence, series_step, series, pause, audit, special_day, room_tag, room"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names}, account RESTART IDENTITY CASCADE")


BERLIN_AND_OTHERS = """\
version: 1
series:
  - key: qa
    name: 问题解答日
    kind: 问题解答日
    starts: 2026-10-23
    ends: 2026-11-03
    recurrence: {every_days: 1}
    at: "02:30"
    holidays: keep
    late_by_minutes: 60
    audience: {all: true}
    steps:
      - {name: 预告, days: -1, at: "23:45", text: "明天见"}
      - {name: 开场, text: "开始啦"}
      - {name: 总结, days: 1, at: "00:10", text: "辛苦了"}
"""


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(
    start=st.sampled_from(["2026-10-24 12:00", "2026-10-31 12:00"]),
    gaps=st.lists(st.integers(1, 74 * 60), min_size=60, max_size=90),
)
def test_adjacent_ticks_neither_lose_nor_repeat_while_clocks_change(
    sqlite_template: Path, tmp_path: Path, start: str, gaps: list[int]
) -> None:
    """However the ticks fall, as long as no gap is longer than the horizon and the lateness
    limit together: Berlin's clocks go back in the one night, New York's in the other.
    """
    path = tmp_path / f"{next(_NUMBERS)}.db"
    shutil.copy(sqlite_template, path)
    engine = database.connect(f"sqlite:///{path}")
    a_community(engine)
    with database.transaction(engine) as session:
        room_files.record(session, [RoomRow("r2", zone="America/New_York")])
    begun = local(start)
    taken_in(engine, a_calendar(BERLIN_AND_OTHERS), begun)
    approved(engine, ["qa"], begun)
    now = begun
    new = ticked(engine, now)
    for gap in gaps:
        now += gap * SECOND
        new += ticked(engine, now)
    wanted = series_of(engine)["qa"].definition
    expected = {
        (posts.key("qa", slot, slot.step, room.platform_id), slot.due_at)
        for room in rows(engine, Room)
        for slot in recurrence.slots(
            wanted.schedule, wanted.timings, _zone(room), begun, now + planning.HORIZON
        )
    }
    found = rows(engine, Delivery)
    engine.dispose()
    assert {(row.key, row.due_at) for row in found} == expected
    assert new == len(expected)


def test_a_change_between_two_zones_loses_the_later_one_nothing(engine: Engine) -> None:
    """Tokyo's rooms are planned, Shanghai's an hour later are not yet; then somebody changes
    something else altogether.
    """
    a_community(engine)
    taken_in(engine, a_calendar(), START)
    approved(engine, KEYS, START)
    ticked(engine, local("2026-09-23 18:50"))
    with database.transaction(engine) as session:
        editing.skip(session, "qa", dt.date(2026, 10, 2), "小李", local("2026-09-23 18:55"))
    ticked(engine, local("2026-09-23 19:50"))
    opened = {row.key for row in rows(engine, Delivery) if ":qa:2026-09-23:开场:" in row.key}
    assert opened == {f"post:qa:2026-09-23:开场:r{n}" for n in (1, 2, 3, 5)}


def test_an_approval_between_two_zones_posts_where_it_is_not_over(engine: Engine) -> None:
    a_community(engine)
    taken_in(engine, a_calendar(), START)
    late = local("2026-09-23 19:30")
    approved(engine, KEYS, late)
    ticked(engine, local("2026-09-23 19:50"))
    opened = {row.key for row in rows(engine, Delivery) if ":qa:2026-09-23:开场:" in row.key}
    assert opened == {f"post:qa:2026-09-23:开场:r{n}" for n in (1, 2, 5)}


def test_two_processes_that_tick_at_once_plan_everything_once(postgresql_server: str) -> None:
    """Real threads on two connections, through a week with an edit in the middle."""
    name = f"qunyun_two_{next(_NUMBERS)}"
    with databases.postgresql_database(postgresql_server, name, TEMPLATE) as url:
        engines = [database.connect(url) for _ in range(2)]
        engine = engines[0]
        a_community(engine)
        taken_in(engine, a_calendar(), START)
        approved(engine, KEYS, START)
        planned = 0
        for hour in range(7 * 24):
            now = START + hour * 60 * MINUTE
            if hour in (35, 59):
                # Posted at 20:00; what is pending is withdrawn and then planned again.
                wanted = [_changed(each, "text") for each in a_calendar()[:1]]
                taken_in(engine, wanted if hour == 35 else a_calendar()[:1], now)
                approved(engine, ["qa"], now)
            planned += sum(_at_once(engines, now))
        found = rows(engine, Delivery)
        zones = {room.id: _zone(room) for room in rows(engine, Room)}
        expected = {
            (posts.key(wanted.key, slot, slot.step, f"r{room}"), slot.due_at)
            for wanted in (each.definition for each in series_of(engine).values())
            for room, zone in zones.items()
            for slot in recurrence.slots(
                wanted.schedule, wanted.timings, zone, START, now + planning.HORIZON
            )
            if wanted.key == "qa" or room != 2
        }
        for each in engines:
            each.dispose()
    assert {(row.key, row.due_at) for row in found} == expected
    assert planned >= len(expected)


def _at_once(engines: Sequence[Engine], now: dt.datetime) -> list[int]:
    """Tick in a thread for each engine, all at the same moment."""
    together = threading.Barrier(len(engines))
    new: list[int] = []
    failed: list[BaseException] = []

    def tick(engine: Engine) -> None:
        together.wait()
        try:
            new.append(ticked(engine, now))
        except BaseException as error:  # noqa: BLE001  # it rises again in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=tick, args=[engine]) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return new


@pytest.mark.parametrize(
    "statement", ["INSERT INTO occurrence", "INSERT INTO delivery", "UPDATE series"]
)
@pytest.mark.parametrize("change", ["skip", "import", "end"])
def test_a_change_in_the_middle_of_a_tick_leaves_nothing_that_nobody_wants(
    database_url: str, statement: str, change: str
) -> None:
    """Another process changes the series while a tick is right before `statement`."""
    ticking, changing = database.connect(database_url), database.connect(database_url)
    a_community(ticking)
    taken_in(ticking, a_calendar(), START)
    approved(ticking, KEYS, START)
    now = local("2026-09-22 20:00")
    day = dt.date(2026, 9, 22)
    failed: list[BaseException] = []

    def interfere() -> None:
        try:
            with database.transaction(changing) as session:
                if change == "skip":
                    editing.skip(session, "qa", day, "小李", now)
                elif change == "end":
                    lifecycle.end(session, "qa", "下线", "小李", now)
                else:
                    wanted = [_changed(each, "text") for each in a_calendar()[:1]]
                    interchange.take_in(session, wanted, "小李", now)
        except BaseException as error:  # noqa: BLE001  # it rises again in the test's own thread
            failed.append(error)

    thread = threading.Thread(target=interfere)

    def in_between(_c: Connection, _cursor: object, said: str, *_: Sequence[object]) -> None:
        if said.startswith(statement) and thread.ident is None:
            thread.start()
            # It gets through, or comes to wait until the tick is over.
            thread.join(0.3)

    event.listen(ticking, "before_cursor_execute", in_between)
    ticked(ticking, now)
    assert thread.ident is not None
    thread.join()
    assert not failed
    ticked(ticking, now)
    pending = [
        row.key
        for row in rows(ticking, Delivery)
        if row.state is DeliveryState.PENDING and row.key.startswith(f"post:qa:{day}:")
    ]
    ticking.dispose()
    changing.dispose()
    assert pending == []
