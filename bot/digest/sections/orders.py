"""Orders and revenue by label."""

from collections.abc import Sequence

from bot.charts.chart import Bar, Chart
from bot.digest import phrasing
from bot.digest.orders import Sale
from bot.digest.sections import takings
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View
from bot.insights import calibrating, shares
from bot.models import DigestScope, Label

NAMES: dict[Label | None, str] = {
    Label.ORGANIC: "群聊带来",
    Label.PROMO: "推广带来",
    Label.DIRECT: "直接购买",
    Label.UNKNOWN: "买家未识别",
    Label.OUT: "不计入",
    None: "尚未归因",
}
WEAK = (
    "标签按时间窗口的规则给出，对单独一单只是弱证据（约五成把握）；"
    "有多少是群聊带来的，看校正后的占比，请不要把标签占比当作贡献。"
)


def sales(view: View) -> list[Sale]:
    """The sales of the scope: all for the fleet, else those whose label names one of its rooms."""
    if view.scope is DigestScope.FLEET:
        return list(view.week.orders)
    rooms = set(view.rooms)
    return [sale for sale in view.week.orders if sale.room_id in rooms]


def section(view: View) -> Section:
    """Lines and money, by label, with what the labels are worth."""
    title = "订单与收入"
    if not view.week.orders_known:
        how = Line("订单用 qunyun orders import 导入，或由店铺推送。")
        remarks = (how,) if view.scope is DigestScope.FLEET else ()
        lead = Line("还没有接入订单，本周的成交情况未知。")
        return Section("orders", title, lead, remarks=remarks)
    if not view.week.orders:
        return _not_collected(view)
    paid = [sale for sale in sales(view) if sale.label is not Label.OUT]
    out = len(sales(view)) - len(paid)
    revenue = sum(sale.net for sale in paid)
    whose = "" if view.scope is DigestScope.FLEET else "标签指向这里的"
    figures = (
        Figure(
            "order_lines",
            f"{whose}订单行",
            phrasing.count(len(paid)),
            len(paid),
            view.note("orders"),
        ),
        Figure(
            "revenue_fen", "收入（已减退款）", phrasing.yuan(revenue), revenue, view.note("orders")
        ),
        *_share(view),
        *_again(view),
    )
    told = f"本周{whose}订单 {len(paid):,} 行，收入 {phrasing.yuan(revenue)}"
    if not paid:
        told = f"本周没有{whose}订单"
    compared = takings.verdict(view, revenue)
    told += f"，{compared.text}。" if compared else "。"
    return Section(
        "orders",
        title,
        Line(told, (view.note("orders"), *(compared.notes if compared else ()))),
        brief=(*((compared,) if compared else ()), *_brief(view)),
        figures=figures,
        charts=(*takings.chart(view, revenue), *_chart(view, paid)),
        remarks=(
            *((Line(WEAK), *_shares(view)) if paid else ()),
            *takings.remarks(view),
            *_remarks(view, paid, out),
        ),
    )


def _not_collected(view: View) -> Section:
    """Not one line in the whole week, of anybody: that is not known to be 0."""
    note = view.note("orders")
    told = "本周一行订单也没有收到：没有人买，还是没有导入、没有推送，这里看不出，记作未采集。"
    figures = (
        Figure("order_lines", "订单行", phrasing.NOT_COLLECTED, None, note),
        Figure("revenue_fen", "收入（已减退款）", phrasing.NOT_COLLECTED, None, note),
        *_again(view),
    )
    return Section("orders", "订单与收入", Line(told, (note,)), figures=figures)


def _again(view: View) -> tuple[Figure, ...]:
    again = view.week.again
    if view.scope is not DigestScope.FLEET or again is None:
        return ()
    low, high = again.interval.low, again.interval.high
    return (
        Figure(
            "repurchase",
            "复购率（90 天）",
            phrasing.percent(again.value),
            again.value,
            view.note("again"),
            f"95% 区间 {phrasing.percent(low)}–{phrasing.percent(high)} · "
            f"{again.count:,} / {again.of:,} 位买家",
        ),
    )


def _share(view: View) -> tuple[Figure, ...]:
    """How much came because of talk, where it can be told: of the fleet, over 28 days."""
    told = view.week.shares
    if view.scope is not DigestScope.FLEET or told is None or told.organic.value is None:
        return ()
    part, chance = told.organic, ""
    if told.raw_hit_rate is not None and told.chance_rate is not None:
        chance = (
            f"；付款前 24 小时有人提到 {phrasing.percent(told.raw_hit_rate)}，"
            f"付款后（碰巧）{phrasing.percent(told.chance_rate)}"
        )
    return (
        Figure(
            "organic_share",
            "群聊带来（校正后，28 天）",
            phrasing.percent(part.value),
            part.value,
            view.note("share"),
            f"95% 区间 {phrasing.percent(part.low)}–{phrasing.percent(part.high)}{chance}；"
            f"{part.orders:,} 行",
        ),
    )


def _brief(view: View) -> tuple[Line, ...]:
    """The corrected share in short, or why there is none."""
    told = view.week.shares
    if view.scope is not DigestScope.FLEET or told is None:
        return ()
    for figure in _share(view):
        span = figure.remark.partition("；")[0]
        return (Line(f"{figure.label} {figure.text}（{span}）", (figure.note,)),)
    return (Line("校正后的群聊占比没有给出：订单或群还太少", (view.note("share"),)),)


def _shares(view: View) -> tuple[Line, ...]:
    """What the corrected share rests on, or what it lacks."""
    told, note = view.week.shares, (view.note("share"),)
    if view.scope is not DigestScope.FLEET or told is None:
        return (Line("校正后的占比只在全体周报里：一个群、一个垂类的订单太少。", note),)
    if told.organic.value is not None:
        return tuple(Line(f"{phrasing.punctuated(words)}。", note) for words in told.warnings)
    least = f"要 {calibrating.LEAST_LINES:,} 行、{shares.LEAST_ROOMS} 个群才估计"
    return (
        Line(
            f"校正后的群聊占比没有给出：28 天里 {told.lines:,} 行订单，"
            f"认得出买家、前后都有记录的 {told.resolved:,} 行，"
            f"买家在 {told.rooms:,} 个群；{least}。",
            note,
        ),
    )


def by_label(paid: Sequence[Sale]) -> list[tuple[Label | None, int, int]]:
    """(label, lines, fen) of the labels that occur, in the order in which they are decided."""
    rows = []
    for label in (Label.ORGANIC, Label.PROMO, Label.DIRECT, Label.UNKNOWN, None):
        lines = [sale.net for sale in paid if sale.label is label]
        if lines:
            rows.append((label, len(lines), sum(lines)))
    return rows


def _chart(view: View, paid: Sequence[Sale]) -> tuple[Chart, ...]:
    if not paid:
        return ()
    bars = tuple(
        Bar(
            NAMES[label],
            lines,
            f"{lines:,} 行 · {phrasing.percent(lines / len(paid))} · {phrasing.yuan(fen)}",
            label or "pending",
        )
        for label, lines, fen in by_label(paid)
    )
    summary = "；".join(f"{bar.label} {bar.text}" for bar in bars)
    note = view.note("labels")
    return (Chart("parts", "订单行，按标签", summary, bars, legend=bars, note=note),)


def _remarks(view: View, paid: Sequence[Sale], out: int) -> tuple[Line, ...]:
    labels = (view.note("labels"),)
    remarks = []
    if view.scope is not DigestScope.FLEET:
        remarks.append(
            Line(
                "直接购买和买家未识别的订单不属于任何群，只在全体周报里；"
                "这里只有标签指向本范围的订单。"
            )
        )
    possible = sum(sale.possible for sale in paid)
    if possible:
        told = f"另有 {possible} 行直接购买的买家当时在群里潜水，“可能有关”，不计入群聊带来。"
        remarks.append(Line(told, labels))
    if out:
        remarks.append(Line(f"不计入：{out} 行（全额退款、取消或运营自购）。", labels))
    if any(sale.label is None for sale in paid):
        remarks.append(Line("尚未归因的订单行要先运行 qunyun attribute。"))
    return tuple(remarks)
