"""What experiments change in the calendar: whom they keep without a post, and what they draw."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Date, Integer, select
from sqlmodel import Session

from bot import database
from bot.errors import Fault, InvalidInput
from bot.insights import experiments, trials
from bot.insights.experiments import Power
from bot.insights.trials import ASSIGNMENT, EXPERIMENT, Cell, Proposal
from bot.models import ExperimentKind, ExperimentState, Product
from content_calendar import audience, definition, draws
from content_calendar.audience import Target
from content_calendar.definition import Definition, Stored
from content_calendar.notation import Draw
from content_calendar.posts import ARM_A


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to compare: a change of `series`, from the Monday `starts` on."""

    name: str
    kind: ExperimentKind
    series: str
    starts: dt.date
    weeks: int
    share: float
    sku: str = ""
    seed: int = 7


# The rooms (by id) that go without, and why, of a series in the week of a Monday.
Held = Mapping[tuple[int, dt.date], Mapping[int, str]]


def held(session: Session, asked: Iterable[tuple[int, dt.date]]) -> Held:
    """Whom running experiments keep without the posts of these series on these original dates.

    One statement; the keys of what is found are (series id, Monday).
    """
    weeks = {(series_id, trials.monday(day)) for series_id, day in asked}
    if not weeks:
        return {}
    given = database.given(session, {"series": Integer(), "week": Date()}, sorted(weeks))
    rows = session.connection().execute(
        select(EXPERIMENT.c.series_id, EXPERIMENT.c.name, ASSIGNMENT.c.week, ASSIGNMENT.c.room_id)
        .select_from(given)
        .join(EXPERIMENT, EXPERIMENT.c.series_id == given.c.series)
        .join(
            ASSIGNMENT,
            (ASSIGNMENT.c.experiment_id == EXPERIMENT.c.id) & (ASSIGNMENT.c.week == given.c.week),
        )
        .where(
            EXPERIMENT.c.state == ExperimentState.RUNNING,
            EXPERIMENT.c.kind == ExperimentKind.HOLDOUT,
            # What was drawn elsewhere is carried out there.
            EXPERIMENT.c.imported.is_(False),
            ASSIGNMENT.c.arm == trials.HOLD,
        )
    )
    found: dict[tuple[int, dt.date], dict[int, str]] = {}
    for series_id, name, week, room_id in rows:
        found.setdefault((series_id, week), {})[room_id] = f"实验“{name}”的对照组,本周不发"
    return found


def cells(session: Session, series: Stored, proposal: Proposal, sku: str | None) -> list[Cell]:
    """What chance decides for every room of a series and every week. Raises InvalidInput.

    A holdout is drawn here; topics and wordings as the calendar itself draws them.
    """
    rooms = audience.available(session, series.definition.audience, proposal.starts)
    products = _products(session, series.definition, proposal, sku)
    weeks = [proposal.starts + n * trials.WEEK for n in range(proposal.weeks)]
    match proposal.kind:
        case ExperimentKind.HOLDOUT:
            return [
                _holdout(proposal, room, week, *_subject(series, room, week, products))
                for week in weeks
                for room in rooms
            ]
        case ExperimentKind.TOPIC:
            return [
                each
                for week in weeks
                for room in rooms
                for each in _topic(series, room, week, products)
            ]
        case ExperimentKind.COPY:
            arms = _wordings(series.definition, proposal.name)
            return [
                _wording(series, room, week, product, arms)
                for room in rooms
                for week in weeks
                for product in products.values()
            ]


def propose(
    session: Session, wanted: Wanted, zone: str, by: str, now: dt.datetime
) -> tuple[list[Cell], Power]:
    """Draw, write down and estimate; nothing is posted otherwise yet. Raises InvalidInput."""
    found = definition.stored(session, keys=[wanted.series])
    if not found:
        remedy = "qunyun calendar export 列出所有栏目"
        raise _refuse("--series", f"没有栏目 {wanted.series}", remedy)
    (series,) = found
    drawn_by = wanted.seed if wanted.kind is ExperimentKind.HOLDOUT else series.seed
    proposal = Proposal(
        wanted.name, wanted.kind, series.id, wanted.starts, wanted.weeks, zone,
        share(series, wanted.kind, wanted.share), drawn_by,
    )  # fmt: skip
    drawn = cells(session, series, proposal, wanted.sku or None)
    trials.propose(session, proposal, drawn, by, now)
    return drawn, experiments.power(session, wanted.name)


def share(series: Stored, kind: ExperimentKind, asked: float) -> float:
    """The share that an experiment plans with: asked for in a holdout, else given by the draw."""
    topic = series.definition.topic
    if kind is ExperimentKind.TOPIC and topic is not None and topic.products:
        return 1 / len(topic.products)
    return 0.5 if kind is ExperimentKind.COPY else asked


def _holdout(proposal: Proposal, room: Target, week: dt.date, sku: str, product: int) -> Cell:
    drawn = trials.lot(proposal.seed, proposal.name, room.platform_id, sku, week)
    arm = trials.HOLD if trials.is_held(drawn, proposal.share) else trials.POST
    return Cell(room.id, product, week, arm, drawn)


def _subject(
    series: Stored, room: Target, week: dt.date, products: Mapping[str, int]
) -> tuple[str, int]:
    """The product that the post of a room's week is about."""
    topic = series.definition.topic
    if topic is not None and topic.products:
        sku = draws.topic(topic, series.seed, room.platform_id, week)
        return sku, products[sku]
    return next(iter(products.items()))


def _topic(series: Stored, room: Target, week: dt.date, products: Mapping[str, int]) -> list[Cell]:
    drawn, _ = _subject(series, room, week, products)
    number = trials.number(series.seed, *trials.topic_words(room.platform_id, week))
    return [
        Cell(
            room.id,
            product,
            week,
            trials.TOPIC if sku == drawn else trials.OTHER,
            trials.written(number),
        )
        for sku, product in products.items()
    ]


def _wording(
    series: Stored, room: Target, week: dt.date, product: int, arms: Sequence[str]
) -> Cell:
    number = trials.number(series.seed, *trials.arm_words(room.platform_id))
    arm = draws.arm(arms, series.seed, room.platform_id)
    return Cell(room.id, product, week, arm, trials.written(number))


def _wordings(wanted: Definition, name: str) -> Sequence[str]:
    found = {(ARM_A, *step.ab) for step in wanted.steps if step.ab}
    if len(found) != 1:
        remedy = "在日历里给一个步骤写 ab;几个步骤都有时,名字要一样"
        raise _refuse(name, f"{wanted.key} 没有可比的文案", remedy)
    return found.pop()


def _products(
    session: Session, wanted: Definition, proposal: Proposal, sku: str | None
) -> dict[str, int]:
    """Whose orders are counted: the products that the calendar draws, else the one asked for."""
    drawn = tuple(wanted.topic.products) if wanted.topic is not None else ()
    if proposal.kind is ExperimentKind.TOPIC and (
        len(drawn) < 2 or wanted.topic is None or wanted.topic.draw is not Draw.RANDOM
    ):
        remedy = "在日历里写 topic: {products: […], draw: random},至少两样商品"
        raise _refuse(proposal.name, f"{wanted.key} 没有随机抽的商品话题", remedy)
    skus = drawn or ((sku,) if sku else ())
    if not skus:
        raise _refuse(proposal.name, "不知道数哪样商品的订单", "写 --sku 商品编码")
    product = database.table(Product).c
    rows = session.connection().execute(
        select(product.sku, product.id).where(product.sku.in_(skus)).order_by(product.sku)
    )
    found = {row.sku: row.id for row in rows}
    missing = sorted(set(skus) - set(found))
    if missing:
        raise _refuse(proposal.name, f"没有商品 {missing[0]}", "先 qunyun products import")
    return found


def _refuse(name: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("实验", 0, name, problem, remedy))
