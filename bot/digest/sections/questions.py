"""Questions and what became of them."""

from bot.digest import phrasing
from bot.digest.sections import quoted
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View
from bot.insights.figures import Rate, Waiting

MOST_UNANSWERED = 8


def section(view: View) -> Section | None:
    """Both response rates, the waiting time, and the questions still open."""
    if not view.counted:
        return None
    found = view.figures.waiting(view.week.answered_until)
    if not found.questions:
        return Section("questions", "提问与回应", Line("本周没有识别出成员的提问。"))
    every = "都有人回应了。" if found.questions > 1 else "有人回应了。"
    if found.questions == found.unanswered:
        every = "都没有人回应。" if found.questions > 1 else "没有人回应。"
    elif found.unanswered:
        every = f"还有 {found.unanswered:,} 个没有人回应。"
    lead = f"成员提了 {found.questions:,} 个问题，{every}"
    open_ones = [one for said in view.said.values() for one in said.questions if not one.answers]
    return Section(
        "questions",
        "提问与回应",
        Line(lead, (view.note("unanswered"),)),
        figures=_figures(view, found),
        quotes=quoted.listed(view, "等着回应的提问", open_ones, MOST_UNANSWERED, "unanswered"),
        remarks=_remarks(view, found),
    )


def _figures(view: View, found: Waiting) -> tuple[Figure, ...]:
    anyone, members = found.by_anyone, found.by_members
    p90 = (
        f"九成在 {phrasing.duration(found.p90)}内"
        if found.p90 is not None
        else "等到回应的不足九成"
    )
    return (
        Figure(
            "response_rate",
            "24 小时回应率",
            phrasing.percent(anyone.share),
            anyone.share,
            view.note("response"),
            f"含运营 · {_of(anyone)}",
        ),
        Figure(
            "member_response_rate",
            "成员互答率",
            phrasing.percent(members.share),
            members.share,
            view.note("response"),
            _of(members),
        ),
        Figure(
            "median_wait",
            "首次回应中位用时",
            "过半没等到" if found.median is None else phrasing.duration(found.median),
            found.median,
            view.note("wait"),
            p90,
        ),
        Figure(
            "unanswered",
            "还没人回应",
            phrasing.count(found.unanswered),
            found.unanswered,
            view.note("unanswered"),
        ),
    )


def _of(rate: Rate) -> str:
    return f"{rate.answered:,} / {rate.asked:,} 问" if rate.asked else "还没有满 24 小时的提问"


def _remarks(view: View, found: Waiting) -> tuple[Line, ...]:
    local = view.week.answered_until.astimezone(view.week.zone)
    told = f"回应算到{phrasing.day(local.date())} {local:%H:%M}。"
    remarks = [Line(told, (view.note("unanswered"),))]
    if found.young:
        told = f"{found.young:,} 个提问还没满 24 小时，没有算进回应率。"
        remarks.append(Line(told, (view.note("response"),)))
    return tuple(remarks)
