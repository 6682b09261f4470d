"""The calendar file: YAML to series and back. Every fault is found in one reading."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from bot.errors import Fault, InvalidInput
from bot.models import HolidayPolicy, SeriesKind
from content_calendar import (
    compound,
    definition,
    fields,
    holidays,
    lunar,
    nodes,
    notation,
    recurrence,
    templates,
)
from content_calendar.audience import Audience
from content_calendar.definition import Definition, Step
from content_calendar.holidays import Days
from content_calendar.nodes import Report, Value
from content_calendar.recurrence import Schedule

VERSION = 1
FILE_FIELDS = ("version", "zone", "series")
REQUIRED = ("key", "name", "kind", "starts", "ends", "recurrence", "at", "audience", "steps")
SERIES_FIELDS = (
    *("key", "name", "kind", "starts", "ends", "recurrence", "also", "at", "zone", "default_zone"),
    *("holidays", "audience", "priority", "late_by_minutes", "topic", "skip", "move", "steps"),
)
AUDIENCE_LISTS = (
    *("verticals", "tags", "accounts", "owners"),
    *("rooms", "exclude", "exclude_tags", "exclude_verticals"),
)
AUDIENCE_BOUNDS = ("members", "messages_a_day")
AUDIENCE_FIELDS = (*AUDIENCE_LISTS, *AUDIENCE_BOUNDS, "all")
STEP_FIELDS = (
    *("name", "days", "at", "text", "texts", "rooms", "rotate", "ab"),
    *("target", "image", "link", "mini_program", "mention_all"),
)
LEAST_IMPORTANT, MOST_IMPORTANT = 1, 9
LATEST_MINUTES = 7 * 24 * 60
FARTHEST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar file that is right; the warnings are worth a look."""

    zone: str | None
    series: tuple[Definition, ...]
    warnings: tuple[Fault, ...] = ()


def read(raw: bytes, file: str, zone: str, days: Days = holidays.PUBLISHED) -> Calendar:
    """A calendar file; its zone goes before `zone`, the installation's. Raises InvalidInput."""
    report, warnings = Report(file), Report(file)
    root = nodes.read(report, raw)
    if root is None:
        raise InvalidInput(*report.faults)
    return parse(report, warnings, root, zone, days)


def parse(
    report: Report, warnings: Report, root: Value, zone: str, days: Days = holidays.PUBLISHED
) -> Calendar:
    """A calendar out of values, whatever file they come from. Raises InvalidInput."""
    given = nodes.fields(report, root, "", FILE_FIELDS, required=("version", "series"))
    nodes.take(report, given, "version", fields.number(VERSION, VERSION), VERSION)
    named = nodes.take(report, given, "zone", fields.zone, None)
    # The installation's own zone needs no mention: it stands behind rooms that name none anyway.
    behind = None if named == zone else named
    found = _all_series(report, warnings, given.get("series"), behind, days)
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
        "also": sorted(schedule.also) or None,
        "zone": wanted.zone,
        "default_zone": wanted.default_zone,
        "priority": wanted.priority if wanted.priority != definition.PRIORITY else None,
        "late_by_minutes": wanted.late_by_minutes,
        "topic": notation.topic_as_json(wanted.topic),
        "skip": sorted(schedule.skip) or None,
        "move": dict(sorted(schedule.move.items())) or None,
    }
    required = {
        "key": wanted.key,
        "name": wanted.name,
        "kind": kinds[wanted.kind],
        "starts": schedule.starts,
        "ends": schedule.ends,
        "recurrence": _rule_as_mapping(schedule.rule),
        "at": wanted.at.strftime("%H:%M"),
        "holidays": schedule.holidays.value,
        "audience": notation.audience_as_json(wanted.audience),
        "steps": [_step_as_mapping(step) for step in wanted.steps],
    }
    written = required | {name: value for name, value in optional.items() if value is not None}
    return {name: written[name] for name in SERIES_FIELDS if name in written}


def _rule_as_mapping(rule: recurrence.Rule) -> dict[str, Any]:
    # Dates stay dates, so that YAML writes them without quotes.
    if isinstance(rule, recurrence.Dates):
        return {"dates": list(rule.dates)}
    return notation.rule_as_json(rule)


def _step_as_mapping(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        **({"days": step.days} if step.days else {}),
        **({} if step.at is None else {"at": step.at.strftime("%H:%M")}),
        **{name: value for name, value in _content_as_mapping(step).items() if value},
    }


def _content_as_mapping(step: Step) -> dict[str, Any]:
    return {
        "text": step.text,
        "texts": dict(step.texts),
        "rooms": dict(step.rooms),
        "rotate": list(step.rotate),
        "ab": dict(step.ab),
        "target": step.target,
        "image": step.image,
        "link": notation.card_as_json(step.link),
        "mini_program": notation.card_as_json(step.mini_program),
        "mention_all": step.mention_all,
    }


def _all_series(
    report: Report, warnings: Report, value: Value | None, behind: str | None, days: Days
) -> list[Definition]:
    if value is None or value.content is None:
        return []
    if not isinstance(value.content, tuple):
        report.add(value.line, "series", "series 要写成列表", "每个栏目以 - key: 开头")
        return []
    found: list[Definition] = []
    lines: dict[str, int] = {}
    for item in value.content:
        read_one = _series(report, warnings, item, behind, days)
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
    report: Report, warnings: Report, value: Value, behind: str | None, days: Days
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
        priority=take(
            report,
            given,
            "priority",
            fields.number(LEAST_IMPORTANT, MOST_IMPORTANT),
            definition.PRIORITY,
        ),
        topic=take(report, given, "topic", compound.topic, None),
        late_by_minutes=take(
            report, given, "late_by_minutes", fields.number(1, LATEST_MINUTES), None
        ),
    )
    if len(report.faults) == before:
        _check_years(report, given, schedule, days)
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
        also=frozenset(take(report, given, "also", fields.dates, none)),
        holidays=take(report, given, "holidays", fields.holidays, HolidayPolicy.KEEP),
        skip=frozenset(take(report, given, "skip", fields.dates, none)),
        move=take(report, given, "move", fields.moves, {}),
    )
    if schedule.ends < schedule.starts:
        report.add(given["ends"].line, "ends", "结束日期早于开始日期", "改 starts 或 ends")
    for day in sorted(schedule.skip & set(schedule.move)):
        line = given["move"].line
        report.add(line, "move", f"{day} 既在 skip 里又在 move 里", "只留一个")
    if isinstance(schedule.rule, recurrence.Lunar) and not lunar.covers(
        schedule.starts, schedule.ends
    ):
        report.add(given["ends"].line, "ends", "农历只算到 2099 年", "把 ends 写到 2099 年以前")
    for day in sorted(schedule.also):
        if not schedule.starts <= day <= schedule.ends:
            report.add(given["also"].line, "also", f"{day} 不在起止日期之间", "改 also 或 ends")
    if isinstance(schedule.rule, recurrence.Rrule):
        try:
            recurrence.check_rrule(schedule.rule.text, schedule.starts)
        except ValueError as error:
            line = given["recurrence"].line
            report.add(line, "rrule", f"不是可用的 RRULE({error})", "例如 FREQ=MONTHLY;BYDAY=2TU")
    return schedule


def _check_years(
    report: Report, given: Mapping[str, Value], schedule: Schedule, days: Days
) -> None:
    end = schedule.ends + recurrence.DAY
    for year in recurrence.unknown_years(schedule, schedule.starts, end, days)[:1]:
        remedy = (
            f"ends 写到 {year - 1}-12-31,或用 qunyun calendar day 补上 {year} 年的节假日,"
            "或 holidays 写 keep"
        )
        line = given["holidays"].line
        report.add(line, "holidays", f"{year} 年的放假安排还不知道", remedy)


def _audience(report: Report, value: Value | None) -> Audience:
    if value is None or value.content is None:
        return Audience()
    given = nodes.fields(report, value, "audience", AUDIENCE_FIELDS)
    nobody: tuple[str, ...] = ()
    lists = {name: nodes.take(report, given, name, fields.names, nobody) for name in AUDIENCE_LISTS}
    found = Audience(
        members=nodes.take(report, given, "members", compound.bounds, None),
        messages_a_day=nodes.take(report, given, "messages_a_day", compound.bounds, None),
        all=nodes.take(report, given, "all", fields.flag, False),
        **lists,
    )
    if found.all and (found.narrows or found.rooms):
        report.add(value.line, "audience", "all 不能和其他条件一起写(exclude 除外)", "只留一种")
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
    before = len(report.faults)
    given = nodes.fields(report, value, "steps", STEP_FIELDS, required=("name",))
    take = nodes.take
    no_texts: dict[str, str] = {}
    nothing: tuple[str, ...] = ()
    found = Step(
        name=take(report, given, "name", fields.step_name, ""),
        text=take(report, given, "text", fields.template, ""),
        days=take(report, given, "days", fields.number(-FARTHEST_DAYS, FARTHEST_DAYS), 0),
        at=take(report, given, "at", fields.clock, None),
        texts=take(report, given, "texts", fields.templates_by("垂类", "texts"), no_texts),
        rooms=take(report, given, "rooms", fields.templates_by("群", "rooms"), no_texts),
        rotate=take(report, given, "rotate", fields.wordings, nothing),
        ab=take(report, given, "ab", fields.arms, no_texts),
        target=take(report, given, "target", fields.target, None),
        image=take(report, given, "image", fields.image, None),
        link=take(report, given, "link", compound.link, None),
        mini_program=take(report, given, "mini_program", compound.mini_program, None),
        mention_all=take(report, given, "mention_all", fields.flag, False),
    )
    if len(report.faults) == before:
        _check_content(report, value, found)
    return found


def _check_content(report: Report, value: Value, step: Step) -> None:
    extras = step.image or step.link or step.mini_program
    if not step.text and (not extras or step.sources or step.mention_all):
        report.add(value.line, "text", "缺 text", "加上 text;只发图片、链接或小程序时也可以不写")
    if step.rotate and step.ab:
        report.add(value.line, "ab", "rotate 和 ab 不能一起写", "只留一种")
    links = any(templates.LINK in templates.uses(source) for source in step.sources)
    if links and step.target is None:
        report.add(value.line, "target", "文字里有 link,没有写它通到哪里", "加上 target: https://…")
    if step.target is not None and not links:
        remedy = "在 text 里写 {{ link }},或者删掉 target"
        report.add(value.line, "target", "target 没有用到", remedy)


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
