"""Revenue beside earlier weeks: compared as messages are, each week at the same age."""

import datetime as dt

from bot.charts.chart import Bar, Chart
from bot.digest import phrasing
from bot.digest.sheet import Line
from bot.digest.view import View
from bot.insights import significance, statistics
from bot.insights.significance import Change
from bot.models import DigestScope

SIDES = {1: "高于往常", -1: "低于往常", 0: "和往常差不多"}
# Of the lines: less may still be to come without a word in the short forms.
LEAST_LACKING = 0.05
ELSEWHERE = (
    "收入和早先各周的比较只在全体周报里：全额退款的订单不再指向任何群，"
    "一个范围的早先各周会显得偏低。"
)


def change(view: View, revenue: int) -> Change | None:
    """Where the week's revenue stands among earlier weeks; None where that cannot be said."""
    if view.scope is not DigestScope.FLEET or not view.week.whole:
        return None
    earlier = [max(week.fen, 0) for week in view.week.takings.weeks.values()]
    return significance.change(earlier, max(revenue, 0))


def verdict(view: View, revenue: int) -> Line | None:
    """Where it stands, in words that hold; None outside of the fleet's digest."""
    if view.scope is not DigestScope.FLEET:
        return None
    notes = (view.note("takings"),)
    if not view.week.whole:
        return Line("本周还没过完，不与整周相比", notes)
    fen = [week.fen for week in view.week.takings.weeks.values()]
    found = change(view, revenue)
    if found is not None:
        low, high = (phrasing.yuan(round(fen)) for fen in (found.band.low, found.band.high))
        return Line(
            f"{_lacking(view)}{SIDES[found.side]}（95% 区间 {low}–{high}，{found.weeks} 周）", notes
        )
    if not fen:
        return Line("早先没有整周的订单可比", notes)
    span = phrasing.yuan(fen[0])
    if len(fen) > 1:
        span = f"{phrasing.yuan(min(fen))}–{phrasing.yuan(max(fen))}"
    few = f"{_lacking(view)}早先 {len(fen)} 周 {span}，不足 {statistics.FEWEST_WEEKS} 周不判断高低"
    return Line(few, notes)


def chart(view: View, revenue: int) -> tuple[Chart, ...]:
    """Earlier weeks and this one; a week that was not collected stands empty."""
    weeks = view.week.takings.weeks
    if view.scope is not DigestScope.FLEET or not weeks:
        return ()
    now, bars = view.week.monday, []
    for n in range((now - min(weeks)).days // 7):
        monday = min(weeks) + dt.timedelta(weeks=n)
        taken = weeks.get(monday)
        text = phrasing.NOT_COLLECTED if taken is None else phrasing.short_yuan(taken.fen)
        bars.append(Bar(_day(monday), taken.fen / 100 if taken else None, text))
    bars.append(Bar(_day(now), revenue / 100, phrasing.short_yuan(revenue), "now"))
    found = change(view, revenue)
    low, high = (None, None) if found is None else (found.band.low, found.band.high)
    legend = [Bar("本周", None, "", "now"), Bar("早先各周", None, "", "")]
    if found is not None:
        legend.append(Bar("往常的波动区间", None, "", "band"))
    return (
        Chart(
            "columns",
            f"收入，近 {len(bars)} 周",
            "、".join(f"{bar.label} {bar.text}" for bar in bars),
            tuple(bars),
            low=None if low is None else low / 100,
            high=None if high is None else high / 100,
            legend=tuple(legend),
            note=view.note("takings"),
        ),
    )


def remarks(view: View) -> tuple[Line, ...]:
    """What makes the weeks comparable, and what does not."""
    if view.scope is not DigestScope.FLEET:
        return (Line(ELSEWHERE),)
    takings, notes = view.week.takings, (view.note("takings"),)
    if not takings.weeks or not view.week.whole:
        return ()
    age = phrasing.duration((view.week.now - view.days.instants(view.week.zone)[1]).total_seconds())
    told = [f"早先各周的退款和取消，也只算到周末后 {age}，和本周一样；{_late(view)}"]
    if takings.missing:
        told.append(f"有 {takings.missing} 个早先的周一行订单也没有，当作未采集，不当作 0。")
    return tuple(Line(words, notes) for words in told)


def _lacking(view: View) -> str:
    """What may still arrive, where that is enough to turn a verdict."""
    _, lines, late = _recent(view)
    told = 2 * late <= lines and late >= LEAST_LACKING * lines > 0
    return f"订单可能还差 {phrasing.percent(late / lines)}，" if told else ""


def _recent(view: View) -> tuple[int, int, int]:
    """Of the weeks looked at: how many, their lines, and those not yet come in at their moment."""
    recent = [week for week in view.week.takings.weeks.values() if week.lines]
    return len(recent), sum(week.lines for week in recent), sum(week.late for week in recent)


def _late(view: View) -> str:
    """How much of recent weeks had not come in yet at their moment, in words."""
    weeks, lines, late = _recent(view)
    if not late:
        return f"近 {weeks} 周的订单，那时都已收到。"
    if 2 * late > lines:
        return f"近 {weeks} 周的订单多是事后导入的，看不出那时通常还差多少。"
    part = f"{late:,} / {lines:,} 行（{phrasing.percent(late / lines)}）"
    return f"近 {weeks} 周的订单有 {part}那时还没收到，本周可能也还差这么多。"


def _day(monday: dt.date) -> str:
    return f"{monday.month}/{monday.day}"
