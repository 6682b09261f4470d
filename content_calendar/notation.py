"""How the calendar file and the database write rules, audiences, topics and cards, and back."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bot.gateway import Link, MiniProgram
from content_calendar import recurrence
from content_calendar.audience import Audience, Bounds
from content_calendar.recurrence import Schedule

LAST_DAY_OF_MONTH = "last"
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


class Draw(StrEnum):
    """How a room comes to its topic: by a seeded draw, or by turns."""

    RANDOM = "random"
    ROTATE = "rotate"


@dataclass(frozen=True, slots=True)
class Topic:
    """What a week's occurrences are about: one of `pool`, or the product of one of `products`
    (skus); one of the two is empty.
    """

    draw: Draw
    pool: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


def rule_as_json(rule: recurrence.Rule) -> dict[str, Any]:  # noqa: PLR0911  # one a kind
    """A recurrence as the calendar file writes it."""
    match rule:
        case recurrence.Weekly(days):
            return {"weekly": [WEEKDAYS[day] for day in days]}
        case recurrence.Monthly(day):
            return {"monthly": LAST_DAY_OF_MONTH if day is None else day}
        case recurrence.EveryDays(days):
            return {"every_days": days}
        case recurrence.Dates(dates):
            return {"dates": [day.isoformat() for day in dates]}
        case recurrence.Rrule(text):
            return {"rrule": text}
        case recurrence.Lunar(lunar_days):
            written = [f"{month:02}-{_day_as_text(day)}" for month, day in lunar_days]
            return {"lunar": written[0] if len(written) == 1 else written}
        case recurrence.Festivals(names):
            return {"festival": list(names)}


def _day_as_text(day: int | None) -> str:
    return LAST_DAY_OF_MONTH if day is None else f"{day:02}"


def rule_from_json(raw: Mapping[str, Any]) -> recurrence.Rule:  # noqa: PLR0911  # one a kind
    """The recurrence that was written so."""
    ((kind, value),) = raw.items()
    match kind:
        case "weekly":
            return recurrence.Weekly(tuple(WEEKDAYS.index(day) for day in value))
        case "monthly":
            return recurrence.Monthly(None if value == LAST_DAY_OF_MONTH else int(value))
        case "every_days":
            return recurrence.EveryDays(int(value))
        case "dates":
            return recurrence.Dates(tuple(map(dt.date.fromisoformat, value)))
        case "lunar":
            return recurrence.Lunar(
                tuple(map(lunar_day, [value] if isinstance(value, str) else value))
            )
        case "festival":
            return recurrence.Festivals(tuple(value))
        case _:
            return recurrence.Rrule(str(value))


def lunar_day(text: str) -> tuple[int, int | None]:
    """`08-15` as (8, 15), `12-last` as (12, None)."""
    month, _, day = text.partition("-")
    return int(month), None if day == LAST_DAY_OF_MONTH else int(day)


def audience_as_json(audience: Audience) -> dict[str, Any]:
    """An audience as the calendar file writes it; what is empty is left out."""
    raw = {name: getattr(audience, name) for name in Audience.__slots__}
    return {name: _criterion_as_json(value) for name, value in raw.items() if value}


def _criterion_as_json(value: object) -> object:
    if isinstance(value, Bounds):
        bounds = {"min": value.least, "max": value.most}
        return {name: bound for name, bound in bounds.items() if bound is not None}
    return list(value) if isinstance(value, tuple) else value


def audience_from_json(raw: Mapping[str, Any]) -> Audience:
    """The audience that was written so."""
    return Audience(**{name: _criterion_from_json(value) for name, value in raw.items()})


def _criterion_from_json(value: Any) -> Any:  # a list, bounds or a flag, as the file writes it
    if isinstance(value, dict):
        return Bounds(value.get("min"), value.get("max"))
    return tuple(value) if isinstance(value, list) else value


def topic_as_json(topic: Topic | None) -> dict[str, Any] | None:
    """A topic as the calendar file writes it."""
    if topic is None:
        return None
    pools = {"pool": list(topic.pool), "products": list(topic.products)}
    return {"draw": topic.draw.value} | {name: pool for name, pool in pools.items() if pool}


def topic_from_json(raw: Mapping[str, Any] | None) -> Topic | None:
    """The topic that was written so."""
    if raw is None:
        return None
    return Topic(Draw(raw["draw"]), tuple(raw.get("pool", ())), tuple(raw.get("products", ())))


def card_as_json(card: Link | MiniProgram | None) -> dict[str, str] | None:
    """A link or a mini program as the calendar file writes it; what is empty is left out."""
    if card is None:
        return None
    return {name: value for name, value in asdict(card).items() if value}


def days_as_json(schedule: Schedule) -> dict[str, Any]:
    """The columns `also`, `skip` and `move` of a schedule."""
    return {
        "also": [day.isoformat() for day in sorted(schedule.also)],
        "skip": [day.isoformat() for day in sorted(schedule.skip)],
        "move": {
            day.isoformat(): moved.isoformat() for day, moved in sorted(schedule.move.items())
        },
    }
