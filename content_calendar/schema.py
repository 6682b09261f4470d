"""The JSON Schema of the calendar file, made from what the reader accepts (docs/ publishes it)."""

from typing import Any

from bot import links
from content_calendar import calendar_file, compound, festivals, fields, templates

_LINE = {"type": "string", "minLength": 1, "maxLength": 200}
_NAME = {"type": "string", "pattern": "^[^\\s:\uff1a]{1,64}$"}
_STEP_NAME = {"type": "string", "pattern": "^[^\\s:\uff1a+]{1,64}$"}
_LUNAR_DAY = {"type": "string", "pattern": "^\\d{1,2}-(\\d{1,2}|last)$"}
_DATE = {"type": "string", "format": "date"}
_DATES = {"type": "array", "items": _DATE}
_CLOCK = {"type": "string", "pattern": "^([01]?\\d|2[0-3])[:\uff1a][0-5]\\d$"}
_ZONE = {"type": "string", "description": "IANA 时区,例如 Asia/Shanghai"}
_LINES = {"type": "array", "items": _LINE}
_TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": templates.LONGEST_SOURCE,
    "description": f"模板,可用变量:{'、'.join(templates.NAMES)};发出时最多 {templates.LONGEST} 字",
}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}


def schema() -> dict[str, Any]:
    """The schema as `docs/calendar.schema.json` holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "群运内容日历",
        **_object(
            calendar_file.FILE_FIELDS,
            ("version", "series"),
            {
                "version": {"const": calendar_file.VERSION},
                "zone": _ZONE,
                "series": {"type": "array", "items": _series()},
            },
        ),
    }


def _series() -> dict[str, Any]:
    latest = calendar_file.LATEST_MINUTES
    return _object(
        calendar_file.SERIES_FIELDS,
        calendar_file.REQUIRED,
        {
            "key": _NAME,
            "name": _LINE,
            "kind": {"enum": list(fields.KINDS)},
            "starts": _DATE,
            "ends": _DATE,
            "recurrence": _recurrence(),
            "at": _CLOCK,
            "zone": _ZONE,
            "default_zone": _ZONE,
            "also": _DATES,
            "holidays": {"enum": list(fields.HOLIDAYS)},
            "audience": _audience(),
            "priority": {
                "type": "integer",
                "minimum": calendar_file.LEAST_IMPORTANT,
                "maximum": calendar_file.MOST_IMPORTANT,
            },
            "topic": _topic(),
            "late_by_minutes": {"type": "integer", "minimum": 1, "maximum": latest},
            "skip": _DATES,
            "move": {"type": "object", "propertyNames": _DATE, "additionalProperties": _DATE},
            "steps": {"type": "array", "minItems": 1, "items": _step()},
        },
    )


def _audience() -> dict[str, Any]:
    bound = {"type": "integer", "minimum": 0}
    bounds = _object(compound.BOUNDS_FIELDS, (), dict.fromkeys(compound.BOUNDS_FIELDS, bound))
    criteria: dict[str, Any] = dict.fromkeys(calendar_file.AUDIENCE_LISTS, _LINES)
    criteria |= dict.fromkeys(calendar_file.AUDIENCE_BOUNDS, bounds) | {"all": {"type": "boolean"}}
    return _object(calendar_file.AUDIENCE_FIELDS, (), criteria)


def _topic() -> dict[str, Any]:
    draws = {"enum": list(compound.DRAWS)}
    return _object(
        compound.TOPIC_FIELDS, ("draw",), {"draw": draws, "pool": _LINES, "products": _LINES}
    )


def _recurrence() -> dict[str, Any]:
    days = {"enum": list(fields.weekdays())}
    festival = {"enum": list(festivals.FESTIVALS)}
    rules = {
        "weekly": {"type": "array", "items": days},
        "monthly": {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}]},
        "every_days": {"type": "integer", "minimum": 1, "maximum": 3660},
        "dates": _DATES,
        "rrule": _LINE,
        "lunar": {"oneOf": [_LUNAR_DAY, {"type": "array", "items": _LUNAR_DAY}]},
        "festival": {"oneOf": [festival, {"type": "array", "items": festival}]},
    }
    return _object(fields.RULES, (), rules) | {"minProperties": 1, "maxProperties": 1}


def _step() -> dict[str, Any]:
    far = calendar_file.FARTHEST_DAYS
    return _object(
        calendar_file.STEP_FIELDS,
        ("name",),
        {
            "name": _STEP_NAME,
            "days": {"type": "integer", "minimum": -far, "maximum": far},
            "at": _CLOCK,
            "text": _TEXT,
            "texts": _TEXTS,
            "rooms": _TEXTS,
            "rotate": {"type": "array", "items": _TEXT},
            "ab": _TEXTS,
            "target": {
                "type": "string",
                "pattern": "^https?://[!-~]+$",
                "maxLength": links.LONGEST,
            },
            "image": {"type": "string", "pattern": "\\.(png|jpe?g|gif)$"},
            "link": _object(compound.LINK_FIELDS, ("title", "url"), _lines(compound.LINK_FIELDS)),
            "mini_program": _object(
                compound.MINI_PROGRAM_FIELDS,
                ("app", "title"),
                _lines(compound.MINI_PROGRAM_FIELDS),
            ),
            "mention_all": {"type": "boolean"},
        },
    )


def _lines(names: tuple[str, ...]) -> dict[str, Any]:
    return dict.fromkeys(names, _LINE)


def _object(
    names: tuple[str, ...], required: tuple[str, ...], properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {name: properties[name] for name in names},
    }
