"""Who took part: speakers, participation, silence, new members, joins and leaves, concentration."""

from bot.digest import phrasing
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View
from bot.insights import topics
from bot.models import DigestScope

# Fewer speakers than this would tell of single people, not of a distribution.
FEWEST_SPEAKERS = 10


def section(view: View) -> Section | None:
    """None where no room's messages are known."""
    if not view.counted:
        return None
    members, speakers = view.figures.members, view.figures.speakers
    lead = (
        f"{members:,} 个成员席位里，{speakers:,} 个本周说过话"
        f"（{phrasing.percent(view.figures.participation)}）。"
        if members
        else "没有成员名单，也没有人发言。"
    )
    return Section(
        "people",
        "成员",
        Line(lead, (view.note("participation"),)),
        figures=(*_active(view), *_new(view), *_turnover(view), *_concentration(view)),
    )


def silent_ratio(view: View) -> tuple[float | None, int]:
    """The silent ratio of the rooms whose log covers 28 days, and their members."""
    covered = view.findings.daily
    rows = [view.week.weekly[room] for room in view.counted if room in covered]
    members = sum(row.month_members for row in rows)
    spoke = sum(row.month_speakers for row in rows)
    return (1 - spoke / members if members else None), members


def _active(view: View) -> tuple[Figure, ...]:
    sums = view.figures
    week = view.week.people.get((view.scope, view.target), 0)
    wau = sums.speakers if view.scope is DigestScope.ROOM else week
    dau = sums.speaker_days / len(view.days)
    silent, month_members = silent_ratio(view)
    return (
        Figure(
            "wau",
            "周活（去重）",
            f"{wau:,} 人",
            wau,
            view.note("wau"),
            f"日活均值 {phrasing.rate(dau)}",
        ),
        Figure(
            "participation",
            "参与率",
            phrasing.percent(sums.participation),
            sums.participation,
            view.note("participation"),
            f"{sums.speakers:,} / {sums.members:,} 席位",
        ),
        Figure(
            "silent_ratio",
            "沉默率（28 天）",
            phrasing.percent(silent),
            silent,
            view.note("silent"),
            f"{month_members:,} 席位" if silent is not None else "日志不足 28 天",
        ),
    )


def _new(view: View) -> tuple[Figure, ...]:
    sums = view.figures
    least = 1 if view.scope is DigestScope.ROOM else topics.FEWEST_MEMBERS
    if sums.newcomers < least:
        return ()
    return (
        Figure(
            "activation",
            "新人 7 天内开口",
            phrasing.percent(sums.activation),
            sums.activation,
            view.note("activation"),
            f"{sums.activated:,} / {sums.newcomers:,} 人",
        ),
    )


def _turnover(view: View) -> tuple[Figure, ...]:
    joins, leaves = view.figures.joins, view.figures.leaves
    return (
        Figure("joins", "入群", phrasing.count(joins), joins, view.note("turnover")),
        Figure("leaves", "退群", phrasing.count(leaves), leaves, view.note("turnover")),
    )


def _concentration(view: View) -> tuple[Figure, ...]:
    top, gini = view.figures.top_share, view.figures.gini
    if top is None or gini is None or view.figures.speakers < FEWEST_SPEAKERS:
        return ()
    return (
        Figure(
            "top_share",
            "前一成发言者占",
            phrasing.percent(top),
            top,
            view.note("concentration"),
            f"基尼系数 {gini:.2f}",
        ),
    )
