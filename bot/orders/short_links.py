"""Short links and their clicks: made when a post is planned or an operator asks, followed quickly.

Whoever follows one is sent to what an operator stored, and nowhere else. A click is a code and a
moment: no address and no browser is kept. Anybody may follow one as often as they like, so what a
link may write is bounded: the first of a day one by one, the others as a sum for each hour.
"""

import datetime as dt
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from sqlalchemy import Row, String, delete, func, select, update
from sqlmodel import Session

from bot import appending, database, links, times
from bot.errors import Fault, InvalidInput
from bot.intents import Intent
from bot.models import (
    Audit,
    Click,
    ClickHour,
    ClickKind,
    Contact,
    Room,
    Series,
    ShortLink,
)

LINK, CLICK, HOUR = database.tables(ShortLink, Click, ClickHour)
PLANNER = "planner"
# A link that is followed oftener goes on leading, and its clicks are counted without being listed.
LISTED_A_MINUTE, ALL_A_MINUTE = 300, 3_000
# Of one link, one kind and one UTC day, by however many processes.
LISTED_A_DAY = 1_000
_MINUTE, _HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
# What fetches pages without a person: previews of chat programs, search engines, scripts.
_PROGRAMS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|preview|facebookexternalhit|whatsapp|telegram|slack|discord|skypeuri"
    r"|mpspider|curl|wget|python|java/|okhttp|go-http|libwww|headless|monitor|scan|validator",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Meter:
    """How many clicks were listed this minute, by this process: in all, and of each link."""

    minute: dt.datetime | None = None
    total: int = 0
    of_link: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def admits(self, code: str, now: dt.datetime) -> bool:
        """Whether a click of this link may still be listed; counts it if so."""
        with self.lock:
            if self.minute is None or not self.minute <= now < self.minute + _MINUTE:
                self.minute, self.total = now, 0
                self.of_link.clear()
            seen = self.of_link.get(code, 0)
            if seen >= LISTED_A_MINUTE or self.total >= ALL_A_MINUTE:
                return False
            self.total += 1
            self.of_link[code] = seen + 1
            return True


def kind(method: str, headers: Mapping[str, str]) -> ClickKind:
    """Who asks, as far as can be told: a HEAD, a prefetch, a program by its own word, or a person.

    `headers` has lower-case names. A program that says it is a browser is taken for a person.
    """
    ahead = headers.get("sec-purpose") or headers.get("purpose") or headers.get("x-moz") or ""
    agent = headers.get("user-agent", "")
    looks = method == "HEAD" or "prefetch" in ahead or not agent or _PROGRAMS.search(agent)
    return ClickKind.PREVIEW if looks else ClickKind.PERSON


def keep(session: Session, intents: Iterable[Intent], now: dt.datetime) -> None:
    """Write down the links of posts that are planned; the same again changes nothing."""
    rows = [
        {
            "code": intent.link.code, "url": intent.link.target, "note": "",
            "series_id": intent.series_id, "room_id": intent.room_id,
            "delivery_key": intent.key, "made_by": PLANNER, "made_at": now,
            "people": 0, "previews": 0, "unlogged": 0,
        }
        for intent in intents
        if intent.link is not None and intent.refused is None
    ]  # fmt: skip
    database.insert_alike(session, ShortLink, rows)


def add(
    session: Session,
    target: str,
    by: str,
    now: dt.datetime,
    *,
    room: str | None = None,
    member: str | None = None,
    note: str = "",
) -> str:
    """A link that an operator asks for; returns its code. Raises InvalidInput.

    `room` and `member` are platform ids: the room that it goes to, the member whom it is made for.
    """
    code = links.of_own(secrets.token_hex(16), links.check(target))
    row = {
        "code": code, "url": target, "note": note.strip()[:200], "made_by": by, "made_at": now,
        "room_id": _named(session, Room, "群", room),
        "contact_id": _named(session, Contact, "成员", member),
        "people": 0, "previews": 0, "unlogged": 0,
    }  # fmt: skip
    database.insert_rows(session, ShortLink, [row])
    _audit(session, code, "link.add", by, now)
    return code


def stop(session: Session, code: str, by: str, now: dt.datetime) -> None:
    """Let a link lead nowhere any more. Raises InvalidInput where there is none."""
    stopping = update(LINK).where(LINK.c.code == links.normal(code), LINK.c.stopped_at.is_(None))
    if not session.connection().execute(stopping.values(stopped_at=now)).rowcount:
        remedy = "qunyun links list 列出所有短链接"
        raise InvalidInput(Fault("短链接", 0, code[:40], "没有这个短链接,或者已经停用", remedy))
    _audit(session, code, "link.stop", by, now)


def target(session: Session, code: str) -> str | None:
    """Where a link leads; None where there is none, or it was stopped."""
    found: str | None = session.connection().scalar(
        select(LINK.c.url).where(LINK.c.code == code, LINK.c.stopped_at.is_(None))
    )
    return found


def click(session: Session, code: str, kind: ClickKind, now: dt.datetime, *, listed: bool) -> None:
    """Count a click of a link that stands, and list it unless there are too many: those are summed
    up by the hour.
    """
    column = LINK.c.people if kind is ClickKind.PERSON else LINK.c.previews
    this = update(LINK).where(LINK.c.code == code)
    # Locks the link, so that no two processes list the last one of a day.
    session.connection().execute(this.values({column: column + 1}))
    if listed and _listed_today(session, code, kind, now) < LISTED_A_DAY:
        database.insert_rows(session, Click, [{"code": code, "at": now, "kind": kind}])
        return
    session.connection().execute(this.values(unlogged=LINK.c.unlogged + 1))
    hour = now.replace(minute=0, second=0, microsecond=0)
    row: appending.Columns = {
        "code": [code], "hour": [hour], "kind": [kind.value], "clicks": [1], "last_at": [now],
    }  # fmt: skip
    appending.add_up(session, ClickHour, row, sums=("clicks",))


def _listed_today(session: Session, code: str, kind: ClickKind, now: dt.datetime) -> int:
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = (CLICK.c.at >= midnight, CLICK.c.at < midnight + times.DAY)
    query = select(func.count()).where(CLICK.c.code == code, CLICK.c.kind == kind, *today)
    return session.connection().scalar(query) or 0


def known(session: Session, marks: Collection[str]) -> frozenset[str]:
    """Of what order lines keep of links (`links.mark`), those that are short links of ours."""
    codes = {code: mark for mark in marks if (code := links.marked(mark)) is not None}
    if not codes:
        return frozenset()
    given = database.given(session, {"code": String()}, [(code,) for code in sorted(codes)])
    found = session.connection().scalars(
        select(LINK.c.code).join(given, given.c.code == LINK.c.code)
    )
    return frozenset(codes[code] for code in found)


def forget_clicks(session: Session, before: dt.datetime) -> int:
    """Drop the list of clicks before an instant; how many there were stays with each link."""
    session.connection().execute(delete(HOUR).where(HOUR.c.hour < before - _HOUR))
    return session.connection().execute(delete(CLICK).where(CLICK.c.at < before)).rowcount


def listed(session: Session, at_most: int) -> Sequence[Row[Any]]:
    """The latest links with their series, room and clicks."""
    room, series, contact = database.tables(Room, Series, Contact)
    return (
        session.connection()
        .execute(
            select(
                LINK,
                room.c.platform_id.label("room"),
                room.c.topic,
                series.c.key.label("series"),
                contact.c.platform_id.label("member"),
            )
            .outerjoin(room, room.c.id == LINK.c.room_id)
            .outerjoin(series, series.c.id == LINK.c.series_id)
            .outerjoin(contact, contact.c.id == LINK.c.contact_id)
            .order_by(LINK.c.made_at.desc(), LINK.c.code)
            .limit(at_most)
        )
        .all()
    )


def _named(
    session: Session, model: type[Room] | type[Contact], what: str, name: str | None
) -> int | None:
    if name is None:
        return None
    table = database.table(model).c
    found: int | None = session.connection().scalar(
        select(table.id).where(table.platform_id == name)
    )
    if found is None:
        raise InvalidInput(Fault("短链接", 0, what, f"没有这个{what}", "写平台编号"))
    return found


def _audit(session: Session, code: str, action: str, by: str, now: dt.datetime) -> None:
    note = {"at": now, "by": by, "action": action, "object": f"link:{code}"}
    database.insert_rows(session, Audit, [note | {"before": None, "after": None}])
