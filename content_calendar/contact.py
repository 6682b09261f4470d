"""Rules of contact: what one room may receive, and which post gives way.

Posts of one room are taken in order of importance, then of time, and each that a rule forbids
gives way. The same decision is shown before an approval and made when posts are planned.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import pacing
from bot.models import SeriesKind
from bot.pacing import Pace
from bot.settings import Settings

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation allows. A gap of zero and a share of None are off."""

    zone: ZoneInfo
    pace: Pace
    gap: dt.timedelta = dt.timedelta()
    promo_share: float | None = None
    four_eyes_rooms: int = 500
    attachments: Path = Path("attachments")
    links_url: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One step of a series that wants a room at a moment. `day` is the room's local date and
    `messages` how many it is made of; `planned` ones stand in the outbox and cannot give way.
    """

    series: str
    kind: SeriesKind
    priority: int
    step: str
    due_at: dt.datetime
    day: dt.date
    messages: int = 1
    planned: bool = False


@dataclass(slots=True)
class _Taken:
    """What a room has accepted so far."""

    rules: Rules
    blackout: frozenset[dt.date]
    quota: int | None
    a_day: dict[dt.date, int] = field(default_factory=dict)
    a_month: dict[tuple[int, int], int] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)


def rules(settings: Settings) -> Rules:
    """The rules that the settings give."""
    return Rules(
        settings.zone,
        pacing.pace(settings),
        dt.timedelta(minutes=settings.room_post_gap_minutes),
        settings.promo_share,
        settings.four_eyes_rooms,
        settings.attachments,
        settings.links_url,
    )


def decide(
    claims: Iterable[Claim],
    rules: Rules,
    *,
    blackout: frozenset[dt.date] = frozenset(),
    quota: int | None = None,
) -> dict[Claim, str]:
    """The claims on one room that give way, each with its reason, in order of time.

    `quota` is the platform's own limit for a room and month. What is planned counts first.
    """
    taken = _Taken(rules, blackout, quota)
    refused: dict[Claim, str] = {}
    for claim in sorted(claims, key=_importance):
        reason = None if claim.planned else next(_objections(claim, taken), None)
        if reason is not None:
            refused[claim] = reason
        else:
            _take(claim, taken)
    # Which share promos have is known only once everything else is decided.
    if rules.promo_share is not None:
        reason = f"这一周促销会超过 {rules.promo_share:.0%}"
        refused |= dict.fromkeys(_too_many_promos(taken), reason)
    return dict(sorted(refused.items(), key=lambda pair: pair[0].due_at))


def _importance(claim: Claim) -> tuple[object, ...]:
    return (not claim.planned, -claim.priority, claim.due_at, claim.series, claim.step)


def _objections(claim: Claim, taken: _Taken) -> Iterator[str]:
    limits: Sequence[Callable[[], str | None]] = (
        lambda: _blacked_out(claim, taken),
        lambda: _too_many_a_day(claim, taken),
        lambda: _too_many_a_month(claim, taken),
        lambda: _too_close(claim, taken),
    )
    yield from filter(None, (limit() for limit in limits))


def _blacked_out(claim: Claim, taken: _Taken) -> str | None:
    return f"{claim.day} 是停发日" if claim.day in taken.blackout else None


def _too_many_a_day(claim: Claim, taken: _Taken) -> str | None:
    most = taken.rules.pace.per_room_day
    if taken.a_day.get(claim.day, 0) + claim.messages <= most:
        return None
    return f"这个群 {claim.day} 已排满 {most} 条"


def _too_many_a_month(claim: Claim, taken: _Taken) -> str | None:
    if taken.quota is None:
        return None
    sent = taken.a_month.get((claim.day.year, claim.day.month), 0)
    if sent + claim.messages <= taken.quota:
        return None
    return f"平台规定每群每月最多 {taken.quota} 条"


def _too_close(claim: Claim, taken: _Taken) -> str | None:
    if not taken.rules.gap:
        return None
    for other in taken.claims:
        if other.series != claim.series and abs(other.due_at - claim.due_at) < taken.rules.gap:
            minutes = int(taken.rules.gap.total_seconds() // 60)
            return f"和栏目 {other.series}·{other.step} 相隔不到 {minutes} 分钟"
    return None


def _too_many_promos(taken: _Taken) -> Iterator[Claim]:
    """The least important promos that have to go for the others to keep to their share."""
    share = taken.rules.promo_share
    weeks: dict[dt.date, list[Claim]] = {}
    for claim in taken.claims:
        weeks.setdefault(week_of(claim.day), []).append(claim)
    for claims in weeks.values():
        posts = sum(claim.messages for claim in claims)
        promos = [claim for claim in claims if claim.kind is SeriesKind.PROMO]
        sold = sum(claim.messages for claim in promos)
        # The last ones taken are the least important; what is planned stays.
        for claim in reversed([claim for claim in promos if not claim.planned]):
            if share is None or sold <= share * posts:
                break
            sold, posts = sold - claim.messages, posts - claim.messages
            yield claim


def _take(claim: Claim, taken: _Taken) -> None:
    taken.a_day[claim.day] = taken.a_day.get(claim.day, 0) + claim.messages
    month = (claim.day.year, claim.day.month)
    taken.a_month[month] = taken.a_month.get(month, 0) + claim.messages
    taken.claims.append(claim)


def week_of(day: dt.date) -> dt.date:
    """The Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())
