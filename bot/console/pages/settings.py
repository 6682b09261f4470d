"""设置: what the installation decides and where that is written; words and days to edit."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from fastapi.responses import Response
from sqlalchemy import select

from bot import database
from bot.console import paging
from bot.console.page import Page, Reader, Writer
from bot.console.roles import ADMIN, VIEWER
from bot.console.routes import Route
from bot.models import DayKind, ForbiddenWord, SpecialDay
from content_calendar import contact, editing, holidays, words

WORD, DAY = database.tables(ForbiddenWord, SpecialDay)
KINDS = {DayKind.HOLIDAY: "放假", DayKind.WORKDAY: "上班", DayKind.BLACKOUT: "停发"}
LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
# (setting, title, what it means), in groups.
GROUPS = (
    (
        "时间",
        (
            ("timezone", "时区", "没有写时区的群按它的钟点发，页面上的时间也按它"),
            ("quiet_hours", "静默时段", "各群当地的这段时间不发，到点的顺延；答复成员的照发"),
        ),
    ),
    (
        "节奏",
        (
            ("random_gap_seconds", "两条之间随机停", "同一个账号，秒"),
            ("room_gap_seconds", "换群再停", "秒"),
            ("posts_per_minute", "每个账号每分钟最多", "条"),
            ("posts_per_day", "每个账号每天最多", "条"),
            ("warmup_days", "新账号养号", "天；期间每天能发的从少到多"),
            ("send_timeout_seconds", "等回执", "秒；过了就记为未确认，不会自己重发"),
        ),
    ),
    (
        "打扰",
        (
            ("posts_per_room_day", "每个群每天最多", "条；超出的不排"),
            ("room_post_gap_minutes", "同一个群两条之间至少", "分钟"),
            ("promo_share", "促销最多占", "每周排出的内容里，0 到 1；空着就是不限"),
            ("four_eyes_rooms", "超过多少个群要两个人", "最后改的人不能自己批准"),
        ),
    ),
    (
        "系统",
        (
            ("gateways", "通道", "只显示个数：地址里有密钥"),
            ("alert_rooms", "告警发到", "群的编号"),
            ("webhook_origins", "事件可以推送到", "允许的来源"),
            ("console_upload_mb", "上传最大", "MB"),
            ("home", "数据目录", "图片、密钥和默认的数据库在这里"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it stands; `given` tells that somebody chose it."""

    title: str
    value: str
    meaning: str
    variable: str
    given: bool


def show(page: Reader, search: str = "", number: int = 1, year: int = 0) -> Response:
    """Settings, the words that no post may contain, the days that differ from what is published."""
    query = select(WORD.c.word)
    sought = search.strip().replace("\0", "")
    if sought:
        query = query.where(WORD.c.word.like(f"%{sought.translate(LIKE)}%", escape="\\"))
    listing = paging.cut(
        page.session, query, (WORD.c.word,), number, "/settings", {"search": sought}
    )
    today = page.now.astimezone(page.settings.zone).date()
    wanted = year if today.year - 10 <= year <= today.year + 10 else today.year
    first, last = dt.date(wanted, 1, 1), dt.date(wanted, 12, 31)
    days = page.session.connection().execute(
        select(DAY).where(DAY.c.day >= first, DAY.c.day <= last).order_by(DAY.c.day)
    )
    known = holidays.load(page.session)
    return page.render(
        "settings.html", groups=_groups(page), listing=listing, search=sought, year=wanted,
        days=days.all(), kinds=KINDS, known=known.knows(wanted), today=today,
        unknown=[each for each in (today.year, today.year + 1) if not known.knows(each)],
    )  # fmt: skip


def add_words(page: Writer, fresh: Annotated[str, Form(max_length=20_000)] = "") -> Response:
    """Forbid words, one a line."""
    wanted = [line.strip() for line in fresh.splitlines() if line.strip()]
    added = words.add(page.session, wanted)
    if added:
        page.note("words.add", "words", None, {"words": wanted[:100], "added": added})
    return page.to("/settings#words", page.tr("加了 {n} 个违禁词，马上生效", n=added))


def remove_word(page: Writer, word: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Allow a word again."""
    removed = words.remove(page.session, [word])
    if removed:
        page.note("words.remove", "words", {"words": [word]})
    return page.to("/settings#words", page.tr("去掉了 {n} 个违禁词", n=removed))


def say_day(
    page: Writer,
    day: Annotated[dt.date, Form()],
    kind: Annotated[DayKind, Form()],
    note: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Say what a day is."""
    rules = contact.rules(page.settings)
    changed = editing.say_day(page.session, day, kind, note.strip(), page.by, page.now, rules)
    if not changed:
        return page.to("/settings#days", page.tr("没有改动"), kind="warning")
    said = page.tr("{day} {kind}，排期已照它重算", day=day, kind=page.tr(KINDS[kind]))
    return page.to("/settings#days", said, undo=f"/settings/days/{day}/forget")


def forget_day(page: Writer, day: dt.date) -> Response:
    """Leave a day to what is published."""
    rules = contact.rules(page.settings)
    if not editing.forget_day(page.session, day, page.by, page.now, rules):
        return page.to("/settings#days", page.tr("没有改动"), kind="warning")
    return page.to("/settings#days", page.tr("{day} 照公布的安排", day=day))


def _groups(page: Page) -> list[tuple[str, list[Setting]]]:
    return [
        (
            page.tr(title),
            [
                Setting(
                    page.tr(name), _value(page, field), page.tr(meaning),
                    f"QUNYUN_{field.upper()}", _chosen(page, field),
                )
                for field, name, meaning in rows
            ],
        )
        for title, rows in GROUPS
    ]  # fmt: skip


def _chosen(page: Page, field: str) -> bool:
    """Whether a setting is other than what the program would take by itself."""
    standing = type(page.settings).model_fields[field].default
    return bool(getattr(page.settings, field) != standing)


def _value(page: Page, field: str) -> str:
    value = getattr(page.settings, field)
    if field == "quiet_hours":
        return page.tr("没有") if value is None else f"{value.since:%H:%M}–{value.until:%H:%M}"
    if field == "gateways":
        return str(len(value))
    if field == "random_gap_seconds":
        return "–".join(f"{each:g}" for each in value)
    if isinstance(value, tuple):
        return page.tr("、").join(value) or page.tr("没有")
    if value is None:
        return page.tr("不限")
    return f"{value:g}" if isinstance(value, float) else str(value)


ROUTES = (
    Route("GET", "/settings", show, VIEWER),
    Route("POST", "/settings/words", add_words, ADMIN),
    Route("POST", "/settings/words/remove", remove_word, ADMIN),
    Route("POST", "/settings/days", say_day, ADMIN),
    Route("POST", "/settings/days/{day}/forget", forget_day, ADMIN),
)
