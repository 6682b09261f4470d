"""Data health: what was not sent, not resolved, late or not collected."""

from collections import Counter

from bot.digest import phrasing
from bot.digest.sections import orders
from bot.digest.sheet import Figure, Line, Section, Table
from bot.digest.view import View
from bot.models import DigestScope, Label

STATES = {
    "pending": "待发",
    "claimed": "已领取",
    "sending": "发送中",
    "failed": "失败",
    "uncertain": "不确定是否送达",
    "expired": "过期未发",
    "cancelled": "已取消",
}
MOST_REASONS = 8
# What the short forms call a figure, and its unit.
SHORT = {
    "deliveries_unsent": ("没有发出", "条"),
    "unresolved_buyers": ("买家未识别", "行"),
    "late_order_events": ("订单迟到", "条"),
    "rooms_unread": ("未采集", "群"),
    "rooms_unseen": ("从没收到消息", "群"),
}


def section(view: View) -> Section:
    """Everything that a reader has to know before trusting the rest."""
    reasons: Counter[tuple[str, str]] = Counter()
    for room in view.rooms:
        reasons.update(view.week.unsent.get(room, {}))
    sent = sum(view.week.sent.get(room, 0) for room in view.rooms)
    unsent = sum(reasons.values())
    figures = [
        Figure(
            "deliveries_unsent",
            "没有发出的投递",
            f"{unsent:,}",
            unsent,
            view.note("deliveries"),
            f"应发 {sent + unsent:,}，已发 {sent:,}",
        ),
        *_orders(view),
        *_rooms(view),
    ]
    return Section(
        "health",
        "数据健康",
        brief=_brief(view, figures),
        figures=tuple(figures),
        tables=_table(view, reasons),
        remarks=_remarks(view),
    )


def _brief(view: View, figures: list[Figure]) -> tuple[Line, ...]:
    """The short forms list what is not zero; where nothing was heard, nothing is praised."""
    wrong = [figure for figure in figures if figure.amount]
    if not wrong and not view.counted:
        return ()
    if not wrong:
        return (Line(_well(view, figures), tuple(dict.fromkeys(each.note for each in figures))),)
    text = " · ".join(
        f"{name} {each.text} {unit}" for each in wrong for name, unit in [SHORT[each.key]]
    )
    return (Line(text, tuple(dict.fromkeys(each.note for each in wrong))),)


def _well(view: View, figures: list[Figure]) -> str:
    """What was looked at and found well: no more than that."""
    keys = {figure.key for figure in figures}
    told = ["没有漏发的投递" if sum(view.week.sent.get(room, 0) for room in view.rooms) else ""]
    told.append("没有未采集的群" if "rooms_unread" in keys else "")
    told.append("没有买家未识别或迟到的订单" if "unresolved_buyers" in keys else "")
    return "，".join(filter(None, told)) + "。" if any(told) else "本周没有要发的投递。"


def _orders(view: View) -> list[Figure]:
    if view.scope is not DigestScope.FLEET or not view.week.orders_known:
        return []
    sales = orders.sales(view)
    unknown = sum(sale.label is Label.UNKNOWN for sale in sales)
    late = view.week.late_order_events
    return [
        Figure(
            "unresolved_buyers",
            "买家未识别的订单行",
            f"{unknown:,}",
            unknown,
            view.note("health"),
            f"共 {len(sales):,} 行",
        ),
        Figure("late_order_events", "迟到的订单事件", f"{late:,}", late, view.note("health")),
    ]


def _rooms(view: View) -> list[Figure]:
    unread = sum(room in view.week.unread for room in view.rooms)
    unseen = sum(room in view.week.unseen - view.week.unread for room in view.rooms)
    if view.scope is DigestScope.ROOM:
        return []
    return [
        Figure(
            "rooms_unread",
            "未采集的群",
            f"{unread:,}",
            unread,
            view.note("health"),
            f"共 {len(view.rooms):,} 个群",
        ),
        Figure("rooms_unseen", "从未收到消息的群", f"{unseen:,}", unseen, view.note("health")),
    ]


def _table(view: View, reasons: Counter[tuple[str, str]]) -> tuple[Table, ...]:
    if not reasons:
        return ()
    top = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple(
        (STATES.get(state, state), phrasing.punctuated(reason) or "—", f"{count:,}")
        for (state, reason), count in top[:MOST_REASONS]
    )
    return (
        Table("没有发出的，按状态和原因", ("状态", "原因", "条"), rows, view.note("deliveries")),
    )


def _remarks(view: View) -> tuple[Line, ...]:
    if view.scope is DigestScope.ROOM and set(view.rooms) <= view.week.unread:
        return (Line("本群的通道读不到全部消息（未采集）。"),)
    return ()
