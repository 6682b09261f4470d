"""Goals of the digest's figures: set, shown with where they began, and never flattered."""

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from bot import cli, database, deriving, ingest
from bot.digest import compose, gather, goals, render, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Sheet, Subject
from bot.errors import InvalidInput
from bot.gateway import Said
from bot.models import Audit, DigestScope, Goal, Room
from tests.saying import local, rows

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = dt.date(2026, 11, 2)
NOW = local("2026-11-09 10:00")
NEXT = local("2026-11-16 10:00")
TODAY = dt.date(2026, 11, 9)
UNTIL = dt.date(2026, 11, 29)
VERTICAL = Subject(DigestScope.VERTICAL, "宝妈育儿")


@pytest.fixture
def community(engine: Engine) -> Engine:
    """One room: 70 messages in the first week, 140 in the second."""
    with database.transaction(engine) as session:
        session.add(Room(id=1, platform_id="r@chatroom", topic="宝妈 1 群", vertical="宝妈育儿"))
        session.flush()
        moments = [(day, n) for day in range(14) for n in range(10 if day < 7 else 20)]
        said = [
            Said(
                id=f"m{number}",
                room="r@chatroom",
                sender=f"wxid_{n % 5}",
                at=local("2026-11-02 08:00") + dt.timedelta(days=day, minutes=5 * n),
                type="text",
                text=f"第{number}句",
            )
            for number, (day, n) in enumerate(moments)
        ]
        ingest.record(session, said, deriving.load_rules(session, ZONE))
    return engine


def digest_of(engine: Engine, monday: dt.date, now: dt.datetime, subject: Subject) -> Sheet:
    with database.transaction(engine) as session:
        week = gather.gather(session, monday, now, ZONE)
        (kept,) = storing.keep(session, week, compose.sheets(session, Findings(week), [subject]))
        return kept


def aim(
    engine: Engine, value: float, vertical: str = "", metric: str = "messages_per_room_day"
) -> goals.Aim:
    with database.transaction(engine) as session:
        return goals.set_goal(session, metric, value, vertical, UNTIL, "旺季前", "小王", NOW, TODAY)


def test_a_goal_begins_where_the_last_digest_stood(community: Engine) -> None:
    digest_of(community, MONDAY, NOW, storing.FLEET)
    assert aim(community, 40).baseline == 10
    text = render.markdown(digest_of(community, MONDAY + dt.timedelta(days=7), NEXT, storing.FLEET))
    # From 10 towards 40 it stands at 20: a third of the way, in 6 of 21 days.
    assert "| 群日均消息 | ≥ 40.0 | 20.0 | 10.0 | 33% | 29% | 11月29日 |" in text
    assert "旺季前" in text


def test_a_goal_that_is_reached_says_so(community: Engine) -> None:
    digest_of(community, MONDAY, NOW, storing.FLEET)
    aim(community, 15)
    sheet = digest_of(community, MONDAY + dt.timedelta(days=7), NEXT, storing.FLEET)
    assert "群日均消息 ≥ 15.0：本周 20.0，达到了" in render.text(sheet)


def test_a_figure_that_goes_the_wrong_way_is_not_hidden(community: Engine) -> None:
    digest_of(community, MONDAY + dt.timedelta(days=7), NEXT, storing.FLEET)
    assert aim(community, 40).baseline == 20
    sheet = digest_of(community, MONDAY, NEXT, storing.FLEET)
    assert "路走了 −50%" in render.text(sheet)


def test_without_an_earlier_digest_no_way_is_claimed(community: Engine) -> None:
    assert aim(community, 40).baseline is None
    text = render.markdown(digest_of(community, MONDAY, NOW, storing.FLEET))
    assert "| 群日均消息 | ≥ 40.0 | 10.0 | — | — |" in text


def test_a_vertical_sees_its_own_goals_and_a_room_none(community: Engine) -> None:
    aim(community, 40)
    aim(community, 90, "宝妈育儿", "participation")
    vertical = render.markdown(digest_of(community, MONDAY, NOW, VERTICAL))
    assert "≥ 90%" in vertical
    assert "≥ 40.0" not in vertical
    room = digest_of(community, MONDAY, NOW, Subject(DigestScope.ROOM, "r@chatroom"))
    assert "goals" not in {section.key for section in room.sections}


def test_a_goal_is_replaced_and_dropped_and_every_step_is_on_record(community: Engine) -> None:
    aim(community, 40)
    aim(community, 50)
    assert [goal.value for goal in rows(community, Goal)] == [50]
    with database.transaction(community) as session:
        assert goals.drop(session, "messages_per_room_day", "", "小王", NOW)
        assert not goals.drop(session, "messages_per_room_day", "", "小王", NOW)
    assert [one.action for one in rows(community, Audit)] == ["goal set", "goal set", "goal drop"]


@pytest.mark.parametrize(
    ("metric", "value", "vertical", "until", "problem"),
    [
        ("happiness", 1, "", UNTIL, "没有指标 happiness"),
        ("participation", 120, "", UNTIL, "参与率的目标不能是 120"),
        ("participation", -1, "", UNTIL, "不能是 -1"),
        ("participation", float("nan"), "", UNTIL, "不能是 nan"),
        ("participation", 20, "火箭", UNTIL, "没有垂类 火箭"),
        ("participation", 20, "", TODAY, "已经过了"),
    ],
)
def test_what_makes_no_sense_is_refused(
    community: Engine, metric: str, value: float, vertical: str, until: dt.date, problem: str
) -> None:
    with database.transaction(community) as session, pytest.raises(InvalidInput, match=problem):
        goals.set_goal(session, metric, value, vertical, until, "", "小王", NOW, TODAY)


def test_the_command_sets_lists_and_drops(
    community: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli.app, ["target", *words], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    told = run("set", "participation", "35", "--vertical", "宝妈育儿", "--until", "2099-12-31")
    assert "宝妈育儿  参与率 ≥ 35%  到 2099-12-31" in told
    (one,) = json.loads(run("list", "--json"))
    assert (one["metric"], one["value"], one["baseline"]) == ("participation", 0.35, None)
    assert "participation  参与率(百分数,越高越好)" in run("metrics")
    run("drop", "participation", "--vertical", "宝妈育儿")
    assert json.loads(run("list", "--json")) == []
