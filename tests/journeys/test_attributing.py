"""The life of an attribution: provisional, final, restated; the same whatever came first."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlmodel import Session

from bot import database, deriving, ingest, membership_files, rebuilding
from bot.gateway import Said
from bot.insights import attributing, shares
from bot.membership_files import MembershipRow
from bot.models import (
    Attribution,
    AttributionEvidence,
    DirtyLine,
    IdentityEdge,
    Label,
    MessageIdentity,
    OrderLine,
    OrderStatus,
    Restatement,
)
from bot.orders import catalogue, intake, people, quarantine
from bot.orders.catalogue import CampaignRow, ProductRow
from bot.orders.intake import OrderRow

SHANGHAI = ZoneInfo("Asia/Shanghai")
PAID = dt.datetime(2026, 11, 3, 15, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SECRET = b"secret"
Event = Callable[[Session], object]


def said(name: str, sender: str, hours_before: float, text: str, **more: str) -> Event:
    at = PAID - dt.timedelta(hours=hours_before)
    message = Said(name, "r1", sender, at, "text", text, quote=more.get("quote"))
    return lambda session: ingest.record(session, [message], deriving.load_rules(session, SHANGHAI))


def recalled(name: str, hours_before: float) -> Event:
    at = PAID - dt.timedelta(hours=hours_before)
    message = Said(f"{name}-back", "r1", "wxid_friend", at, "recall", None, recalls=name)
    return lambda session: ingest.record(session, [message], deriving.load_rules(session, SHANGHAI))


def ordered(order_id: str, **told: object) -> Event:
    plain = OrderRow(order_id, 1, "A1", 1, 9_900, PAID, unionid="u1", updated_at=PAID)
    row = replace(plain, **told)  # type: ignore[arg-type]  # fields by name
    return lambda session: intake.record(session, [row], "shop", SECRET, PAID)


def stays(contact: str, unionid: str | None = None) -> Event:
    rows = [MembershipRow("r1", contact, unionid=unionid)]

    def tell(session: Session) -> None:
        membership_files.record(session, rows, SECRET, PAID)
        people.resolve(session)

    return tell


def products(session: Session) -> None:
    catalogue.record_products(session, [ProductRow("A1", "小熊纸尿裤"), ProductRow("A2", "奶瓶")])


def campaign(session: Session) -> None:
    row = CampaignRow("双11", "A2", "D11", None, PAID - DAY, PAID + DAY)
    catalogue.record_campaigns(session, [row])


def happen(engine: Engine, *events: Event) -> None:
    for event in events:
        with database.transaction(engine) as session:
            event(session)


def night(engine: Engine, days: float) -> int:
    """A night so many days after the order; returns how many lines were looked at."""
    return sum(attributing.steps(engine, PAID + dt.timedelta(days=days)))


def labels(engine: Engine) -> dict[str, tuple[Label, bool]]:
    told, line = database.tables(Attribution, OrderLine)
    with database.reading(engine) as session:
        rows = session.connection().execute(
            select(line.c.order_id, told.c.label, told.c.final).join(
                told, told.c.order_line_id == line.c.id
            )
        )
        return {row[0]: (row[1], row[2]) for row in rows}


def restatements(engine: Engine) -> list[tuple[Label, Label]]:
    table = database.table(Restatement).c
    with database.reading(engine) as session:
        rows = session.connection().execute(
            select(table.label_before, table.label_after).order_by(table.id)
        )
        return [(row[0], row[1]) for row in rows]


SCENE: Sequence[Event] = (products, stays("wxid_friend"), stays("wxid_buyer", "u1"))
TALK = said("m1", "wxid_friend", 3, "小熊纸尿裤真的不漏")
ANSWER = said("m2", "wxid_buyer", 2, "真的吗", quote="m1")


def test_a_night_attributes_what_came_and_makes_it_final_after_three_days(engine: Engine) -> None:
    happen(engine, *SCENE, TALK, ANSWER, ordered("O1"))
    assert night(engine, 1) == 1
    assert labels(engine) == {"O1": (Label.ORGANIC, False)}
    assert night(engine, 2) == 0
    assert night(engine, 3.1) == 1
    assert labels(engine) == {"O1": (Label.ORGANIC, True)}
    assert (night(engine, 4), restatements(engine)) == (0, [])


def test_what_comes_after_it_was_final_is_restated_and_never_silent(engine: Engine) -> None:
    happen(engine, *SCENE, ordered("O1"))
    night(engine, 1)
    night(engine, 4)
    assert labels(engine) == {"O1": (Label.DIRECT, True)}
    happen(engine, TALK, ANSWER)
    assert night(engine, 5) == 1
    happen(engine, ordered("O1", status=OrderStatus.CANCELLED, updated_at=PAID + 6 * DAY))
    assert night(engine, 7) == 1
    assert labels(engine) == {"O1": (Label.OUT, True)}
    assert restatements(engine) == [
        (Label.DIRECT, Label.ORGANIC),
        (Label.ORGANIC, Label.OUT),
    ]
    with database.reading(engine) as session:
        assert shares.restated(session, PAID + 4 * DAY, PAID + 8 * DAY) == 1
        assert shares.restated(session, PAID, PAID + 4 * DAY) == 0


def test_a_recall_takes_its_touch_away_and_a_new_coupon_marks_what_carries_it(
    engine: Engine,
) -> None:
    happen(engine, *SCENE, TALK, ANSWER, ordered("O1"), ordered("O2", sku="A2", coupon="d11"))
    night(engine, 1)
    assert {label for label, _ in labels(engine).values()} == {Label.ORGANIC, Label.DIRECT}
    happen(engine, recalled("m1", 1.9), campaign)
    assert night(engine, 2) == 2
    assert labels(engine) == {"O1": (Label.DIRECT, False), "O2": (Label.PROMO, False)}


def test_cutting_an_identity_makes_its_lines_unknown_and_restoring_gives_them_back(
    engine: Engine,
) -> None:
    happen(engine, *SCENE, TALK, ANSWER, ordered("O1"))
    night(engine, 4)
    edge = database.table(IdentityEdge).c
    with database.reading(engine) as session:
        one = session.connection().scalars(select(edge.id).order_by(edge.id)).first()
    assert one is not None
    happen(engine, lambda session: quarantine.cut(session, one, "不同的人", "小林", PAID))
    assert night(engine, 5) == 1
    assert labels(engine) == {"O1": (Label.UNKNOWN, True)}
    happen(engine, lambda session: quarantine.restore(session, one, "是同一个", "小林", PAID))
    assert night(engine, 6) == 1
    assert labels(engine) == {"O1": (Label.ORGANIC, True)}
    assert len(restatements(engine)) == 2


STORY: Sequence[Event] = (
    stays("wxid_friend"),
    stays("wxid_buyer", "u1"),
    stays("wxid_other", "u2"),
    TALK,
    ANSWER,
    said("m3", "wxid_other", 20, "奶瓶用 D11 立减"),
    said("m4", "wxid_friend", 19, "奶瓶不错"),
    said("m5", "wxid_buyer", 30, "小熊纸尿裤多少钱"),
    recalled("m5", 29),
    ordered("O1"),
    ordered("O2", sku="A2", unionid="u2"),
    ordered("O2", sku="A2", unionid="u2", refund="r1", amount=0, updated_at=PAID + HOUR),
    ordered("O3", sku="A2", coupon="D11", unionid=None),
    ordered("O4", unionid=None),
    ordered("O5", status=OrderStatus.CANCELLED, updated_at=PAID + 2 * HOUR),
    campaign,
)


def test_any_order_of_events_and_any_nights_between_give_the_same(engine: Engine) -> None:
    chance = random.Random(5)
    found = []
    for turn in range(5):
        events = list(STORY)
        if turn:
            events += chance.sample(STORY, 5)
            chance.shuffle(events)
        happen(engine, products)
        for number, event in enumerate(events):
            happen(engine, event)
            if chance.random() < 0.3:
                night(engine, 1 + number / 50)
        night(engine, 5)
        found.append(standing(engine))
        with database.transaction(engine) as session:
            for table in reversed(database.table(Attribution).metadata.sorted_tables):
                session.connection().execute(table.delete())
    assert found[0] == found[1] == found[2] == found[3] == found[4]
    assert {row[2] for row in found[0][0]} >= {Label.ORGANIC, Label.PROMO, Label.UNKNOWN, Label.OUT}


def test_a_rebuild_gives_the_same_labels_and_evidence(engine: Engine) -> None:
    happen(engine, products, *STORY)
    night(engine, 5)
    before = standing(engine)
    with database.reading(engine) as session:
        rules = deriving.load_rules(session, SHANGHAI)
    rebuilding.rebuild(engine, rules, PAID + 5 * DAY)
    assert standing(engine) == before
    assert rows_left(engine) == 0


def standing(engine: Engine) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Every label and every touch, by names that do not depend on when things came."""
    told, line, met, named = database.tables(
        Attribution, OrderLine, AttributionEvidence, MessageIdentity
    )
    with database.reading(engine) as session:
        decided = session.connection().execute(
            select(
                *(line.c.order_id, line.c.line_no, told.c.label, told.c.grade, told.c.possible),
                *(told.c.ppm_organic, told.c.ppm_promo, told.c.ppm_base, named.c.platform_id),
            )
            .join(line, line.c.id == told.c.order_line_id)
            .outerjoin(named, named.c.id == told.c.message_id)
            .order_by(line.c.order_id, line.c.line_no)
        )
        seen = session.connection().execute(
            select(
                *(line.c.order_id, line.c.line_no, met.c.position, met.c.touch, met.c.grade),
                *(met.c.at, met.c.weight, named.c.platform_id),
            )
            .join(line, line.c.id == met.c.order_line_id)
            .outerjoin(named, named.c.id == met.c.message_id)
            .order_by(line.c.order_id, line.c.line_no, met.c.position)
        )
        return [tuple(row) for row in decided], [tuple(row) for row in seen]


def rows_left(engine: Engine) -> int:
    with database.reading(engine) as session:
        return len(session.connection().execute(select(database.table(DirtyLine))).all())
