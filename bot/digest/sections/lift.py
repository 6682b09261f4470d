"""What Q&A and sharing days add."""

from collections.abc import Iterator

from bot.digest import phrasing
from bot.digest.sheet import Figure, Line, Section
from bot.digest.view import View
from bot.insights import lift as lifting
from bot.insights.lift import Lift
from bot.models import DigestScope, SeriesKind

NAMES = {SeriesKind.QA_DAY: "问题解答日", SeriesKind.SHARING_DAY: "用户分享日"}


def section(view: View) -> Section | None:
    """The lift of each kind of day, or why it cannot be told; None without such days."""
    own = view.scope is DigestScope.ROOM
    figures = tuple(_of_room(view) if own else _of_many(view))
    if not figures:
        return None
    alone = {figure.key for figure in figures if figure.amount is None}
    return Section(
        "lift",
        "活动日带来多少",
        brief=tuple(Line(_short(figure), (figure.note,)) for figure in figures),
        figures=figures,
        remarks=tuple(_remark(name) for kind, name in NAMES.items() if f"lift_{kind}" in alone),
    )


def _of_many(view: View) -> Iterator[Figure]:
    daily = view.findings.daily
    for kind in NAMES:
        held = dict(view.week.held.get(kind, {}))
        of = [room for room in view.counted if room in daily]
        if not daily:
            continue
        found = lifting.lift(daily, held, of, view.rng(kind), view.findings.others[kind])
        if found is not None:
            yield _figure(view, kind, found)


def _figure(view: View, kind: SeriesKind, found: Lift) -> Figure:
    base = "" if found.ordinary is None else f"，平日 {phrasing.rate(found.ordinary)} 条"
    remark = f"{found.rooms:,} 群 {found.occasions:,} 次{base}"
    text = "无对照" if found.added is None else f"{phrasing.signed(found.added)} 条"
    if found.interval is not None:
        low, high = found.interval.low, found.interval.high
        meaning = "" if low > 0 or high < 0 else "，含 0，不能说有作用"
        span = f"{phrasing.signed(low)} 到 {phrasing.signed(high)}"
        remark = f"95% 区间 {span}{meaning}；{remark}"
    elif found.added is not None:
        remark = f"群太少，不给区间；{remark}"
    label = f"{NAMES[kind]}，每群每次多出"
    return Figure(f"lift_{kind}", label, text, found.added, view.note("lift"), remark)


def _of_room(view: View) -> Iterator[Figure]:
    """One room is too little for an interval: its own number, and how little it says."""
    (room,) = view.rooms
    daily = view.findings.daily.get(room)
    if daily is None or not view.counted:
        return
    for kind, name in NAMES.items():
        held = view.week.held.get(kind, {}).get(room, lifting.NO_DAYS)
        other = view.findings.others[kind].get(room, lifting.NO_DAYS)
        if not held:
            continue
        added = view.findings.effects.get(kind, {}).get(room)
        ordinary = [said for day, said in daily.items() if day not in held | other]
        base = f"，平日 {phrasing.rate(sum(ordinary) / len(ordinary))} 条" if ordinary else ""
        remark = f"{len(held)} 次{base}"
        if added is not None:
            remark = f"只有一个群，偶然成分大；{remark}；区间见全体周报"
        text = "无对照" if added is None else f"{phrasing.signed(added)} 条"
        label = f"{name}，本群每次多出"
        yield Figure(f"lift_{kind}", label, text, added, view.note("lift"), remark)


def _short(figure: Figure) -> str:
    return f"{figure.label} {figure.text}（{figure.remark.split('；')[0]}）"


def _remark(name: str) -> Line:
    return Line(
        f"{name}：每次都是所有群同一天办，没有可比的群。"
        "错开日期或抽签决定哪些群先办，下个月就能知道它带来多少。"
    )
