"""Complaints and their clock: heard, taken up within a day, still open."""

import datetime as dt
from collections.abc import Sequence

from bot.digest import phrasing
from bot.digest.cases import Case, Cases
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View

CLOCK = dt.timedelta(hours=24)
# Measured on talk that the rules were not written by: docs/signals.md, rules of version 5.
HOW_SURE = "规则听不出一半以上的投诉（标注的真话里听出 44%，95% 区间 32%–58%）：没听出不等于没有。"


def section(view: View) -> Section | None:
    """None where no room's messages are known."""
    if not view.counted:
        return None
    heard_ones = heard(view)
    opened = [case for found in _all(view) for case in found.opened]
    note = view.note("complaints")
    if not heard_ones and not opened:
        lead = Line("本周没有听出投诉。", (note,))
        return Section("complaints", "投诉", lead, remarks=(Line(HOW_SURE, (note,)),))
    lead = Line(_lead(opened, heard_ones), (note,))
    return Section(
        "complaints",
        "投诉",
        lead,
        brief=(lead,),
        figures=(
            Figure("complaints", "听出的投诉", phrasing.count(heard_ones), heard_ones, note),
            *(_figures(opened, note) if opened else ()),
        ),
        remarks=(
            *(() if opened else (Line("听出来的没有立案：只有实时收到的消息才立案、计时。"),)),
            Line(HOW_SURE, (note,)),
        ),
    )


def heard(view: View) -> int:
    """How many messages the rules took for complaints."""
    return sum(found.heard for found in _all(view))


def overdue(view: View) -> list[tuple[int, Case]]:
    """(room, case) of cases that are still open after their 24 hours, the gravest first."""
    found = [
        (room, case)
        for room in view.counted
        if room in view.week.cases
        for case in view.week.cases[room].opened
        if case.overdue
    ]
    return sorted(found, key=lambda row: (-row[1].severity, row[1].at, row[1].message_id))


def _all(view: View) -> list[Cases]:
    return [view.week.cases[room] for room in view.counted if room in view.week.cases]


def _lead(opened: Sequence[Case], heard: int) -> str:
    if not opened:
        return f"听出 {heard:,} 条投诉，没有立案。"
    late = sum(case.overdue for case in opened)
    still = sum(not case.closed for case in opened)
    told = f"立案 {len(opened):,} 起，{len(opened) - still:,} 起已了结"
    if late:
        return f"{told}，{late:,} 起超过 24 小时还开着。"
    return f"{told}，{still:,} 起还开着。" if still else f"{told}。"


def _figures(opened: Sequence[Case], note: int) -> tuple[Figure, ...]:
    prompt = sum(case.waited is not None and case.waited <= CLOCK for case in opened)
    wrong = sum(case.none for case in opened)
    late = sum(case.overdue for case in opened)
    return (
        Figure(
            "complaints_prompt",
            "24 小时内有人处理",
            phrasing.percent(prompt / len(opened)),
            prompt / len(opened),
            note,
            f"{prompt:,} / {len(opened):,} 起",
        ),
        Figure("complaints_overdue", "超时还开着", phrasing.count(late), late, note),
        Figure(
            "complaints_wrong",
            "其实不是投诉",
            phrasing.count(wrong),
            wrong,
            note,
            "处理的人说的",
        ),
    )
