"""What experiments show: before they start, while they run, and at their end; in words.

A reading is refused where the split is not what chance gives, or draws were changed afterwards.
Before the planned end it is interim, with an interval that looking does not wear out (`looking`).
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Row, case, func, select, update
from sqlmodel import Session

from bot import database
from bot.insights import effects, looking, significance, trial_cells, trial_words, trials
from bot.insights.effects import Estimate
from bot.insights.trial_cells import Cells
from bot.insights.trial_words import Effect, Group
from bot.insights.trials import ASSIGNMENT, EXPERIMENT
from bot.models import ExperimentKind, ExperimentState, Series

# Orders are told late: a week counts once its figures are final.
SETTLING = dt.timedelta(hours=72)
# A test of 5 % finds an effect of (t.975 + t.8) standard errors four times out of five.
POWER_TAIL = 0.4


@dataclass(frozen=True, slots=True)
class Reading:
    """What an experiment shows after `weeks` of `planned` whole weeks; `blocked` says why it shows
    nothing.
    `effects` are of the draws, `by_exposure` of what really went out where that differed. `ratio`
    is the chance of a split at least as far from the planned one.
    """

    name: str
    kind: ExperimentKind
    state: ExperimentState
    weeks: int
    planned: int
    groups: tuple[Group, ...]
    effects: tuple[Effect, ...]
    by_exposure: tuple[Effect, ...]
    lines: int
    shared: int
    ratio: float
    blocked: str | None
    words: tuple[str, ...]

    @property
    def interim(self) -> bool:
        """Whether it was read before its planned end."""
        return self.weeks < self.planned


@dataclass(frozen=True, slots=True)
class Power:
    """The smallest difference (orders a cell) that is found four times out of five; `usual` is the
    orders a cell of the weeks before. None where these cannot say.
    """

    smallest: float | None
    usual: float
    words: str


@dataclass(frozen=True, slots=True)
class Running:
    """One running experiment as some rooms see it: week `week` of `weeks`, in how many of these
    rooms it runs, and how many go without the post this week.
    """

    name: str
    kind: ExperimentKind
    series: str
    week: int
    weeks: int
    rooms: int
    held: int
    words: str


def running(session: Session, rooms: Collection[int] | None, at: dt.datetime) -> list[Running]:
    """The experiments under way at `at` in these rooms (None: in any), by name; two statements."""
    series = database.table(Series)
    under_way = session.connection().execute(
        select(EXPERIMENT, series.c.name.label("series"))
        .outerjoin(series, series.c.id == EXPERIMENT.c.series_id)
        .where(EXPERIMENT.c.state == ExperimentState.RUNNING)
        .order_by(EXPERIMENT.c.name)
    )
    weeks = {row: trials.monday(_local(at, row)) for row in under_way}
    weeks = {
        row: week
        for row, week in weeks.items()
        if row.starts <= week < row.starts + row.weeks * trials.WEEK
    }
    if not weeks:
        return []
    is_held = case((ASSIGNMENT.c.arm == trials.HOLD, ASSIGNMENT.c.room_id))
    counting = select(
        ASSIGNMENT.c.experiment_id,
        ASSIGNMENT.c.week,
        func.count(ASSIGNMENT.c.room_id.distinct()),
        func.count(is_held.distinct()),
    ).where(ASSIGNMENT.c.week.in_(set(weeks.values())))
    if rooms is not None:
        ids = ((each,) for each in sorted(rooms))
        chosen = database.given(session, {"id": ASSIGNMENT.c.room_id.type}, ids)
        counting = counting.where(ASSIGNMENT.c.room_id.in_(select(chosen.c.id)))
    grouped = counting.group_by(ASSIGNMENT.c.experiment_id, ASSIGNMENT.c.week)
    counted = {(row[0], row[1]): (row[2], row[3]) for row in session.connection().execute(grouped)}
    return [
        _running(row, week, *counted[row.id, week])
        for row, week in weeks.items()
        if (row.id, week) in counted
    ]


def report(session: Session, name: str, now: dt.datetime) -> Reading:
    """What the experiment of this name shows by now. Raises InvalidInput."""
    found = trials.named(session, name)
    weeks = _complete_weeks(found, now)
    cells = trial_cells.gather(session, found)
    arms = _arms(found.kind, cells)
    groups = tuple(_group(cells, arm, weeks) for arm in arms)
    blocked = _blocked(session, found, cells, groups, weeks)
    shown: list[Effect] = []
    by_exposure: list[Effect] = []
    if blocked is None:
        level = looking.levels(found.weeks)[weeks - 1]
        # The wordings beside the first share one error.
        each = None if level is None else level / (len(arms) - 1)
        for treated, other in _pairs(found.kind, arms):
            seen = cells.observed(weeks, treated, other)
            _add(shown, effects.assigned(seen), treated, other, each)
            if (seen.exposed != seen.assigned).any():
                _add(by_exposure, effects.exposed(seen), treated, other, each)
    return Reading(
        name=name,
        kind=found.kind,
        state=found.state,
        weeks=weeks,
        planned=found.weeks,
        groups=groups,
        effects=tuple(shown),
        by_exposure=tuple(by_exposure),
        lines=cells.lines,
        shared=cells.shared,
        ratio=_ratio_p(found, cells, groups) if weeks else 1.0,
        blocked=blocked,
        words=tuple(trial_words.reading(found, cells, groups, weeks, shown, by_exposure, blocked)),
    )


def power(session: Session, name: str) -> Power:
    """What a proposed experiment could see: the same draws and the same analysis, on the orders
    of as many weeks before it, when nothing differed. Kept with the experiment.
    """
    found = trials.named(session, name)
    cells = trial_cells.gather(session, found, weeks_back=found.weeks)
    treated, other = _pairs(found.kind, _arms(found.kind, cells))[0]
    estimate = effects.assigned(cells.observed(found.weeks, treated, other))
    usual = float(cells.outcome.mean()) if len(cells.outcome) else 0.0
    level = looking.levels(found.weeks)[-1]
    smallest = None
    if estimate and estimate.error and level and estimate.clusters >= effects.FEWEST_ROOMS:
        smallest = estimate.error * sum(
            significance.t_quantile(each, estimate.freedom) for each in (level, POWER_TAIL)
        )
    values = {"smallest": smallest, "usual": usual}
    session.connection().execute(
        update(EXPERIMENT).where(EXPERIMENT.c.id == found.id).values(**values)
    )
    return Power(smallest, usual, trial_words.power(found.weeks, smallest, usual))


def _running(row: Row[Any], week: dt.date, rooms: int, held: int) -> Running:
    nth = (week - row.starts).days // 7 + 1
    words = trial_words.running(row, nth, rooms, held)
    return Running(row.name, row.kind, row.series or "", nth, row.weeks, rooms, held, words)


def _local(at: dt.datetime, row: Row[Any]) -> dt.date:
    return at.astimezone(ZoneInfo(row.zone)).date()


def _complete_weeks(found: Row[Any], now: dt.datetime) -> int:
    """How many weeks are over, with their orders settled; none begins after a stop."""
    if found.started_at is None:
        return 0
    until = now - SETTLING
    if found.stopped_at is not None:
        until = min(until, found.stopped_at)
    gone: int = (_local(until, found) - found.starts).days // 7
    planned: int = found.weeks
    return min(max(gone, 0), planned)


def _arms(kind: ExperimentKind, cells: Cells) -> list[str]:
    """The arms, the first named one first."""
    first = {
        ExperimentKind.HOLDOUT: trials.POST,
        ExperimentKind.TOPIC: trials.TOPIC,
        ExperimentKind.COPY: trials.COPY,
    }[kind]
    return [first, *sorted(set(cells.arm) - {first})]


def _pairs(kind: ExperimentKind, arms: Sequence[str]) -> list[tuple[str, str]]:
    """Which arm is compared with which; other wordings with the first one."""
    if kind is ExperimentKind.COPY:
        return [(arm, arms[0]) for arm in arms[1:]]
    return [(arms[0], arms[1])]


def _group(cells: Cells, arm: str, weeks: int) -> Group:
    kept = (np.array(cells.arm) == arm) & (cells.week < weeks)
    return Group(
        arm, int(kept.sum()), int(cells.outcome[kept].sum()), int(cells.exposed[kept].sum())
    )


def _add(
    shown: list[Effect], found: Estimate | None, treated: str, other: str, level: float | None
) -> None:
    if found is not None:
        interval = None if level is None else found.interval(level)
        shown.append(Effect(treated, other, found.value, interval))


def _blocked(
    session: Session, found: Row[Any], cells: Cells, groups: Sequence[Group], weeks: int
) -> str | None:
    """Why nothing may be read, if so."""
    if not weeks:
        return "还没有满一周而且订单已过 72 小时的数据"
    rooms = len(np.unique(cells.room))
    if rooms < effects.FEWEST_ROOMS:
        return f"只有 {rooms} 个群,少于 {effects.FEWEST_ROOMS} 个,不作估计"
    if not all(group.cells for group in groups):
        return "有一组里还没有群,比不了"
    broken = trials.broken_draws(session, found)
    if broken:
        return f"{broken} 格的分组和抽签的数对不上:记录被改过,结果不能看"
    p = _ratio_p(found, cells, groups)
    if p < effects.RATIO_LEVEL:
        told = "、".join(f"{group.arm} {group.cells} 格" for group in groups)
        return f"分组比例不对({told},碰巧如此的机会 {p:.1e}):抽签或名单出了错,结果不能看"
    return None


def _ratio_p(found: Row[Any], cells: Cells, groups: Sequence[Group]) -> float:
    """How likely the split is by the shares that were planned; wordings are drawn by room."""
    if found.kind is ExperimentKind.COPY:
        arms = dict(zip(cells.room.tolist(), cells.arm, strict=True))
        counts = [sum(arm == group.arm for arm in arms.values()) for group in groups]
        return effects.ratio_p(counts, [1 / len(groups)] * len(groups))
    first = 1 - found.share if found.kind is ExperimentKind.HOLDOUT else found.share
    return effects.ratio_p([group.cells for group in groups], [first, 1 - first])
