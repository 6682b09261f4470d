"""Two verticals side by side: everything of the second carries a mark that nobody else may read."""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator

import httpx
from openpyxl import load_workbook
from sqlalchemy import update

from bot import database, membership_files
from bot.digest import compose, gather, storing
from bot.digest.findings import Findings
from bot.insights import attributing, segments, topics
from bot.membership_files import MembershipRow
from bot.models import (
    Complaint,
    Contact,
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestScope,
    Experiment,
    ExperimentKind,
    Faq,
    Goal,
    MessageIdentity,
    OpenQuestion,
    PickedQuestion,
    Room,
    RoomTag,
    Topic,
    TopicKind,
)
from bot.orders import catalogue, intake, people
from bot.orders.catalogue import ProductRow
from bot.orders.intake import OrderRow
from tests import drafts
from tests.console.conftest import NOW, Desk
from tests.saying import SHANGHAI, local, member_says, record, rows

# In Chinese for what people read, in Latin letters for ids.
MARKS = ("暗记", "anji")
OURS, THEIRS = "宝妈育儿", "暗记美妆"
OUR_ROOM, THEIR_ROOM = "ours@chatroom", "anji@chatroom"
LAST_WEEK = dt.date(2026, 11, 16)
SECRET = b"secret"
# The beginning of a PNG is all that tells one; what follows is ours to find again.
PICTURE = b"\x89PNG\r\n\x1a\nanji"
CALENDAR = """
version: 1
zone: Asia/Shanghai
series:
  - key: {name}-series
    name: {said}答疑日
    kind: 问题解答日
    starts: 2026-11-02
    ends: 2026-12-31
    recurrence: {{every_days: 1}}
    at: "20:00"
    audience: {{verticals: [{vertical}]}}
    steps:
      - {{name: 开场, text: "{said}开始啦", image: {name}.png}}
"""


def furnish(desk: Desk) -> None:
    """The same of everything in both verticals; the second one's bears the mark."""
    _plan(desk)
    _talk(desk)
    _sell(desk)
    for _ in segments.steps(desk.engine, NOW.astimezone(SHANGHAI).date(), SHANGHAI):
        pass
    _look_back(desk)


def told(answer: httpx.Response) -> Iterator[str]:
    """Everything that an answer says: where it leads, and what it holds."""
    yield f"{answer.headers.get('content-disposition', '')} {answer.headers.get('location', '')}"
    yield from read(answer.content)


def read(content: bytes) -> Iterator[str]:
    """Everything that can be read in a file: its text, the cells of a workbook, what is packed."""
    if not content.startswith(b"PK"):
        yield content.decode("utf-8", errors="replace")
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield f"{name} {archive.read(name).decode('utf-8', errors='replace')}"
        if "xl/workbook.xml" not in archive.namelist():
            return
    for sheet in load_workbook(io.BytesIO(content), read_only=True):
        yield sheet.title
        for cells in sheet.iter_rows(values_only=True):
            yield " ".join(str(cell) for cell in cells if cell is not None)


def _plan(desk: Desk) -> None:
    """Rooms, a series each with a picture, and a post that failed."""
    attachments = desk.home / "attachments"
    attachments.mkdir()
    (attachments / "anji.png").write_bytes(PICTURE)
    (attachments / "ours.png").write_bytes(PICTURE.replace(b"anji", b"ours"))
    told = [
        MembershipRow(OUR_ROOM, "wxid_ours", unionid="u-ours", joined_at=local("2026-11-01 00:00")),
        MembershipRow(THEIR_ROOM, "wxid_anji", unionid="anji", joined_at=local("2026-11-01 00:00")),
        # Verticals of fewer members are told of nowhere else.
        *(
            MembershipRow(room, f"wxid_silent-{name}{n}", joined_at=local("2026-11-01 00:00"))
            for room, name in ((OUR_ROOM, "ours"), (THEIR_ROOM, "anji"))
            for n in range(topics.FEWEST_MEMBERS)
        ),
    ]
    with database.transaction(desk.engine) as session:
        membership_files.record(session, told, SECRET, NOW)
        people.resolve(session)
        room, contact = database.tables(Room, Contact)
        for named, vertical, said in ((OUR_ROOM, OURS, "咱们"), (THEIR_ROOM, THEIRS, "暗记")):
            session.connection().execute(
                update(room)
                .where(room.c.platform_id == named)
                .values(vertical=vertical, topic=f"{said}群", owner=f"{said}负责人")
            )
        for named, name in (("wxid_ours", "小雨妈"), ("wxid_anji", "暗记妈")):
            session.connection().execute(
                update(contact).where(contact.c.platform_id == named).values(name=name)
            )
    ids = {row.platform_id: row.id for row in rows(desk.engine, Room)}
    with database.transaction(desk.engine) as session:
        session.add(RoomTag(room_id=ids[OUR_ROOM], tag="北京"))
        session.add(RoomTag(room_id=ids[THEIR_ROOM], tag="暗记城市"))
        session.add(
            Goal(
                metric="participation",
                vertical=THEIRS,
                value=0.2,
                since=LAST_WEEK,
                until=dt.date(2026, 12, 31),
                note="暗记",
                set_by="小林",
                set_at=NOW,
            )
        )
        session.add(Faq(vertical=THEIRS, question="暗记怎么用", answer="暗记这样用"))
        for name, said, vertical in (("ours", "咱们", OURS), ("anji", "暗记", THEIRS)):
            text = CALENDAR.format(name=name, said=said, vertical=vertical)
            drafts.take_in(session, text, NOW, "小林")
    with database.transaction(desk.engine) as session:
        for place, (platform_id, said) in enumerate(((OUR_ROOM, "咱们"), (THEIR_ROOM, "暗记")), 1):
            session.add(
                Delivery(
                    key=f"post:{said}",
                    kind=DeliveryKind.POST,
                    state=DeliveryState.FAILED,
                    series_id=place,
                    step="开场",
                    room_id=ids[platform_id],
                    text=f"{said}开始啦",
                    planned_at=NOW,
                    due_at=NOW,
                    expires_at=NOW + dt.timedelta(hours=1),
                    sending_at=NOW,
                    attempts=1,
                    reason=f"{said}被拒",
                )
            )


def _talk(desk: Desk) -> None:
    """A week of talk, with a question and a complaint of each."""
    for room, sender, said in ((OUR_ROOM, "wxid_ours", "咱们"), (THEIR_ROOM, "wxid_anji", "暗记")):
        record(
            desk.engine,
            *(
                member_says(
                    f"{said}{day} 号先看成分表再说吧，纸尿裤有推荐吗?",
                    f"2026-11-{day} 09:00",
                    sender=sender,
                    room=room,
                    id=f"{sender}{day}",
                    name=f"{said}妈",
                )
                for day in range(12, 24)
            ),
        )
    ids = {row.platform_id: row for row in rows(desk.engine, MessageIdentity)}
    contacts = {row.platform_id: row.id for row in rows(desk.engine, Contact)}
    with database.transaction(desk.engine) as session:
        for sender, said in (("wxid_ours", "咱们"), ("wxid_anji", "暗记")):
            question, complaint = ids[f"{sender}22"], ids[f"{sender}23"]
            session.add(
                OpenQuestion(
                    message_id=question.id,
                    day=question.day,
                    room_id=question.room_id,
                    contact_id=contacts[sender],
                    asked_at=NOW,
                    listed_at=NOW,
                    due_at=NOW,
                )
            )
            session.add(
                Complaint(
                    message_id=complaint.id,
                    day=complaint.day,
                    room_id=complaint.room_id,
                    contact_id=contacts[sender],
                    at=NOW,
                    due_at=NOW,
                    severity=3,
                    rule=f"{said}漏",
                    note=f"{said}记录",
                )
            )


def _sell(desk: Desk) -> None:
    """An order of each, one human apiece."""
    with database.transaction(desk.engine) as session:
        catalogue.record_products(session, [ProductRow("D1", "小熊纸尿裤", category="纸尿裤")])
    for room, sender in ((OUR_ROOM, "wxid_ours"), (THEIR_ROOM, "wxid_anji")):
        record(
            desk.engine,
            member_says(
                "小熊纸尿裤夜里不漏",
                "2026-11-20 09:05",
                sender=sender,
                room=room,
                id=f"{sender}-named",
            ),
        )
    orders = [
        OrderRow(f"{name}-1", 1, "D1", 1, 9_900, local("2026-11-20 12:00"), unionid=unionid)
        for name, unionid in (("ours", "u-ours"), ("anji", "anji"))
    ]
    with database.transaction(desk.engine) as session:
        assert not intake.record(session, orders, "shop", SECRET, NOW).faults
        attributing.attribute_all(session, NOW)


def _look_back(desk: Desk) -> None:
    """Last week's digests and topics, an experiment, a question that was picked."""
    with database.transaction(desk.engine) as session:
        week = gather.gather(session, LAST_WEEK, NOW, SHANGHAI)
        sheets = compose.sheets(session, Findings(week), storing.everything(week))
        storing.keep(session, week, sheets)
        for place, (scope, target) in enumerate(
            (
                (DigestScope.FLEET, ""),
                (DigestScope.VERTICAL, THEIRS),
                (DigestScope.ROOM, THEIR_ROOM),
            ),
            1,
        ):
            session.add(
                Topic(
                    week=LAST_WEEK,
                    scope=scope,
                    target=target,
                    kind=TopicKind.WORD,
                    rank=place,
                    text="暗记成分",
                    score=9.0,
                    count=9,
                    before=0.5,
                    members=9,
                    rooms=1,
                    rule_version=1,
                    computed_at=NOW,
                )
            )
        session.add(
            Experiment(
                name="anji",
                kind=ExperimentKind.TOPIC,
                series_id=2,
                starts=LAST_WEEK,
                weeks=4,
                zone="Asia/Shanghai",
                share=0.5,
                seed=7,
                proposed_by="小林",
                proposed_at=NOW,
                reason="暗记",
            )
        )
        session.add(
            PickedQuestion(
                series_id=2,
                original_date=dt.date(2026, 11, 24),
                text="暗记成分怎么看",
                by="小林",
                at=NOW,
            )
        )
