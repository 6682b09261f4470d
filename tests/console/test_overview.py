"""The overview: what goes out today, planned and still to come, as far as its reader may see it."""

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from bot import database, heartbeats, vitals
from bot.console import today
from bot.models import Delivery, DeliveryKind, DeliveryState, Operator, OperatorRole, Room
from content_calendar import calendar_file, contact, interchange
from tests.console.conftest import NOW, Desk

ADMIN = OperatorRole.ADMIN
ROOT = Path(__file__).parents[2]
CALENDAR = """
version: 1
zone: Asia/Shanghai
series:
  - key: qa
    name: 宝妈问题解答日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-12-31
    recurrence: {every_days: 1}
    at: "20:00"
    audience: {all: true}
    steps:
      - {name: 开场, text: "问题解答日开始啦"}
      - {name: 总结, at: "21:30", text: "今天就到这里"}
"""


def planned(engine: Engine, states: dict[DeliveryState, int]) -> None:
    """Deliveries of the opening, one a room, in these states."""
    due = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
    given = [state for state, number in states.items() for _ in range(number)]
    with database.transaction(engine) as session:
        rooms = session.connection().scalars(database.table(Room).select()).all()
        rows = [
            {
                "key": f"post:qa:{place}", "kind": DeliveryKind.POST, "state": state,
                "series_id": 1, "step": "开场", "room_id": rooms[place], "text": "好",
                "mentions": [], "planned_at": due, "due_at": due,
                "expires_at": due + dt.timedelta(hours=2),
            }
            for place, state in enumerate(given)
        ]  # fmt: skip
        database.insert_rows(session, Delivery, rows)


@pytest.fixture
def approved(desk: Desk) -> Desk:
    """Ten rooms and one approved series that posts at 20:00 and at 21:30."""
    desk.rooms(10)
    settings = desk.app.state.console.settings
    calendar = calendar_file.read(CALENDAR.encode(), "calendar.yaml", "Asia/Shanghai")
    with database.transaction(desk.engine) as session:
        keys = interchange.take_in(session, calendar.series, "小林", NOW)
        interchange.approve(session, keys, "小林", NOW, contact.rules(settings))
    return desk


def seen(desk: Desk, now: dt.datetime = NOW, **scope: list[str]) -> today.Today:
    operator = Operator(
        name="阿原", created_at=NOW, verticals=scope.get("verticals"), tags=scope.get("tags")
    )
    with database.reading(desk.engine) as session:
        return today.gather(session, operator, now, desk.app.state.console.settings.zone)


def test_what_is_not_due_yet_is_shown_as_coming(approved: Desk) -> None:
    day = seen(approved)
    assert [(batch.step, batch.coming, batch.tone) for batch in day.posts] == [
        ("开场", 10, "coming"),
        ("总结", 10, "coming"),
    ]
    assert (day.planned, day.coming) == (0, 20)


def test_what_is_planned_is_counted_once_by_its_states(approved: Desk) -> None:
    planned(
        approved.engine,
        {DeliveryState.SENT: 6, DeliveryState.UNCERTAIN: 1, DeliveryState.PENDING: 3},
    )
    day = seen(approved)
    opening, end = day.posts
    assert (opening.rooms, opening.coming, opening.tone) == (10, 0, "doubt")
    assert (day.planned, day.settled, day.coming) == (10, 7, 10)
    assert sum(day.counts.values()) == day.planned
    assert end.step == "总结"


def test_rooms_out_of_scope_are_counted_nowhere(approved: Desk) -> None:
    planned(approved.engine, {DeliveryState.SENT: 10})
    day = seen(approved, verticals=["美妆"])
    assert (day.posts, day.planned, day.coming, day.rooms) == ((), 0, 0, 0)


def test_the_time_line_stays_readable_with_many_series() -> None:
    posts = tuple(
        today.Batch(f"栏目 {place}", f"s{place}", "开场", NOW, {DeliveryState.SENT: 5})
        for place in range(40)
    )
    line = today.draw(posts, NOW, NOW.replace(hour=0))
    assert len(line.lanes) == today.LANES
    assert sum(len(lane.marks) for lane in line.lanes) == len(posts)


async def test_the_page_shows_it_and_says_what_waits(approved: Desk) -> None:
    planned(
        approved.engine,
        {DeliveryState.SENT: 6, DeliveryState.UNCERTAIN: 1, DeliveryState.PENDING: 3},
    )
    approved.add("小林", ADMIN)
    async with approved.signed_in("小林", ADMIN) as browser:
        page = (await browser.get("/")).text
    for text in ("宝妈问题解答日", "未确认 1", "待发送 3", "未到点", "7 / 10 条已有结果"):
        assert text in " ".join(page.split()), text


async def test_a_planner_that_stands_still_is_told_and_one_that_goes_its_rounds_says_when(
    approved: Desk,
) -> None:
    async with approved.signed_in("小林", ADMIN) as browser:
        assert "排期程序没有在走" in (await browser.get("/")).text
        with database.transaction(approved.engine) as session:
            heartbeats.take(session, heartbeats.PLANNER, "host:7", approved.now)
        page = (await browser.get("/")).text
        assert "0 秒前走过一圈，进程 host:7" in page and "没有在走" not in page
        metrics = (await browser.get("/metrics")).text
        found = re.search(
            r'^qunyun_last_round_timestamp_seconds{part="planner"} (\S+)$', metrics, re.M
        )
        assert found and float(found[1]) == approved.now.timestamp()
        approved.now += dt.timedelta(minutes=3)
        page = (await browser.get("/")).text
        assert "没有在走" in page and "180 秒前" in page


async def test_alert_rules_look_at_figures_that_are_shown(approved: Desk) -> None:
    with database.transaction(approved.engine) as session:
        heartbeats.take(session, heartbeats.PLANNER, "host:7", approved.now)
        vitals.tell(session, "host:7", 0.25, approved.now)
    async with approved.client() as prometheus:
        shown = (await prometheus.get("/metrics")).text
    series = [
        (sample.name, sample.labels)
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    ]
    told = yaml.safe_load((ROOT / "deploy" / "prometheus-rules.yaml").read_text(encoding="utf-8"))
    rules = told["groups"][0]["rules"]
    for rule in rules:
        # Two of them, added up or compared, would match by their labels: mostly never.
        (found,) = re.findall(r"(qunyun_\w+|\bup\b)(?:\{(\w+)=(~?)\"([^\"]+)\"\})?", rule["expr"])
        name, label, _, values = found
        # Each console that is scraped tells the same figures of the same database.
        assert "sum" not in rule["expr"].replace("sum(max by (", ""), rule["expr"]
        alike = [labels for each, labels in series if each == name]
        assert alike or name == "up", rule["expr"]
        # `up` is Prometheus's own, of whom it asks.
        for value in values.split("|") if name != "up" else ():
            assert [each for each in alike if not label or each[label] == value], rule["expr"]
        for used in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            assert all(used in labels for labels in alike), rule["alert"]
    assert len(rules) > 5
