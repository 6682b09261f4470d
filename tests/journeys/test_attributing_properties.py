"""Whatever comes in whatever order, given back or cut apart: the same attribution."""

import random
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from bot import database, membership_files
from bot.models import (
    Attribution,
    IdentityCut,
    IdentityEdge,
    IdentityKind,
    Label,
    OrderLine,
    OrderStatus,
)
from bot.orders import evidence, people, quarantine
from tests.journeys.test_attributing import (
    ANSWER,
    HOUR,
    PAID,
    SCENE,
    STORY,
    TALK,
    Event,
    happen,
    labels,
    night,
    ordered,
    products,
    said,
    standing,
)
from tests.saying import rows

FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PRICE = 9_900
BACK = {"r1": 3_000, "r2": 6_000, "r3": 900}
Ends = tuple[tuple[IdentityKind, str], tuple[IdentityKind, str]]


@given(
    st.permutations(range(len(STORY))),
    st.lists(st.sampled_from(range(len(STORY))), max_size=4),
    st.randoms(use_true_random=False),
)
@FEW
def test_any_order_of_arrival_any_repetition_and_any_nights_give_the_same(
    sqlite_engine: Engine,
    in_order: object,
    order: Sequence[int],
    again: list[int],
    chance: random.Random,
) -> None:
    empty(sqlite_engine)
    happen(sqlite_engine, products)
    for number, place in enumerate([*order, *again]):
        happen(sqlite_engine, STORY[place])
        if chance.random() < 0.1:
            night(sqlite_engine, 1 + number / 50)
    night(sqlite_engine, 5)
    assert standing(sqlite_engine) == in_order


@given(
    st.lists(st.sampled_from([*BACK, "cancelled", "paid"]), max_size=5),
    st.randoms(use_true_random=False),
)
@FEW
def test_a_line_is_out_when_all_of_it_was_given_back_or_it_was_cancelled_and_only_then(
    sqlite_engine: Engine, told: list[str], chance: random.Random
) -> None:
    """In any order, told any number of times, with nights in between."""
    empty(sqlite_engine)
    happen(sqlite_engine, *SCENE, TALK, ANSWER)
    told = [*told, "paid"]
    chance.shuffle(told)
    for number, each in enumerate(told):
        happen(sqlite_engine, of_the_order(each))
        if chance.random() < 0.2:
            night(sqlite_engine, 1 + number / 5)
    night(sqlite_engine, 5)
    (line,) = rows(sqlite_engine, OrderLine)
    back = sum(BACK[name] for name in {*told} & BACK.keys())
    out = "cancelled" in told or back == PRICE
    assert (line.amount, line.refunded) == (PRICE, back)
    assert labels(sqlite_engine) == {"O1": (Label.OUT if out else Label.ORGANIC, True)}
    (decided,) = rows(sqlite_engine, Attribution)
    weights = (decided.ppm_organic, decided.ppm_promo, decided.ppm_base)
    assert weights == (None, None, None) if out else sum(weights) == 1_000_000


@given(st.data())
@FEW
def test_a_cut_lets_nothing_through_and_restoring_it_gives_back_what_stood(
    sqlite_engine: Engine, data: st.DataObject
) -> None:
    empty(sqlite_engine)
    happen(sqlite_engine, products, are_there, *THEIR_TALK, *THEIR_ORDERS)
    night(sqlite_engine, 4)
    whole = standing(sqlite_engine)
    assert {label for label, _ in labels(sqlite_engine).values()} == {Label.ORGANIC, Label.DIRECT}
    edges = {row.id: ends(row) for row in rows(sqlite_engine, IdentityEdge)}
    cuts = data.draw(st.lists(st.sampled_from(sorted(edges)), unique=True, min_size=1))
    for edge in cuts:
        happen(sqlite_engine, cut(edge))
        if data.draw(st.booleans()):
            night(sqlite_engine, 5)
    night(sqlite_engine, 5)
    kept = [each for edge, each in edges.items() if edge not in cuts]
    leads = {row.order_id: leads_to_somebody(row, kept) for row in rows(sqlite_engine, OrderLine)}
    stood = {row[0]: row for row in whole[0]}
    for row in standing(sqlite_engine)[0]:
        order = str(row[0])
        assert row == stood[order] if leads[order] else row[2] == Label.UNKNOWN, order
    for edge in data.draw(st.permutations(cuts)):
        happen(sqlite_engine, restore(edge))
    night(sqlite_engine, 6)
    assert standing(sqlite_engine) == whole
    assert not rows(sqlite_engine, IdentityCut)


def of_the_order(what: str) -> Event:
    if what in BACK:
        at = PAID + HOUR * (1 + list(BACK).index(what))
        return ordered(
            "O1", status=OrderStatus.REFUNDED, refund=what, amount=BACK[what], paid_at=at,
            updated_at=at,
        )  # fmt: skip
    if what == "cancelled":
        return ordered("O1", status=OrderStatus.CANCELLED, updated_at=PAID + 9 * HOUR)
    return ordered("O1")


def are_there(session: Session) -> None:
    """Three buyers and a friend, known by unionid, by phone and by both."""
    told = [
        membership_files.MembershipRow("r1", "wxid_friend"),
        membership_files.MembershipRow("r1", "wxid_a", unionid="u1", phone="13800138001"),
        membership_files.MembershipRow("r1", "wxid_b", phone="13800138002"),
        membership_files.MembershipRow("r1", "wxid_c", unionid="u3"),
    ]
    membership_files.record(session, told, b"secret", PAID)
    people.resolve(session)


THEIR_TALK: Sequence[Event] = (
    TALK,
    said("m2", "wxid_a", 2, "真的吗", quote="m1"),
    said("m3", "wxid_b", 1, "晚上好"),
)
THEIR_ORDERS: Sequence[Event] = (
    ordered("O1"),
    ordered("O2", unionid=None, buyer_phone="13800138001"),
    ordered("O3", unionid=None, buyer_phone="13800138002"),
    ordered("O4", unionid="u3", buyer_phone="13800138003"),
    ordered("O5", unionid=None, buyer_phone="13800138003"),
)


def ends(edge: object) -> Ends:
    """What one edge joins."""
    left_kind, left, right_kind, right = (getattr(edge, name) for name in evidence.ENDS)
    return (left_kind, left), (right_kind, right)


def leads_to_somebody(line: OrderLine, kept: Collection[Ends]) -> bool:
    """Whether a line's strongest identifier still hangs together with a member of the room."""
    start = (
        (IdentityKind.UNIONID, line.unionid) if line.unionid else (IdentityKind.PHONE, line.phone)
    )
    reached, before = {start}, set[object]()
    while reached != before:
        before = {*reached}
        reached |= {end for pair in kept if {*pair} & before for end in pair}
    return any(kind == IdentityKind.CONTACT for kind, _ in reached)


def cut(edge: int) -> Event:
    return lambda session: quarantine.cut(session, edge, "不同的人", "小林", PAID)


def restore(edge: int) -> Event:
    return lambda session: quarantine.restore(session, edge, "是同一个", "小林", PAID)


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "qunyun.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = database.connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def in_order(sqlite_engine: Engine) -> object:
    """What stands where everything came in its order, and was attributed once."""
    happen(sqlite_engine, products, *STORY)
    night(sqlite_engine, 5)
    return standing(sqlite_engine)


def empty(engine: Engine) -> None:
    with database.transaction(engine) as session:
        for table in reversed(database.table(Attribution).metadata.sorted_tables):
            session.connection().execute(table.delete())
