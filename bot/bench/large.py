"""A large community for benchmarks: four weeks of rooms that talk, and a calendar that posts."""

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from bot import database
from bot.bench import databases, waiting
from bot.digest import compose, gather, storing
from bot.digest.findings import Findings
from bot.models import (
    SINCE_EVER,
    Account,
    Contact,
    DailyCount,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Membership,
    Message,
    MessageIdentity,
    Role,
    Room,
    RoomTag,
    SeriesKind,
)
from bot.settings import Settings
from content_calendar import contact as contact_rules
from content_calendar import definition, lifecycle, planning
from content_calendar.audience import Audience
from content_calendar.definition import Definition, Step
from content_calendar.recurrence import Schedule, Weekly

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 11, 25, 20, 5, tzinfo=ZONE).astimezone(dt.UTC)
TODAY = dt.date(2026, 11, 25)
LAST_WEEK = dt.date(2026, 11, 16)
DAY = dt.timedelta(days=1)
DAYS = 28
VERTICALS = 10
SERIES = 40
MEMBERS = 20
SPEAKERS = 8
ACCOUNTS = 5
POSTS_A_ROOM = 40
ROWS = 20_000
STATES = (DeliveryState.SENT,) * 17 + (
    DeliveryState.FAILED,
    DeliveryState.UNCERTAIN,
    DeliveryState.EXPIRED,
)


def furnish(engine: Engine, rooms: int, messages: int) -> None:
    """Fill a database at head as it stands on a Wednesday at five past eight, in the middle of a
    Q&A day: `messages` in the last 28 days, spread evenly.
    """
    with database.transaction(engine) as session:
        _people(session, rooms)
        _calendar(session)
        _history(session, rooms)
    for ago in range(DAYS):
        with database.transaction(engine) as session:
            _talk(session, rooms, messages // DAYS, ago)
    with database.transaction(engine) as session:
        waiting.furnish(session, rooms, NOW)
    with database.transaction(engine) as session:
        planning.plan_due(session, NOW, contact_rules.rules(Settings(_env_file=None)))
    with database.transaction(engine) as session:
        if not database.is_sqlite(session):
            session.connection().exec_driver_sql("ANALYZE")


def look_back(engine: Engine) -> None:
    """Last week's digests of the fleet, of every vertical and of a few rooms: those of a small
    community, since a digest is as large whatever it counts.
    """
    with databases.empty("sqlite") as url:
        small = database.connect(url)
        furnish(small, 2 * VERTICALS, 2 * VERTICALS * MEMBERS * DAYS)
        with database.reading(small) as session:
            week = gather.gather(session, LAST_WEEK, NOW, ZONE)
            sheets = compose.sheets(session, Findings(week), storing.everything(week))
        small.dispose()
    with database.transaction(engine) as session:
        storing.store(session, LAST_WEEK, sheets, NOW)


def _people(session: Session, rooms: int) -> None:
    account = {"gateway": "memory", "online": True, "state_at": NOW, "state_reason": ""}
    accounts = [
        {"id": n, "name": f"bot{n}", "lease_epoch": 0} | account for n in range(1, ACCOUNTS + 1)
    ]
    database.insert_rows(session, Account, accounts)
    database.insert_rows(
        session,
        Room,
        [
            {
                "id": n, "platform_id": f"room{n}@chatroom", "topic": f"宝妈育儿交流 {n} 群",
                "vertical": f"垂类{n % VERTICALS}", "account_id": n % ACCOUNTS + 1,
                "owner": f"运营{n % 20}", "mention_all": False,
            }
            for n in range(1, rooms + 1)
        ],
    )  # fmt: skip
    tags = [{"tag": f"城市{n % 7}", "room_id": n} for n in range(1, rooms + 1)]
    database.insert_rows(session, RoomTag, tags)
    people = range(1, rooms * MEMBERS + 1)
    contacts = [{"id": n, "platform_id": f"wxid_{n}", "name": f"成员{n}"} for n in people]
    members = [
        {
            "room_id": (n - 1) // MEMBERS + 1, "contact_id": n, "joined_at": SINCE_EVER,
            "role": Role.MEMBER,
        }
        for n in people
    ]  # fmt: skip
    for start in range(0, len(contacts), ROWS):
        database.insert_rows(session, Contact, contacts[start : start + ROWS])
        database.insert_rows(session, Membership, members[start : start + ROWS])


def _calendar(session: Session) -> None:
    for n in range(SERIES):
        made = Definition(
            key=f"series-{n:02}",
            name=f"问题解答日 {n}",
            kind=SeriesKind.QA_DAY if n % 2 else SeriesKind.SHARING_DAY,
            schedule=Schedule(Weekly((n % 7,)), dt.date(2026, 1, 1), dt.date(2027, 12, 31)),
            at=dt.time(9 + n % 12),
            audience=Audience(verticals=(f"垂类{n % VERTICALS}",)),
            steps=(
                Step("预告", "明天见,问题先攒着", days=-1),
                Step("开场", "{{ vertical }}问题解答日开始啦,大家有什么想问的?"),
            ),
        )
        definition.write(session, made, None, "bench", NOW)
    rules = contact_rules.rules(Settings(_env_file=None))
    # The last one waits for somebody to approve it.
    keys = definition.keys(session)
    lifecycle.approve(session, keys[:-1], "bench", NOW - DAYS * DAY, rules, both_eyes=True)
    lifecycle.submit(session, keys[-1], "bench", NOW)


def _history(session: Session, rooms: int) -> None:
    rows = [_old(n, rooms) for n in range(rooms * POSTS_A_ROOM)]
    for start in range(0, len(rows), ROWS):
        database.insert_alike(session, Delivery, rows[start : start + ROWS])


def _old(n: int, rooms: int) -> dict[str, object]:
    at = NOW - dt.timedelta(hours=1 + n % (DAYS * 24))
    state = STATES[n % len(STATES)]
    sent = state is DeliveryState.SENT
    return {
        "key": f"post:series-{n % SERIES:02}:old:{n}", "kind": DeliveryKind.POST, "state": state,
        "priority": 1, "series_id": n % SERIES + 1, "step": "开场", "room_id": n % rooms + 1,
        "account_id": (n % rooms + 1) % ACCOUNTS + 1, "text": "问题解答日开始啦", "mentions": [],
        "mention_all": False, "planned_at": at, "due_at": at, "expires_at": at + DAY,
        "sending_at": at, "sent_at": at if sent else None, "attempts": 1,
        "reason": None if sent else "通道没有回音", "withdrawn": False,
    }  # fmt: skip


def _talk(session: Session, rooms: int, messages: int, ago: int) -> None:
    """One local day of talk, as the log and the daily counts hold it."""
    midnight = dt.datetime.combine(TODAY - ago * DAY, dt.time(), ZONE).astimezone(dt.UTC)
    first = (DAYS - ago) * messages + 1
    ids = [
        (n % rooms + 1, f"m{first + n}", (midnight + _moment(n)).date()) for n in range(messages)
    ]
    for start in range(0, messages, ROWS):
        some = ids[start : start + ROWS]
        names = ("room_id", "platform_id", "day")
        found = database.insert_new(session, MessageIdentity, names, some, ("id", "platform_id"))
        log = [_message(row.id, int(row.platform_id[1:]) - first, rooms, midnight) for row in found]
        database.insert_rows(session, Message, log)
    each = messages // rooms // SPEAKERS
    counts = [
        {
            "day": TODAY - ago * DAY, "room_id": room, "contact_id": (room - 1) * MEMBERS + n + 1,
            "messages": each, "effective_messages": each, "questions": n % 2, "answers": n % 3,
            "shares": 0, "product_mentions": 0, "rule_version": 1,
        }
        for room in range(1, rooms + 1)
        for n in range(SPEAKERS)
    ]  # fmt: skip
    for start in range(0, len(counts), ROWS):
        database.insert_rows(session, DailyCount, counts[start : start + ROWS])


def _moment(n: int) -> dt.timedelta:
    return dt.timedelta(hours=8) + dt.timedelta(seconds=n % (15 * 3600))


def _message(key: int, n: int, rooms: int, midnight: dt.datetime) -> dict[str, object]:
    room, at = n % rooms + 1, midnight + _moment(n)
    return {
        "day": at.date(), "room_id": room, "id": key,
        "contact_id": (room - 1) * MEMBERS + n % SPEAKERS + 1, "at": at, "type": "text",
        "text": "宝宝晚上总是醒,大家都是怎么办的?", "own": False,
    }  # fmt: skip
