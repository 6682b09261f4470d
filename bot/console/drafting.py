"""A series between the form and the calendar file: what the form cannot say stays as it was.

A series is a mapping as the calendar file writes it, in plain values. The form is laid over the
mapping that stands, so that fields without a control survive; the file's own reader checks it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from bot.console import typed
from bot.errors import Fault, InvalidInput
from content_calendar import audits, calendar_file, definition, notation
from content_calendar.definition import Definition
from content_calendar.holidays import Days
from content_calendar.nodes import Report, Value

NEXT_ARM = "B"
FIRST_STEP = "开场"
BETWEEN = "\n---\n"
RULES = ("weekly", "monthly", "every_days", "dates", "lunar", "festival", "rrule")
LISTS = ("verticals", "tags", "exclude_tags")

# The cards of a step: the part of each that a field of the form holds.
_CARDS = {
    "link": {"url": "step_link", "title": "step_link_title", "description": "step_link_text"},
    "mini_program": {"app": "step_app", "title": "step_app_title", "path": "step_app_path"},
}

Mapped = dict[str, Any]  # a series as YAML holds it


class Form(BaseModel):
    """What the form of a series sends; lists that begin with `step_` go by the place of a step."""

    version: int = 0
    base: str = ""
    do: str = ""
    room: str = ""
    key: str = ""
    name: str = ""
    kind: str = ""
    starts: str = ""
    ends: str = ""
    at: str = ""
    zone: str = ""
    holidays: str = ""
    priority: str = ""
    late_by_minutes: str = ""
    rule: str = "weekly"
    weekly: list[str] = []
    monthly: str = ""
    every_days: str = ""
    dates: str = ""
    lunar: str = ""
    festival: list[str] = []
    rrule: str = ""
    everyone: bool = False
    verticals: list[str] = []
    tags: list[str] = []
    exclude_tags: list[str] = []
    rooms: str = ""
    exclude: str = ""
    topic_draw: str = ""
    topic_pool: str = ""
    topic_products: str = ""
    step_was: list[str] = []
    step_name: list[str] = []
    step_days: list[str] = []
    step_at: list[str] = []
    step_text: list[str] = []
    step_rotate: list[str] = []
    step_b: list[str] = []
    step_target: list[str] = []
    step_image: list[str] = []
    step_link: list[str] = []
    step_link_title: list[str] = []
    step_link_text: list[str] = []
    step_app: list[str] = []
    step_app_title: list[str] = []
    step_app_path: list[str] = []
    step_mention: list[str] = []


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mapping is: a definition, or as much of it as can be read, and what is wrong."""

    whole: Definition | None
    partly: Definition | None
    faults: tuple[Fault, ...]


def mapping(wanted: Definition) -> Mapped:
    """A series as plain values."""
    found: Mapped = audits.plain(calendar_file.as_mapping(wanted))
    return found


def fresh(today: dt.date) -> Mapped:
    """What a new series begins with."""
    return {
        "key": "",
        "name": "",
        "kind": next(iter(definition.KINDS)),
        "starts": today.isoformat(),
        "ends": (today + dt.timedelta(days=90)).isoformat(),
        "recurrence": {"weekly": [notation.WEEKDAYS[2]]},
        "at": "20:00",
        "holidays": "keep",
        "audience": {},
        "steps": [{"name": FIRST_STEP, "text": ""}],
    }


def over(base: Mapped, form: Form) -> Mapped:
    """The form laid over what stands."""
    found = dict(base)
    for name in ("name", "kind", "starts", "ends", "at", "holidays"):
        found[name] = getattr(form, name).strip()
    found["key"] = base.get("key") or form.key.strip()
    for name in ("zone", "priority", "late_by_minutes"):
        _put(found, name, getattr(form, name).strip())
    if form.rule in RULES:
        found["recurrence"] = {form.rule: _rule(form)}
    found["audience"] = _audience(base.get("audience") or {}, form)
    _put(found, "topic", _topic(form))
    before = {step.get("name"): step for step in base.get("steps", ())}
    found["steps"] = [
        _step(before.get(_at(form.step_was, place), {}), form, place)
        for place in range(len(form.step_name))
    ]
    return found


def rearranged(wanted: Mapped, do: str) -> Mapped:
    """The steps after one of the buttons `add-step`, `drop-step:N`, `lift-step:N`."""
    steps = list(wanted["steps"])
    action, _, number = do.partition(":")
    place = int(number) if number.isdecimal() else -1
    if action == "add-step":
        steps.append({"name": f"{len(steps) + 1}", "text": ""})
    elif action == "drop-step" and 0 <= place < len(steps) and len(steps) > 1:
        del steps[place]
    elif action == "lift-step" and 0 < place < len(steps):
        steps.insert(place - 1, steps.pop(place))
    return wanted | {"steps": steps}


def check(wanted: Mapped, zone: str, days: Days) -> Checked:
    """Read a mapping as a calendar file; where the steps are wrong, the days are read alone."""
    whole, faults = _read(wanted, zone, days)
    if whole is not None:
        return Checked(whole, whole, ())
    partly, _ = _read(wanted | {"steps": [{"name": "-", "text": "-"}]}, zone, days)
    return Checked(None, partly and replace(partly, steps=()), faults)


def needed(wanted: Mapped, zone: str, days: Days) -> Definition:
    """The definition of a mapping. Raises InvalidInput."""
    checked = check(wanted, zone, days)
    if checked.whole is None:
        raise InvalidInput(*checked.faults)
    return checked.whole


def merged(mine: Mapped, base: Mapped, theirs: Mapped) -> Mapped:
    """Theirs, with what I changed: field by field, and among the steps step by step."""
    found = dict(theirs)
    for name in {*mine, *base}:
        if not _alike(mine.get(name), base.get(name)):
            _put(found, name, mine.get(name))
    if not _alike(mine.get("steps"), base.get("steps")):
        found["steps"] = _merged_steps(*(_by_name(each) for each in (mine, base, theirs)))
    return found


def _alike(one: object, other: object) -> bool:
    """Whether the reader of files takes both for the same: a form sends numbers as text."""
    return _read_as(one) == _read_as(other)


def _read_as(raw: object) -> object:
    if isinstance(raw, Mapping):
        return {name: _read_as(each) for name, each in raw.items()}
    if isinstance(raw, list | tuple):
        each = [_read_as(one) for one in raw]
        return each[0] if len(each) == 1 and isinstance(each[0], str) else each
    return raw if raw is None or isinstance(raw, bool) else str(raw)


def _merged_steps(mine: Mapped, base: Mapped, theirs: Mapped) -> list[Mapped]:
    found = {}
    for name, step in mine.items():
        if not _alike(step, base.get(name)):
            found[name] = step
        elif name in theirs:
            found[name] = theirs[name]
    for name, step in theirs.items():
        if name not in base and name not in found:
            found[name] = step
    return list(found.values())


def _by_name(wanted: Mapped) -> Mapped:
    return {step.get("name", ""): step for step in wanted.get("steps", ())}


def _read(wanted: Mapped, zone: str, days: Days) -> tuple[Definition | None, tuple[Fault, ...]]:
    report, warnings = Report(""), Report("")
    steps = tuple(
        _value(step, place) for place, step in enumerate(wanted.get("steps", ()), start=1)
    )
    series = _value(wanted)
    if isinstance(series.content, dict):
        series.content["steps"] = Value(0, steps)
    root = Value(0, {"version": Value(0, "1"), "series": Value(0, (series,))})
    try:
        return calendar_file.parse(report, warnings, root, zone, days).series[0], ()
    except InvalidInput as error:
        return None, tuple(error.faults)


def _value(raw: object, line: int = 0) -> Value:
    """Plain values as the reader of files knows them; `line` is the number of the step."""
    if raw is None:
        return Value(line, None, line)
    if isinstance(raw, Mapping):
        return Value(line, {str(name): _value(each, line) for name, each in raw.items()}, line)
    if isinstance(raw, list | tuple):
        return Value(line, tuple(_value(each, line) for each in raw), line)
    text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    return Value(line, text or None, line)


def _rule(form: Form) -> object:
    match form.rule:
        case "weekly":
            return form.weekly
        case "festival":
            return form.festival
        case "dates":
            return form.dates.split()
        case "lunar":
            return form.lunar.split()
        case _:
            return str(getattr(form, form.rule)).strip()


def _audience(base: Mapped, form: Form) -> Mapped:
    given: Mapped = {name: getattr(form, name) for name in LISTS}
    given |= {"rooms": form.rooms.split(), "exclude": form.exclude.split(), "all": form.everyone}
    if form.everyone:
        given |= {"verticals": [], "tags": [], "rooms": []}
    return {name: value for name, value in (base | given).items() if value}


def _topic(form: Form) -> Mapped | None:
    if not form.topic_draw:
        return None
    pools = {"pool": _lines(form.topic_pool), "products": _lines(form.topic_products)}
    return {"draw": form.topic_draw} | {name: found for name, found in pools.items() if found}


def _step(base: Mapped, form: Form, place: int) -> Mapped:
    found = dict(base)
    found["name"] = _at(form.step_name, place).strip()
    days, at = _at(form.step_days, place).strip(), _at(form.step_at, place).strip()
    _put(found, "days", "" if days == "0" else int(days) if days.lstrip("+-").isdecimal() else days)
    _put(found, "at", at)
    # Browsers send line ends of their own.
    _put(found, "text", typed.unix(_at(form.step_text, place)))
    _put(found, "rotate", _split(typed.unix(_at(form.step_rotate, place))))
    arms = {name: text for name, text in found.get("ab", {}).items() if name != NEXT_ARM}
    second = typed.unix(_at(form.step_b, place))
    _put(found, "ab", ({NEXT_ARM: second} if second.strip() else {}) | arms)
    _put(found, "target", _at(form.step_target, place).strip())
    _put(found, "image", _at(form.step_image, place).strip())
    _put(found, "mention_all", _at(form.step_mention, place) == "yes")
    # What the form does not show of a card (its picture) stays with it.
    for name, parts in _CARDS.items():
        card = dict(found.get(name) or {})
        for part, field in parts.items():
            _put(card, part, _at(getattr(form, field), place).strip())
        _put(found, name, card if any(part in card for part in parts) else None)
    return found


def _put(found: Mapped, name: str, value: object) -> None:
    if value in ("", None, False, [], {}):
        found.pop(name, None)
    else:
        found[name] = value


def _at(values: list[str], place: int) -> str:
    return values[place] if place < len(values) else ""


def _split(text: str) -> list[str]:
    return [part.strip("\n") for part in text.split(BETWEEN) if part.strip()]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
