"""The closing table of a demo: what was done, next to what was planted."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.demo.shopping import Cause
from bot.demo.story import Summary
from bot.digest.sheet import Figure
from bot.models import DeliveryState, Label

CAUSES = {Cause.ORGANIC: "群聊引起", Cause.PROMO: "推广引起", Cause.BASE: "本来就会买"}
LABELS = {
    Label.ORGANIC: "群聊带来",
    Label.PROMO: "推广带来",
    Label.DIRECT: "直接购买",
    Label.UNKNOWN: "买家未识别",
    Label.OUT: "不计入",
}
KINDS = {"qa_day": "问题解答日", "sharing_day": "用户分享日"}


def render(summary: Summary) -> RenderableType:
    """What stands on the screen when a demo is done."""
    return Group(
        _overview(summary),
        _orders(summary.causes),
        Text(
            "埋下的真相只有模拟才知道。标签是按时间窗口的规则给出的，对单独一单只是弱证据；"
            "这个社群是我们自己写的，不能证明真实世界里也是这样。",
            style="dim",
        ),
    )


def _overview(summary: Summary) -> Table:
    table = Table(title=f"群运演示 · {summary.home}", title_justify="left", show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    rows = {
        "群 × 天": f"{summary.rooms} × {summary.days}，{summary.members:,} 个成员席位",
        "消息": _messages(summary),
        "投递": _states(summary.states),
        **{KINDS[kind]: _lift(*lift) for kind, lift in summary.lifts.items()},
        "群聊占比": _share(summary.causes, summary.share),
        "周报": f"{summary.digests} 份，{summary.weeks} 周，在 {summary.home / 'digests'}",
        "重建校验": _check(summary),
        "用时": f"{summary.seconds:.0f} 秒",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _messages(summary: Summary) -> str:
    if summary.messages == summary.accepted:
        return f"{summary.accepted:,} 条，全部入库"
    return f"说了 {summary.messages:,} 条，入库 {summary.accepted:,} 条"


def _states(states: Mapping[DeliveryState, int]) -> str:
    parts = [f"{state.value} {states.get(state, 0):,}" for state in DeliveryState]
    return f"计划 {sum(states.values()):,} = " + " + ".join(parts)


def _lift(planted: float, found: float | None) -> str:
    told = "不作估计（要满 28 天）" if found is None else f"{found:+.1f} 条"
    return f"每群每次多出：埋下 {planted:+.1f} 条，周报测得 {told}"


def _share(causes: Mapping[Label, Mapping[str, int]], found: Figure | None) -> str:
    """Of the order lines whose buyer is known and that count: planted, and estimated from them."""
    counted = [causes.get(label, {}) for label in (Label.ORGANIC, Label.PROMO, Label.DIRECT)]
    planted = sum(row.get(Cause.ORGANIC, 0) for row in counted)
    lines = sum(sum(row.values()) for row in counted)
    if not lines:
        return "没有订单"
    told = f"群聊引起的订单行：埋下 {planted / lines:.0%}，"
    if found is None:
        return told + "周报不作估计（认得出买家的订单行太少）"
    return f"{told}周报校正后测得 {found.text}（{found.remark.partition('；')[0]}）"


def _check(summary: Summary) -> str:
    if summary.differences:
        return f"[red]{summary.compared:,} 行里 {summary.differences:,} 行不一致"
    return f"从消息日志重新推导 {summary.compared:,} 行，全部一致"


def _orders(causes: Mapping[Label, Mapping[str, int]]) -> Table:
    table = Table(
        title="订单行：规则给的标签，和埋下的真相", title_justify="left", show_footer=True
    )
    totals = {cause: sum(row.get(cause, 0) for row in causes.values()) for cause in CAUSES}
    table.add_column("标签", footer="合计")
    for cause, name in CAUSES.items():
        table.add_column(name, justify="right", footer=f"{totals[cause]:,}")
    table.add_column("共", justify="right", footer=f"{sum(totals.values()):,}")
    for label, name in LABELS.items():
        row = causes.get(label, {})
        counts = [row.get(cause, 0) for cause in CAUSES]
        table.add_row(name, *(f"{each:,}" for each in counts), f"{sum(counts):,}")
    return table
