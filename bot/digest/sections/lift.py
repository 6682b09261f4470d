"""What Q&A and sharing days add."""

import datetime as dt

from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.gather import MONTH_DAYS
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import EMPTY, View
from bot.insights import lift as lifting
from bot.insights.engagement import Days
from bot.insights.lift import Lift
from bot.models import DigestScope, SeriesKind

NAMES = {SeriesKind.QA_DAY: "问题解答日", SeriesKind.SHARING_DAY: "用户分享日"}


def section(view: View) -> Section | None:
    """The lift of each kind of day, or why it cannot be told; None without such days."""
    if not any(view.week.held[kind].keys() & set(view.counted) for kind in view.week.held):
        return None
    daily = _daily(view)
    figures: list[Figure] = []
    remarks: list[Line] = []
    for kind, name in NAMES.items():
        held = dict(view.week.held.get(kind, {}))
        others = _others(view, kind)
        of = [room for room in view.counted if room in daily]
        found = lifting.lift(daily, held, of, view.rng(kind), others) if daily else None
        if found is None:
            continue
        if view.scope is DigestScope.ROOM:
            figures.append(_room_figure(view, kind, found, daily, held))
        else:
            figures.append(_figure(view, kind, found))
        if found.added is None:
            remarks.append(
                Line(
                    f"{name}：每次都是所有群同一天办，没有可比的群。"
                    "错开日期或抽签决定哪些群先办，下个月就能知道它带来多少。"
                )
            )
    if not figures:
        return None
    brief = tuple(Line(_short(figure), (figure.note,)) for figure in figures)
    return Section(
        "lift", "活动日带来多少", brief=brief, figures=tuple(figures), remarks=tuple(remarks)
    )


def _others(view: View, kind: SeriesKind) -> dict[int, lifting.Calendar]:
    """Days of the other kinds: no ordinary days to compare with."""
    found: dict[int, lifting.Calendar] = {}
    for other, held in view.week.held.items():
        if other is not kind:
            for room, days in held.items():
                found[room] = found.get(room, lifting.NO_DAYS) | days
    return found


def _short(figure: Figure) -> str:
    return f"{figure.label} {figure.text}（{figure.remark.split('；')[0]}）"


def _daily(view: View) -> dict[int, dict[dt.date, int]]:
    """Messages of every room with a month of log, whatever the scope: others are the controls."""
    seen = [room for room in view.week.rooms if room not in view.week.unread | view.week.unseen]
    rooms = viewing.month_covered(view, seen)
    if not rooms:
        return {}
    month = view.days.back(MONTH_DAYS)
    since = max(month.since, min(view.week.first_days[room] for room in rooms))
    days = list(Days(since, month.until))
    return {
        room: {day: view.week.daily.get(room, {}).get(day, EMPTY).messages for day in days}
        for room in rooms
    }


def _figure(view: View, kind: SeriesKind, found: Lift) -> Figure:
    label = f"{NAMES[kind]}，每群每次多出"
    base = "" if found.ordinary is None else f"，平日 {phrasing.rate(found.ordinary)} 条"
    scale = f"{found.rooms} 群 {found.occasions} 次{base}"
    key = f"lift_{kind}"
    if found.added is None:
        return Figure(key, label, "无对照", None, view.note("lift"), scale)
    if found.interval is None:
        remark = f"{scale}；群太少，不给区间"
        return Figure(
            key, label, f"{phrasing.signed(found.added)} 条", found.added, view.note("lift"), remark
        )
    low, high = found.interval.low, found.interval.high
    meaning = "" if low > 0 or high < 0 else "；区间含 0，不能说有作用"
    remark = f"95% 区间 {phrasing.signed(low)} 到 {phrasing.signed(high)}；{scale}{meaning}"
    return Figure(
        key, label, f"{phrasing.signed(found.added)} 条", found.added, view.note("lift"), remark
    )


def _room_figure(
    view: View,
    kind: SeriesKind,
    found: Lift,
    daily: lifting.Daily,
    held: dict[int, lifting.Calendar],
) -> Figure:
    """One room is too little for an interval: its own number, and how little it says."""
    label = f"{NAMES[kind]}，本群每次多出"
    base = "" if found.ordinary is None else f"，平日 {phrasing.rate(found.ordinary)} 条"
    if found.added is None:
        return Figure(
            f"lift_{kind}", label, "无对照", None, view.note("lift"), f"{found.occasions} 次{base}"
        )
    remark = f"{found.occasions} 次{base}；只有一个群，偶然成分大，区间见全体周报"
    return Figure(
        f"lift_{kind}",
        label,
        f"{phrasing.signed(found.added)} 条",
        found.added,
        view.note("lift"),
        remark,
    )
