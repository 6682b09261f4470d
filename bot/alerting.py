"""Alerts (告警) to operators' rooms and robots: deliveries like all others, ahead of them all.

Each is named by what it is about, so that a tick may look again and again: an account's pause,
absence or idleness is told once, and how many deliveries of an hour may be missing is told when
the number reaches 1, 2, 4, 8 and so on.
"""

import datetime as dt
import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, case, exists, func, or_, select
from sqlmodel import Session

from bot import database
from bot.gateway import Posting
from bot.intents import Intent
from bot.models import (
    Account,
    Complaint,
    ComplaintState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Pause,
    PauseScope,
    Room,
)
from bot.pauses import RISK_CONTROL
from bot.serving import AWAY, STOPPED
from bot.settings import Settings

# Ahead of replies too, which a spent account no longer sends.
FIRST = -1
LASTS = dt.timedelta(hours=6)
# So many complaints of an hour are told one by one.
SINGLY = 8
# Older news is no alert: whoever starts the program again has seen it.
NEWS = dt.timedelta(hours=24)

ACCOUNT, COMPLAINT, DELIVERY, PAUSE, ROOM = database.tables(
    Account, Complaint, Delivery, Pause, Room
)

TROUBLES = {
    DeliveryState.UNCERTAIN: "可能没有送到(未确认),要人来定",
    DeliveryState.FAILED: "平台没有收下(失败)",
    DeliveryState.EXPIRED: "过了时限没有发出",
}


class _News(NamedTuple):
    """What operators should know; `about` names it and never changes."""

    about: str
    text: str


class Absent(NamedTuple):
    """An account that should be there and is not."""

    name: str
    since: dt.datetime
    why: str


def alerts(session: Session, settings: Settings, now: dt.datetime) -> Iterator[Intent]:
    """What operators should know now, for each of `QUNYUN_ALERT_ROOMS` that is known."""
    if not settings.alert_rooms:
        return
    rooms = session.connection().execute(
        select(ROOM.c.id, ROOM.c.account_id, ROOM.c.platform_id).where(
            ROOM.c.platform_id.in_(settings.alert_rooms)
        )
    )
    targets = list(rooms)
    told = (
        *_complaints(session, settings, now),
        *_paused(session, now),
        *_away(session, now),
        *_idle(session, now),
        *_troubles(session, settings, now),
    )
    for news in told:
        for room in targets:
            yield Intent(
                key=f"alert:{news.about}:{room.platform_id}",
                kind=DeliveryKind.ALERT,
                room_id=room.id,
                account_id=room.account_id,
                text=f"【群运】{news.text}",
                due_at=now,
                expires_at=now + LASTS,
                priority=FIRST,
            )


def mute_rooms(session: Session, settings: Settings) -> dict[str, str]:
    """The `QUNYUN_ALERT_ROOMS` that nothing would reach, each with why, for a person."""
    query = select(
        ROOM.c.platform_id, ROOM.c.unavailable_reason, ACCOUNT.c.name, ACCOUNT.c.posting,
        ACCOUNT.c.state_at,
    ).outerjoin(ACCOUNT, ACCOUNT.c.id == ROOM.c.account_id)  # fmt: skip
    chosen = query.where(ROOM.c.platform_id.in_(settings.alert_rooms))
    known = {row.platform_id: row for row in session.connection().execute(chosen)}
    why = {name: _mute(known.get(name)) for name in settings.alert_rooms}
    return {name: reason for name, reason in why.items() if reason}


def _mute(room: Row[*tuple[Any, ...]] | None) -> str:
    if room is None:
        return "没有这个群"
    if room.name is None:
        return "没有账号在这个群"
    if room.posting != Posting.DIRECT:
        return f"账号 {room.name} 要由人来发"
    if room.state_at is None:
        return f"账号 {room.name} 从来没有连上过"
    return room.unavailable_reason or ""


def _complaints(session: Session, settings: Settings, now: dt.datetime) -> Iterator[_News]:
    """Cases that nobody looks after: each by itself, in a bad hour as their number doubles.

    Without the member's words, which stay in their own room.
    """
    rows = session.connection().execute(
        select(COMPLAINT.c.id, COMPLAINT.c.at, COMPLAINT.c.severity, ROOM.c.topic)
        .join(ROOM, ROOM.c.id == COMPLAINT.c.room_id)
        .where(COMPLAINT.c.state == ComplaintState.OPEN, COMPLAINT.c.at > now - NEWS)
        .order_by(COMPLAINT.c.at, COMPLAINT.c.id)
    )
    hours: Counter[dt.datetime] = Counter()
    for row in rows:
        local = row.at.astimezone(settings.zone)
        hour = local.replace(minute=0, second=0, microsecond=0)
        hours[hour] += 1
        found = hours[hour]
        if found > SINGLY and found & (found - 1):
            continue
        many = f"({hour:%H} 点以来第 {found} 条)" if found > SINGLY else ""
        yield _News(
            f"complaint:{row.id}",
            f"群“{row.topic}”里 {local:%H:%M} 有一条投诉{many},严重程度 {row.severity}/3,"
            f"24 小时内要有人处理。查看:后台的“投诉”,或者 qunyun complaints list",
        )


def _paused(session: Session, now: dt.datetime) -> Iterator[_News]:
    """Accounts that risk control stopped and nobody has let go on."""
    rows = session.connection().execute(
        select(PAUSE.c.id, PAUSE.c.reason, ACCOUNT.c.name)
        .join(ACCOUNT, ACCOUNT.c.id == PAUSE.c.target_id)
        .where(
            PAUSE.c.scope == PauseScope.ACCOUNT,
            PAUSE.c.by == RISK_CONTROL,
            PAUSE.c.resumed_at.is_(None),
            PAUSE.c.at > now - NEWS,
        )
    )
    for row in rows:
        remedy = f"确认账号正常后运行 qunyun resume --account {shlex.quote(row.name)}"
        yield _News(f"paused:{row.id}", f"账号 {row.name} 被风控,已暂停:{row.reason}。{remedy}")


def absent(session: Session, now: dt.datetime) -> Iterator[Absent]:
    """Accounts that have been away for longer than a moment, and did not stop on purpose."""
    silent = and_(ACCOUNT.c.online, ACCOUNT.c.lease_until <= now - AWAY)
    since = case((ACCOUNT.c.online, ACCOUNT.c.lease_until), else_=ACCOUNT.c.state_at)
    rows = session.connection().execute(
        select(
            ACCOUNT.c.name, ACCOUNT.c.state_reason, ACCOUNT.c.online, since.label("since")
        ).where(
            ACCOUNT.c.posting == Posting.DIRECT,
            ACCOUNT.c.state_reason != STOPPED,
            since > now - NEWS,
            or_(silent, and_(~ACCOUNT.c.online, ACCOUNT.c.state_at <= now - AWAY)),
        )
    )
    for row in rows:
        why = "它的程序没有了动静" if row.online else row.state_reason or "没有说原因"
        # Whoever opens a login code could take the account.
        yield Absent(row.name, row.since, "等待扫码登录" if "http" in why else why)


def _away(session: Session, now: dt.datetime) -> Iterator[_News]:
    for each in absent(session, now):
        yield _News(
            f"away:{each.name}:{each.since:%Y%m%dT%H%M%S}",
            f"账号 {each.name} 已离线:{each.why}。它的群由同群的其他账号接手,没有的要等它回来;"
            "运行 qunyun doctor 查看",
        )


def _idle(session: Session, now: dt.datetime) -> Iterator[_News]:
    """Accounts that never came, or were stopped on purpose, while posts of theirs are due."""
    late = exists().where(
        DELIVERY.c.account_id == ACCOUNT.c.id,
        DELIVERY.c.state == DeliveryState.PENDING,
        DELIVERY.c.kind != DeliveryKind.ALERT,
        DELIVERY.c.due_at <= now - AWAY,
        DELIVERY.c.expires_at > now,
    )
    rows = session.connection().execute(
        select(ACCOUNT.c.name, ACCOUNT.c.state_at).where(
            ACCOUNT.c.posting == Posting.DIRECT,
            ~ACCOUNT.c.online,
            or_(ACCOUNT.c.state_at.is_(None), ACCOUNT.c.state_reason == STOPPED),
            late,
        )
    )
    for row in rows:
        since = "never" if row.state_at is None else f"{row.state_at:%Y%m%dT%H%M%S}"
        why = "从来没有连上过" if row.state_at is None else "的程序停着"
        yield _News(
            f"idle:{row.name}:{since}",
            f"账号 {row.name} {why},到点的内容在等它。核对 QUNYUN_GATEWAYS 和群资料里的账号名,"
            "运行 qunyun doctor 查看",
        )


def _troubles(session: Session, settings: Settings, now: dt.datetime) -> Iterator[_News]:
    """How many of the deliveries of one hour need a person."""
    for state, what in TROUBLES.items():
        rows = session.connection().execute(
            select(DELIVERY.c.due_at, func.count().label("deliveries"))
            .where(
                DELIVERY.c.state == state,
                DELIVERY.c.due_at > now - NEWS,
                DELIVERY.c.kind != DeliveryKind.ALERT,
            )
            .group_by(DELIVERY.c.due_at)
        )
        hours: Counter[dt.datetime] = Counter()
        for row in rows:
            local = row.due_at.astimezone(settings.zone)
            hours[local.replace(minute=0, second=0, microsecond=0)] += row.deliveries
        for hour, found in sorted(hours.items()):
            step = 1 << (found.bit_length() - 1)
            yield _News(
                f"{state.value}:{hour:%Y-%m-%dT%H%z}:{step}",
                f"{hour:%m-%d %H} 点的投递里有 {found:,} 条{what}。"
                f"查看:qunyun deliveries list --state {state.value}",
            )
