"""The texts of a post: sandboxed Jinja templates with a few names and nothing that can run away.

A template is checked before it is stored and rendered when a post is planned. It can show
variables, choose with `if` and use simple filters; loops, calls, arithmetic that grows and
imports are refused, so that no text can hold up the planner.

Data variables may be absent when a post is planned. So a template says beforehand what stands in
their place: each use has a default or is inside an `if` that tests it.
"""

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot import links
from bot.errors import Fault, InvalidInput

LONGEST = 2000
LONGEST_SOURCE = 10_000
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
FILTERS = ("length", "lower", "trim", "truncate", "upper")
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
# What an expression of the allowed kind can raise while it is rendered; `truncate` asserts.
_FAILURES = (
    TemplateError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
)
# What Jinja and Python raise on what is nested beyond their own limits.
_TOO_DEEP = (RecursionError, MemoryError, SyntaxError)


@dataclass(frozen=True, slots=True)
class Variables:
    """The names that a template can use. Date, weekday and time are those of the occurrence;
    `link` is the short link to the step's target.

    Those from `topic` on are data, None or blank where there is none: the topic drawn for the
    room, the product of the week, the name of the room's operator, and numbered lines of what
    members asked in this room and of what an operator picked.
    """

    room: str
    vertical: str
    name: str
    step: str
    date: str
    weekday: str
    time: str
    link: str = ""
    topic: str | None = None
    product: str | None = None
    operator: str | None = None
    questions: str | None = None
    picked: str | None = None


LINK = "link"
NAMES = tuple(Variables.__slots__)
DATA = frozenset({"topic", "product", "operator", "questions", "picked"})


def variables(
    *,
    room: str,
    vertical: str,
    name: str,
    step: str,
    date: dt.date,
    at: dt.time,
    link: str = "",
    topic: str | None = None,
    product: str | None = None,
    operator: str | None = None,
    questions: str | None = None,
    picked: str | None = None,
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
        link=link,
        topic=topic,
        product=product,
        operator=operator,
        questions=questions,
        picked=picked,
    )


SAMPLE = variables(
    room="宝妈育儿 1 群",
    vertical="宝妈育儿",
    name="问题解答日",
    step="开场",
    date=dt.date(2026, 11, 4),
    at=dt.time(20),
    link=f"https://q.example.com{links.PATH}{links.sample('')}",
    topic="秋冬护肤",
    product="婴儿保湿霜",
    operator="小李",
    questions="1. 宝宝换季皮肤干怎么办?\n2. 保湿霜一天涂几次?",
    picked="1. 宝宝几个月可以涂面霜?",
)


def check(source: str) -> None:
    """Raises InvalidInput where a template cannot be posted: see the module's docstring.

    Whichever data are absent, a sample of a post must come out neither empty nor too long.
    """
    if len(source) > LONGEST_SOURCE:
        raise _refuse(f"模板有 {len(source)} 个字", f"缩短到 {LONGEST_SOURCE} 字以内")
    try:
        tree = _ENVIRONMENT.parse(source)
        # Before anything of it is evaluated, as Jinja does with constants.
        _check_nodes(tree)
        _check_names(_names(tree))
        _check_data(tree, frozenset())
        read = _compiled(source).uses
    except TemplateSyntaxError as error:
        problem = f"模板第 {error.lineno} 行写错了({error.message})"
        raise _refuse(problem, "检查括号、引号和过滤器的名字") from error
    except _TOO_DEEP as error:
        raise _refuse("模板嵌套太深", "写得简单一些") from error
    except ValueError as error:
        # Python refuses to read numbers of thousands of digits.
        raise _refuse("模板里的数字太大", "写小一些") from error
    sample = _context(SAMPLE, read)
    for absent in _subsets(sorted(read & DATA)):
        try:
            _text(source, sample | dict.fromkeys(absent, ""))
        except InvalidInput as error:
            where = f"没有 {'、'.join(absent)} 时," if absent else ""
            raise _refuse(where + error.faults[0].problem, error.faults[0].remedy) from error


def render(source: str, values: Variables) -> str:
    """The text of one post. Raises InvalidInput where there is none that can be posted."""
    return _text(source, _context(values, uses(source)))


def uses(source: str) -> frozenset[str]:
    """The variables that a template reads: rooms that agree on them get the same text.

    A template that nobody checked and that cannot be read uses nothing.
    """
    try:
        return _compiled(source).uses
    except (TemplateSyntaxError, ValueError, *_TOO_DEEP):
        return frozenset()


def _check_nodes(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, ALLOWED):
            kind = type(node).__name__
            raise _refuse(f"模板里不能用 {kind}", "只用变量、if 和简单的过滤器")
        # With each of these it would depend on the values whether there is a text at all.
        if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice):
            raise _refuse("模板里不能用下标", "用切片,例如 {{ room[:2] }}")
        if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args or node.dyn_kwargs):
            raise _refuse("模板里不能用 * 展开", "把过滤器的参数一个一个写出来")
        if isinstance(node, nodes.CondExpr) and node.expr2 is None:
            raise _refuse("行内的 if 没有 else", '补上 else,例如 {{ "甲" if room else "乙" }}')


def _names(tree: nodes.Template) -> frozenset[str]:
    return frozenset(name.name for name in tree.find_all(nodes.Name))


def _check_names(names: frozenset[str]) -> None:
    unknown = sorted(names - set(NAMES))
    if unknown:
        near = difflib.get_close_matches(unknown[0], NAMES, n=1)
        remedy = f"是不是 {near[0]}?" if near else ""
        raise _refuse(f"没有 {unknown[0]} 这个变量", f"{remedy}可用:{'、'.join(NAMES)}")


def _check_data(node: nodes.Node, present: frozenset[str]) -> None:
    """Refuse uses of data that may be absent; `present` are those known not to be."""
    match node:
        case nodes.Name(name=name) if name in DATA - present:
            remedy = f'写成 {{{{ {name} | default("…") }}}},或者放进 {{% if {name} %}} 里'
            raise _refuse(f"{name} 可能没有值,又没有写缺省的文字", remedy)
        case nodes.Filter(node=nodes.Name()) if _has_default(node):
            for each in (*node.args, *node.kwargs):
                _check_data(each, present)
        case nodes.If():
            for test, body in (
                (node.test, node.body),
                *((branch.test, branch.body) for branch in node.elif_),
            ):
                for each in body:
                    _check_data(each, present | _known(test, True))
                present |= _known(test, False)
            for each in node.else_:
                _check_data(each, present)
        case nodes.CondExpr(test=test, expr1=chosen, expr2=other):
            _check_data(chosen, present | _known(test, True))
            if other is not None:
                _check_data(other, present | _known(test, False))
        case _:
            for each in node.iter_child_nodes():
                _check_data(each, present)


def _has_default(node: nodes.Filter) -> bool:
    given = [*node.args, *(pair.value for pair in node.kwargs if pair.key == "default_value")]
    return (
        node.name in ("d", "default")
        and bool(given)
        and isinstance(given[0], nodes.Const)
        and bool(str(given[0].value or "").strip())
    )


def _known(test: nodes.Node, outcome: bool) -> frozenset[str]:
    """Which data are certainly there where `test` comes out as `outcome`."""
    match test:
        case nodes.Name(name=name) if name in DATA and outcome:
            return frozenset({name})
        case nodes.Test(name="defined" | "undefined", node=nodes.Name() as tested):
            return _known(tested, outcome is (test.name == "defined"))
        case nodes.Not(node=denied):
            return _known(denied, not outcome)
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            both = _known(left, outcome), _known(right, outcome)
            every = isinstance(test, nodes.And) is outcome
            return both[0] | both[1] if every else both[0] & both[1]
        case _:
            return frozenset()


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def _context(values: Variables, names: frozenset[str]) -> dict[str, str]:
    """What absent data are inside: empty text, which every test and comparison can take."""
    found = {name: getattr(values, name) or "" for name in names}
    return {name: text.strip() if name in DATA else text for name, text in found.items()}


def _text(source: str, context: Mapping[str, str]) -> str:
    try:
        text = _compiled(source).template.render(context).strip()
    except (*_FAILURES, *_TOO_DEEP) as error:
        raise _refuse(f"模板生成不了文字({error})", "修改模板") from error
    if not text:
        raise _refuse("文字是空的", "写上要发的内容")
    if len(text) > LONGEST:
        raise _refuse(f"文字有 {len(text)} 个字", f"缩短到 {LONGEST} 字以内")
    return text


@dataclass(frozen=True, slots=True)
class _Compiled:
    template: Template
    uses: frozenset[str]


@lru_cache(maxsize=4096)
def _compiled(source: str) -> _Compiled:
    return _Compiled(_ENVIRONMENT.from_string(source), _names(_ENVIRONMENT.parse(source)))


def _default(value: object, default_value: object = "", boolean: bool = False) -> object:
    """Jinja's filter, for empty text too: that is what absent data are."""
    missing = isinstance(value, Undefined) or value == "" or (boolean and not value)
    return default_value if missing else value


def _is_defined(value: object) -> bool:
    return value != ""


def _is_undefined(value: object) -> bool:
    return value == ""


def _first(value: Sequence[object]) -> object:
    return value[0] if value else ""


def _last(value: Sequence[object]) -> object:
    return value[-1] if value else ""


def _replace(text: object, old: object, new: object, count: int = -1) -> str:
    """Jinja's filter with a limit: a few of them in a row would multiply beyond all memory."""
    said, before, after = str(text), str(old), str(new)
    if len(said) + (said.count(before) + 1) * len(after) > LONGEST_SOURCE:
        raise ValueError("replace 之后太长")
    return said.replace(before, after, count)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    made.filters = {name: made.filters[name] for name in FILTERS} | {
        "d": _default,
        "default": _default,
        "first": _first,
        "last": _last,
        "replace": _replace,
    }
    # Others can grow too: `divisibleby` formats a text.
    made.tests = {"defined": _is_defined, "undefined": _is_undefined}
    made.globals.clear()
    return made


def _refuse(problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(Fault("", 0, "text", problem, remedy))


_ENVIRONMENT = _environment()
