"""The pictures of the console in docs/images: `python -m tests.browser.pictures [--home DEMO]`.

DEMO is the folder of a `qunyun demo --no-serve`, which is made where it is missing; it is copied,
not changed. Its people go on for two days, and the pictures are taken while a batch goes out.
"""

import argparse
import dataclasses
import datetime as dt
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import func, select

from bot import complaints, database, holding, sampling
from bot import desk as questions
from bot.console.pages import labels
from bot.demo import home as homes
from bot.demo import serving
from bot.gateways.manual import ManualGateway
from bot.gateways.memory import MemoryGateway
from bot.insights import trials
from bot.models import (
    Account,
    Attribution,
    AttributionEvidence,
    Delivery,
    DeliveryState,
    Experiment,
    ExperimentKind,
    Label,
    Message,
    OpenQuestion,
    OperatorRole,
    Product,
    Room,
    SeriesKind,
)
from content_calendar import definition, interchange, lifecycle, withholding
from tests.browser.conftest import CHROMIUM, FLAGS, PHONE
from tests.browser.desk import PASSWORD, Desk, Work, at_work, opened
from tests.saying import local, member_says, record, rows

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 200_000
# What was due before the pictures goes out at once, moment by moment; the last meets trouble.
SMOOTH = ("2026-11-23 12:10:05", "2026-11-23 20:00:05", "2026-11-24 12:10:05")
TROUBLED = "2026-11-24 19:00:05"
NOW = "2026-11-24 20:00:01"
# Whatever a reader sees without scrolling has come.
SHOWN = """Promise.all([...document.images]
  .filter(each => each.getBoundingClientRect().top < innerHeight)
  .map(each => each.complete || new Promise(done => { each.onload = each.onerror = done })))"""
WIDE = {
    "overview": "/",
    "board": "/boards",
    "calendar": "/calendar",
    "series": "/series/qa-mother-baby",
    "approvals": "/approvals",
    "rooms": "/rooms",
    "people": "/people",
    "orders": "/orders",
    "room": "/rooms/1",
    "deliveries": "/deliveries",
    "accounts": "/accounts",
    "settings": "/settings",
    "data": "/data",
    "questions": "/questions",
    "complaints": "/complaints",
    "topics": "/topics?week=2026-11-16&vertical=宝妈育儿",
    "privacy": "/privacy/people/contact-20",
    "digest": "/digests/1",
    "labels": "/labels",
}

# (vertical, when, who, what) on the day of the pictures.
ASKED = (
    ("宝妈育儿", "10:20", "糖糖妈", "睡袋 110 码几岁穿？宝宝 98 厘米"),
    ("职场穿搭", "15:05", "阿静", "通勤裤能机洗吗？标签剪掉了"),
    ("美妆护肤", "17:40", "小鱼", "烟酰胺和早C可以叠着用吗？"),
    ("宝妈育儿", "18:30", "果果妈", "夜里醒三四次，睡整觉大家是怎么熬过来的？"),
    ("家居好物", "16:10", "老周", "炒锅第二次用就糊底，客服一直没人回"),
    ("宠物乐园", "18:55", "阿喵", "冻干吃完拉肚子，去了医院"),
)
GRAVE = {ASKED[4][-1]: (2, "service"), ASKED[5][-1]: (3, "harm")}


def main() -> None:
    """Make every picture anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="the folder of a demo; made where it is missing")
    parser.add_argument("--out", type=Path, default=IMAGES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "demo"
        if given.home is None:
            words = [sys.executable, "-m", "bot", "demo", "--home", str(home), "--no-serve"]
            subprocess.run(words, check=True)
        else:
            shutil.copytree(given.home, home)
        take(home, given.out)


def take(home: Path, out: Path) -> None:
    """Serve the demo, let two days pass, take the pictures."""
    settings = homes.settings(home).model_copy(update={"console_port": 0})
    engine = database.connect(settings.database)
    database.migrate(engine)
    with opened(engine, settings, serving.ENDS_AT) as desk:
        at_once = dataclasses.replace(
            desk, settings=settings.model_copy(update={"random_gap_seconds": (0.0, 0.0)})
        )
        for name, role in (
            ("小林", OperatorRole.ADMIN),
            ("阿原", OperatorRole.OPERATOR),
            ("晓雯", OperatorRole.APPROVER),
        ):
            desk.add(name, role)
        with at_work(at_once, list(platform(desk).values())) as work:
            for moment in SMOOTH:
                pass_to(desk, work, moment)
        desk.rooms("wechat", ["宝妈老客户 1 群", "宝妈老客户 2 群"], "宝妈育儿", kind="manual")
        with at_work(at_once, troubled(desk)) as work:
            pass_to(desk, work, TROUBLED)
        ask_for_approval(desk)
        ask(desk)
        look_closer(desk)
        with at_work(desk, troubled(desk)) as work:
            desk.clock.move(local(NOW))
            work.tick()
            work.until(lambda: len(sent_since(desk, local(NOW))) >= 3)
            photograph(desk, out)
    engine.dispose()


def platform(desk: Desk) -> dict[str, MemoryGateway]:
    """The rooms as the platform has them, by account."""
    found: dict[str, MemoryGateway] = {}
    account, room = database.tables(Account, Room)
    with database.reading(desk.engine) as session:
        query = select(account.c.name, room.c.platform_id, room.c.topic).join(
            room, room.c.account_id == account.c.id
        ).where(account.c.gateway == "memory").order_by(room.c.id)  # fmt: skip
        served = session.connection().execute(query).all()
    for name, id, topic in served:
        one = found.setdefault(name, MemoryGateway(name, clock=desk.clock, first=20_000_000))
        one.echoes = False
        one.add_room(id, topic)
    return found


def troubled(desk: Desk) -> list[MemoryGateway | ManualGateway]:
    """The same, where one room leaves a post unanswered, and one has no bot any more."""
    found = platform(desk)
    rooms = [
        (each.platform_id, each.account_id)
        for each in rows(desk.engine, Room)
        if each.topic in ("宝妈育儿 3 群", "宝妈育儿 6 群")
    ]
    names = {each.id: each.name for each in rows(desk.engine, Account)}
    (silent, first), (gone, second) = rooms
    found[names[first]].time_out(arrives=False, room=silent, times=1)
    found[names[second]].refuse("群已经解散", room=gone, times=1)
    return [*found.values(), ManualGateway("wechat", clock=desk.clock)]


def pass_to(desk: Desk, work: Work, moment: str) -> None:
    """Move to a moment, and wait until what is due then has gone out."""
    desk.clock.move(local(moment))
    work.tick()
    by_hand = {each.id for each in rows(desk.engine, Account) if each.gateway == "manual"}
    work.until(
        lambda: (
            not [
                each
                for each in rows(desk.engine, Delivery)
                if each.state
                in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.SENDING)
                and each.due_at <= desk.clock()
                and each.account_id not in by_hand
            ]
        )
    )


def sent_since(desk: Desk, at: dt.datetime) -> list[Delivery]:
    """What went out from a moment on."""
    return [each for each in rows(desk.engine, Delivery) if each.sent_at and each.sent_at >= at]


def ask_for_approval(desk: Desk) -> None:
    """Somebody has rewritten a series and wants it approved."""
    now = desk.clock()
    with database.transaction(desk.engine) as session:
        (series,) = definition.stored(session, keys=["share-pets"])
        changed = dataclasses.replace(series.definition, at=dt.time(19, 30), late_by_minutes=90)
        interchange.take_in(session, [changed], "阿原", now)
        lifecycle.submit(session, changed.key, "阿原", now)


def ask(desk: Desk) -> None:
    """Members ask and complain on the day of the pictures; two colleagues look after some of it."""
    first: dict[str, str] = {}
    for each in rows(desk.engine, Room):
        first.setdefault(each.vertical, each.platform_id)
    for vertical, at, name, text in ASKED:
        said = member_says(
            text, f"2026-11-24 {at}", room=first[vertical], sender=name, name=name, id=f"today-{at}"
        )
        record(desk.engine, said)
        message = max(rows(desk.engine, Message), key=lambda each: int(each.id))
        whose = (message.id, message.room_id, message.contact_id, message.at)
        with database.transaction(desk.engine) as session:
            if text in GRAVE:
                heard = complaints.Heard(*whose, *GRAVE[text])
                complaints.open_cases(session, [heard])
            else:
                questions.ask(session, [questions.Asked(*whose)])
    with database.transaction(desk.engine) as session:
        waiting = {one.text: one.id for one in questions.listed(session, local(NOW))}
        holding.claim(session, questions.WORK, waiting[ASKED[1][-1]], "阿原", local(NOW))
        told = "按身高选：110 码适合 100 到 110 厘米，卡在中间就拿大一码。"
        questions.answer(session, waiting[ASKED[0][-1]], told, "小林", local(NOW))


def look_closer(desk: Desk) -> None:
    """An experiment is proposed, and messages are drawn to be marked."""
    now = desk.clock()
    monday = trials.monday(now.date()) + trials.WEEK
    with database.transaction(desk.engine) as session:
        series = next(
            each.definition.key
            for each in definition.stored(session)
            if each.definition.kind is SeriesKind.PROMO
        )
        products = database.table(Product).c
        sku = session.connection().scalar(select(products.sku).order_by(products.id)) or ""
        wanted = withholding.Wanted(
            "推广停发-12月", ExperimentKind.HOLDOUT, series, monday, 4, 0.15, sku
        )
        withholding.propose(session, wanted, "Asia/Shanghai", "阿原", now)
        sampling.draw(session, labels.COUNT, labels.SEED, now - labels.REACH, now, "小林")


def told_at_length(desk: Desk) -> int:
    """The order line that most was said before, and that talk is told to have led to."""
    told, met = database.tables(Attribution, AttributionEvidence)
    query = (
        select(told.c.order_line_id)
        .join(met, met.c.order_line_id == told.c.order_line_id)
        .where(told.c.label == Label.ORGANIC)
        .group_by(told.c.order_line_id)
        .order_by(func.count().desc(), told.c.order_line_id)
    )
    with database.reading(desk.engine) as session:
        return int(session.connection().scalars(query.limit(1)).one())


def photograph(desk: Desk, out: Path) -> None:
    """Every picture, as small as a document wants it."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            viewport={"width": 1440, "height": 900}, locale="zh-CN", color_scheme="light"
        )
        sign_in(desk, page)
        asked = max(int(each.id) for each in rows(desk.engine, OpenQuestion))
        found = {
            "question": f"/questions/{asked}",
            "order": f"/orders/{told_at_length(desk)}",
            "experiment": f"/experiments/{rows(desk.engine, Experiment)[-1].id}",
        }
        for name, path in (WIDE | found).items():
            shoot(page, desk.address + path, out / f"console-{name}.png")
        page.emulate_media(color_scheme="dark")
        shoot(page, f"{desk.address}/", out / "console-dark.png")
        phone = browser.new_page(locale="zh-CN", color_scheme="light", **PHONE)
        sign_in(desk, phone)
        shoot(phone, f"{desk.address}/todo", out / "console-phone.png")
        shoot(phone, f"{desk.address}/questions", out / "console-phone-questions.png")
        shoot(phone, f"{desk.address}/digests/1/page", out / "console-phone-digest.png")
        browser.close()


def sign_in(desk: Desk, page: Page) -> None:
    """As the admin, by the form."""
    page.goto(f"{desk.address}/login")
    page.get_by_label("名字").fill("小林")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{desk.address}/")


def shoot(page: Page, address: str, path: Path) -> None:
    """One page as a PNG of few colours."""
    page.goto(address)
    page.locator(".htmx-request").first.wait_for(state="detached")
    page.evaluate(SHOWN)
    # Once more, when the last of it is painted.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with Image.open(io.BytesIO(page.screenshot())) as taken:
        small = taken.convert("RGB").quantize(
            160, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        small.save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{path.name} has {size} bytes, more than {LARGEST}")


if __name__ == "__main__":
    main()
