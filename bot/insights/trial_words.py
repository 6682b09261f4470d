"""What an experiment shows, in the words that an operator reads. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from bot.insights import effects, trials
from bot.insights.statistics import Interval
from bot.insights.trial_cells import Cells
from bot.models import ExperimentKind, ExperimentState

KINDS = {
    ExperimentKind.HOLDOUT: "推广停发",
    ExperimentKind.TOPIC: "每周话题",
    ExperimentKind.COPY: "文案对比",
}
ARMS = {
    trials.POST: "照发组",
    trials.HOLD: "推广停发组",
    trials.TOPIC: "抽到话题的",
    trials.OTHER: "没抽到的",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """One arm minus another in orders a cell; the interval is None where it is too early."""

    arm: str
    against: str
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Group:
    """One arm so far: its cells, their orders, the cells that were exposed."""

    arm: str
    cells: int
    orders: int
    exposed: int


def reading(
    found: Row[Any],
    cells: Cells,
    groups: Sequence[Group],
    weeks: int,
    shown: Sequence[Effect],
    by_exposure: Sequence[Effect],
    blocked: str | None,
) -> list[str]:
    """What a reading says, line by line."""
    head = f"{KINDS[found.kind]}“{found.name}”:{weeks}/{found.weeks} 周"
    if found.state is ExperimentState.STOPPED:
        head += f",已停({found.reason})"
    if weeks < found.weeks:
        head += ",还没到计划的终点:这是提前看,区间已为此放宽"
    if blocked is not None:
        return [head, blocked]
    told = [head]
    if found.imported:
        told.append("分组是别处抽的:抽签没法重算,只核对了比例")
    told += [
        f"{_arm(each.arm)} {each.cells} 格,{each.orders} 单,真正收到 {each.exposed} 格"
        for each in groups
    ]
    if not shown:
        told.append("比不出差别:格数太少,或有一组的差别全在一个群里,误差算不出来")
    told += [_effect_words(found.kind, each, "按抽签") for each in shown]
    told += [_effect_words(found.kind, each, "按真正收到的") for each in by_exposure]
    if cells.lines:
        part = cells.shared / cells.lines
        told.append(
            f"{cells.lines} 行订单里 {part:.0%} 的买家同时在几个参加的群里:"
            "两组会互相影响,差别多半看小了"
        )
    return told


def _arm(name: str) -> str:
    return ARMS.get(name, f"文案 {name}")


def _effect_words(kind: ExperimentKind, effect: Effect, how: str) -> str:
    """A sentence of one difference; of a holdout it says what going without costs."""
    sign = -1 if kind is ExperimentKind.HOLDOUT else 1
    who = _arm(effect.against if sign < 0 else effect.arm)
    whom = _arm(effect.arm if sign < 0 else effect.against)
    value = sign * effect.value
    more = "多" if value >= 0 else "少"
    told = f"{how}:{who}比{whom}平均每群每周{more} {abs(value):.2f} 单"
    if effect.interval is None:
        return f"{told};太早,还不给区间"
    # Without the zero's own sign.
    low, high = effect.interval.low, effect.interval.high
    ends = sorted(round(sign * end, 2) + 0.0 for end in (low, high))
    told += f"(95% 区间 {ends[0]:+.2f} 至 {ends[1]:+.2f})"
    return told + (";区间含 0,不能说有差别" if ends[0] <= 0 <= ends[1] else "")


def power(weeks: int, smallest: float | None, usual: float) -> str:
    """How small a difference can be found, in a sentence."""
    if smallest is None:
        return (
            f"按前 {weeks} 周的订单估不出能看清多大的差别:订单或群太少"
            f"(至少 {effects.FEWEST_ROOMS} 个群)"
        )
    part = f",相当于平时的 {smallest / usual:.0%}" if usual else ""
    return (
        f"平时每群每周 {usual:.2f} 单;做 {weeks} 周,五次里有四次能看出每群每周 "
        f"{smallest:.2f} 单的差别{part};再小的差别多半看不出,看不出不等于没有"
    )


def running(row: Row[Any], week: int, rooms: int, held: int) -> str:
    """Where an experiment stands this week in some rooms."""
    series = f"({row.series})" if row.series else ""
    told = f"{KINDS[row.kind]}“{row.name}”{series}:第 {week}/{row.weeks} 周,{rooms} 群参加"
    return told + (f",本周对照组 {held} 群不发" if row.kind is ExperimentKind.HOLDOUT else "")
