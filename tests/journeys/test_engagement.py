"""Engagement figures are counted again here from what was said, in plain Python, and must agree:
across midnights, summer time, nickname changes, members in many rooms, recalls, late messages.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from bot import database, ingest, rebuilding
from bot.gateway import Event, Joined, Left, Person, Said
from bot.insights import audience, engagement, figures, rolled, rolling, statistics, summing
from bot.insights.figures import Figures
from bot.insights.history import Week
from bot.models import (
    AudienceWeek,
    Contact,
    DigestScope,
    EngagementWeek,
    Membership,
    MemberWeek,
    Role,
    Rolled,
    Room,
    RoomDay,
)
from tests.saying import SHANGHAI, rows, rules
from tests.statements import counted

ZONES = {
    "a@chatroom": SHANGHAI,
    "b@chatroom": ZoneInfo("Europe/Paris"),
    "c@chatroom": ZoneInfo("America/New_York"),
}
VERTICALS = {"a@chatroom": "宝妈育儿", "b@chatroom": "宝妈育儿", "c@chatroom": "职场穿搭"}
# Summer time ends in Paris on the 25th of October and in New York on the first of November.
FIRST = dt.date(2026, 9, 28)
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
WEEKS = 7
UNTIL = FIRST + WEEKS * WEEK
NIGHT = dt.datetime.combine(UNTIL, dt.time(12), dt.UTC)
LEFT_OUT = ("operator", "bot")


@dataclass
class Stay:
    """What we were told of somebody's stay."""

    room: str
    person: str
    joined: dt.datetime
    left: dt.datetime | None = None


@dataclass
class Log:
    """Everything that happened, kept in plain Python beside the database."""

    said: list[Said] = field(default_factory=list)
    recalled: set[str] = field(default_factory=set)
    stays: list[Stay] = field(default_factory=list)

    def day(self, one: Said) -> dt.date:
        return one.at.astimezone(ZONES[one.room]).date()

    def spoken(self, room: str, since: dt.date, until: dt.date) -> list[Said]:
        return [
            one
            for one in self.said
            if one.room == room
            and one.sender not in LEFT_OUT
            and one.type not in ("system", "recall")
            and one.id not in self.recalled
            and since <= self.day(one) < until
        ]

    def present(self, room: str, end: dt.date) -> set[str]:
        at = dt.datetime.combine(end, dt.time(), ZONES[room])
        return {
            stay.person
            for stay in self.stays
            if stay.room == room and stay.joined < at and (stay.left is None or stay.left >= at)
        }

    def answers(self, question: Said, before: dt.datetime) -> list[Said]:
        return sorted(
            (
                one
                for one in self.said
                if one.quote == question.id
                and one.room == question.room
                and one.id not in self.recalled
                and one.sender not in (question.sender, "bot")
                and question.at <= one.at <= question.at + DAY
                and one.at < before
                and not (one.text or "").endswith("?")
            ),
            key=lambda one: one.at,
        )


def happen(seed: int = 3) -> Log:
    """Seven weeks of three rooms that ask, answer, recall, come and go, and rename themselves."""
    rng, log = Random(seed), Log()
    people = {room: [*(f"{room[0]}{n}" for n in range(9)), "both", "all"] for room in ZONES}
    people["c@chatroom"].remove("both")
    for room, zone in ZONES.items():
        late = rng.sample(people[room], 4)
        for n in range(WEEKS * 7 * 5):
            midnight = dt.datetime.combine(FIRST + DAY * (n // 5), dt.time(), zone)
            # Often close to midnight, where days are told apart.
            second = rng.choice([rng.randrange(86_400), rng.randrange(300), 86_399])
            at = (midnight + dt.timedelta(seconds=second)).astimezone(dt.UTC)
            sender = rng.choice([*people[room], *LEFT_OUT])
            _say(log, rng, Said(f"{room[0]}-{n:04}", room, sender, at, "text", "", name=rng.choice(["小雨妈", "宝妈", sender])))  # fmt: skip
        for person in [*late, "silent"]:
            joined = dt.datetime.combine(FIRST, dt.time(rng.randrange(24)), zone)
            joined = (joined + DAY * rng.randrange(10, 45)).astimezone(dt.UTC)
            left = joined + DAY * rng.randrange(2, 20) if rng.random() < 0.5 else None
            log.stays.append(Stay(room, person, joined, left if left and left < NIGHT else None))
    return log


def _say(log: Log, rng: Random, one: Said) -> None:
    kind = rng.random()
    if kind < 0.3:
        log.said.append(_with(one, text=f"第{one.id}件事怎么办?"))
        for n in range(rng.randrange(3)):
            sender = rng.choice([f"{one.room[0]}{rng.randrange(9)}", "operator", "bot", "all"])
            log.said.append(
                Said(
                    f"{one.id}-{n}", one.room, sender,
                    one.at + dt.timedelta(seconds=rng.randrange(60, 100_000)),
                    "text", f"试过{one.id}的第{n}种做法", quote=one.id, own=sender == "bot",
                )
            )  # fmt: skip
    else:
        text = f"今天第{one.id}次路过公园" if kind < 0.8 else None
        # Who is spoken to is named, so that nothing is guessed to answer a question.
        kind_of = {"text": text, "type": "text" if text else "image", "mentions": ("nobody",)}
        log.said.append(_with(one, **kind_of))
    if rng.random() < 0.06:
        log.recalled.add(log.said[-1].id)
        after = log.said[-1].at + dt.timedelta(minutes=1)
        log.said.append(
            Said(f"{one.id}-recall", one.room, one.sender, after, "recall", None,
                 recalls=log.said[-1].id)
        )  # fmt: skip


def _with(one: Said, **changed: object) -> Said:
    return Said(**({name: getattr(one, name) for name in one.__slots__} | changed))


def settle(engine: Engine) -> None:
    with database.transaction(engine) as session:
        session.add_all(
            Room(platform_id=room, vertical=VERTICALS[room], zone=zone.key)
            for room, zone in ZONES.items()
        )
        session.add_all([Contact(platform_id="operator"), Contact(platform_id="bot")])
        session.flush()
        for room in range(1, 4):
            session.add(Membership(room_id=room, contact_id=1, role=Role.OPERATOR))
            session.add(Membership(room_id=room, contact_id=2, role=Role.BOT))


def moves(log: Log) -> list[Event]:
    found: list[Event] = []
    for stay in log.stays:
        found.append(Joined(stay.room, (Person(stay.person),), stay.joined))
        if stay.left:
            found.append(Left(stay.room, (Person(stay.person),), stay.left))
    return found


def record(engine: Engine, events: list[Event]) -> None:
    known = rules(engine)
    for start in range(0, len(events), 400):
        with database.transaction(engine) as session:
            ingest.record(session, events[start : start + 400], known)


def weeks(engine: Engine, until: dt.date = UNTIL) -> dict[str, Week]:
    """The last week of each room."""
    with database.reading(engine) as session:
        views = engagement.rooms(session, SHANGHAI)
        found = rolled.read(session, views, until, weeks=WEEKS)
    return {views[room].platform_id: week for room, week in found.week.items()}


def by_hand(log: Log, room: str, start: dt.date, end: dt.date) -> dict[str, object]:
    """The week's numbers from their definitions, over the raw log."""
    midnight = dt.datetime.combine(end, dt.time(), ZONES[room])
    said = log.spoken(room, start, end)
    month = {one.sender for one in log.spoken(room, end - 4 * WEEK, end)}
    speakers = {one.sender for one in said}
    last_week = {one.sender for one in log.spoken(room, start - WEEK, start)}
    before = {one.sender for one in log.spoken(room, FIRST, start)}
    days = [start + DAY * n for n in range((end - start).days)]
    of_day = {day: {one.sender for one in said if log.day(one) == day} for day in days}
    asked = [one for one in said if (one.text or "").endswith("?")]
    pairs = {
        (answer.sender, one.sender)
        for one in log.spoken(room, end - 5 * WEEK, end)
        if (one.text or "").endswith("?")
        for answer in log.answers(one, midnight)
        if answer.sender != "operator" and end - 4 * WEEK <= log.day(answer) < end
    }
    since_at = dt.datetime.combine(start, dt.time(), ZONES[room])
    stays = [stay for stay in log.stays if stay.room == room]
    # Their first seven days ended in the seven days before `end`.
    new = {
        stay.person: day
        for stay in stays
        if end - DAY * 13 <= (day := stay.joined.astimezone(ZONES[room]).date()) <= end - DAY * 7
    }
    return {
        "messages": len(said),
        "speaker_days": sum(map(len, of_day.values())),
        "member_days": sum(len(of_day[day] | log.present(room, day + DAY)) for day in days),
        "speakers": len(speakers),
        "members": len(speakers | log.present(room, end)),
        "month_speakers": len(month),
        "month_members": len(month | log.present(room, end)),
        "questions": len(asked),
        "seats_new": len(speakers - before),
        "seats_returning": len(speakers & last_week),
        "seats_resurrected": len((speakers & before) - last_week),
        "seats_dormant": len(last_week - speakers),
        "joins": sum(since_at <= stay.joined < midnight for stay in stays),
        "leaves": sum(stay.left is not None and since_at <= stay.left < midnight for stay in stays),
        "newcomers": len(new),
        "activated": sum(
            any(one.sender == person for one in log.spoken(room, day, day + WEEK))
            for person, day in new.items()
        ),
        "ties": len(pairs),
        "returned": sum((b, a) in pairs for a, b in pairs),
        "speech": Counter(str(n) for n in Counter(one.sender for one in said).values()),
        "asked": sorted(_became(log, one, midnight) for one in asked),
        "hours": Counter(
            (one.at.astimezone(ZONES[room]).weekday(), one.at.astimezone(ZONES[room]).hour)
            for one in said
        ),
    }


def _became(log: Log, asked: Said, midnight: dt.datetime) -> tuple[int, int, int]:
    answers = log.answers(asked, midnight)
    firsts = (answers, [one for one in answers if one.sender != "operator"])
    waits = [int((found[0].at - asked.at).total_seconds()) if found else -1 for found in firsts]
    return int(asked.at.timestamp()), waits[0], waits[1]


def told(week: Week, room: str, end: dt.date) -> dict[str, object]:
    """The week as it stands, with the answers that had come by its last midnight."""
    midnight = int(dt.datetime.combine(end, dt.time(), ZONES[room]).timestamp())
    asked = sorted(
        (at, *(-1 if x is None or (at or 0) + x >= midnight else x for x in waits))
        for at, *waits in week.asked
    )
    hours = {divmod(place, 24): said for place, said in enumerate(week.hours) if said}
    return {
        name: {"asked": asked, "hours": hours}.get(name, getattr(week, name))
        for name in by_hand(Log(), "a@chatroom", FIRST, FIRST)
    }


def assert_agree(log: Log, found: Mapping[str, Week], until: dt.date = UNTIL) -> None:
    start = summing.monday(until - DAY)
    for room in ZONES:
        assert told(found[room], room, until) == by_hand(log, room, start, until), room


@pytest.fixture
def log(engine: Engine) -> Log:
    settle(engine)
    return happen()


def test_figures_are_those_of_the_raw_log_rolled_up_or_not(engine: Engine, log: Log) -> None:
    events: list[Event] = [*log.said, *moves(log)]
    Random(5).shuffle(log.said)
    record(engine, [*log.said, *moves(log)])
    assert len(events) == len(log.said) + len(moves(log))
    read_at_once = weeks(engine)
    assert_agree(log, read_at_once)
    assert sum(week.returned for week in read_at_once.values()) > 0
    assert sum(week.activated for week in read_at_once.values()) > 0
    assert rolling.catch_up(engine, SHANGHAI, NIGHT) == 3
    assert rolling.catch_up(engine, SHANGHAI, NIGHT) == 0
    assert_agree(log, weeks(engine))
    # Every earlier week too, as it was known at its end; a part of a week as far as it goes.
    for until in (UNTIL - WEEK, UNTIL - 2 * WEEK, UNTIL - 3 * DAY):
        assert_agree(log, weeks(engine, until), until)


def test_what_comes_late_changes_the_figures_at_once_and_the_roll_ups_at_night(
    engine: Engine, log: Log
) -> None:
    rng = Random(9)
    late = set(rng.sample([one.id for one in log.said], len(log.said) // 5))
    record(engine, [*(one for one in log.said if one.id not in late)])
    for night in range(-20, 1):
        rolling.catch_up(engine, SHANGHAI, NIGHT + DAY * night)
    before = stored(engine)
    record(engine, [*moves(log), *(one for one in log.said if one.id in late)])
    assert stored(engine) == before
    assert_agree(log, weeks(engine))
    assert rolling.catch_up(engine, SHANGHAI, NIGHT) == 3
    assert_agree(log, weeks(engine))
    after = stored(engine)
    assert all(one.agrees for one in rebuilding.check(engine, rules(engine), NIGHT))
    with database.transaction(engine) as session:
        for model in (Rolled, RoomDay, MemberWeek, EngagementWeek, AudienceWeek):
            session.connection().execute(database.table(model).delete())
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    assert stored(engine) == after


def test_a_rebuild_finds_and_mends_a_figure_that_is_wrong(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    right = stored(engine)
    with database.transaction(engine) as session:
        for model, wrong in ((RoomDay, "messages"), (MemberWeek, "days"), (EngagementWeek, "ties")):
            table = database.table(model)
            session.connection().execute(
                table.update().where(table.c.room_id == 2).values({wrong: 99})
            )
    checked = {one.table: one for one in rebuilding.check(engine, rules(engine), NIGHT)}
    assert {name for name, one in checked.items() if not one.agrees} == {
        "room_day", "member_week", "engagement_week",
    }  # fmt: skip
    rebuilding.rebuild(engine, rules(engine), NIGHT)
    assert stored(engine) == right


def test_who_turns_out_to_be_an_operator_leaves_every_figure(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    (person,) = (row.id for row in rows(engine, Contact) if row.platform_id == "all")
    with database.transaction(engine) as session:
        session.add(Membership(room_id=1, contact_id=person, role=Role.BOT))
    without = Log(
        [one for one in log.said if (one.room, one.sender) != ("a@chatroom", "all")],
        log.recalled,
        log.stays,
    )
    found = weeks(engine)
    start = UNTIL - WEEK
    assert found["a@chatroom"].messages == len(without.spoken("a@chatroom", start, UNTIL))
    assert told(found["b@chatroom"], "b@chatroom", UNTIL) == by_hand(
        log, "b@chatroom", start, UNTIL
    )
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    for room, week in weeks(engine).items():
        assert told(week, room, UNTIL) == told(found[room], room, UNTIL)


def test_a_day_is_counted_as_the_log_has_it(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    # At night the answers of the next morning are not known; who reads later knows them.
    for known in (UNTIL + DAY, UNTIL):
        with database.reading(engine) as session:
            views = engagement.rooms(session, SHANGHAI)
            found = rolled.read(session, views, UNTIL)
        for room, days in found.days.items():
            name = views[room].platform_id
            assert list(days) == [UNTIL - DAY * n for n in range(28, 0, -1)]
            for day, row in days.items():
                said = log.spoken(name, day, day + DAY)
                midnight = dt.datetime.combine(known, dt.time(), ZONES[name])
                asked = [one for one in said if (one.text or "").endswith("?")]
                assert row.messages == len(said)
                assert row.speakers == len({one.sender for one in said})
                assert row.questions == len(asked)
                assert row.answered == sum(bool(log.answers(one, midnight)) for one in asked)
        rolling.catch_up(engine, SHANGHAI, NIGHT)


@pytest.mark.parametrize("cut_short", [False, True])
def test_people_in_many_rooms_count_once_in_the_audience(
    engine: Engine, log: Log, cut_short: bool
) -> None:
    record(engine, [*log.said, *moves(log)])
    if cut_short:
        # The work died after the rooms, before the people were counted.
        next(rolling.steps(engine, SHANGHAI, NIGHT))
    else:
        rolling.catch_up(engine, SHANGHAI, NIGHT)
    with database.reading(engine) as session:
        found = audience.of_week(session, UNTIL - WEEK)
    for key, rooms in {
        (DigestScope.FLEET, ""): list(ZONES),
        (DigestScope.VERTICAL, "宝妈育儿"): ["a@chatroom", "b@chatroom"],
        (DigestScope.VERTICAL, "职场穿搭"): ["c@chatroom"],
    }.items():
        week = [one for room in rooms for one in log.spoken(room, UNTIL - WEEK, UNTIL)]
        month = [one for room in rooms for one in log.spoken(room, UNTIL - 4 * WEEK, UNTIL)]
        assert found[key] == audience.Audience(
            person_days=len({(one.sender, log.day(one)) for one in week}),
            weekly=len({one.sender for one in week}),
            monthly=len({one.sender for one in month}),
        )


def test_figures_of_many_rooms_are_those_of_their_seats(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    found = figures.together(weeks(engine).values())
    said = Counter(
        (one.room, one.sender) for room in ZONES for one in log.spoken(room, UNTIL - WEEK, UNTIL)
    )
    assert found.gini == statistics.gini(list(said.values()))
    assert found.top_share == statistics.top_share(list(said.values()))
    members = sum(len(seats(log, room, WEEK)) for room in ZONES)
    assert found.participation == pytest.approx(len(said) / members)
    assert found.per_room_day == pytest.approx(sum(said.values()) / 21)
    silent = 1 - found.month_speakers / sum(len(seats(log, room, 4 * WEEK)) for room in ZONES)
    assert found.silent_ratio == pytest.approx(silent)
    assert found.speakers == found.seats_new + found.seats_returning + found.seats_resurrected
    assert found.stickiness == pytest.approx(found.speaker_days / 7 / found.month_speakers)


def seats(log: Log, room: str, back: dt.timedelta) -> set[str]:
    spoke = {one.sender for one in log.spoken(room, UNTIL - back, UNTIL)}
    return spoke | log.present(room, UNTIL)


def test_waiting_times_are_known_as_far_as_the_horizon(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    found = weeks(engine)
    for horizon in (NIGHT - DAY, NIGHT - 3 * DAY):
        asked = [
            one
            for room in ZONES
            for one in log.spoken(room, UNTIL - WEEK, UNTIL)
            if (one.text or "").endswith("?") and one.at <= horizon
        ]
        old = [one for one in asked if one.at + DAY <= horizon]
        waiting = figures.together(found.values()).waiting(horizon)
        assert waiting.questions == len(asked)
        assert waiting.young == len(asked) - len(old)
        midnights = {room: dt.datetime.combine(UNTIL, dt.time(), zone) for room, zone in ZONES.items()}  # fmt: skip
        answers = {
            one.id: log.answers(one, min(horizon + dt.timedelta(seconds=1), midnights[one.room]))
            for one in asked
        }
        assert waiting.by_anyone.answered == sum(bool(answers[one.id]) for one in old)
        assert waiting.unanswered == sum(not answers[one.id] for one in asked)
        assert waiting.median == _product_limit(asked, answers, horizon)


def _product_limit(
    asked: list[Said], answers: Mapping[str, list[Said]], horizon: dt.datetime
) -> float | None:
    """Kaplan–Meier from its definition, over distinct times."""
    ends = Counter(
        (answers[one.id][0].at - one.at).total_seconds() for one in asked if answers[one.id]
    )
    leaves = [*ends.elements()] + [
        min((horizon - one.at).total_seconds(), 86_400.0) for one in asked if not answers[one.id]
    ]
    survival = 1.0
    for time in sorted(ends):
        survival *= 1 - ends[time] / sum(leave >= time for leave in leaves)
        if survival <= 0.5 + 1e-9:
            return time
    return None


def test_nothing_divided_by_nothing_is_not_nought() -> None:
    nothing: Figures = figures.together([])
    for name in ("per_room_day", "participation", "silent_ratio", "stickiness", "activation",
                 "reciprocity", "gini", "top_share", "per_member_day", "per_speaker_day"):  # fmt: skip
        assert getattr(nothing, name) is None


def test_a_room_that_nobody_ever_spoke_in_has_no_figures(engine: Engine) -> None:
    settle(engine)
    assert weeks(engine) == {}
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    assert weeks(engine) == {}


def test_the_number_of_queries_does_not_grow_with_rooms(engine: Engine, log: Log) -> None:
    record(engine, [*log.said])
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    with counted(engine) as few:
        weeks(engine)
    with database.transaction(engine) as session:
        session.add_all(Room(platform_id=f"more{n}") for n in range(40))
    rolling.catch_up(engine, SHANGHAI, NIGHT)
    with counted(engine) as many:
        weeks(engine)
    assert len(few) == len(many)


def test_a_page_of_one_room_reads_its_rows_alone(engine: Engine, log: Log) -> None:
    record(engine, [*log.said, *moves(log)])
    for held in (False, True):
        with database.reading(engine) as session:
            views = engagement.rooms(session, SHANGHAI)
            every = rolled.read(session, views, UNTIL, weeks=WEEKS)
        for room, view in views.items():
            with counted(engine) as asked, database.reading(engine) as session:
                alone = rolled.read(session, {room: view}, UNTIL, weeks=WEEKS)
            assert alone.week == {room: every.week[room]}
            assert alone.days == {room: every.days[room]}
            assert alone.earlier == {room: every.earlier[room]}
            assert alone.held == held
            tables = [
                one for one in asked if "FROM room_day" in one or "FROM engagement_week" in one
            ]
            assert len(tables) == 3
            assert all("room_id IN" in one for one in tables)
        rolling.catch_up(engine, SHANGHAI, NIGHT)


def stored(engine: Engine) -> dict[str, object]:
    """The roll-ups as they stand."""
    models = (RoomDay, MemberWeek, EngagementWeek, AudienceWeek)
    return {model.__name__: [tuple(row) for row in rows(engine, model)] for model in models}
