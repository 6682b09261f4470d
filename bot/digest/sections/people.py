"""Who took part: speakers, participation, silence, joins and leaves, concentration."""

from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View
from bot.insights import statistics


def section(view: View) -> Section | None:
    """None where no room's messages are known."""
    if not view.counted:
        return None
    members = sum(view.week.members.get(room, 0) for room in view.counted)
    seats = [talk for room in view.counted for talk in view.week.talks.get(room, ())]
    participation = len(seats) / members if members else None
    lead = (
        f"{members:,} 个成员席位里，{len(seats):,} 个本周说过话"
        f"（{phrasing.percent(participation)}）。"
        if members
        else "没有成员名单，也没有人发言。"
    )
    return Section(
        "people",
        "成员",
        Line(lead, (view.note("participation"),)),
        figures=(
            *_active(view, participation, members, len(seats)),
            *_turnover(view),
            *_concentration(view, [talk.messages for talk in seats]),
        ),
    )


def silent_ratio(view: View) -> tuple[float | None, int]:
    """The silent ratio of the rooms whose log covers 28 days, and their members."""
    rooms = viewing.month_covered(view, view.counted)
    members = sum(view.week.month_members.get(room, 0) for room in rooms)
    spoke = sum(view.week.month_speakers.get(room, 0) for room in rooms)
    return (1 - spoke / members if members else None), members


def _active(
    view: View, participation: float | None, members: int, speakers: int
) -> tuple[Figure, ...]:
    wau = len({talk.contact_id for room in view.counted for talk in view.week.talks.get(room, ())})
    dau = viewing.this_week(view).speaker_days / len(view.days)
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
            phrasing.percent(participation),
            participation,
            view.note("participation"),
            f"{speakers:,} / {members:,} 席位",
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


def _turnover(view: View) -> tuple[Figure, ...]:
    moves = [view.week.turnover[room] for room in view.rooms if room in view.week.turnover]
    joins, leaves = sum(move.joins for move in moves), sum(move.leaves for move in moves)
    return (
        Figure("joins", "入群", phrasing.count(joins), joins, view.note("turnover")),
        Figure("leaves", "退群", phrasing.count(leaves), leaves, view.note("turnover")),
    )


def _concentration(view: View, messages: list[int]) -> tuple[Figure, ...]:
    top, gini = statistics.top_share(messages), statistics.gini(messages)
    if top is None or gini is None or len(messages) < 10:
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
