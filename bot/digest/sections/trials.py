"""Experiments under way: where each stands, and what it shows so far."""

from bot.digest.sheet import Line, Section
from bot.digest.view import View
from bot.models import DigestScope

REMARK = "没到计划的周数之前只是中途的数；区间已经算上了每周都看一次。"


def section(view: View) -> Section | None:
    """None but for the fleet, and where no experiment runs: chance draws over all rooms."""
    found = view.week.trials
    if view.scope is not DigestScope.FLEET or not found:
        return None
    note = view.note("experiments")
    return Section(
        "experiments",
        "正在做的实验",
        Line(f"{len(found)} 个实验正在做。", (note,)),
        brief=tuple(Line(one.words, (note,)) for one in found),
        remarks=(
            *(Line(words, (note,)) for one in found for words in (one.words, *one.reading)),
            Line(REMARK),
        ),
    )
