"""Compose a sheet: one view, every part in its order, the headline and the footnotes."""

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlmodel import Session

from bot.digest import corrections, phrasing, saying
from bot.digest import view as viewing
from bot.digest.corrections import Corrected
from bot.digest.findings import Findings
from bot.digest.saying import Said
from bot.digest.sections import (
    actions,
    amended,
    complaints,
    gist,
    goals,
    health,
    lift,
    orders,
    people,
    questions,
    rooms,
    said,
    talk,
    trials,
)
from bot.digest.sheet import Sheet, Subject
from bot.digest.view import View
from bot.models import DigestScope

PARTS = (
    orders.section,
    talk.section,
    people.section,
    questions.section,
    lift.section,
    said.section,
    complaints.section,
    rooms.section,
)
HEADLINE = ("orders", "talk", "questions", "complaints", "rooms")
LEFT_OUT = (
    "各项互动都不计运营、机器人、系统消息和已撤回的消息。",
    "消息是否迟到无法从日志看出：日志不记到达时刻。",
    "标签占比不是贡献占比：只看校正后的占比；订单和群不够多时不估计。",
)


def sheets(session: Session, findings: Findings, subjects: Sequence[Subject]) -> list[Sheet]:
    """The digests of some subjects of a week, with what members said behind them.

    A fixed number of queries. Raises InvalidInput for an unknown subject.
    """
    wanted = {
        room for subject in subjects for room in actions.behind(viewing.view(findings, subject, {}))
    }
    spoken = saying.gather(session, findings.week, sorted(wanted))
    corrected = _corrected(session, findings, subjects)
    return [sheet(findings, subject, spoken, corrected.get(subject)) for subject in subjects]


def _corrected(
    session: Session, findings: Findings, subjects: Sequence[Subject]
) -> dict[Subject, Corrected]:
    """What became of last week's digests of these subjects, where they were provisional."""
    then = corrections.provisional(session, findings, subjects)
    if not then:
        return {}
    last_week = corrections.earlier(session, findings)
    came = corrections.since(session, findings, min(one.computed_at for one in then.values()))
    return {
        subject: corrections.compare(one.sheet, sheet(last_week, subject, {}), came)
        for subject, one in then.items()
    }


def sheet(
    findings: Findings,
    subject: Subject,
    spoken: Mapping[int, Said],
    corrected: Corrected | None = None,
) -> Sheet:
    """The digest of one subject; `spoken` holds what was said in rooms, as far as it is known, and
    `corrected` what became of last week's.
    """
    week, view = findings.week, viewing.view(findings, subject, spoken)
    sections = [part for build in PARTS if (part := build(view)) is not None]
    amounts = {figure.key: figure.amount for part in sections for figure in part.figures}
    sections += [
        part
        for part in (
            goals.section(view, amounts),
            trials.section(view),
            amended.section(view, corrected),
            health.section(view),
        )
        if part is not None
    ]
    leads = {part.key: part.lead for part in sections}
    return Sheet(
        scope=subject.scope,
        target=subject.target,
        week=f"{week.monday:%G-W%V}",
        title=_title(view),
        period=_period(view),
        status=_status(view),
        final=week.final,
        headline=tuple(lead for key in HEADLINE if (lead := leads.get(key)) is not None),
        actions=actions.actions(view),
        sections=tuple(sections),
        notes=view.footnotes.notes(),
        left_out=LEFT_OUT,
        gist=gist.gist(view),
    )


def _title(view: View) -> str:
    match view.scope:
        case DigestScope.FLEET:
            return f"全部 {len(view.rooms):,} 个群" if view.rooms else "还没有群"
        case DigestScope.VERTICAL:
            return f"{_called(view.target) or '未分垂类'} · {len(view.rooms):,} 个群"
        case DigestScope.OWNER:
            return f"{_called(view.target)}的 {len(view.rooms):,} 个群"
        case DigestScope.ROOM:
            return rooms.topic(view, view.rooms[0])


def _called(target: str) -> str:
    return phrasing.name(target) or ("未命名" if target else "")


def _period(view: View) -> str:
    last = view.days.until - dt.timedelta(days=1)
    week = f"{view.week.monday:%G} 年第 {int(f'{view.week.monday:%V}')} 周"
    return f"{week} · {phrasing.day(view.days.since)}至{phrasing.day(last)}"


def _status(view: View) -> str:
    at = view.week.now.astimezone(view.week.zone)
    computed = f"{at.year}年{phrasing.day(at.date())} {at:%H:%M} 统计"
    if view.week.final:
        return computed
    if not view.week.whole:
        return f"本周只过了 {len(view.days)} 天 · {computed}"
    return f"周末后 72 小时内迟到的回应、退款与订单还会改变数字 · {computed}"
