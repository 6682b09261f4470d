"""A YAML file as plain values that know their physical line, before anything is believed."""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import yaml

from bot.errors import Fault, InvalidInput

DEEPEST = 12
# A calendar of thousands of series has far fewer; aliases could make a small file endless.
MOST_VALUES = 1_000_000

T = TypeVar("T")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Value:
    """One value: None, its text as written, a list, or fields by name.

    Numbers, dates and clocks stay text, so that `20:00` is never read as a number in base 60.
    """

    line: int
    content: "str | tuple[Value, ...] | dict[str, Value] | None"
    key_line: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The faults of one file, gathered until the whole file has been read."""

    file: str
    faults: list[Fault] = field(default_factory=list)

    def add(self, line: int, column: str, problem: str, remedy: str) -> None:
        """Note one fault."""
        self.faults.append(Fault(self.file, line, column, problem, remedy))


def wrong(problem: str, remedy: str, line: int = 0, column: str = "") -> InvalidInput:
    """What a parser of one value raises; `take` adds the place."""
    return InvalidInput(Fault("", line, column, problem, remedy))


def read(report: Report, raw: bytes) -> Value | None:
    """The file's one document; None where it is no YAML."""
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        report.add(line, "", "文件不是 UTF-8 编码", "用 UTF-8 编码另存")
        return None
    try:
        root = yaml.compose(source, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        report.add(line, "", f"不是 YAML({error.problem})", "检查这一行的缩进、冒号和引号")
        return None
    except yaml.YAMLError as error:
        report.add(0, "", f"不是 YAML({str(error).splitlines()[0]})", "去掉不可见字符")
        return None
    if root is None:
        return Value(1, None)
    if _size(root, {}) > MOST_VALUES:
        report.add(1, "", "文件里的引用(&、*)展开后太大", "不要用 YAML 的引用,直接写出来")
        return None
    return _value(report, root, 0)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node holds with its aliases written out; each node is counted once."""
    if id(node) not in known:
        # An alias of a node inside itself ends here, and is refused for its depth.
        known[id(node)] = 1
        if isinstance(node, yaml.SequenceNode):
            inside = list(node.value)
        elif isinstance(node, yaml.MappingNode):
            inside = [each for pair in node.value for each in pair]
        else:
            inside = []
        known[id(node)] = 1 + sum(_size(each, known) for each in inside)
    return known[id(node)]


def _value(report: Report, node: yaml.Node, depth: int, key_line: int = 0) -> Value:
    line = node.start_mark.line + 1
    if depth > DEEPEST:
        report.add(line, "", "嵌套太深", "照 docs/calendar.md 的例子写")
        return Value(line, None, key_line)
    if isinstance(node, yaml.ScalarNode):
        empty = node.tag == "tag:yaml.org,2002:null"
        return Value(line, None if empty else str(node.value), key_line)
    if isinstance(node, yaml.SequenceNode):
        return Value(line, tuple(_value(report, item, depth + 1) for item in node.value), key_line)
    fields: dict[str, Value] = {}
    for key, item in node.value:
        at = key.start_mark.line + 1
        name = key.value
        if not isinstance(name, str):
            report.add(at, "", "字段名不是文字", "写一个字段名")
        elif name in fields:
            first = fields[name].key_line
            report.add(at, name, f"{name} 写了两次(第 {first} 行已有)", "只留一个")
        else:
            fields[name] = _value(report, item, depth + 1, at)
    return Value(line, fields, key_line)


def fields(
    report: Report,
    value: Value,
    column: str,
    allowed: Collection[str],
    required: Collection[str] = (),
) -> Mapping[str, Value]:
    """The fields of a mapping; notes unknown and missing ones. Empty where it is no mapping."""
    if not isinstance(value.content, dict):
        report.add(value.line, column, "这里要写字段", f"可用的字段:{'、'.join(allowed)}")
        return {}
    for name, item in value.content.items():
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
            remedy = f"是不是 {near[0]}?" if near else f"可用的字段:{'、'.join(allowed)}"
            report.add(item.key_line, name, f"没有 {name} 这个字段", remedy)
    for name in required:
        item_or_none = value.content.get(name)
        if item_or_none is None or item_or_none.content is None:
            line = item_or_none.key_line if item_or_none is not None else value.line
            report.add(line, name, f"缺 {name}", f"加上 {name}")
    return value.content


def take(
    report: Report,
    given: Mapping[str, Value],
    name: str,
    parse: Callable[[Value], T],
    default: T,
) -> T:
    """One field, parsed; its default where it is absent, null or wrong (which is noted)."""
    value = given.get(name)
    if value is None or value.content is None:
        return default
    try:
        return parse(value)
    except InvalidInput as error:
        report.faults.extend(
            replace(
                fault, file=report.file, line=fault.line or value.line, column=fault.column or name
            )
            for fault in error.faults
        )
        return default
