"""Messages a room-day, in the band of the rooms' own earlier weeks, and when people talk."""

import datetime as dt

from bot.charts.chart import Bar, Chart, Heat, HeatRow
from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import Mean, Standing, View
from bot.insights import statistics, topics
from bot.models import DigestScope, SeriesKind

SPECIAL = {SeriesKind.QA_DAY: "答疑", SeriesKind.SHARING_DAY: "分享"}
ORIGINS = {"simulated": "模拟"}
# The hours whose labels fit under a heat map.
MARKED_HOURS = range(0, 24, 6)
FEWEST_FOR_HOURS = 50


def section(view: View) -> Section:
    """How much was said, and whether that is more than this room's or fleet's usual noise."""
    title = "消息"
    if not view.counted:
        return Section("talk", title, Line(unknown(view)))
    place = viewing.standing(view.week, view.counted)
    notes = (view.note("messages"), view.note("band"))
    compared = verdict(view, place)
    return Section(
        "talk",
        title,
        Line(f"群日均 {phrasing.rate(place.rate)} 条，{compared}。", notes),
        brief=(Line(compared, notes),),
        figures=(*_rates(view, place), *_before(view, place)),
        charts=(_week_chart(view), *_history_chart(view, place), *_hours(view)),
        remarks=_remarks(view, place),
    )


def verdict(view: View, place: Standing) -> str:
    """Where the week stands, in words that hold."""
    if not view.week.whole:
        return "本周还没过完，不与整周相比"
    if place.change is None:
        if not place.weeks:
            return "这是第一周，还没有更早的周可比"
        return f"早先只有 {place.weeks} 周，不足 {statistics.FEWEST_WEEKS} 周，不判断高低"
    band = place.change.band
    span = f"{phrasing.rate(band.low)}–{phrasing.rate(band.high)}"
    words = {1: "高于往常", -1: "低于往常", 0: "和往常差不多"}
    return f"{words[place.change.side]}（95% 区间 {span}，{place.weeks} 周{_outside(place)}）"


def unknown(view: View) -> str:
    """Why nothing can be said of the messages of this scope."""
    if view.small:
        return "这里的成员不足 5 人，数字只在各群自己的周报里。"
    if not view.rooms:
        return "还没有登记任何群：接入通道，或用 qunyun rooms import 登记。"
    if set(view.rooms) <= view.week.unread:
        return "未采集：通道读不到这里的全部消息，所以没有数字，不等于没有人说话。"
    return "还没有收到过任何消息，所以没有数字；请用 qunyun doctor 看通道是否在听。"


def _rates(view: View, place: Standing) -> tuple[Figure, ...]:
    sums = view.figures
    effective = sums.effective_messages / sums.room_days if sums.room_days else None
    per_member = sums.per_member_day
    return (
        Figure(
            "messages_per_room_day",
            "群日均消息",
            phrasing.rate(place.rate),
            place.rate,
            view.note("messages"),
            f"共 {sums.messages:,} 条 / {sums.room_days:,} 群日",
        ),
        Figure(
            "effective_per_room_day",
            "其中有效",
            phrasing.rate(effective),
            effective,
            view.note("effective"),
        ),
        Figure(
            "messages_per_speaker_day",
            "每位发言者每天",
            phrasing.rate(sums.per_speaker_day),
            sums.per_speaker_day,
            view.note("active_day"),
        ),
        Figure(
            "messages_per_member_day",
            "每位成员每天",
            phrasing.UNKNOWN if per_member is None else f"{per_member:.2f}",
            per_member,
            view.note("member_day"),
        ),
    )


def _outside(place: Standing) -> str:
    if not place.rolled_up:
        return ""
    return f"，其中 {place.rolled_up} 周来自{_origin(place.origins)}"


def _origin(origins: frozenset[str]) -> str:
    return "、".join(sorted({f"{ORIGINS.get(origin, f'外部（{origin}）')}" for origin in origins}))


def _before(view: View, place: Standing) -> list[Figure]:
    """The mean of the whole weeks before each room's first special day, against this week."""
    messages = days = 0
    origins: set[str] = set()
    for room in view.counted:
        first = view.week.first_held.get(room)
        if first is None:
            continue
        for monday, mean in viewing.earlier_weeks(view.week, [room]).items():
            if monday + dt.timedelta(days=7) <= first:
                messages, days = messages + mean.messages, days + mean.room_days
                origins |= mean.origins
    before = Mean(messages, days, frozenset(origins)).rate
    if before is None or place.rate is None:
        return []
    text = f"{phrasing.rate(before)} → {phrasing.rate(place.rate)}"
    mark = "前后对比，不等于因果"
    if origins:
        mark += f"；开办前是{_origin(frozenset(origins))}数据"
    return [
        Figure(
            "before_per_room_day", "开办活动日前 → 本周", text, before, view.note("before"), mark
        )
    ]


def _week_chart(view: View) -> Chart:
    bars = []
    for day, rate in viewing.daily_rates(view):
        marks = [SPECIAL[kind] for kind in viewing.special_days(view, day)]
        label = phrasing.WEEKDAYS[day.weekday()]
        tone = "special" if marks else "now"
        bars.append(Bar("\n".join((label, *marks)), rate, _bar(rate), tone))
    legend = [Bar("有群办活动日", None, "", "special")] if _any_special(bars) else []
    return Chart(
        "columns",
        "每群每天的消息",
        "、".join(f"{bar.label.splitlines()[0]} {bar.text}" for bar in bars),
        tuple(bars),
        # No band here: it is that of whole weeks, and single days scatter more.
        legend=tuple(legend),
        note=view.note("messages"),
    )


def _any_special(bars: list[Bar]) -> bool:
    return any(bar.tone == "special" for bar in bars)


def _band(place: Standing) -> tuple[float | None, float | None]:
    return (None, None) if place.change is None else (place.change.band.low, place.change.band.high)


def _band_legend(place: Standing) -> list[Bar]:
    return [] if place.change is None else [Bar("早先各周日均的波动区间", None, "", "band")]


def _history_chart(view: View, place: Standing) -> tuple[Chart, ...]:
    earlier = viewing.earlier_weeks(view.week, view.counted)
    if len(earlier) < 2:
        return ()
    bars = [
        Bar(
            f"{monday.month}/{monday.day}",
            mean.rate,
            _bar(mean.rate),
            "outside" if mean.origins else "",
        )
        for monday, mean in earlier.items()
    ]
    now = view.week.monday
    bars.append(Bar(f"{now.month}/{now.day}", place.rate, _bar(place.rate), "now"))
    legend = [Bar("本周", None, "", "now"), Bar("日志里的周", None, "", "")]
    if place.rolled_up:
        legend.append(Bar(f"{_origin(place.origins)}的周汇总", None, "", "outside"))
    return (
        Chart(
            "columns",
            f"群日均消息，近 {len(bars)} 周",
            f"从 {bars[0].label} 的 {bars[0].text} 到本周的 {bars[-1].text}",
            tuple(bars),
            *_band(place),
            legend=(*legend, *_band_legend(place)),
            note=view.note("band"),
        ),
    )


def _hours(view: View) -> tuple[Heat, ...]:
    """Weekday × hour; none where so little was said that it would show single people."""
    hours = view.figures.hours
    alone = view.scope is not DigestScope.ROOM and view.figures.speakers < topics.FEWEST_MEMBERS
    if sum(hours) < FEWEST_FOR_HOURS or alone:
        return ()
    busiest = max(range(len(hours)), key=hours.__getitem__)
    weekday, hour = divmod(busiest, 24)
    return (
        Heat(
            "几点在聊",
            f"最热闹的是{phrasing.WEEKDAYS[weekday]} {hour} 时，{hours[busiest]:,} 条",
            tuple(f"{hour} 时" if hour in MARKED_HOURS else "" for hour in range(24)),
            tuple(
                HeatRow(name, tuple(hours[24 * day : 24 * day + 24]))
                if day < len(view.days)
                else HeatRow(name, (None,) * 24)
                for day, name in enumerate(phrasing.WEEKDAYS)
            ),
            note=view.note("hours"),
        ),
    )


def _bar(rate: float | None) -> str:
    return "0" if rate == 0 else phrasing.rate(rate)


def _remarks(view: View, place: Standing) -> tuple[Line, ...]:
    remarks = []
    if place.rolled_up:
        origin = _origin(place.origins)
        told = f"区间里有 {place.rolled_up} 周是{origin}的周汇总，日志查不到原消息。"
        remarks.append(Line(told, (view.note("band"),)))
    missing = len(view.rooms) - len(view.counted)
    if missing:
        told = f"{missing} 个群未采集或从未收到消息，没有算进任何平均。"
        remarks.append(Line(told, (view.note("messages"),)))
    return tuple(remarks)
