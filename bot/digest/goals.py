"""Goals (目标): set, dropped, listed; how far a figure has come, in words that hold.

A goal is specific (one figure of one vertical or of the fleet), measurable (the figure of every
digest), and has its last day. Where it began is the digest of the week before it was set, so that
the way to go is known.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from bot import database
from bot.digest import phrasing
from bot.digest import sheet as sheets
from bot.errors import Fault, InvalidInput
from bot.models import Audit, Digest, DigestScope, Goal, Room


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that can be aimed at. `better` is 1 where more is better, −1 where less is.

    `unit` says how its value is given: number, percent, hours or yuan.
    """

    key: str
    name: str
    unit: str
    better: int = 1


METRICS: Mapping[str, Metric] = {
    one.key: one
    for one in (
        Metric("messages_per_room_day", "群日均消息", "number"),
        Metric("effective_per_room_day", "群日均有效消息", "number"),
        Metric("participation", "参与率", "percent"),
        Metric("silent_ratio", "沉默率（28 天）", "percent", better=-1),
        Metric("activation", "新成员激活率", "percent"),
        Metric("response_rate", "24 小时回应率", "percent"),
        Metric("member_response_rate", "成员互答率", "percent"),
        Metric("median_wait", "首次回应中位用时", "hours", better=-1),
        Metric("unanswered", "还没人回应的提问", "number", better=-1),
        Metric("order_lines", "订单行", "number"),
        Metric("revenue_fen", "收入", "yuan"),
        Metric("repurchase", "复购率", "percent"),
        Metric("organic_share", "群聊带来的占比（校正后）", "percent"),
    )
}
# What a person gives → what a figure holds: 20 percent is 20 / 100, 2 hours are 2 · 3600 seconds.
MULTIPLES = {"hours": 3600, "yuan": 100}
PARTS = {"percent": 100}


@dataclass(frozen=True, slots=True)
class Aim:
    """A goal as it stands (`models/goal.py` says what each field is)."""

    metric: Metric
    vertical: str
    value: float
    since: dt.date
    until: dt.date
    baseline: float | None
    baseline_week: dt.date | None
    note: str
    set_by: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a goal stands. `travelled` is the share of the way from the baseline; `passed` of time.

    `now` and `travelled` are None where they are not known.
    """

    aim: Aim
    now: float | None
    travelled: float | None
    passed: float

    @property
    def reached(self) -> bool | None:
        """Whether the week's figure is at the goal or beyond it."""
        if self.now is None:
            return None
        return (self.now - self.aim.value) * self.aim.metric.better >= 0


def set_goal(
    session: Session,
    metric: str,
    given: float,
    vertical: str,
    until: dt.date,
    note: str,
    by: str,
    now: dt.datetime,
    today: dt.date,
) -> Aim:
    """Set a goal, in the place of one that stood for the same metric and vertical.

    `given` is in the metric's own unit: 20 for 20 percent. Raises InvalidInput.
    """
    found = _metric(metric)
    _check(session, found, given, vertical, until, today)
    began = _began(session, metric, vertical)
    goal = _standing(session, metric, vertical)
    before = None if goal is None else _as_json(goal)
    goal = goal or Goal(
        metric=metric, vertical=vertical, value=0, since=today, until=until, set_by=by, set_at=now
    )
    goal.value = given * MULTIPLES.get(found.unit, 1) / PARTS.get(found.unit, 1)
    goal.since, goal.until, goal.note, goal.set_by, goal.set_at = today, until, note, by, now
    goal.baseline_week, goal.baseline = began
    session.add(goal)
    _audit(session, "goal set", goal, before, _as_json(goal), by, now)
    return _aim(goal)


def drop(session: Session, metric: str, vertical: str, by: str, now: dt.datetime) -> bool:
    """Take a goal away; False where there was none."""
    _metric(metric)
    goal = _standing(session, metric, vertical)
    if goal is None:
        return False
    _audit(session, "goal drop", goal, _as_json(goal), None, by, now)
    session.delete(goal)
    return True


def standing(session: Session) -> list[Aim]:
    """Every goal, the fleet's first, in the order of METRICS."""
    order = list(METRICS)
    aims = [_aim(goal) for goal in session.scalars(select(Goal)) if goal.metric in METRICS]
    return sorted(aims, key=lambda aim: (aim.vertical, order.index(aim.metric.key)))


def progress(
    aims: Sequence[Aim], amounts: Mapping[str, float | None], today: dt.date
) -> list[Progress]:
    """Where goals stand by the figures of a digest."""
    return [_progress(aim, amounts.get(aim.metric.key), today) for aim in aims]


def shown(metric: Metric, amount: float | None) -> str:
    """An amount of a metric as people read it."""
    match metric.unit:
        case "percent":
            return phrasing.percent(amount)
        case "hours":
            return phrasing.duration(amount)
        case "yuan":
            return phrasing.yuan(None if amount is None else round(amount))
        case _:
            return phrasing.rate(amount)


def _progress(aim: Aim, now: float | None, today: dt.date) -> Progress:
    whole = (aim.until - aim.since).days + 1
    passed = min(max((today - aim.since).days / whole, 0), 1)
    travelled = None
    if now is not None and aim.baseline is not None and aim.value != aim.baseline:
        travelled = (now - aim.baseline) / (aim.value - aim.baseline)
    return Progress(aim, now, travelled, passed)


def _aim(goal: Goal) -> Aim:
    return Aim(
        metric=METRICS[goal.metric],
        vertical=goal.vertical,
        value=goal.value,
        since=goal.since,
        until=goal.until,
        baseline=goal.baseline,
        baseline_week=goal.baseline_week,
        note=goal.note,
        set_by=goal.set_by,
    )


def _metric(key: str) -> Metric:
    if key not in METRICS:
        known = "、".join(METRICS)
        raise InvalidInput(Fault("METRIC", 0, "", f"没有指标 {key}", f"写其中之一:{known}"))
    return METRICS[key]


def _check(
    session: Session,
    metric: Metric,
    given: float,
    vertical: str,
    until: dt.date,
    today: dt.date,
) -> None:
    if not 0 <= given < 1e9 or (metric.unit == "percent" and given > 100):
        remedy = "写 0 到 100 之间的百分数" if metric.unit == "percent" else "写一个不小于 0 的数"
        raise InvalidInput(Fault("VALUE", 0, "", f"{metric.name}的目标不能是 {given:g}", remedy))
    if until <= today:
        raise InvalidInput(
            Fault("--until", 0, "", f"{until} 已经过了", f"写 {today} 之后的日期,例如季度末")
        )
    room = database.table(Room).c
    known = session.scalars(select(room.vertical).distinct()).all()
    if vertical and vertical not in known:
        remedy = f"写其中之一:{'、'.join(sorted(filter(None, known)))}"
        raise InvalidInput(Fault("--vertical", 0, "", f"没有垂类 {vertical}", remedy))


def _standing(session: Session, metric: str, vertical: str) -> Goal | None:
    return session.scalars(select(Goal).filter_by(metric=metric, vertical=vertical)).one_or_none()


def _began(
    session: Session, metric: str, vertical: str
) -> tuple[dt.date, float] | tuple[None, None]:
    """The latest digest that knows the figure: where the goal begins."""
    digest = database.table(Digest).c
    scope = DigestScope.VERTICAL if vertical else DigestScope.FLEET
    rows = session.connection().execute(
        select(digest.week, digest.figures)
        .where(digest.scope == scope, digest.target == vertical)
        .order_by(digest.week.desc())
        .limit(1)
    )
    for week, figures in rows:
        amount = sheets.unpack(figures).amounts().get(metric)
        if amount is not None:
            return week, amount
    return None, None


def _as_json(goal: Goal) -> dict[str, Any]:
    return {
        "value": goal.value,
        "until": goal.until.isoformat(),
        "baseline": goal.baseline,
        "note": goal.note,
    }


def _audit(
    session: Session,
    action: str,
    goal: Goal,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    by: str,
    now: dt.datetime,
) -> None:
    about = f"goal:{goal.metric}:{goal.vertical}"
    session.add(Audit(at=now, by=by, action=action, object=about, before=before, after=after))
