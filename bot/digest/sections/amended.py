"""What became of last week's digest: each figure that late data changed, before and after."""

from bot.digest.corrections import Corrected
from bot.digest.sheet import Line, Section, Table
from bot.digest.view import View

COLUMNS = ("数字", "上周写的", "现在", "为什么")
MOST_BRIEF = 2


def section(view: View, corrected: Corrected | None) -> Section | None:
    """None where there was no provisional digest last week."""
    if corrected is None:
        return None
    title, note, changed = "上周的更正", view.note("corrections"), corrected.changed
    if not changed:
        told = f"上周的周报（{corrected.week}）是暂定的，后到的数据没有改变其中的数字。"
        return Section("corrections", title, Line(told, (note,)))
    short = "；".join(f"{one.label} {one.then} → {one.now}" for one in changed[:MOST_BRIEF])
    more = f" 等 {len(changed)} 个" if len(changed) > MOST_BRIEF else ""
    lead = f"上周的周报（{corrected.week}，{corrected.status}）里有 {len(changed)} 个数变了。"
    return Section(
        "corrections",
        title,
        Line(lead, (note,)),
        brief=(Line(f"上周的更正：{short}{more}", (note,)),),
        tables=(
            Table(
                "上周的数，写的和现在的",
                COLUMNS,
                tuple((one.label, one.then, one.now, one.why) for one in changed),
                note,
            ),
        ),
    )
