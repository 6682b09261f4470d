"""What stands against approving a series, each with its remedy."""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlmodel import Session

from bot.errors import Fault, InvalidInput
from content_calendar import facts, holidays, recurrence, templates, words
from content_calendar.contact import Rules
from content_calendar.definition import Definition, Step, Stored
from content_calendar.dry_run import DryRun
from content_calendar.holidays import Days
from content_calendar.words import Words

LARGEST_IMAGE = 3_000_000
FILE = "calendar"


def faults(
    session: Session, series: Stored, run: DryRun, by: str, rules: Rules, *, both_eyes: bool
) -> list[Fault]:
    """Everything that stands against it. With `both_eyes` one name counts as two people."""
    wanted = series.definition
    found = [
        *_texts(wanted, words.load(session)),
        *_pictures(wanted, rules.attachments),
        *_products(session, wanted),
        *unknown_years(wanted, holidays.load(session)),
        *_lateness(wanted, run, rules),
    ]
    # A room that cannot be reached today may be tomorrow.
    reached = run.rooms + sum(1 for each in run.excluded if each.step is None)
    if not both_eyes and reached > rules.four_eyes_rooms and by == series.changed_by:
        problem = f"{wanted.key} 发给 {reached:,} 个群,{by} 改过它,不能自己批准"
        found.append(Fault(FILE, 0, "approve", problem, "请另一个人批准"))
    return found


def unknown_years(wanted: Definition, days: Days) -> Iterator[Fault]:
    """The years in which nobody knows yet whether an occurrence falls on a holiday."""
    schedule = wanted.schedule
    for year in recurrence.unknown_years(
        schedule, schedule.starts, schedule.ends + recurrence.DAY, days
    ):
        problem = f"{wanted.key}: {year} 年的放假安排还不知道"
        remedy = (
            f"把 ends 写到 {year - 1}-12-31,或者用 qunyun calendar day 补上 {year} 年的节假日,"
            "或者 holidays 写 keep"
        )
        yield Fault(FILE, 0, "holidays", problem, remedy)


def _texts(wanted: Definition, forbidden: Words) -> Iterator[Fault]:
    for step in wanted.steps:
        for source in step.sources:
            try:
                templates.check(source)
            except InvalidInput as error:
                fault = error.faults[0]
                problem = f"{wanted.key}·{step.name}: {fault.problem}"
                yield Fault(FILE, 0, "text", problem, fault.remedy)
            word = forbidden.found(source)
            if word is not None:
                problem = f"{wanted.key}·{step.name}: 含有违禁词“{word}”"
                yield Fault(FILE, 0, "text", problem, "换一种说法")


def _pictures(wanted: Definition, folder: Path) -> Iterator[Fault]:
    for step in wanted.steps:
        if step.image is None:
            continue
        path = folder / step.image
        if not path.is_file():
            problem = f"{wanted.key}·{step.name}: 没有图片 {step.image}"
            yield Fault(FILE, 0, "image", problem, f"把它放进 {folder}")
        elif path.stat().st_size > LARGEST_IMAGE:
            megabytes = path.stat().st_size / 1e6
            problem = f"{wanted.key}·{step.name}: 图片 {step.image} 有 {megabytes:.1f} MB"
            yield Fault(FILE, 0, "image", problem, f"压到 {LARGEST_IMAGE / 1e6:.0f} MB 以内")


def _products(session: Session, wanted: Definition) -> Iterator[Fault]:
    skus = () if wanted.topic is None else wanted.topic.products
    known = facts.product_names(session, skus)
    for sku in skus:
        if sku not in known:
            problem = f"{wanted.key}: 没有商品 {sku}"
            yield Fault(FILE, 0, "topic", problem, "先用 qunyun products import 导入商品")


def _lateness(wanted: Definition, run: DryRun, rules: Rules) -> Iterator[Fault]:
    asleep = [step for step in run.steps if step.quiet and not step.rooms]
    if asleep:
        local = asleep[0].due_at.astimezone(rules.zone)
        problem = (
            f"{wanted.key}·{asleep[0].step} {local:%m-%d %H:%M}: {asleep[0].quiet:,} 群都在静默,"
            "到静默结束已经过期,一条也发不出去"
        )
        yield Fault(FILE, 0, "at", problem, "换一个钟点,或者放宽 late_by_minutes")
    late = [step for step in run.steps if step.late_by > dt.timedelta()]
    if not late:
        return
    worst = max(late, key=lambda step: step.late_by)
    local = worst.due_at.astimezone(rules.zone)
    minutes = -(-int(worst.late_by.total_seconds()) // 60)
    quiet = f",有 {worst.quiet:,} 群那时在静默时段" if worst.quiet else ""
    problem = (
        f"{wanted.key}·{worst.step} {local:%m-%d %H:%M}: 按发送节奏要 {worst.minutes:,} 分钟"
        f"{quiet},会超过时限 {minutes:,} 分钟"
    )
    remedy = "加机器人账号、提前开始、放宽 late_by_minutes,或者分成几个栏目"
    yield Fault(FILE, 0, "late_by_minutes", problem, remedy)


def refuse(found: Iterable[Fault]) -> None:
    """Raises InvalidInput where anything was found."""
    all_found = list(found)
    if all_found:
        raise InvalidInput(*all_found)


def step_named(wanted: Definition, name: str) -> Step:
    """A step by its name. Raises InvalidInput."""
    for step in wanted.steps:
        if step.name == name:
            return step
    names = "、".join(step.name for step in wanted.steps)
    raise InvalidInput(
        Fault(FILE, 0, "step", f"栏目 {wanted.key} 没有 {name} 这一步", f"可用:{names}")
    )
