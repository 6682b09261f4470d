"""A digest's sheet to render, made by hand: every kind of thing that a sheet can show."""

from dataclasses import replace

from bot.charts.chart import Bar, Chart, Heat, HeatRow
from bot.digest.sheet import (
    Action,
    Evidence,
    Figure,
    Line,
    Note,
    Quote,
    Quotes,
    Section,
    Sheet,
    Table,
)
from bot.models import DigestScope


def a_sheet(topic: str = "宝妈育儿 1 群", words: str = "六个月先加什么辅食?") -> Sheet:
    """A room's sheet of two parts."""
    return Sheet(
        scope=DigestScope.ROOM,
        target="room1@chatroom",
        week="2026-W45",
        title=topic,
        period="2026 年第 45 周 · 11月2日至11月8日",
        status="2026年11月12日 09:30 统计",
        final=True,
        headline=(Line("本周订单 2 行。", (1,)),),
        sections=(_orders(), _talk(words)),
        notes=(
            Note(1, "订单行", "一行一个商品。", "全部订单行", "qunyun export orders"),
            Note(2, "群日均消息", "成员的消息。", "群日", "qunyun export engagement"),
        ),
        left_out=("不计运营。",),
        actions=(
            Action(
                "先了结超时的投诉",
                Line("1 起投诉过了 24 小时还没了结。", (2,)),
                (Evidence("宝妈育儿 1 群 · 周三 20:14 · 消息 m1", words),),
            ),
        ),
    )


def a_full_sheet(long: str) -> Sheet:
    """A sheet with everything that a card can show, each as long as `long`."""
    sheet = a_sheet(topic=long, words=long)
    orders, talk = sheet.sections
    labels = ("organic", "promo", "direct", "unknown", "pending")
    bars = tuple(Bar(long[:5], 2, "2,345 行 · 20% · ¥1,234,567", label) for label in labels)
    weeks = tuple(Bar(f"{n}/1", n, f"{n}", "outside") for n in range(1, 26))
    legend = tuple(Bar(long[:14], None, "", tone) for tone in ("special", "outside", "band"))
    line, number = Line(long, (1,)), Figure("", long[:14], "+1,234.5 条", 1.0, 1, long)
    keys = ("participation", "response_rate", "lift_qa_day", "lift_sharing_day")
    money = replace(number, key="revenue_fen", text="¥123,456,789")
    sections = (
        replace(
            orders,
            brief=(line, line),
            figures=(*orders.figures, money),
            charts=(Chart("parts", long, long, bars, legend=bars, note=1),),
        ),
        replace(
            talk,
            brief=(line,),
            charts=(Chart("columns", long, long, weeks, 4, 9, legend=legend, note=2),),
        ),
        Section("people", "成员", figures=tuple(replace(number, key=key) for key in keys)),
        Section("goals", "目标", brief=(line,)),
        Section("health", "数据健康", brief=(line,)),
    )
    actions = tuple(Action(long, line) for _ in range(3))
    return replace(sheet, sections=sections, actions=actions, comment=long, gist=long, final=False)


def _orders() -> Section:
    bars = (Bar("群聊带来", 3, "3 行", "organic"), Bar("直接购买", 1, "1 行", "direct"))
    return Section(
        "orders",
        "订单与收入",
        Line("本周订单 2 行。", (1,)),
        brief=(Line("群聊带来 3 行", (1,)),),
        figures=(Figure("order_lines", "订单行", "2", 2, 1, "另有 1 行不计入"),),
        charts=(Chart("parts", "按标签", "群聊带来 3 行", bars, legend=bars, note=1),),
    )


def _talk(words: str) -> Section:
    hours = tuple(float(hour * hour % 7) for hour in range(24))
    marks = tuple(f"{hour}" if hour % 6 == 0 else "" for hour in range(24))
    return Section(
        "talk",
        "消息",
        Line("群日均 7.0 条。", (2,)),
        figures=(Figure("messages_per_room_day", "群日均消息", "7.0", 7.0, 2),),
        charts=(
            Chart(
                "columns",
                "每天",
                "周一 7、周二 —",
                (Bar("周一\n答疑", 7, "7", "special"), Bar("周二", None, "—")),
                low=4,
                high=9,
            ),
            Heat(
                "几点在聊",
                "最忙在周一 3 时",
                marks,
                (HeatRow("周一", hours), HeatRow("周二", (None,) * 24)),
                note=2,
            ),
        ),
        tables=(Table("提到的商品", ("商品", "消息"), (("米粉|高铁", "3"),), 2),),
        quotes=(Quotes("提问", (Quote(words, "小雨妈 · 周一 08:01", "阿姨:米粉"),), 2),),
        remarks=(Line("1 个群未采集。", (2,)),),
    )
