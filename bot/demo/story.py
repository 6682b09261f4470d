"""The demo from beginning to end: found a community, let it live, attribute, write digests."""

import datetime as dt
import gc
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from bot import app as apps
from bot import database, deriving, nightly, process, rebuilding
from bot.demo import community, drive, history, papers, pushing, serving
from bot.demo import home as homes
from bot.demo import world as worlds
from bot.demo.community import Community
from bot.demo.papers import Desk
from bot.demo.shopping import Purchase
from bot.demo.world import Clock, World
from bot.digest import compose, gather, publish, storing
from bot.digest.findings import Findings
from bot.digest.sheet import Figure, Sheet
from bot.gateways.memory import MemoryGateway
from bot.models import Attribution, Delivery, DeliveryState, Label, Message, OrderLine
from bot.settings import Settings
from bot.text import segment
from content_calendar import calendar_file, contact, interchange

CALENDAR: Final = Path(__file__).parent / "calendar.yaml"
ROOMS_AN_ACCOUNT: Final = 40
# Days; what comes later than 72 hours after payment counts as late.
IMPORTS_EVERY: Final = 3
OPERATOR: Final = "演示运营"
# Little of what a demo makes is garbage: looking for it after every 700 objects costs a tenth.
SELDOM: Final = (100_000, 20, 100)
WEEK: Final = dt.timedelta(weeks=1)
# Shares of the whole that are behind when the days, and the digests, are done.
_DAYS_DONE, _ATTRIBUTED, _DIGESTED = 0.85, 0.88, 0.97

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a demo amounts to. `causes` counts the order lines of each label by planted cause;
    `lifts` holds, by kind of day, the messages that an opening started and what the digest found;
    `share` is the corrected share of talk as the fleet's last digest tells it, None where it tells
    none; `compared` and `differences` are derived rows that a rebuild gave again, and gave
    otherwise.
    """

    home: Path
    rooms: int
    members: int
    days: int
    messages: int
    accepted: int
    states: Mapping[DeliveryState, int]
    causes: Mapping[Label, Mapping[str, int]]
    lifts: Mapping[str, tuple[float, float | None]]
    share: Figure | None
    weeks: int
    digests: int
    compared: int
    differences: int
    seconds: float


async def tell(home: Path, rooms: int, days: int, seed: int, progress: Progress) -> Summary:
    """Make the demo in `home`; `progress` hears what is being done and which share is behind.

    Raises InvalidInput where `home` is somebody else's folder.
    """
    started = time.perf_counter()
    secret = homes.prepare(home, seed)
    settings = homes.settings(home)
    engine = database.connect(settings.database)
    try:
        progress("建库，导入群、成员、商品和日历", 0)
        database.migrate(engine)
        accounts = [f"demo-{number + 1}" for number in range(-(-rooms // ROOMS_AN_ACCOUNT))]
        everybody = community.found(seed, rooms, days, accounts)
        desk = Desk(home / "papers", engine, secret)
        made = await _open(everybody, accounts, settings, desk)
        try:
            # The check has a processor of its own, and is ready when the days are over.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
                beside.submit(make_ready)
                await _live(made, desk, progress)
                return _close(made, settings, beside, progress, started)
        finally:
            made.app.writer.shutdown()
    finally:
        engine.dispose()


def make_ready() -> None:
    """What takes long at the start of a process: jieba's dictionary. Called in one of its own."""
    gc.set_threshold(*SELDOM)
    segment.segmenter()


def check(settings: Settings, now: dt.datetime) -> tuple[int, int]:
    """Derive everything again in a temporary database: rows compared, rows that differ."""
    engine = database.connect(settings.database)
    try:
        with database.reading(engine) as session:
            rules = deriving.load_rules(session, settings.zone)
        tables = rebuilding.check(engine, rules, now)
    finally:
        engine.dispose()
    return sum(each.rows for each in tables), sum(each.missing + each.surplus for each in tables)


async def _open(everybody: Community, accounts: list[str], settings: Settings, desk: Desk) -> World:
    """An app on an empty database, with everything in it that an operator brings."""
    clock = Clock(community.instant(everybody.days[0]) - dt.timedelta(hours=1))
    gateways = [MemoryGateway(name, clock=clock) for name in accounts]
    app = apps.build(settings, desk.engine, gateways, clock)
    made = worlds.found(everybody, app, clock, gateways)
    await drive.begin(made)
    papers.import_beginnings(desk, everybody, clock())
    calendar = calendar_file.read(CALENDAR.read_bytes(), CALENDAR.name, settings.timezone)
    with database.transaction(desk.engine) as session:
        changes = interchange.take_in(session, calendar.series, OPERATOR, clock())
        interchange.approve(session, changes, OPERATOR, clock(), contact.rules(settings))
    process.refresh(app)
    return made


async def _live(made: World, desk: Desk, progress: Progress) -> None:
    times = drive.posting_times(made)
    imported = made.clock()
    days = made.everybody.days
    for number, day in enumerate(days):
        progress(f"{day:%m-%d} 群里在聊", _DAYS_DONE * number / len(days))
        await drive.live(made, day, times)
        if (number + 1) % IMPORTS_EVERY == 0 or day == days[-1]:
            _import(made, desk, f"{day:%m%d}", imported)
            imported = made.clock()
    # Digests are read on Monday morning.
    made.clock.reach(made.clock() + dt.timedelta(hours=9))


def _import(made: World, desk: Desk, name: str, since: dt.datetime) -> None:
    """At night the list of new members and one shop's orders come in as files; the other pushes."""
    now = made.clock()
    fresh = [
        (number, purchase)
        for number, purchase in worlds.numbered(made)
        if since < purchase.paid_at <= now
        or (purchase.refunded_at is not None and since < purchase.refunded_at <= now)
    ]
    papers.import_newcomers(desk, f"memberships-{name}", made.everybody, since, now)
    by_file, pushed = list[tuple[str, Purchase]](), list[tuple[str, Purchase]]()
    for number, purchase in fresh:
        kept = by_file if papers.buys_by_phone(purchase.buyer) else pushed
        kept.append((number, purchase))
    papers.import_orders(desk, f"orders-{name}", by_file, now)
    pushing.push_orders(desk, pushed, now)


def _close(
    made: World, settings: Settings, beside: Executor, progress: Progress, started: float
) -> Summary:
    """What is left to do when the days are over, and what it all amounts to."""
    progress("夜里的活：汇总、归因、人群、话题", _DAYS_DONE)
    for _ in nightly.steps(settings, made.app.engine, made.clock()):
        pass
    checking = beside.submit(check, settings, made.clock())
    sheets = _write_digests(made, settings, progress)
    progress("从消息日志重新推导并比对", _DIGESTED)
    compared, differences = checking.result()
    progress("完成", 1)
    accepted, states = _stored(made.app.engine)
    rooms = made.everybody.rooms
    return Summary(
        home=settings.home,
        rooms=len(rooms),
        members=sum(len(room.stays) for room in rooms),
        days=len(made.everybody.days),
        messages=made.messages + sum(made.reacted.values()),
        accepted=accepted,
        states=states,
        causes=_causes(made),
        lifts=_lifts(made, sheets),
        # The first sheet is the fleet's of the last week.
        share=sheets[0].figure("organic_share"),
        weeks=len({sheet.week for sheet in sheets}),
        digests=len(sheets),
        compared=compared,
        differences=differences,
        seconds=time.perf_counter() - started,
    )


def _write_digests(made: World, settings: Settings, progress: Progress) -> list[Sheet]:
    """Everything about the last week, then the fleet of the weeks before."""
    folder = settings.home / "digests"
    last = made.everybody.days[-1] - dt.timedelta(days=made.everybody.days[-1].weekday())
    mondays = [last]
    while mondays[-1] - WEEK >= made.everybody.days[0]:
        mondays.append(mondays[-1] - WEEK)
    written: list[Sheet] = []
    titles: dict[str, str] = {}
    with database.transaction(made.app.engine) as session:
        history.record(session, made)
        for number, monday in enumerate(mondays):
            share = _ATTRIBUTED + (_DIGESTED - _ATTRIBUTED) * number / len(mondays)
            progress(f"{monday:%G-W%V} 周报", share)
            week = gather.gather(session, monday, made.clock(), settings.zone)
            subjects = storing.everything(week) if monday == last else [storing.FLEET]
            fresh = compose.sheets(session, Findings(week), subjects)
            sheets = storing.keep(session, week, fresh)
            for sheet, (_, page) in zip(
                sheets, publish.write(sheets, folder, ("md", "html")), strict=True
            ):
                titles[page.relative_to(folder).as_posix()] = sheet.title
            written += sheets
    serving.write_index(folder, titles)
    return written


def _lifts(made: World, sheets: list[Sheet]) -> Mapping[str, tuple[float, float | None]]:
    # The first sheet is the fleet's of the last week.
    found = sheets[0].amounts()
    return {
        kind: (statistics.fmean(counts), found.get(f"lift_{kind}"))
        for kind, counts in sorted(made.lifts.items())
    }


def _stored(engine: Engine) -> tuple[int, Mapping[DeliveryState, int]]:
    """Messages in the log, and deliveries by state."""
    delivery = database.table(Delivery).c
    with database.reading(engine) as session:
        accepted = session.connection().scalar(
            select(func.count()).select_from(database.table(Message))
        )
        states = session.connection().execute(
            select(delivery.state, func.count()).group_by(delivery.state)
        )
        return accepted or 0, dict(states.all())


def _causes(made: World) -> Mapping[Label, Mapping[str, int]]:
    planted = {number: purchase.cause.value for number, purchase in worlds.numbered(made)}
    line, told = database.tables(OrderLine, Attribution)
    counted: dict[Label, Counter[str]] = defaultdict(Counter)
    with database.reading(made.app.engine) as session:
        rows = session.connection().execute(
            select(told.c.label, line.c.order_id).join(line, line.c.id == told.c.order_line_id)
        )
        for label, order in rows:
            counted[label][planted[order]] += 1
    return counted
