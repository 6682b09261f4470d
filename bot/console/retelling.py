"""A series field by field in words, so that two versions of it can be laid side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.console import wording
from bot.translation import Translate
from content_calendar import notation

FIELDS = {
    "name": "名字",
    "kind": "类型",
    "starts": "从",
    "ends": "到",
    "recurrence": "怎样重复",
    "also": "另加的日期",
    "skip": "跳过的日期",
    "move": "改期",
    "at": "几点",
    "zone": "时区",
    "holidays": "遇到节假日",
    "priority": "重要性",
    "late_by_minutes": "最多晚几分钟",
}
AUDIENCE = {
    "all": "全部群",
    "verticals": "垂类",
    "tags": "标签",
    "accounts": "账号",
    "owners": "负责人",
    "members": "人数",
    "messages_a_day": "日均消息",
    "rooms": "另加的群",
    "exclude": "不发的群",
    "exclude_tags": "不含这些标签",
    "exclude_verticals": "不含这些垂类",
}
TOPIC = {"draw": "话题怎样分给群", "pool": "话题", "products": "话题商品"}
STEP = {
    "days": "相差几天",
    "at": "几点",
    "text": "内容",
    "texts": "各垂类的内容",
    "rooms": "各群的内容",
    "rotate": "轮换的说法",
    "ab": "对照的说法",
    "target": "短链接通到",
    "image": "图片",
    "link": "链接",
    "mini_program": "小程序",
    "mention_all": "@所有人",
}
HOLIDAYS = {"keep": "照常", "skip": "跳过", "next_workday": "顺延到工作日"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same; an empty text where it is not there at all."""

    title: str
    before: str
    after: str


def differences(
    tr: Translate, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[Difference]:
    """What differs between two versions, in the order of the form; all there is without one."""
    was, now = dict(_told(tr, before or {})), dict(_told(tr, after))
    titles = [*now, *(title for title in was if title not in now)]
    return [
        Difference(title, was.get(title, ""), now.get(title, ""))
        for title in titles
        if was.get(title, "") != now.get(title, "")
    ]


def told(tr: Translate, series: Mapping[str, Any]) -> dict[str, str]:
    """Every field of a version by its title."""
    return dict(_told(tr, series))


def _told(tr: Translate, series: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, title in FIELDS.items():
        if series.get(name) not in (None, "", [], {}):
            yield tr(title), _field(tr, name, series[name])
    for name, title in AUDIENCE.items():
        if value := (series.get("audience") or {}).get(name):
            yield tr("发给谁：{what}", what=tr(title)), _text(tr, value)
    for name, title in TOPIC.items():
        if value := (series.get("topic") or {}).get(name):
            yield tr(title), _text(tr, value)
    for place, step in enumerate(series.get("steps") or (), start=1):
        named = tr("第 {n} 步", n=place) + f" {step.get('name', '')}"
        yield named, tr("有")
        for name, title in STEP.items():
            if value := step.get(name):
                yield f"{named}：{tr(title)}", _text(tr, value)


def _field(tr: Translate, name: str, value: Any) -> str:
    if name == "holidays":
        return tr(HOLIDAYS.get(str(value), str(value)))
    if name == "kind":
        return tr(str(value))
    if name == "recurrence" and isinstance(value, Mapping) and "dates" not in value:
        try:
            return wording.rule(tr, notation.rule_from_json(value))
        except (KeyError, TypeError, ValueError):
            # Written by an older program, or still being written: as it stands.
            return _text(tr, value)
    return _text(tr, value)


def _text(tr: Translate, value: Any) -> str:
    if isinstance(value, bool):
        return tr("是") if value else tr("否")
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_text(tr, each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        parts = [_text(tr, each) for each in value]
        return ("\n" if any(len(each) > 20 for each in parts) else tr("、")).join(parts)
    return str(value)
