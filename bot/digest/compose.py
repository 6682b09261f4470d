"""Compose a sheet: one view, every part in its order, the headline and the footnotes."""

import datetime as dt

from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.gather import Week
from bot.digest.sections import goals, health, lift, orders, people, questions, rooms, talk
from bot.digest.sheet import Sheet
from bot.digest.view import View
from bot.models import DigestScope

PARTS = (
    orders.section,
    talk.section,
    people.section,
    questions.section,
    lift.section,
    questions.said,
    rooms.section,
    health.section,
)
HEADLINE = ("orders", "talk", "questions", "rooms")
LEFT_OUT = (
    "各项互动都不计运营、机器人、系统消息和已撤回的消息。",
    "消息是否迟到无法从日志看出：日志不记到达时刻。",
    "标签占比不是贡献占比：校正后的占比需要足够多的群和订单，还没有估计。",
)


def sheet(week: Week, scope: DigestScope, target: str = "") -> Sheet:
    """The digest of one scope of a gathered week. Raises InvalidInput for an unknown target."""
    view = viewing.view(week, scope, target)
    sections = [part for build in PARTS if (part := build(view)) is not None]
    amounts = {figure.key: figure.amount for part in sections for figure in part.figures}
    if (aimed := goals.section(view, amounts)) is not None:
        # Before what has to be known to trust the rest.
        sections.insert(-1, aimed)
    leads = {part.key: part.lead for part in sections}
    return Sheet(
        scope=scope,
        target=target,
        week=f"{week.monday:%G-W%V}",
        title=_title(view),
        period=_period(view),
        status=_status(view),
        final=week.final,
        headline=tuple(lead for key in HEADLINE if (lead := leads.get(key)) is not None),
        sections=tuple(sections),
        notes=view.footnotes.notes(),
        left_out=LEFT_OUT,
    )


def _title(view: View) -> str:
    if view.scope is DigestScope.FLEET:
        return f"全部 {len(view.rooms):,} 个群"
    if view.scope is DigestScope.VERTICAL:
        return f"{view.target or '未分垂类'} · {len(view.rooms):,} 个群"
    if view.scope is DigestScope.OWNER:
        return f"{view.target}的 {len(view.rooms):,} 个群"
    return view.week.rooms[view.rooms[0]].topic or view.target


def _period(view: View) -> str:
    last = view.days.until - dt.timedelta(days=1)
    week = f"{view.week.monday:%G} 年第 {int(f'{view.week.monday:%V}')} 周"
    return f"{week} · {phrasing.day(view.days.since)}至{phrasing.day(last)}"


def _status(view: View) -> str:
    at = view.week.now.astimezone(view.week.zone)
    computed = f"{at.year}年{phrasing.day(at.date())} {at:%H:%M} 统计"
    if view.week.final:
        return computed
    if not view.week.whole:
        return f"本周只过了 {len(view.days)} 天 · {computed}"
    return f"周末后 72 小时内迟到的回应、退款与订单还会改变数字 · {computed}"
