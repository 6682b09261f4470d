"""实验: what chance decides. Proposed with what it can show, started by name, read in words.

Whoever sees some rooms only is told what runs in these; results are of all rooms.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, HTTPException
from fastapi.responses import Response
from sqlalchemy import Row, func, select

from bot import database
from bot.console import roles
from bot.console.page import Page, Reader, Writer
from bot.console.roles import APPROVER, OPERATOR, VIEWER
from bot.console.routes import Route
from bot.errors import Fault, InvalidInput
from bot.insights import effects, experiments, trial_words, trials
from bot.insights.experiments import Reading
from bot.insights.trial_words import Effect
from bot.insights.trials import ASSIGNMENT
from bot.models import ExperimentKind, ExperimentState, Room, Series
from content_calendar import withholding
from content_calendar.withholding import Wanted

ROOM = database.table(Room)
Short = Annotated[str, Form(max_length=100)]
Long = Annotated[str, Form(max_length=200)]
# (name, what chance decides).
KINDS = {
    ExperimentKind.HOLDOUT: ("推广停发", "抽到的群这一周不发这个栏目"),
    ExperimentKind.TOPIC: ("每周话题", "抽签决定群这一周聊哪样商品"),
    ExperimentKind.COPY: ("文案对比", "抽签决定群读到哪个文案"),
}
ARMS = {
    trials.POST: "照发组",
    trials.HOLD: "推广停发组",
    trials.TOPIC: "抽到话题的",
    trials.OTHER: "没抽到的",
}
STATES = {
    ExperimentState.PROPOSED: ("已提出", "waiting"),
    ExperimentState.RUNNING: ("进行中", "moving"),
    ExperimentState.STOPPED: ("已停", "off"),
}
OVER = ("做完了", "good")
NAME = "实验-{week}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One arm as it was drawn: its cells, and the rooms among them."""

    arm: str
    cells: int
    rooms: int


@dataclass(frozen=True, slots=True)
class Told:
    """A difference as the page says it: who against whom, orders a room and week; ends of the
    interval are None where it is too early. `way` says by what the rooms were told apart.
    """

    who: str
    whom: str
    way: str
    value: float
    low: float | None
    high: float | None

    @property
    def seen(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def listed(page: Reader) -> Response:
    """Every experiment, the latest first, and the form for another; what runs in the rooms that
    the operator sees.
    """
    whole = roles.sees_all(page.someone)
    rows = trials.listed(page.session) if whole else []
    running = experiments.running(page.session, None if whole else _rooms(page), page.now)
    return page.render(
        "experiments.html", rows=[(row, _state(page, row)) for row in rows], running=running,
        whole=whole, kinds=KINDS, series=_series(page) if whole else [], monday=_monday(page),
        most=trials.MOST_WEEKS, least=effects.FEWEST_ROOMS,
        name=NAME.format(week=f"{_monday(page):%G-W%V}"),
    )  # fmt: skip


def propose(
    page: Writer,
    name: Short = "",
    kind: Short = "",
    series: Short = "",
    starts: Annotated[dt.date | None, Form()] = None,
    weeks: Annotated[int, Form()] = 6,
    share: Annotated[int, Form()] = 12,
    sku: Short = "",
) -> Response:
    """Draw and write down; nothing is posted otherwise before somebody starts it."""
    page.must_see_all()
    chosen = next((each for each in ExperimentKind if each.value == kind), None)
    if chosen is None or not name.strip() or starts is None:
        raise _refuse(page.tr("名字、种类和开始的周一都要写"), page.tr("填好再提出"))
    wanted = Wanted(name.strip(), chosen, series, starts, weeks, share / 100, sku.strip())
    withholding.propose(page.session, wanted, page.settings.timezone, page.by, page.now)
    found = trials.named(page.session, wanted.name)
    return page.to(_path(found), page.tr("抽好了，记下来了；还没有开始，什么都没变"))


def show(page: Reader, experiment_id: int) -> Response:
    """One experiment: what was drawn, what it can show, and what it shows."""
    row = _existing(page, experiment_id)
    reading = experiments.report(page.session, row.name, page.now)
    return page.render(
        "experiment.html", row=row, state=_state(page, row), reading=reading, kinds=KINDS,
        drawn=_drawn(page, row), series=_series_of(page, row), told=_told(page, row, reading),
        power=_power(row), least=effects.FEWEST_ROOMS, level=effects.RATIO_LEVEL,
        arm=lambda name: _arm(page, name), before=_before(page, row),
    )  # fmt: skip


def start(page: Writer, experiment_id: int) -> Response:
    """From its first week on the calendar obeys the draws."""
    row = _existing(page, experiment_id)
    trials.start(page.session, row.name, page.by, page.now, _today(page))
    return page.to(_path(row), page.tr("《{name}》已批准，从第一周起按抽签来", name=row.name))


def stop(page: Writer, experiment_id: int, reason: Long = "") -> Response:
    """All rooms are treated alike from now on; whole weeks that are over can still be read."""
    row = _existing(page, experiment_id)
    if not reason.strip():
        raise _refuse(page.tr("没有写原因"), page.tr("写一句原因，将来看结果的人要知道"))
    trials.stop(page.session, row.name, reason.strip(), page.by, page.now)
    return page.to(_path(row), page.tr("《{name}》已停", name=row.name))


def _existing(page: Page, experiment_id: int) -> Row[Any]:
    page.must_see_all()
    row = trials.numbered(page.session, experiment_id)
    if row is None:
        raise HTTPException(404)
    return row


def _path(row: Row[Any]) -> str:
    return f"/experiments/{row.id}"


def _today(page: Page) -> dt.date:
    return page.now.astimezone(page.settings.zone).date()


def _monday(page: Page) -> dt.date:
    """The first Monday that an experiment can still begin on."""
    return trials.monday(_today(page)) + trials.WEEK


def _state(page: Page, row: Row[Any]) -> tuple[str, str]:
    """Where it stands; one whose weeks are over simply ends."""
    ends = row.starts + row.weeks * trials.WEEK
    is_over = row.state is ExperimentState.RUNNING and ends <= _today(page)
    return OVER if is_over else STATES[row.state]


def _before(page: Page, row: Row[Any]) -> bool:
    """Whether it may still be started."""
    return row.state is ExperimentState.PROPOSED and row.starts > _today(page)


def _rooms(page: Page) -> set[int]:
    ids = page.session.connection().scalars(select(ROOM.c.id).where(page.in_scope(ROOM)))
    return set(ids)


def _series(page: Page) -> list[tuple[str, str]]:
    """Key and name of every series that may be changed."""
    series = database.table(Series).c
    rows = page.session.connection().execute(select(series.key, series.name).order_by(series.name))
    return [(row.key, row.name) for row in rows]


def _series_of(page: Page, row: Row[Any]) -> Row[Any] | None:
    series = database.table(Series)
    asked = select(series).where(series.c.id == row.series_id)
    return page.session.connection().execute(asked).first()


def _drawn(page: Page, row: Row[Any]) -> list[Drawn]:
    rows = page.session.connection().execute(
        select(ASSIGNMENT.c.arm, func.count(), func.count(ASSIGNMENT.c.room_id.distinct()))
        .where(ASSIGNMENT.c.experiment_id == row.id)
        .group_by(ASSIGNMENT.c.arm)
        .order_by(ASSIGNMENT.c.arm)
    )
    return [Drawn(*each) for each in rows]


def _power(row: Row[Any]) -> str:
    """What it can see, as estimated when it was proposed."""
    if row.usual is None:
        return ""
    return trial_words.power(row.weeks, row.smallest, row.usual)


def _told(page: Page, row: Row[Any], reading: Reading) -> list[Told]:
    ways = ((reading.effects, "按抽签"), (reading.by_exposure, "按真正收到的"))
    return [
        _difference(page, row.kind, each, page.tr(way)) for found, way in ways for each in found
    ]


def _difference(page: Page, kind: ExperimentKind, effect: Effect, way: str) -> Told:
    """Of a holdout it says what going without costs."""
    sign, who, whom = 1, effect.arm, effect.against
    if kind is ExperimentKind.HOLDOUT:
        sign, who, whom = -1, effect.against, effect.arm
    ends: list[float | None] = [None, None]
    if effect.interval is not None:
        # Without the zero's own sign.
        both = (effect.interval.low, effect.interval.high)
        ends = [*sorted(round(sign * end, 2) + 0.0 for end in both)]
    return Told(_arm(page, who), _arm(page, whom), way, sign * effect.value, *ends)


def _arm(page: Page, name: str) -> str:
    return page.tr(ARMS[name]) if name in ARMS else page.tr("文案 {name}", name=name)


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("experiments", 0, "", problem, remedy))


ROUTES = (
    Route("GET", "/experiments", listed, VIEWER),
    Route("POST", "/experiments", propose, OPERATOR),
    Route("GET", "/experiments/{experiment_id}", show, VIEWER),
    Route("POST", "/experiments/{experiment_id}/start", start, APPROVER),
    Route("POST", "/experiments/{experiment_id}/stop", stop, OPERATOR),
)
