"""Chance decides before anybody posts, the planner obeys it, and what it shows is told with care."""

import datetime as dt
import json
import random

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import Session
from typer.testing import CliRunner

from bot import cli, database, leases, membership_files, outbox
from bot.digest import compose, gather, render, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Subject
from bot.errors import InvalidInput
from bot.insights import experiments, trials
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
    calendar_file,
    contact,
    definition,
    dry_run,
    interchange,
    lifecycle,
    planning,
    withholding,
)
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
        calendar = calendar_file.read(CALENDAR.encode(), "calendar.yaml", "Asia/Shanghai")
        interchange.take_in(session, calendar.series, "小李", BEFORE)
        lifecycle.approve(session, ["promo"], "小李", BEFORE, RULES)


def proposed(
    engine: Engine, kind: ExperimentKind = ExperimentKind.HOLDOUT, share: float = 0.3
) -> None:
    with database.transaction(engine) as session:
        (series,) = definition.stored(session, keys=["promo"])
        proposal = Proposal(
            "停发", kind, series.id, STARTS, WEEKS, "Asia/Shanghai",
            withholding.share(series, kind, share), 7,
        )  # fmt: skip
        cells = withholding.cells(session, series, proposal, "D1")
        trials.propose(session, proposal, cells, "小王", BEFORE)


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
