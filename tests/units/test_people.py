import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import pseudonyms
from bot.models import IdentityKind
from bot.orders import people
from bot.orders.people import Identifier, components

SECRET = b"secret"
PHONE, UNIONID, BUYER = IdentityKind.PHONE, IdentityKind.UNIONID, IdentityKind.BUYER


@pytest.mark.parametrize(
    "written",
    ["13800138000", "+86 138-0013-8000", "0086 13800138000", "86 138 0013 8000", "138００138000"],
)
def test_one_number_has_one_pseudonym_however_written(written: str) -> None:
    assert pseudonyms.of_phone(SECRET, written) == pseudonyms.of_phone(SECRET, "13800138000")


@pytest.mark.parametrize("written", ["138****8000", "无", "-", "12"])
def test_a_masked_number_joins_nobody(written: str) -> None:
    assert pseudonyms.of_phone(SECRET, written) is None


def test_pseudonyms_depend_on_the_secret_and_buyers_on_their_shop() -> None:
    assert pseudonyms.of_phone(b"a", "13800138000") != pseudonyms.of_phone(b"b", "13800138000")
    assert pseudonyms.of_buyer(SECRET, "有赞", "7") != pseudonyms.of_buyer(SECRET, "抖店", "7")
    assert "13800138000" not in (pseudonyms.of_phone(SECRET, "13800138000") or "")


def test_evidence_joins_through_others() -> None:
    wxid = people.contact("wxid_a")
    (one,) = components(
        [(wxid, (UNIONID, "u1")), ((PHONE, "p"), (BUYER, "b")), ((UNIONID, "u1"), (PHONE, "p"))]
    )
    assert set(one.members) == {wxid, (UNIONID, "u1"), (PHONE, "p"), (BUYER, "b")}
    assert one.quarantined is None


def test_two_unionids_in_one_component_are_quarantined() -> None:
    (one,) = components([((UNIONID, "u1"), (PHONE, "p")), ((UNIONID, "u2"), (PHONE, "p"))])
    assert one.quarantined == "2 个 unionid 连成一人"


def test_more_than_five_contacts_are_quarantined_and_five_are_not() -> None:
    edges = [(people.contact(f"wxid_{n}"), (PHONE, "p")) for n in range(6)]
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


def test_taking_an_edge_away_takes_the_component_apart() -> None:
    wrong = ((UNIONID, "u2"), (PHONE, "p"))
    edges = [((UNIONID, "u1"), (PHONE, "p")), ((UNIONID, "u2"), (BUYER, "b"))]
    assert len(components([*edges, wrong])) == 1
    assert [one.quarantined for one in components(edges)] == [None, None]
