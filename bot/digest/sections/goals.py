"""How far goals are: the week's figure, where it began, and how much of the time is over."""

import datetime as dt
from collections.abc import Mapping

from bot.digest import goals, phrasing
from bot.digest.goals import Aim, Progress
from bot.digest.sheet import Line, Section, Table
from bot.digest.view import View
from bot.models import DigestScope

COLUMNS = ("目标", "要到", "本周", "起点", "路走了", "时间过了", "到哪天")
MOST_BRIEF = 3
REMARK = "“路走了”是从起点到目标走完的部分，可以为负；一周的数会波动，连着看几周再下结论。"


def section(view: View, amounts: Mapping[str, float | None]) -> Section | None:
    """None where no goal is set for the scope."""
    aims = [aim for aim in view.week.goals if _concerns(aim, view)]
    if not aims:
        return None
    last = view.days.until - dt.timedelta(days=1)
    found = goals.progress(aims, amounts, last)
    note = view.note("goals")
    reached = sum(bool(one.reached) for one in found)
    return Section(
        "goals",
        "目标",
        Line(f"{len(found)} 个目标，本周的数达到 {reached} 个。", (note,)),
        brief=tuple(Line(_short(one), (note,)) for one in found[:MOST_BRIEF]),
        tables=(Table("目标与进度", COLUMNS, tuple(_row(one) for one in found), note),),
        remarks=(Line(REMARK), *(_reason(one) for one in found if one.aim.note)),
    )


def _concerns(aim: Aim, view: View) -> bool:
    if view.scope is DigestScope.VERTICAL:
        return aim.vertical == view.target
    return view.scope is DigestScope.FLEET and not aim.vertical


def _short(one: Progress) -> str:
    aim = one.aim
    told = f"{aim.metric.name} {_sign(aim)} {goals.shown(aim.metric, aim.value)}"
    told += f"：本周 {goals.shown(aim.metric, one.now)}"
    if one.reached:
        return f"{told}，达到了"
    way = "" if one.travelled is None else f"，路走了 {_share(one.travelled)}"
    return f"{told}{way}，时间过了 {_share(one.passed)}"


def _row(one: Progress) -> tuple[str, ...]:
    aim = one.aim
    return (
        aim.metric.name,
        f"{_sign(aim)} {goals.shown(aim.metric, aim.value)}",
        goals.shown(aim.metric, one.now),
        goals.shown(aim.metric, aim.baseline),
        "达到" if one.reached else _share(one.travelled),
        _share(one.passed),
        phrasing.day(aim.until),
    )


def _reason(one: Progress) -> Line:
    return Line(f"{one.aim.metric.name}：{one.aim.note}")


def _sign(aim: Aim) -> str:
    return "≥" if aim.metric.better > 0 else "≤"


def _share(share: float | None) -> str:
    return phrasing.percent(share).replace("-", "−")
