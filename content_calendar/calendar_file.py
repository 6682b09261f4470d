"""The calendar file: YAML to series and back. Every fault is found in one reading."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bot.errors import Fault, InvalidInput
from bot.models import HolidayPolicy, SeriesKind
from content_calendar import definition, fields, nodes, recurrence
from content_calendar.audience import Audience
from content_calendar.definition import Definition, Step
from content_calendar.nodes import Report, Value
from content_calendar.recurrence import Schedule

VERSION = 1
FILE_FIELDS = ("version", "zone", "series")
REQUIRED = ("key", "name", "kind", "starts", "ends", "recurrence", "at", "audience", "steps")
SERIES_FIELDS = (
    *("key", "name", "kind", "starts", "ends", "recurrence", "at", "zone", "default_zone"),
    *("holidays", "audience", "late_by_minutes", "skip", "move", "steps"),
)
AUDIENCE_LISTS = ("verticals", "tags", "rooms", "exclude")
AUDIENCE_FIELDS = (*AUDIENCE_LISTS, "all")
STEP_FIELDS = ("name", "days", "at", "text", "texts")
LATEST_MINUTES = 7 * 24 * 60
FARTHEST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar file that is right; the warnings are worth a look."""

    zone: str | None
    series: tuple[Definition, ...]
    warnings: tuple[Fault, ...] = ()


def read(raw: bytes, file: str, zone: str) -> Calendar:
    """A calendar file; its zone goes before `zone`, the installation's. Raises InvalidInput."""
    report, warnings = Report(file), Report(file)
    root = nodes.read(report, raw)
    if root is None:
        raise InvalidInput(*report.faults)
    given = nodes.fields(report, root, "", FILE_FIELDS, required=("version", "series"))
    nodes.take(report, given, "version", fields.number(VERSION, VERSION), VERSION)
    named = nodes.take(report, given, "zone", fields.zone, None)
    # The installation's own zone needs no mention: it stands behind rooms that name none anyway.
    behind = None if named == zone else named
    found = _all_series(report, warnings, given.get("series"), behind)
    if report.faults:
        raise InvalidInput(*sorted(report.faults, key=lambda fault: fault.line))
    return Calendar(named, tuple(found), tuple(warnings.faults))


def render(series: Sequence[Definition], zone: str | None) -> str:
    """A calendar file; `read` gives back the same series."""
    head = {"version": VERSION} | ({} if zone is None else {"zone": zone})
    document = head | {"series": [as_mapping(each) for each in series]}
    return yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)


def as_mapping(wanted: Definition) -> dict[str, Any]:
    """A series as the file writes it; optional fields only where they say something."""
    schedule = wanted.schedule
    kinds = {kind: name for name, kind in definition.KINDS.items()}
    optional = {
        "late_by_minutes": wanted.late_by_minutes,
        "skip": sorted(schedule.skip) or None,
        "move": dict(sorted(schedule.move.items())) or None,
    }
    return {
        "key": wanted.key,
        "name": wanted.name,
        "kind": kinds[wanted.kind],
        "starts": schedule.starts,
        "ends": schedule.ends,
        "recurrence": _rule_as_mapping(schedule.rule),
        "at": wanted.at.strftime("%H:%M"),
        **{
            name: zone
            for name, zone in (("zone", wanted.zone), ("default_zone", wanted.default_zone))
            if zone is not None
        },
        "holidays": wanted.holidays.value,
        "audience": definition.audience_as_json(wanted.audience),
        **{name: value for name, value in optional.items() if value is not None},
        "steps": [_step_as_mapping(step) for step in wanted.steps],
    }


def _rule_as_mapping(rule: recurrence.Rule) -> dict[str, Any]:
    # Dates stay dates, so that YAML writes them without quotes.
    if isinstance(rule, recurrence.Dates):
        return {"dates": list(rule.dates)}
    return definition.rule_as_json(rule)


def _step_as_mapping(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        **({"days": step.days} if step.days else {}),
        **({} if step.at is None else {"at": step.at.strftime("%H:%M")}),
        "text": step.text,
        **({"texts": dict(step.texts)} if step.texts else {}),
    }


def _all_series(
    report: Report, warnings: Report, value: Value | None, behind: str | None
) -> list[Definition]:
    if value is None or value.content is None:
        return []
    if not isinstance(value.content, tuple):
        report.add(value.line, "series", "series 要写成列表", "每个栏目以 - key: 开头")
        return []
    found: list[Definition] = []
    lines: dict[str, int] = {}
    for item in value.content:
        read_one = _series(report, warnings, item, behind)
        key = item.content.get("key") if isinstance(item.content, dict) else None
        if key is not None and isinstance(key.content, str):
            if key.content in lines:
                problem = f"栏目 {key.content} 写了两次(第 {lines[key.content]} 行已有)"
                report.add(key.line, "key", problem, "换一个 key")
            lines.setdefault(key.content, key.line)
        if read_one is not None:
            found.append(read_one)
    return found


def _series(
    report: Report, warnings: Report, value: Value, behind: str | None
) -> Definition | None:
    before = len(report.faults)
    given = nodes.fields(report, value, "series", SERIES_FIELDS, REQUIRED)
    take = nodes.take
    schedule = _schedule(report, given)
    wanted = Definition(
        key=take(report, given, "key", fields.name, ""),
        name=take(report, given, "name", fields.text, ""),
        kind=take(report, given, "kind", fields.kind, SeriesKind.CUSTOM),
        schedule=schedule,
        at=take(report, given, "at", fields.clock, dt.time()),
        audience=_audience(report, given.get("audience")),
        steps=_steps(report, given.get("steps")),
        zone=take(report, given, "zone", fields.zone, None),
        default_zone=take(report, given, "default_zone", fields.zone, None) or behind,
        holidays=take(report, given, "holidays", fields.holidays, HolidayPolicy.KEEP),
        late_by_minutes=take(
            report, given, "late_by_minutes", fields.number(1, LATEST_MINUTES), None
        ),
    )
    if len(report.faults) > before:
        return None
    _warn(warnings, given, schedule)
    return wanted


def _schedule(report: Report, given: Mapping[str, Value]) -> Schedule:
    take = nodes.take
    nowhere: recurrence.Rule = recurrence.Dates(())
    none: tuple[dt.date, ...] = ()
    schedule = Schedule(
        rule=take(report, given, "recurrence", fields.rule, nowhere),
        starts=take(report, given, "starts", fields.date, fields.FIRST_DAY),
        ends=take(report, given, "ends", fields.date, fields.LAST_DAY),
        skip=frozenset(take(report, given, "skip", fields.dates, none)),
        move=take(report, given, "move", fields.moves, {}),
    )
    if schedule.ends < schedule.starts:
        report.add(given["ends"].line, "ends", "结束日期早于开始日期", "改 starts 或 ends")
    for day in sorted(schedule.skip & set(schedule.move)):
        line = given["move"].line
        report.add(line, "move", f"{day} 既在 skip 里又在 move 里", "只留一个")
    if isinstance(schedule.rule, recurrence.Rrule):
        try:
            recurrence.check_rrule(schedule.rule.text, schedule.starts)
        except ValueError as error:
            line = given["recurrence"].line
            report.add(line, "rrule", f"不是可用的 RRULE({error})", "例如 FREQ=MONTHLY;BYDAY=2TU")
    return schedule


def _audience(report: Report, value: Value | None) -> Audience:
    if value is None or value.content is None:
        return Audience()
    given = nodes.fields(report, value, "audience", AUDIENCE_FIELDS)
    nobody: tuple[str, ...] = ()
    lists = {name: nodes.take(report, given, name, fields.names, nobody) for name in AUDIENCE_LISTS}
    found = Audience(**lists, all=nodes.take(report, given, "all", fields.flag, False))
    if found.all and (found.verticals or found.tags or found.rooms):
        report.add(value.line, "audience", "all 不能和 verticals、tags、rooms 一起写", "只留一种")
    return found


def _steps(report: Report, value: Value | None) -> tuple[Step, ...]:
    if value is None or value.content is None:
        return ()
    if not isinstance(value.content, tuple) or not value.content:
        report.add(value.line, "steps", "steps 要写成列表,至少一步", "每一步以 - name: 开头")
        return ()
    found: dict[str, Step] = {}
    for item in value.content:
        step = _step(report, item)
        if step.name and step.name in found:
            report.add(item.line, "name", f"这个栏目已有 {step.name} 这一步", "换一个名字")
        found[step.name] = step
    return tuple(found.values())


def _step(report: Report, value: Value) -> Step:
    given = nodes.fields(report, value, "steps", STEP_FIELDS, required=("name", "text"))
    no_time: dt.time | None = None
    no_texts: dict[str, str] = {}
    return Step(
        name=nodes.take(report, given, "name", fields.name, ""),
        text=nodes.take(report, given, "text", fields.template, ""),
        days=nodes.take(report, given, "days", fields.number(-FARTHEST_DAYS, FARTHEST_DAYS), 0),
        at=nodes.take(report, given, "at", fields.clock, no_time),
        texts=nodes.take(report, given, "texts", fields.by_vertical, no_texts),
    )


def _warn(warnings: Report, given: Mapping[str, Value], schedule: Schedule) -> None:
    """Note what is right but probably not meant."""
    if (
        next(recurrence.dates(schedule, schedule.starts, schedule.ends + recurrence.DAY), None)
        is None
    ):
        line = given["recurrence"].line
        warnings.add(line, "recurrence", "起止日期之间一期也没有", "检查 starts、ends 和规则")
    for name, days in (("skip", schedule.skip), ("move", schedule.move)):
        for day in sorted(days):
            if not recurrence.happens(schedule, day):
                warnings.add(given[name].line, name, f"{day} 本来就没有排期", "检查日期")


class _Dumper(yaml.SafeDumper):
    """YAML as operators like to read it: texts of several lines stand as they are."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out, even what is said twice."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Only where nothing but letters and line ends is to be kept, quoting is not needed.
    plain = "\n" in text and text == text.strip() and text.replace("\n", "").isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if plain else None)


_Dumper.add_representer(str, _represent_text)
