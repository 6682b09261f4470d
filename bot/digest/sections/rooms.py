"""Rooms that need attention and rooms to learn from: only those outside their own band."""

from bot.digest import phrasing
from bot.digest import view as viewing
from bot.digest.sheet import Line, Section, Table
from bot.digest.view import Standing, View
from bot.insights import statistics
from bot.models import DigestScope

MOST_ROOMS = 8
# A room of fewer members would show what single people did.
FEWEST_MEMBERS = 5


def section(view: View) -> Section | None:
    """None in a room's own digest."""
    if view.scope is DigestScope.ROOM or not view.counted:
        return None
    compared = {
        room: place
        for room in view.counted
        if view.week.members.get(room, 0) >= FEWEST_MEMBERS
        and (place := viewing.standing(view, (room,))).side is not None
    }
    title = "值得看的群"
    if not compared:
        why = "本周还没过完" if not view.week.whole else "还没有一个群有 8 周以上的基线"
        return Section("rooms", title, Line(f"{why}，暂不判断哪个群异常。"))
    below = _sorted(compared, -1)
    above = _sorted(compared, 1)
    expected = sum(statistics.chance_outside(place.weeks) for place in compared.values())
    outside = len(below) + len(above)
    lead = (
        f"{len(compared):,} 个群各与自己的早先各周相比，{outside:,} 个在区间外；"
        f"一切照旧时，碰巧也会有约 {expected:.0f} 个。"
    )
    simulated = any(place.rolled_up for place in compared.values())
    return Section(
        "rooms",
        title,
        Line(lead, (view.note("rooms"),)),
        brief=(*_brief(view, "先去看看", below), *_brief(view, "可以学学", above)),
        tables=(
            *_table(view, "先去看看（低于自身区间）", below),
            *_table(view, "可以学学（高于自身区间）", above),
        ),
        remarks=(Line("区间里含日志之前的周汇总（模拟或外部）。"),) if simulated else (),
    )


def _brief(view: View, title: str, rows: list[tuple[int, Standing]]) -> tuple[Line, ...]:
    if not rows:
        return ()
    told = "、".join(
        f"{_topic(view, room)} {phrasing.rate(place.rate)}" for room, place in rows[:3]
    )
    more = f" 等 {len(rows)} 个" if len(rows) > 3 else ""
    return (Line(f"{title}：{told}{more}", (view.note("rooms"),)),)


def _sorted(compared: dict[int, Standing], side: int) -> list[tuple[int, Standing]]:
    """Rooms on one side of their band, the farthest from it first, as a share of its edge."""
    rows = [(room, place) for room, place in compared.items() if place.side == side]
    return sorted(rows, key=lambda row: (-_distance(row[1]), row[0]))


def _distance(place: Standing) -> float:
    if place.band is None or place.rate is None:
        return 0
    edge = place.band.low if place.rate < place.band.low else place.band.high
    return abs(place.rate - edge) / max(edge, 1)


def _table(view: View, title: str, rows: list[tuple[int, Standing]]) -> tuple[Table, ...]:
    if not rows:
        return ()
    cells = tuple(
        (_topic(view, room), phrasing.rate(place.rate), _band(place), _open(view, room))
        for room, place in rows[:MOST_ROOMS]
    )
    more = f"，共 {len(rows)} 个" if len(rows) > MOST_ROOMS else ""
    return (
        Table(
            f"{title}{more}", ("群", "群日均", "自身区间", "未回应提问"), cells, view.note("rooms")
        ),
    )


def _topic(view: View, room: int) -> str:
    return view.week.rooms[room].topic or view.week.rooms[room].platform_id


def _band(place: Standing) -> str:
    if place.band is None:
        return phrasing.UNKNOWN
    return f"{phrasing.rate(place.band.low)}–{phrasing.rate(place.band.high)}"


def _open(view: View, room: int) -> str:
    asked = view.week.questions.get(room, ())
    return str(sum(not question.answers for question in asked))
