"""Fields of a calendar file that have fields of their own: cards, topics, bounds.

Like `fields`: every function raises InvalidInput, and `nodes.take` adds the place.
"""

from typing import TypeVar

from bot.errors import InvalidInput
from bot.gateway import Link, MiniProgram
from content_calendar import fields, nodes
from content_calendar.audience import Bounds
from content_calendar.nodes import Report, Value
from content_calendar.notation import Draw, Topic

LINK_FIELDS = ("title", "url", "description", "image")
MINI_PROGRAM_FIELDS = ("app", "title", "path", "image")
TOPIC_FIELDS = ("draw", "pool", "products")
BOUNDS_FIELDS = ("min", "max")
DRAWS = {"random": Draw.RANDOM, "随机": Draw.RANDOM, "rotate": Draw.ROTATE, "轮换": Draw.ROTATE}

T = TypeVar("T")


def link(value: Value) -> Link:
    """A link card."""
    report = Report("")
    given = nodes.fields(report, value, "link", LINK_FIELDS, ("title", "url"))
    found = Link(
        title=nodes.take(report, given, "title", fields.text, ""),
        url=nodes.take(report, given, "url", fields.url, ""),
        description=nodes.take(report, given, "description", fields.text, ""),
        image=nodes.take(report, given, "image", fields.url, ""),
    )
    return _unless(report, found)


def mini_program(value: Value) -> MiniProgram:
    """A mini program card."""
    report = Report("")
    given = nodes.fields(report, value, "mini_program", MINI_PROGRAM_FIELDS, ("app", "title"))
    found = MiniProgram(
        app=nodes.take(report, given, "app", fields.text, ""),
        title=nodes.take(report, given, "title", fields.text, ""),
        path=nodes.take(report, given, "path", fields.text, ""),
        image=nodes.take(report, given, "image", fields.url, ""),
    )
    return _unless(report, found)


def topic(value: Value) -> Topic:
    """A pool of topics or of products, and how a room comes to one."""
    report = Report("")
    given = nodes.fields(report, value, "topic", TOPIC_FIELDS, ("draw",))
    nobody: tuple[str, ...] = ()
    found = Topic(
        draw=nodes.take(report, given, "draw", _draw, Draw.RANDOM),
        pool=nodes.take(report, given, "pool", fields.names, nobody),
        products=nodes.take(report, given, "products", fields.names, nobody),
    )
    if not report.faults and bool(found.pool) == bool(found.products):
        report.add(value.line, "topic", "pool 和 products 要写一个,也只写一个", "写话题或商品编码")
    return _unless(report, found)


def bounds(value: Value) -> Bounds:
    """A smallest and a largest fields.number, one of them at least."""
    report = Report("")
    given = nodes.fields(report, value, "", BOUNDS_FIELDS)
    nothing: int | None = None
    found = Bounds(
        nodes.take(report, given, "min", fields.number(0, 1_000_000), nothing),
        nodes.take(report, given, "max", fields.number(0, 1_000_000), nothing),
    )
    least, most = found.least or 0, found.most
    if not report.faults and (not given or (most is not None and most < least)):
        report.add(value.line, "", "最小值和最大值不对", "例如 {min: 20, max: 500}")
    return _unless(report, found)


def _unless(report: Report, found: T) -> T:
    if report.faults:
        raise InvalidInput(*report.faults)
    return found


def _draw(value: Value) -> Draw:
    return fields.one_of(fields.scalar(value), DRAWS, "抽取方式")
