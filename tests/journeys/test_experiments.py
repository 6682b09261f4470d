"""Chance decides before anybody posts, the planner obeys it, and what it shows is told with care."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session
from typer.testing import CliRunner

from bot import cli, database, leases, membership_files, outbox
from bot.digest import compose, gather, render, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Subject
from bot.errors import InvalidInput
from bot.insights import experiments, trial_files, trials
from bot.insights.trials import HOLD, Proposal
from bot.membership_files import MembershipRow
from bot.models import (
    Account,
    Assignment,
    Audit,
    Delivery,
    DeliveryState,
    DigestScope,
    Experiment,
    ExperimentKind,
    Room,
)
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from bot.settings import Settings
from content_calendar import (
    contact,
    definition,
    dry_run,
    lifecycle,
    planning,
    withholding,
)
from content_calendar.withholding import Wanted
from tests import drafts
from tests.saying import SHANGHAI, local, rows

RULES = contact.rules(Settings(_env_file=None))
ROOMS, WEEKS = 40, 4
STARTS = dt.date(2026, 11, 9)
BEFORE = local("2026-11-05 09:00")
OVER = local("2026-12-10 09:00")
CALENDAR = """\
version: 1
zone: Asia/Shanghai
series:
  - key: promo
    name: 周三特价
    kind: 促销
    starts: 2026-11-02
    ends: 2027-01-31
    recurrence: {weekly: [周三]}
    at: "12:00"
    audience: {all: true}
    steps:
      - {name: 开场, text: "纸尿裤特价", ab: {B: "纸尿裤今天便宜"}}
"""


def a_community(engine: Engine) -> None:
    """Rooms with three members each, a product, an approved promotion on Wednesdays."""
    with database.transaction(engine) as session:
        session.add(Account(id=1, name="bot", gateway="memory"))
        session.flush()
        for n in range(1, ROOMS + 1):
            session.add(Room(id=n, platform_id=f"r{n}", topic=f"{n} 群", account_id=1))
        catalogue.record_products(session, [ProductRow("D1", "纸尿裤", (), "母婴", 9_900)])
        session.flush()
        told = [
            MembershipRow(f"r{n}", f"c{n}-{k}", unionid=f"u{n}-{k}")
            for n in range(1, ROOMS + 1)
            for k in range(3)
        ]
        membership_files.record(session, told, b"secret", BEFORE)
        people.resolve(session)
        drafts.take_in(session, CALENDAR, BEFORE)
        lifecycle.approve(session, ["promo"], "小李", BEFORE, RULES)


def proposed(
    engine: Engine, kind: ExperimentKind = ExperimentKind.HOLDOUT, share: float = 0.3
) -> None:
    wanted = Wanted("停发", kind, "promo", STARTS, WEEKS, share, "D1")
    with database.transaction(engine) as session:
        withholding.propose(session, wanted, "Asia/Shanghai", "小王", BEFORE)


def started(engine: Engine) -> None:
    with database.transaction(engine) as session:
        trials.start(session, "停发", "主管", BEFORE, dt.date(2026, 11, 5))


def a_week_goes_out(engine: Engine, week: dt.date) -> None:
    """Wednesday noon through the real planner and outbox."""
    noon = dt.datetime.combine(week + dt.timedelta(days=2), dt.time(12), SHANGHAI)
    now = noon.astimezone(dt.UTC)
    with database.transaction(engine) as session:
        planning.plan_due(session, now, RULES)
    with database.transaction(engine) as session:
        epoch = leases.take(session, 1, "here:1", now)
        assert epoch is not None
        for each in outbox.claim(session, 1, epoch, now, limit=ROOMS):
            if outbox.begin(session, each.id, epoch, now) is not None:
                assert outbox.sent(session, each.id, f"{week}-{each.id}", now)
        leases.release(session, 1, epoch)


def members_buy(engine: Engine, effect: float) -> None:
    """Each member buys by chance, more often where the promotion came."""
    rng = random.Random(3)
    # Where nothing came, or the plain wording.
    drawn = rows(engine, Assignment)
    held = {(row.room_id, row.week) for row in drawn if row.arm in (HOLD, trials.COPY)}
    orders = []
    for back in range(-8, WEEKS):
        week = STARTS + back * trials.WEEK
        for n in range(1, ROOMS + 1):
            chance = 0.3 + (effect if back >= 0 and (n, week) not in held else 0)
            for k in range(3):
                if rng.random() < chance:
                    at = dt.datetime.combine(week + dt.timedelta(days=3), dt.time(9), SHANGHAI)
                    orders.append(
                        OrderRow(f"{week}-{n}-{k}", 1, "D1", 1, 9_900, at, unionid=f"u{n}-{k}")
                    )
    with database.transaction(engine) as session:
        assert not intake.record(session, orders, "shop", b"secret", OVER).faults


def report(engine: Engine, now: dt.datetime = OVER) -> experiments.Reading:
    with database.reading(engine) as session:
        return experiments.report(session, "停发", now)


def test_who_is_held_out_gets_no_promotion_and_stands_in_the_list_with_the_reason(
    engine: Engine,
) -> None:
    a_community(engine)
    proposed(engine)
    with database.reading(engine) as session:
        (series,) = definition.stored(session, keys=["promo"])
        (before,) = dry_run.run(session, [series], BEFORE, RULES)
    started(engine)
    with database.reading(engine) as session:
        (after,) = dry_run.run(session, [series], BEFORE, RULES)
    drawn = rows(engine, Assignment)
    held = {row.room_id for row in drawn if row.arm == HOLD and row.week == STARTS}
    assert held
    assert {step.held for step in before.steps} == {0}, "nothing changes before it is started"
    shown = {step.original_date: (step.rooms, step.held) for step in after.steps}
    assert shown[STARTS + dt.timedelta(days=2)] == (ROOMS - len(held), len(held))
    assert "对照组" in dry_run.summary(after)

    a_week_goes_out(engine, STARTS)
    posts = rows(engine, Delivery)
    assert {row.room_id for row in posts} == set(range(1, ROOMS + 1)), "nobody is silently missing"
    unsent = {row.room_id: row for row in posts if row.state is not DeliveryState.SENT}
    assert unsent.keys() == held
    assert {(row.state, row.reason) for row in unsent.values()} == {
        (DeliveryState.CANCELLED, "实验“停发”的对照组,本周不发")
    }
    with database.reading(engine) as session:
        (one,) = experiments.running(session, None, local("2026-11-11 13:00"))
        (some,) = experiments.running(session, {1, 2, 3}, local("2026-11-11 13:00"))
        assert experiments.running(session, None, local("2026-12-09 13:00")) == []
    assert (one.week, one.rooms, one.held) == (1, ROOMS, len(held))
    assert (some.rooms, some.held) == (3, len(held & {1, 2, 3}))
    assert one.words == (
        f"推广停发“停发”(周三特价):第 1/4 周,{ROOMS} 群参加,本周对照组 {len(held)} 群不发"
    )
    assert [row.action for row in rows(engine, Audit) if row.object == "experiment:停发"] == [
        "experiment.propose",
        "experiment.start",
    ]


def test_draws_can_be_computed_again_and_one_that_was_changed_blocks_the_reading(
    engine: Engine,
) -> None:
    a_community(engine)
    proposed(engine)
    started(engine)
    for row in rows(engine, Assignment):
        drawn = trials.lot(7, "停发", f"r{row.room_id}", "D1", row.week)
        assert (row.draw, row.arm == HOLD) == (drawn, trials.is_held(drawn, 0.3))
    assert report(engine).blocked is None
    table = database.table(Assignment)
    with database.transaction(engine) as session:
        session.connection().execute(
            update(table).where(table.c.week == STARTS, table.c.room_id < 6).values(arm=trials.POST)
        )
    assert "对不上" in (report(engine).blocked or "")


def test_the_effect_of_a_promotion_is_found_and_its_words_say_what_going_without_costs(
    engine: Engine,
) -> None:
    a_community(engine)
    proposed(engine)
    started(engine)
    for n in range(WEEKS):
        a_week_goes_out(engine, STARTS + n * trials.WEEK)
    members_buy(engine, effect=0.3)

    found = report(engine)
    assert (found.blocked, found.interim, found.weeks) == (None, False, WEEKS)
    (effect,) = found.effects
    assert effect.interval is not None
    # Three members, each buys 0.3 more often: 0.9 orders a room and week.
    assert effect.interval.low < 0.9 < effect.interval.high
    assert effect.interval.low > 0
    assert found.by_exposure == (), "everybody got what was drawn"
    assert any("推广停发组比照发组平均每群每周少" in line for line in found.words)

    early = report(engine, local("2026-11-27 09:00"))
    assert (early.interim, early.weeks) == (True, 2)
    assert early.effects[0].interval is not None
    width = early.effects[0].interval.high - early.effects[0].interval.low
    assert width > effect.interval.high - effect.interval.low
    assert "这是提前看" in early.words[0]

    # Posts that an operator stopped, in rooms that should have had them: exposure is not the draw.
    delivery = database.table(Delivery)
    lost = select(delivery.c.id).where(delivery.c.state == DeliveryState.SENT).limit(20)
    with database.transaction(engine) as session:
        session.connection().execute(
            update(delivery)
            .where(delivery.c.id.in_(lost.scalar_subquery()))
            .values(state=DeliveryState.FAILED)
        )
    (by_exposure,) = report(engine).by_exposure
    assert by_exposure.value > effect.value


def test_wordings_are_compared_as_the_calendar_drew_them(engine: Engine) -> None:
    a_community(engine)
    proposed(engine, ExperimentKind.COPY)
    started(engine)
    a_week_goes_out(engine, STARTS)
    drawn = {row.room_id: row.arm for row in rows(engine, Assignment)}
    assert {row.room_id: row.variant for row in rows(engine, Delivery)} == drawn
    members_buy(engine, effect=0.3)
    (effect,) = report(engine).effects
    assert (effect.arm, effect.against) == ("B", "A")
    assert effect.interval is not None
    assert effect.interval.low < 0.9 < effect.interval.high
    assert effect.interval.low > 0


def test_the_fleets_digest_says_what_runs_and_a_verticals_does_not(engine: Engine) -> None:
    a_community(engine)
    proposed(engine)
    started(engine)
    a_week_goes_out(engine, STARTS)
    with database.transaction(engine) as session:
        week = gather.gather(session, STARTS, local("2026-11-16 09:30"), SHANGHAI)
        fleet, room = compose.sheets(
            session, Findings(week), [storing.FLEET, Subject(DigestScope.ROOM, "r1")]
        )
    (told,) = [section for section in fleet.sections if section.key == "experiments"]
    (line,) = told.brief
    assert "停发" in line.text
    assert "第 1/4 周" in line.text
    assert line.notes
    assert told.remarks
    for text in (render.markdown(fleet), render.html(fleet)):
        assert line.text in text
    assert "experiments" not in {section.key for section in room.sections}


def test_a_split_that_chance_does_not_give_blocks_the_reading(engine: Engine) -> None:
    a_community(engine)
    proposed(engine)
    started(engine)
    experiment = database.table(Experiment)
    with database.transaction(engine) as session:
        # As if drawn elsewhere, so that there are no numbers to check.
        session.connection().execute(update(experiment).values(share=0.5, imported=True))
    assert "分组比例不对" in (report(engine).blocked or "")


def test_the_power_is_told_from_the_rooms_own_orders_before_anything_starts(
    engine: Engine,
) -> None:
    a_community(engine)
    proposed(engine)
    with database.transaction(engine) as session:
        without = experiments.power(session, "停发")
    assert without.smallest is None
    members_buy(engine, effect=0)
    with database.transaction(engine) as session:
        power = experiments.power(session, "停发")
    assert power.usual == pytest.approx(0.9, abs=0.2)
    assert power.smallest is not None
    assert 0.2 < power.smallest < 0.9
    assert f"{power.smallest:.2f} 单的差别" in power.words


def test_an_experiment_starts_once_before_its_first_week_and_stops_with_a_reason(
    engine: Engine,
) -> None:
    a_community(engine)
    proposed(engine)
    with database.transaction(engine) as session:
        with pytest.raises(InvalidInput, match="已经有这个名字"):
            proposed_again(session)
        with pytest.raises(InvalidInput, match="已经开始"):
            trials.start(session, "停发", "主管", BEFORE, STARTS)
    started(engine)
    with database.transaction(engine) as session:
        with pytest.raises(InvalidInput, match="只开始一次"):
            trials.start(session, "停发", "主管", BEFORE, dt.date(2026, 11, 5))
        with pytest.raises(InvalidInput, match="为什么停"):
            trials.stop(session, "停发", " ", "主管", BEFORE)
        trials.stop(session, "停发", "大促提前", "主管", local("2026-11-10 09:00"))
    a_week_goes_out(engine, STARTS)
    assert {row.state for row in rows(engine, Delivery)} == {DeliveryState.SENT}
    assert "大促提前" in report(engine).words[0]


def proposed_again(session: Session) -> None:
    (series,) = definition.stored(session, keys=["promo"])
    proposal = Proposal(
        "停发", ExperimentKind.HOLDOUT, series.id, STARTS, WEEKS, "Asia/Shanghai", 0.3, 7
    )
    cells = withholding.cells(session, series, proposal, "D1")
    trials.propose(session, proposal, cells, "小王", BEFORE)


def test_the_commands_lead_from_a_proposal_to_a_reading(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_community(engine)
    monkeypatch.setenv("QUNYUN_DATABASE_URL", database_url)
    told = run(
        "propose", "远期", "--series", "promo", "--starts", "2030-01-07", "--sku", "D1", "--json"
    )
    assert json.loads(told)["cells"] == ROOMS * 6
    assert "已开始" in run("start", "远期", "--approve", "主管")
    assert "远期\t推广停发\t进行中" in run("list")
    assert "还没有满一周" in run("report", "远期")
    assert "已停" in run("stop", "远期", "--reason", "试一下")


def run(*words: str) -> str:
    done = CliRunner().invoke(cli.app, ["experiment", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


TOPICS = """\
version: 1
zone: Asia/Shanghai
series:
  - key: qa
    name: 周四问答
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2027-01-31
    recurrence: {weekly: [周四]}
    at: "20:00"
    audience: {all: true}
    topic: {products: [D1, D2, D3], draw: random}
    steps:
      - {name: 开场, text: "今天聊聊{{ product | default('好物') }}"}
"""


def drawn_by_topic(engine: Engine) -> None:
    with database.transaction(engine) as session:
        told = [ProductRow("D2", "奶瓶"), ProductRow("D3", "湿巾")]
        catalogue.record_products(session, told)
        drafts.take_in(session, TOPICS, BEFORE)
        wanted = Wanted("停发", ExperimentKind.TOPIC, "qa", STARTS, WEEKS, 0.5)
        withholding.propose(session, wanted, "Asia/Shanghai", "小王", BEFORE)


@pytest.mark.parametrize("kind", [ExperimentKind.TOPIC, ExperimentKind.COPY])
def test_what_the_calendar_drew_is_computed_again_before_it_is_read(
    engine: Engine, kind: ExperimentKind
) -> None:
    a_community(engine)
    if kind is ExperimentKind.TOPIC:
        drawn_by_topic(engine)
    else:
        proposed(engine, kind)
    started(engine)
    members_buy(engine, effect=0)
    assert report(engine).blocked is None
    drawn = rows(engine, Assignment)
    # One cell stands elsewhere than its number says; then one number is another.
    cell = drawn[0]
    arms = {row.arm for row in drawn}
    for broken, mended in (
        ({"arm": (arms - {cell.arm}).pop()}, {"arm": cell.arm}),
        ({"draw": "0" * 16}, {"draw": cell.draw}),
    ):
        change(engine, cell, broken)
        assert "1 格的分组和抽签的数对不上" in (report(engine).blocked or "")
        change(engine, cell, mended)
    assert report(engine).blocked is None
    with database.transaction(engine) as session:
        session.connection().execute(update(database.table(Experiment)).values(seed=8))
    assert "对不上" in (report(engine).blocked or "")


def change(engine: Engine, cell: Any, values: dict[str, str]) -> None:
    table = database.table(Assignment)
    key = [table.c[name] == getattr(cell, name) for name in ("room_id", "product_id", "week")]
    with database.transaction(engine) as session:
        session.connection().execute(update(table).where(*key).values(values))


def drawn_elsewhere(path: Path, name: str = "外部", swap: str = "") -> Path:
    """A file of somebody who drew rooms by their number: every fourth goes without."""
    lines = ["实验,群,商品编码,周,组"]
    for n in range(1, ROOMS + 1):
        for week in range(46, 46 + WEEKS):
            arm = "停发" if (n + week) % 4 == 0 else "照发"
            lines.append(f"{name},r{n},D1,2026-W{week},{swap if n == 3 and swap else arm}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_what_was_drawn_elsewhere_is_read_like_our_own_and_obeyed_by_nobody(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_community(engine)
    members_buy(engine, effect=0.3)
    monkeypatch.setenv("QUNYUN_DATABASE_URL", engine.url.render_as_string(False))
    run, path = CliRunner(), drawn_elsewhere(tmp_path / "cells.csv")
    told = ["experiment", "import", str(path), "--series", "promo", "--share", "0.25"]
    first, again = run.invoke(cli.app, told), run.invoke(cli.app, told)
    assert (first.stdout, again.stdout) == ("新增 1,更新 0,未变 0\n", "新增 0,更新 0,未变 1\n")
    (made,) = rows(engine, Experiment)
    assert (made.kind, made.starts, made.weeks) == (ExperimentKind.HOLDOUT, STARTS, WEEKS)
    assert len(rows(engine, Assignment)) == ROOMS * WEEKS
    a_week_goes_out(engine, STARTS)
    assert {row.state for row in rows(engine, Delivery)} == {DeliveryState.SENT}
    shown = json.loads(run.invoke(cli.app, ["experiment", "report", "外部", "--json"]).stdout)
    assert shown["blocked"] is None
    (effect,) = shown["effects"]
    # Everybody bought alike (nothing was drawn when they did): no difference.
    assert effect["interval"]["low"] < 0 < effect["interval"]["high"]
    assert any("别处抽的" in line for line in shown["words"])
    other = run.invoke(cli.app, [*told[:2], str(drawn_elsewhere(path, swap="停发"))])
    assert isinstance(other.exception, InvalidInput)
    assert "分组不一样" in str(other.exception)


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        ("外部,r1,D1,2026-W54,照发", "week", "不是周"),
        ("外部,r1,D1,2026-11-10,照发", "week", "不是周一"),
        ("外部,r99,D1,2026-W46,照发", "room", "没有群"),
        ("外部,r1,D9,2026-W46,照发", "sku", "没有商品"),
        ("外部,r1,D1,2026-W46,停发\n外部,r1,D1,2026-W46,照发", "arm", "第 2 行"),
        ("外部,r1,D1,2026-W46,甲\n外部,r2,D1,2026-W46,乙", "arm", "组是"),
        ("外部,r1,D1,2026-W46,A\n外部,r2,D1,2027-W46,B", "week", "跨了"),
        ("停发,r1,D1,2026-W46,A\n停发,r2,D1,2026-W46,B", "experiment", "已经有实验"),
    ],
)
def test_a_wrong_row_names_its_place_and_nothing_is_imported(
    engine: Engine, tmp_path: Path, line: str, column: str, problem: str
) -> None:
    a_community(engine)
    proposed(engine)
    path = tmp_path / "cells.csv"
    path.write_text(f"experiment,room,sku,week,arm\n{line}", encoding="utf-8")
    reading = trial_files.read_rows(path, SHANGHAI)
    with database.transaction(engine) as session:
        told = session, reading.rows, None, None, "Asia/Shanghai", "小李", BEFORE
        done = trial_files.record(*told)
    (fault,) = (*reading.faults, *done.faults)
    assert (fault.column, problem in fault.problem, done.created) == (column, True, 0)
    assert [row.name for row in rows(engine, Experiment)] == ["停发"]
