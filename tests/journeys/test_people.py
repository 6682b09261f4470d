"""Evidence joins identifiers, people take apart what is wrong, and only who changed is marked."""

import datetime as dt
import json
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlmodel import Session, SQLModel
from typer.testing import CliRunner

from bot import cli, database, membership_files
from bot.errors import InvalidInput
from bot.membership_files import MembershipRow
from bot.models import (
    Audit,
    DirtyLine,
    Identity,
    IdentityAcceptance,
    IdentityCut,
    IdentityEdge,
    IdentityKind,
    OrderEvent,
    OrderLine,
    OrderStatus,
    Person,
    Role,
)
from bot.orders import catalogue, dirty, evidence, intake, people, quarantine, typed
from bot.orders.catalogue import ProductRow
from bot.orders.evidence import Evidence
from bot.orders.identity import Identifier
from bot.orders.intake import OrderRow
from tests.saying import ROOM, member_says, record, rows
from tests.statements import counted

SECRET = b"secret"
NOW = dt.datetime(2026, 11, 12, tzinfo=dt.UTC)
NUMBER = "E20261103201400012"
CONTACT, UNIONID, PHONE = IdentityKind.CONTACT, IdentityKind.UNIONID, IdentityKind.PHONE


def test_two_unionids_wait_for_somebody_and_the_weakest_evidence_is_the_suspect(
    engine: Engine,
) -> None:
    two_mothers_with_one_phone(engine)
    (case,) = looked_at(engine)
    assert (case.reason, case.orders) == ("2 个 unionid 连成一人", 2)
    assert set(case.names.values()) == {""}
    suspects = [(each.left, each.right[0]) for each in case.edges if each.suspect]
    assert suspects == [((CONTACT, "wxid_b"), PHONE)]


def test_cutting_takes_persons_apart_marks_their_lines_and_can_be_taken_back(
    engine: Engine,
) -> None:
    two_mothers_with_one_phone(engine)
    before = groups(engine)
    (case,) = looked_at(engine)
    clear(engine)
    decide(engine, lambda session: quarantine.cut(session, case.edges[0].id, "不同", "小林", NOW))
    assert not looked_at(engine)
    (one, other) = (row.person_id for row in rows(engine, OrderLine))
    assert one != other
    assert marked(engine) == {1, 2}
    decide(engine, lambda session: quarantine.restore(session, case.edges[0].id, "是", "小林", NOW))
    assert groups(engine) == before
    assert [row.action for row in rows(engine, Audit)] == ["identity.cut", "identity.restore"]


def test_what_was_cut_stays_cut_whoever_says_it_again(engine: Engine) -> None:
    two_mothers_with_one_phone(engine)
    (case,) = looked_at(engine)
    decide(engine, lambda session: quarantine.cut(session, case.edges[0].id, "不同", "小林", NOW))
    tell(engine, MembershipRow(ROOM, "wxid_b", phone="13800138000"))
    tell_orders(engine, an_order("O3", buyer_phone="13800138000", unionid="u1"))
    with database.transaction(engine) as session:
        people.resolve(session)
    assert not looked_at(engine)


def test_what_was_accepted_gives_credit_until_the_component_grows(engine: Engine) -> None:
    two_mothers_with_one_phone(engine)
    (case,) = looked_at(engine)
    decide(engine, lambda session: quarantine.accept(session, case.person_id, "双号", "小林", NOW))
    assert not looked_at(engine)
    tell_orders(engine, an_order("O3", buyer_phone="13800138000", buyer_id="b7"))
    assert not looked_at(engine)
    tell(engine, MembershipRow(ROOM, "wxid_c", unionid="u3", phone="13800138000"))
    assert [each.reason for each in looked_at(engine)] == ["3 个 unionid 连成一人"]


def test_what_cannot_be_decided_is_refused_with_a_remedy(engine: Engine) -> None:
    two_mothers_with_one_phone(engine)
    (case,) = looked_at(engine)
    edge = case.edges[0].id
    for wrong in (
        lambda session: quarantine.cut(session, 99, "", "小林", NOW),
        lambda session: quarantine.restore(session, edge, "", "小林", NOW),
        lambda session: quarantine.accept(session, 99, "", "小林", NOW),
    ):
        with pytest.raises(InvalidInput):
            decide(engine, wrong)
    decide(engine, lambda session: quarantine.cut(session, edge, "", "小林", NOW))
    with pytest.raises(InvalidInput, match="已经断开"):
        decide(engine, lambda session: quarantine.cut(session, edge, "", "小林", NOW))


def test_only_the_lines_of_who_changed_are_marked(engine: Engine) -> None:
    a_shop(engine)
    tell_orders(
        engine,
        an_order("O1", buyer_phone="13800138000"),
        an_order("O2", buyer_phone="13900139000"),
    )
    assert marked(engine) == {1, 2}
    clear(engine)
    tell_orders(engine, an_order("O1", buyer_phone="13800138000"))
    tell(engine, MembershipRow(ROOM, "wxid_a", unionid="u1"))
    assert not marked(engine)
    tell(engine, MembershipRow(ROOM, "wxid_a", phone="+86 138 0013 8000"))
    assert marked(engine) == {1}
    clear(engine)
    tell_orders(engine, an_order("O2", status=OrderStatus.REFUNDED))
    assert marked(engine) == {2}


def test_a_line_goes_to_its_strongest_identifier_and_follows_a_later_one(engine: Engine) -> None:
    a_shop(engine)
    tell(engine, MembershipRow(ROOM, "wxid_a", phone="13800138000"))
    tell_orders(engine, an_order("O1", buyer_phone="13800138000"))
    assert buyers(engine) == {"O1": {"wxid_a"}}
    tell(engine, MembershipRow(ROOM, "wxid_b", phone="13900139000"))
    tell_orders(engine, an_order("O1", buyer_phone="13900139000", updated_at=NOW))
    assert buyers(engine) == {"O1": {"wxid_b"}}


def test_a_number_typed_in_a_room_ties_its_order_whichever_comes_first(engine: Engine) -> None:
    a_shop(engine)
    record(engine, member_says(f"帮我看下订单{NUMBER}到哪了", sender="wxid_a"))
    assert typed.refresh(engine, typed.EVER) == 0
    tell_orders(engine, an_order(NUMBER, buyer_id="b1"), an_order("O2", buyer_id="b1"))
    tell_orders(engine, an_order("370020261103201400", buyer_phone="13800138000"))
    assert typed.refresh(engine, typed.EVER) == 2
    record(engine, member_says("370020261103201400 这个呢", sender="wxid_b"))
    record(engine, member_says("我的手机 13800138000", sender="wxid_c"))
    assert typed.refresh(engine, typed.EVER) == 2
    assert typed.refresh(engine, typed.EVER) == 0
    assert buyers(engine) == {
        NUMBER: {"wxid_a"}, "O2": {"wxid_a"}, "370020261103201400": {"wxid_b"},
    }  # fmt: skip


def test_a_number_that_two_typed_or_an_operator_typed_tells_nothing(engine: Engine) -> None:
    a_shop(engine)
    tell_orders(engine, an_order(NUMBER, buyer_id="b1"), an_order("E20261104000000001"))
    record(engine, member_says(NUMBER, sender="wxid_a"))
    typed.refresh(engine, typed.EVER)
    assert buyers(engine)[NUMBER] == {"wxid_a"}
    record(engine, member_says(NUMBER, sender="wxid_b"))
    record(engine, member_says("E20261104000000001", sender="wxid_staff"))
    typed.refresh(engine, typed.EVER)
    tell(engine, MembershipRow(ROOM, "wxid_staff", role=Role.OPERATOR))
    typed.refresh(engine, typed.EVER)
    assert buyers(engine) == {NUMBER: set(), "E20261104000000001": set()}


def test_a_typed_number_never_contradicts_stronger_evidence(engine: Engine) -> None:
    a_shop(engine)
    tell(engine, MembershipRow(ROOM, "wxid_a", unionid="u1"))
    tell(engine, MembershipRow(ROOM, "wxid_b", unionid="u2"))
    tell_orders(engine, an_order(NUMBER, unionid="u2"))
    record(engine, member_says(f"我也要这个 {NUMBER}", sender="wxid_a"))
    typed.refresh(engine, typed.EVER)
    assert buyers(engine) == {NUMBER: {"wxid_b"}}
    assert not looked_at(engine)


@dataclass(frozen=True)
class Told:
    """One thing that can be said, or taken back."""

    kind: str
    left: Identifier
    right: Identifier
    at: int


kinds = st.sampled_from([*IdentityKind])
identifiers = st.tuples(kinds, st.sampled_from("abcd"))
told = st.builds(
    Told,
    kind=st.sampled_from(["edge", "edge", "edge", "order", "cut"]),
    left=identifiers,
    right=identifiers,
    at=st.integers(0, 5),
)


@given(st.lists(told, min_size=1, max_size=14), st.randoms(use_true_random=False))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_evidence_cuts_and_orders_gives_the_same_people(
    sqlite_engine: Engine, story: list[Told], chance: random.Random
) -> None:
    """Bit by bit in any order, all at once, and as if what was cut had never been said."""

    def bit_by_bit(one: Told) -> None:
        with database.transaction(sqlite_engine) as session:
            people.resolve(session, say(session, one))

    def at_once(parts: list[Told]) -> object:
        with database.transaction(sqlite_engine) as session:
            for one in parts:
                say(session, one)
            people.resolve(session)
        return groups(sqlite_engine)

    empty(sqlite_engine)
    for one in story:
        bit_by_bit(one)
    found = groups(sqlite_engine)
    shuffled = [*story]
    chance.shuffle(shuffled)
    empty(sqlite_engine)
    for one in shuffled:
        bit_by_bit(one)
    assert groups(sqlite_engine) == found
    empty(sqlite_engine)
    assert at_once(story) == found
    cuts = {evidence.ends_of(one.left, one.right) for one in story if one.kind == "cut"}
    never_said = [
        one
        for one in story
        if one.kind != "cut"
        and not (one.kind == "edge" and evidence.ends_of(one.left, one.right) in cuts)
    ]
    empty(sqlite_engine)
    assert at_once(never_said) == found


def test_what_is_resolved_costs_the_same_statements_whatever_the_number(engine: Engine) -> None:
    a_shop(engine)
    with counted(engine) as few:
        tell_orders(engine, an_order("O0", buyer_phone="13800138000", unionid="u0"))
    with counted(engine) as many:
        tell_orders(
            engine,
            *(
                an_order(f"O{n}", buyer_phone=f"138001{n:05}", unionid=f"u{n}")
                for n in range(1, 300)
            ),
        )
    assert len(many) <= len(few)


def test_the_commands_list_cut_restore_accept_and_bind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUNYUN_HOME", str(tmp_path))
    run("migrate")
    engine = database.connect(f"sqlite:///{tmp_path / 'qunyun.db'}")
    two_mothers_with_one_phone(engine)
    (case,) = map(json.loads, run("people", "quarantine", "--json").splitlines())
    edge = str(next(each["edge"] for each in case["edges"] if each["suspect"]))
    assert f"线索 {edge}\t微信 wxid_b — 手机 " in run("people", "quarantine")
    run("people", "cut", edge, "--reason", "不同的人")
    assert run("people", "quarantine") == ""
    run("people", "restore", edge, "--reason", "看错了")
    person = str(json.loads(run("people", "quarantine", "--json"))["person"])
    run("people", "accept", person, "--reason", "一个人两个号")
    assert run("people", "quarantine") == ""
    assert "已写下" in run("people", "bind", "wxid_c", "--phone", "-", stdin="13900139000\n")
    assert "早已" in run("people", "bind", "wxid_c", "--phone", "-", stdin="13900139000\n")
    run("people", "bind", "wxid_c", "--buyer", "b9", "--channel", "有赞")
    assert "0 条" in run("people", "refresh")
    for wrong in (
        ["--phone", "13900139000"], ["--buyer", "b9"], [], ["--unionid", "u", "--buyer", "b"],
    ):  # fmt: skip
        done = CliRunner().invoke(cli.app, ["people", "bind", "wxid_c", *wrong])
        assert isinstance(done.exception, InvalidInput)
    engine.dispose()


def run(*words: str, stdin: str = "") -> str:
    done = CliRunner().invoke(cli.app, list(words), input=stdin)
    assert done.exit_code == 0, f"{words}: {done.output}{done.exception!r}"
    return done.stdout


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "people.db"
    path.write_bytes(sqlite_template.read_bytes())
    engine = database.connect(f"sqlite:///{path}")
    a_shop(engine)
    yield engine
    engine.dispose()


def say(session: Session, one: Told) -> set[Identifier]:
    """Write one thing down as its source would; returns what it touched."""
    if one.kind == "order":
        # Two lines are never told of one number, but for those that carry nothing else.
        bare = one.right[0] not in evidence.CARRIED
        row: dict[str, object] = {
            "order_id": one.left[1] if bare else f"{one.left}{one.right}",
            "line_no": 1, "product_id": 1, "quantity": 1, "amount": 1,
            "refunded": 0, "paid_at": NOW, "status": "paid", "sources": "shop", "updated_at": NOW,
            "channel": "", "unionid": None, "phone": None, "buyer": None, "person_id": None,
        }  # fmt: skip
        if not bare:
            row[evidence.CARRIED[one.right[0]]] = one.right[1]
        database.insert_rows(session, OrderLine, [row], skip_existing=True)
        return {one.right, (IdentityKind.ORDER, str(row["order_id"]))}
    if one.left == one.right:
        return set()
    if one.kind == "edge":
        at = NOW + one.at * dt.timedelta(hours=1)
        evidence.record(session, [Evidence(one.left, one.right, "test", at)])
    else:
        ends = zip(evidence.ENDS, evidence.ends_of(one.left, one.right), strict=True)
        cut = dict(ends) | {"by": "t", "at": NOW, "reason": ""}
        database.insert_rows(session, IdentityCut, [cut], skip_existing=True)
    return {one.left, one.right}


def groups(engine: Engine) -> object:
    """Everybody's identifiers, why they are quarantined, and their orders; whoever they are."""
    reasons = {row.id: row.quarantined for row in rows(engine, Person)}
    found: dict[int, list[object]] = {each: [] for each in reasons}
    for row in rows(engine, Identity):
        found[row.person_id].append((row.kind, row.value))
    for row in rows(engine, OrderLine):
        if row.person_id is not None:
            found[row.person_id].append(row.order_id)
    return sorted((sorted(map(str, each)), str(reasons[person])) for person, each in found.items())


def empty(engine: Engine) -> None:
    with database.transaction(engine) as session:
        for model in EMPTIED:
            session.connection().execute(database.table(model).delete())


EMPTIED: tuple[type[SQLModel], ...] = (
    DirtyLine, OrderLine, OrderEvent, Identity, Person, IdentityEdge, IdentityCut,
    IdentityAcceptance,
)  # fmt: skip


def two_mothers_with_one_phone(engine: Engine) -> None:
    a_shop(engine)
    tell(
        engine,
        MembershipRow(ROOM, "wxid_a", unionid="u1", phone="13800138000"),
        MembershipRow(ROOM, "wxid_b", unionid="u2", phone="13800138000"),
    )
    tell_orders(engine, an_order("O1", unionid="u1"), an_order("O2", unionid="u2"))


def a_shop(engine: Engine) -> None:
    with database.transaction(engine) as session:
        catalogue.record_products(session, [ProductRow("A1", "小熊纸尿裤")])


def an_order(order_id: str, **rest: object) -> OrderRow:
    return OrderRow(order_id, 1, "A1", 1, 9_900, NOW, **rest)  # type: ignore[arg-type]  # by name


def tell(engine: Engine, *told: MembershipRow) -> None:
    with database.transaction(engine) as session:
        membership_files.record(session, told, SECRET, NOW)
        people.resolve(session)


def tell_orders(engine: Engine, *orders: OrderRow) -> None:
    with database.transaction(engine) as session:
        assert not intake.record(session, orders, "shop", SECRET, NOW).faults


def looked_at(engine: Engine) -> tuple[quarantine.Case, ...]:
    with database.reading(engine) as session:
        return quarantine.listed(session)


def decide(engine: Engine, decision: Callable[[Session], None]) -> None:
    with database.transaction(engine) as session:
        decision(session)


def marked(engine: Engine) -> set[int]:
    with database.reading(engine) as session:
        return set(dirty.marked(session))


def clear(engine: Engine) -> None:
    with database.transaction(engine) as session:
        dirty.clear(session, dirty.marked(session))


def buyers(engine: Engine) -> dict[str, Collection[str]]:
    """The contacts that each order's person has."""
    identity, line = database.tables(Identity, OrderLine)
    with database.reading(engine) as session:
        found: dict[str, set[str]] = {row.order_id: set() for row in rows(engine, OrderLine)}
        for order_id, contact in session.connection().execute(
            select(line.c.order_id, identity.c.value)
            .join(identity, identity.c.person_id == line.c.person_id)
            .where(identity.c.kind == CONTACT)
        ):
            found[order_id].add(contact)
    return dict(found)
