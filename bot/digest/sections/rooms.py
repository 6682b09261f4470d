"""Rooms that need attention and rooms to learn from: only those whose change is more than noise."""

from collections.abc import Mapping

from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.sheet import Line, Section, Table
from bot.digest.view import Standing, View
from bot.insights import figures, significance, topics
from bot.insights.significance import Change
from bot.models import DigestScope

MOST_ROOMS, MOST_BRIEF = 8, 3
# In widths of a Chinese character.
LONGEST_NAME = 15


def section(view: View) -> Section | None:
    """None in a room's own digest."""
    if view.scope is DigestScope.ROOM or not view.counted:
        return None
    title = "值得看的群"
    compared = _compared(view)
    if not compared:
        why = "本周还没过完" if not view.week.whole else "还没有一个群有 8 周以上的基线"
        told = f"{why}，暂不判断哪个群异常。"
        return Section("rooms", title, Line(told, (view.note("rooms"),)))
    below, above = called(view)
    outside = sum(change.side != 0 for change in compared.values())
    lead = (
        f"{len(compared):,} 个群各与自己的早先各周相比，{outside:,} 个在 95% 区间外"
        f"（一切照旧也会有约 {significance.LEVEL * len(compared):.0f} 个）；"
        f"一起比较后仍算变化的 {len(below) + len(above):,} 个。"
    )
    return Section(
        "rooms",
        title,
        Line(lead, (view.note("rooms"),)),
        brief=(*_brief(view, "先去看看", below), *_brief(view, "可以学学", above)),
        tables=(
            *_table(view, "先去看看（低于往常）", below),
            *_table(view, "可以学学（高于往常）", above),
        ),
        remarks=_remarks(view, compared),
    )


def called(view: View) -> tuple[list[tuple[int, Change]], list[tuple[int, Change]]]:
    """Rooms below and above their own band whose change holds among all compared (Benjamini and
    Hochberg), the least likely to be chance first.
    """
    compared = _compared(view)
    sure = significance.called(compared)
    rows = sorted(
        ((room, change) for room, change in compared.items() if room in sure),
        key=lambda row: (row[1].p, row[0]),
    )
    return [row for row in rows if row[1].side < 0], [row for row in rows if row[1].side > 0]


def _compared(view: View) -> dict[int, Change]:
    found = {}
    for room in view.counted:
        row = view.week.weekly.get(room)
        # A smaller room would show what single people did.
        if row is not None and row.members >= topics.FEWEST_MEMBERS:
            change = standing(view, room).change
            if change is not None:
                found[room] = change
    return found


def standing(view: View, room: int) -> Standing:
    """Where one room stands."""
    return viewing.standing(view.week, (room,))


def unanswered(view: View, room: int) -> int:
    """How many questions of a room nobody had answered by the digest's midnight."""
    row = view.week.weekly.get(room)
    if row is None:
        return 0
    return figures.together([row]).waiting(view.week.answered_until).unanswered


def members(view: View, room: int) -> int:
    """How many members a room has, as far as they are known."""
    row = view.week.weekly.get(room)
    return row.members if row else 0


def topic(view: View, room: int) -> str:
    """What people call a room."""
    return phrasing.name(view.week.rooms[room].topic) or view.week.rooms[room].platform_id


def named(view: View, room: int) -> str:
    """The same in a sentence: its first characters, where it is long."""
    return phrasing.cut(topic(view, room), LONGEST_NAME)


def key(room: int) -> str:
    """What a row or an action about a room leads to."""
    return f"room:{room}"


def _brief(view: View, title: str, rows: list[tuple[int, Change]]) -> tuple[Line, ...]:
    if not rows:
        return ()
    told = "、".join(
        f"{named(view, room)}（{phrasing.rate(change.now)}，往常 {phrasing.rate(change.usual)}）"
        for room, change in rows[:MOST_BRIEF]
    )
    more = f" 等 {len(rows):,} 个" if len(rows) > MOST_BRIEF else ""
    return (Line(f"{title}：{told}{more}", (view.note("rooms"),)),)


def _table(view: View, title: str, rows: list[tuple[int, Change]]) -> tuple[Table, ...]:
    if not rows:
        return ()
    cells = tuple(
        (
            *(topic(view, room), phrasing.rate(change.now), phrasing.rate(change.usual)),
            f"{phrasing.rate(change.band.low)}–{phrasing.rate(change.band.high)}",
            _open(view, room),
        )
        for room, change in rows[:MOST_ROOMS]
    )
    more = f"，共 {len(rows):,} 个" if len(rows) > MOST_ROOMS else ""
    columns = ("群", "群日均", "往常", "95% 区间", "未回应提问")
    keys = tuple(key(room) for room, _ in rows[:MOST_ROOMS])
    return (Table(f"{title}{more}", columns, cells, view.note("rooms"), keys),)


def _open(view: View, room: int) -> str:
    return f"{unanswered(view, room):,}"


def _remarks(view: View, compared: Mapping[int, Change]) -> tuple[Line, ...]:
    simulated = any(view.week.elsewhere.get(room) for room in compared)
    return (Line("区间里含日志之前的周汇总（模拟或外部）。"),) if simulated else ()
