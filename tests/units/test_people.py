"""Which identifiers are one human, and which evidence joins nobody."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import pseudonyms
from bot.models import IdentityKind
from bot.orders.evidence import contact
from bot.orders.identity import Edge, Identifier, components, suspects

SECRET = b"secret"
AT = dt.datetime(2026, 11, 3, tzinfo=dt.UTC)
PHONE, UNIONID, BUYER = IdentityKind.PHONE, IdentityKind.UNIONID, IdentityKind.BUYER


@pytest.mark.parametrize(
    "written",
    ["13800138000", "+86 138-0013-8000", "0086 13800138000", "86 138 0013 8000", "138００138000"],
)
def test_one_number_has_one_pseudonym_however_written(written: str) -> None:
    assert pseudonyms.of_phone(SECRET, written) == pseudonyms.of_phone(SECRET, "13800138000")


@pytest.mark.parametrize(
    "written",
    [
        "138****8000",
        "138xxxx8000",
        "无",
        "-",
        "12",
        "10086",
        "18400001234-5678",
        "13800138000 ext 1",
    ],
)
def test_a_masked_or_virtual_number_joins_nobody(written: str) -> None:
    assert pseudonyms.of_phone(SECRET, written) is None


def test_a_number_of_another_country_keeps_its_country() -> None:
    assert pseudonyms.normal_phone("(+852) 5123 4567") == "+85251234567"
    assert pseudonyms.normal_phone("010-12345678") == "+861012345678"


def test_pseudonyms_depend_on_the_secret_and_buyers_on_their_shop() -> None:
    assert pseudonyms.of_phone(b"a", "13800138000") != pseudonyms.of_phone(b"b", "13800138000")
    assert pseudonyms.of_buyer(SECRET, "有赞", "7") != pseudonyms.of_buyer(SECRET, "抖店", "7")
    assert "13800138000" not in (pseudonyms.of_phone(SECRET, "13800138000") or "")


def test_evidence_joins_through_others() -> None:
    wxid = contact("wxid_a")
    (one,) = components(
        [(wxid, (UNIONID, "u1")), ((PHONE, "p"), (BUYER, "b")), ((UNIONID, "u1"), (PHONE, "p"))]
    )
    assert set(one.members) == {wxid, (UNIONID, "u1"), (PHONE, "p"), (BUYER, "b")}
    assert one.quarantined is None


def test_two_unionids_in_one_component_are_quarantined() -> None:
    (one,) = components([((UNIONID, "u1"), (PHONE, "p")), ((UNIONID, "u2"), (PHONE, "p"))])
    assert one.quarantined == "2 个 unionid 连成一人"


def test_more_than_five_contacts_are_quarantined_and_five_are_not() -> None:
    edges = [(contact(f"wxid_{n}"), (PHONE, "p")) for n in range(6)]
    assert components(edges[:5])[0].quarantined is None
    assert components(edges)[0].quarantined == "6 个微信账号连成一人"


identifiers = st.tuples(st.sampled_from(list(IdentityKind)), st.sampled_from("abcdef"))


@given(st.lists(st.tuples(identifiers, identifiers), max_size=25), st.randoms())
def test_components_do_not_depend_on_the_order_or_direction_of_evidence(
    edges: list[tuple[Identifier, Identifier]], chance: random.Random
) -> None:
    shuffled = [edge if chance.random() < 0.5 else edge[::-1] for edge in edges]
    chance.shuffle(shuffled)
    assert components(shuffled) == components(edges)
    members = [member for one in components(edges) for member in one.members]
    assert len(members) == len(set(members)) == len({each for edge in edges for each in edge})


WXID_A, WXID_B = contact("wxid_a"), contact("wxid_b")
NUMBER, OTHER = (IdentityKind.ORDER, "E2026"), (IdentityKind.ORDER, "E2027")


def grouped(*edges: tuple[Identifier, Identifier]) -> set[frozenset[Identifier]]:
    return {frozenset(one.members) for one in components(edges) if len(one.members) > 1}


def test_a_typed_number_tells_whose_contact_a_buyer_is() -> None:
    assert grouped((WXID_A, NUMBER), (NUMBER, (BUYER, "b"))) == {
        frozenset({WXID_A, NUMBER, (BUYER, "b")})
    }


def test_a_number_that_two_typed_is_nobodys_and_takes_nothing_else_along() -> None:
    assert grouped((WXID_A, NUMBER), (WXID_B, NUMBER), (WXID_A, OTHER)) == {
        frozenset({WXID_A, OTHER})
    }
    # Unless other evidence says that the two are one.
    phone = (PHONE, "p")
    joined = grouped((WXID_A, NUMBER), (WXID_B, NUMBER), (WXID_A, phone), (WXID_B, phone))
    assert joined == {frozenset({WXID_A, WXID_B, phone, NUMBER})}


def test_typed_numbers_never_make_a_buyer_two_contacts() -> None:
    buyer = (BUYER, "b")
    assert not grouped((WXID_A, NUMBER), (NUMBER, buyer), (WXID_B, OTHER), (OTHER, buyer))


def test_the_weakest_and_latest_evidence_of_a_conflict_is_the_suspect() -> None:
    told = [
        Edge((UNIONID, "u1"), WXID_A, AT),
        Edge((UNIONID, "u2"), WXID_B, AT),
        Edge(WXID_A, (PHONE, "p"), AT),
        Edge((PHONE, "p"), WXID_B, AT + dt.timedelta(days=1)),
    ]
    assert suspects(told) == (told[3],)
    assert suspects(told[:3]) == ()


@given(st.lists(st.tuples(identifiers, identifiers, st.integers(0, 3)), max_size=25))
def test_without_the_suspects_nobody_is_in_conflict(
    told: list[tuple[Identifier, Identifier, int]],
) -> None:
    strong = [
        Edge(left, right, AT + dt.timedelta(hours=hours))
        for left, right, hours in told
        if IdentityKind.ORDER not in (left[0], right[0])
    ]
    wrong = set(suspects(strong))
    left = components((edge.left, edge.right) for edge in strong if edge not in wrong)
    assert not [one for one in left if one.quarantined]


def test_taking_an_edge_away_takes_the_component_apart() -> None:
    wrong = ((UNIONID, "u2"), (PHONE, "p"))
    edges = [((UNIONID, "u1"), (PHONE, "p")), ((UNIONID, "u2"), (BUYER, "b"))]
    assert len(components([*edges, wrong])) == 1
    assert [one.quarantined for one in components(edges)] == [None, None]
