"""The texts of a post: sandboxed Jinja templates with a few names and nothing that can run away.

A template is checked before it is stored and rendered when a post is planned. It can show
variables, choose with `if` and use simple filters; loops, calls, arithmetic that grows and
imports are refused, so that no text can hold up the planner.
"""

import datetime as dt
import difflib
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.errors import Fault, InvalidInput

LONGEST = 2000
LONGEST_SOURCE = 10_000
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
FILTERS = (
    "d",
    "default",
    "first",
    "last",
    "length",
    "lower",
    "replace",
    "trim",
    "truncate",
    "upper",
)
ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
    nodes.Filter,
    nodes.Concat,
    nodes.Keyword,
    nodes.Tuple,
    nodes.List,
    nodes.Getitem,
    nodes.Slice,
    nodes.Neg,
)
# What an expression of the allowed kind can raise while it is rendered.
_FAILURES = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Variables:
    """The names that a template can use. Date, weekday and time are those of the occurrence."""

    room: str
    vertical: str
    name: str
    step: str
    date: str
    weekday: str
    time: str


NAMES = tuple(Variables.__slots__)


def variables(
    *, room: str, vertical: str, name: str, step: str, date: dt.date, at: dt.time
) -> Variables:
    """The variables of one post, written as members read them."""
    return Variables(
        room=room,
        vertical=vertical,
        name=name,
        step=step,
        date=f"{date.month}月{date.day}日",
        weekday=WEEKDAYS[date.weekday()],
        time=at.strftime("%H:%M"),
    )


SAMPLE = variables(
    room="宝妈育儿 1 群",
    vertical="宝妈育儿",
    name="问题解答日",
    step="开场",
    date=dt.date(2026, 11, 4),
    at=dt.time(20),
)


def check(source: str) -> None:
    """Raises InvalidInput where a template cannot be posted: see the module's docstring."""
    if len(source) > LONGEST_SOURCE:
        raise _refuse(f"模板有 {len(source)} 个字", f"缩短到 {LONGEST_SOURCE} 字以内")
    try:
        tree = _ENVIRONMENT.parse(source)
        # Before anything of it is evaluated, as Jinja does with constants.
        _check_nodes(tree)
        unknown = sorted(meta.find_undeclared_variables(tree) - set(NAMES))
    except TemplateSyntaxError as error:
        problem = f"模板第 {error.lineno} 行写错了({error.message})"
        raise _refuse(problem, "检查括号、引号和过滤器的名字") from error
    except RecursionError as error:
        raise _refuse("模板嵌套太深", "写得简单一些") from error
    if unknown:
        near = difflib.get_close_matches(unknown[0], NAMES, n=1)
        remedy = f"是不是 {near[0]}?" if near else ""
        raise _refuse(f"没有 {unknown[0]} 这个变量", f"{remedy}可用:{'、'.join(NAMES)}")
    render(source, SAMPLE)


def render(source: str, values: Variables) -> str:
    """The text of one post. Raises InvalidInput where there is none that can be posted."""
    try:
        text = _compiled(source).render({name: getattr(values, name) for name in NAMES}).strip()
    except _FAILURES as error:
        raise _refuse(f"模板生成不了文字({error})", "修改模板") from error
    if not text:
        raise _refuse("文字是空的", "写上要发的内容")
    if len(text) > LONGEST:
        raise _refuse(f"文字有 {len(text)} 个字", f"缩短到 {LONGEST} 字以内")
    return text


def _check_nodes(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, ALLOWED):
            kind = type(node).__name__
            raise _refuse(f"模板里不能用 {kind}", "只用变量、if 和简单的过滤器")


@lru_cache(maxsize=4096)
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.globals.clear()
    return made


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("", 0, "text", problem, remedy))


_ENVIRONMENT = _environment()
