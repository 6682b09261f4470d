"""`qunyun calendar …`: one series, one occurrence, and what an approval would do."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from bot.commands import edge
from content_calendar import (
    audience,
    contact,
    dry_run,
    editing,
    holidays,
    lifecycle,
    recurrence,
)
from content_calendar.dry_run import DryRun

Key = Annotated[str, typer.Argument(metavar="SERIES", help="栏目的 key")]
By = Annotated[str, typer.Option(metavar="NAME", help="谁做的,默认当前系统用户")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="为什么")]
Date = Annotated[str, typer.Argument(metavar="DATE", help="这一期的原定日期")]
STEPS_SHOWN, ROOMS_SHOWN = 8, 10


def dry_run_series(series: Key) -> None:
    """试算:会发给多少群、多久发完、哪些群不发和为什么。什么都不改。 What approving would do."""
    rules = contact.rules(edge.settings())
    with edge.reading() as session:
        stored = lifecycle.existing(session, series)
        (run,) = dry_run.run(session, [stored], edge.now(), rules)
    typer.echo("\n".join(_shown(run, rules.zone)))


def submit(series: Key, by: By = "") -> None:
    """提交审批。 Ask for approval."""
    with edge.changing() as session:
        changed = lifecycle.submit(session, series, edge.by(by), edge.now())
    typer.echo(f"{series} 已提交" if changed else f"{series} 没有改动")


def approve(series: Key, by: By = "") -> None:
    """批准一个栏目,从现在起按时发送。 Approve a series."""
    rules, now = contact.rules(edge.settings()), edge.now()
    with edge.changing() as session:
        stored = lifecycle.existing(session, series)
        (run,) = dry_run.run(session, [stored], now, rules)
        changed = lifecycle.approve(session, [series], edge.by(by), now, rules)
    typer.echo("\n".join(_shown(run, rules.zone)))
    typer.echo(f"{series} 已批准" if changed else f"{series} 早已批准,没有改动")


def send_back(series: Key, reason: Reason, by: By = "") -> None:
    """退回待审批的栏目。 Refuse an approval."""
    with edge.changing() as session:
        changed = lifecycle.send_back(session, series, reason, edge.by(by), edge.now())
    typer.echo(f"{series} 已退回" if changed else f"{series} 不在审批中,没有改动")


def end(series: Key, reason: Reason, by: By = "") -> None:
    """结束一个栏目,撤下待发的内容。 End a series."""
    with edge.changing() as session:
        taken_back = lifecycle.end(session, series, reason, edge.by(by), edge.now())
    typer.echo(f"{series} 已结束,撤下 {taken_back} 条待发")


def skip(series: Key, date: Date, by: By = "") -> None:
    """跳过一期。 Skip one occurrence."""
    day = edge.day("DATE", date)
    with edge.changing() as session:
        taken_back = editing.skip(session, series, day, edge.by(by), edge.now())
    typer.echo(f"{series} 跳过 {day},撤下 {taken_back} 条待发")


def restore(series: Key, date: Date, by: By = "") -> None:
    """恢复跳过的一期。 Let a skipped occurrence take place after all."""
    day = edge.day("DATE", date)
    with edge.changing() as session:
        editing.restore(session, series, day, edge.by(by), edge.now())
    typer.echo(f"{series} 的 {day} 恢复了")


def move(
    series: Key,
    date: Date,
    to: Annotated[str, typer.Argument(metavar="TO", help="改到哪一天")],
    by: By = "",
) -> None:
    """把一期改到另一天;已经发出的不会再发。 Move one occurrence."""
    day, target = edge.day("DATE", date), edge.day("TO", to)
    with edge.changing() as session:
        taken_back = editing.move(session, series, day, target, edge.by(by), edge.now())
        schedule = lifecycle.existing(session, series).definition.schedule
        known = holidays.load(session)
    typer.echo(f"{series} 的 {day} 改到 {target},撤下 {taken_back} 条待发")
    for each in recurrence.occurrences(schedule, target, target + recurrence.DAY, known):
        if each.original_date != day:
            typer.echo(f"提醒 {target} 已有 {each.original_date} 那一期,两期合成一期", err=True)
    if target > schedule.ends:
        typer.echo(f"提醒 {target} 在栏目结束日期 {schedule.ends} 之后,照样会发", err=True)


def copy_week(
    week: Annotated[
        str, typer.Argument(metavar="DAY", help="要照抄的那一周里的任意一天,默认上周")
    ] = "",
    by: By = "",
) -> None:
    """照抄一周:那一周有、下一周没有的内容,下一周同一天再来一次。 Copy last week."""
    rules, now = contact.rules(edge.settings()), edge.now()
    today = now.astimezone(rules.zone).date()
    day = edge.day("DAY", week) if week else today - dt.timedelta(days=7)
    with edge.changing() as session:
        copied = editing.copy_week(session, day, 1, edge.by(by), now)
    for key, dates in copied.items():
        typer.echo(f"{key}: 加上 {'、'.join(map(str, dates))}")
    if not copied:
        typer.echo("没有可以照抄的:那一周的内容下一周本来就有")


def copy(
    series: Key,
    new_key: Annotated[str, typer.Argument(metavar="NEW_KEY", help="新栏目的 key")],
    room: Annotated[
        list[str] | None, typer.Option(metavar="ROOM", help="发给哪个群,可以写多次")
    ] = None,
    by: By = "",
) -> None:
    """复制成一个新的草稿,可以换一批群。 Copy a series, to other rooms."""
    with edge.changing() as session:
        editing.copy(session, series, new_key, room or [], edge.by(by), edge.now())
    typer.echo(f"{new_key} 已复制为草稿")


def test(
    series: Key,
    step: Annotated[str, typer.Argument(metavar="STEP", help="哪一步")],
    room: Annotated[str, typer.Option(metavar="ROOM", help="测试群的 ID(带标签“测试”)")],
    by: By = "",
) -> None:
    """马上发到一个测试群。 Send one step to a test room now."""
    rules, now = contact.rules(edge.settings()), edge.now()
    with edge.changing() as session:
        text = editing.post_test(session, series, step, room, edge.by(by), now, rules)
    typer.echo(f"已排进发送队列:{text}")


def rooms(series: Key) -> None:
    """列出一个栏目现在会发给哪些群。 List the rooms of a series."""
    today = edge.now().astimezone(edge.settings().zone).date()
    with edge.reading() as session:
        stored = lifecycle.existing(session, series)
        targets = audience.targets(session, stored.definition.audience, today)
    for room in targets:
        why = f"\t不发:{room.unavailable_reason}" if room.unavailable_reason else ""
        typer.echo(f"{room.platform_id}\t{room.topic}\t{room.vertical}{why}")
    typer.echo(f"共 {len(targets):,} 群", err=True)


def pick(
    series: Key,
    date: Date,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="问题")],
    by: By = "",
) -> None:
    """给一期选一个问题,文案里的 picked 会列出它。 Pick a question for an occurrence."""
    day = edge.day("DATE", date)
    with edge.changing() as session:
        changed = editing.pick(session, series, day, question, edge.by(by), edge.now())
    typer.echo(f"{series} {day} 已选入" if changed else "早已选过,没有改动")


def _shown(run: DryRun, zone: ZoneInfo) -> Iterator[str]:
    yield f"{run.key}:{dry_run.summary(run)}"
    for step in run.steps[:STEPS_SHOWN]:
        due = step.due_at.astimezone(zone)
        times = ""
        if step.sending is not None:
            first, last = (
                moment.astimezone(zone) for moment in (step.sending.first_at, step.sending.last_at)
            )
            times = f",{first:%H:%M} 到 {last:%H:%M} 发完"
        late = ",超过时限" if step.late_by > dt.timedelta() else ""
        yield (
            f"  {due:%Y-%m-%d %H:%M} {step.step}:{step.rooms:,} 群,约 {step.minutes:,} 分钟"
            f"{times},{step.quiet:,} 群静默,{step.conflicts:,} 群冲突{late}"
        )
    if len(run.steps) > STEPS_SHOWN:
        yield f"  ……四周内共 {len(run.steps):,} 步"
    reasons: dict[str, list[str]] = {}
    for each in run.excluded:
        reason = each.reason if each.step is None else f"{each.step}:{each.reason}"
        reasons.setdefault(reason, []).append(f"{each.topic}({each.room})")
    for reason, rooms in reasons.items():
        yield f"  不发 {len(rooms):,} 群,{reason}:{_some(rooms)}"
    for conflict in run.conflicts[:STEPS_SHOWN]:
        due = conflict.due_at.astimezone(zone)
        yield (
            f"  冲突 {due:%m-%d %H:%M} {conflict.series}·{conflict.step} 让位,"
            f"{len(conflict.rooms):,} 群,{conflict.reason}:{_some(conflict.rooms)}"
        )
    if len(run.conflicts) > STEPS_SHOWN:
        yield f"  ……四周内共 {len(run.conflicts):,} 处冲突"


def _some(rooms: "list[str] | tuple[str, ...]") -> str:
    more = " 等" if len(rooms) > ROOMS_SHOWN else ""
    return "、".join(rooms[:ROOMS_SHOWN]) + more


def register(app: typer.Typer) -> None:
    """Make these commands part of `qunyun calendar`."""
    app.command("dry-run")(dry_run_series)
    for name, command in (("send-back", send_back), ("copy-week", copy_week)):
        app.command(name)(command)
    for one in (submit, approve, end, skip, restore, move, copy, test, pick, rooms):
        app.command()(one)
