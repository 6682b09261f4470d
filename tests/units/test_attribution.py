import datetime as dt
import random
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.insights import explanation, speaking, weights
from bot.insights.attribution import attribute, inputs_hash
from bot.insights.buying import Bought, Buyer, Case, Stay
from bot.insights.explanation import Story
from bot.insights.speaking import Speech
from bot.insights.touches import Candidate, Naming, Post, classify
from bot.models import SINCE_EVER, Grade, Label, OrderStatus, Role, Touch
from bot.text import lexicon

PAID_AT = dt.datetime(2026, 11, 3, 15, 14, tzinfo=dt.UTC)
ROOM, PRODUCT = 1, 7
BUYER, FRIEND = 10, 11
BUYING = Bought(1, "O1", 1, PRODUCT, 9_900, 0, PAID_AT, OrderStatus.PAID, marked=False, person_id=5)
KNOWN = Buyer(frozenset({BUYER}), (Stay(ROOM, SINCE_EVER, None),))


def before(hours: float) -> dt.datetime:
    return PAID_AT - dt.timedelta(hours=hours)


def touch(
    hours: float, kind: Touch = Touch.ORGANIC, contact_id: int = FRIEND, message_id: int = 100
) -> Candidate:
    return Candidate(kind, ROOM, before(hours), f"m{message_id}", contact_id, message_id)


def case(*touches: Candidate, speeches: tuple[Speech, ...] = (), **changes: object) -> Case:
    bought = replace(BUYING, **changes)  # type: ignore[arg-type]  # fields by name
    return Case(bought, KNOWN, tuple(sorted(touches, key=lambda one: one.at)), speeches)


def speaks(hours: float, **what: object) -> Speech:
    return Speech(ROOM, before(hours), **what)  # type: ignore[arg-type]  # fields by name


def test_a_touch_that_the_buyer_quoted_is_organic_a_up_to_72_hours() -> None:
    quoting = (speaks(1, quoted=100, thread=frozenset({100})),)
    decision = attribute(case(touch(71), speeches=quoting))
    assert (decision.label, decision.grade) == (Label.ORGANIC, Grade.A)
    assert attribute(case(touch(73), speeches=quoting)).label == Label.DIRECT


def test_a_reply_in_the_thread_or_an_at_of_the_speaker_is_organic_a() -> None:
    for speech in (
        speaks(1, quoted=99, thread=frozenset({99, 100})),
        speaks(1, named=frozenset({FRIEND})),
    ):
        assert attribute(case(touch(30), speeches=(speech,))).grade == Grade.A


def test_an_at_before_the_touch_is_no_answer_to_it() -> None:
    early = (speaks(31, named=frozenset({FRIEND})),)
    assert attribute(case(touch(3), speeches=early)).grade == Grade.C


def test_organic_a_goes_before_a_promo_and_a_promo_before_organic_b() -> None:
    promo = touch(2, Touch.PROMO, message_id=200)
    quoting = (speaks(1, quoted=100, thread=frozenset({100})),)
    assert attribute(case(touch(5), promo, speeches=quoting)).label == Label.ORGANIC
    silent = attribute(case(touch(5), promo, speeches=(speaks(1),)))
    assert (silent.label, silent.named) == (Label.PROMO, promo)


def test_a_buyer_who_spoke_within_24_hours_after_the_touch_is_organic_b() -> None:
    decision = attribute(case(touch(3), speeches=(speaks(1),)))
    assert (decision.label, decision.grade) == (Label.ORGANIC, Grade.B)


def test_a_silent_member_is_possible_and_stays_direct() -> None:
    decision = attribute(case(touch(3)))
    assert (decision.label, decision.possible, decision.grade) == (Label.DIRECT, True, Grade.C)
    assert decision.named == touch(3)


def test_an_echo_counts_as_promo_and_a_prompt_as_nothing() -> None:
    assert attribute(case(touch(3, Touch.PROMO_ECHO))).label == Label.PROMO
    decision = attribute(case(touch(3, Touch.PROMPT)))
    assert (decision.label, decision.evidence) == (Label.DIRECT, ())


def test_a_coupon_is_promo_even_where_the_buyer_is_unknown() -> None:
    assert attribute(replace(case(marked=True), buyer=None)).label == Label.PROMO
    decision = attribute(case(touch(2), marked=True, speeches=(speaks(1, quoted=100),)))
    assert decision.label == Label.PROMO


def test_an_unresolved_buyer_is_unknown_and_never_direct() -> None:
    decision = attribute(replace(case(touch(1)), buyer=None))
    assert (decision.label, decision.ppm_base) == (Label.UNKNOWN, None)


@pytest.mark.parametrize(
    ("bought", "label"),
    [
        (replace(BUYING, refunded=9_900), Label.OUT),
        (replace(BUYING, refunded=9_899), Label.DIRECT),
        (replace(BUYING, status=OrderStatus.CANCELLED), Label.OUT),
        (replace(BUYING, amount=0), Label.DIRECT),
    ],
)
def test_what_was_given_back_whole_is_out(bought: Bought, label: Label) -> None:
    assert attribute(Case(bought, KNOWN)).label == label


def test_an_operators_own_order_is_out_even_with_a_coupon() -> None:
    ours = replace(case(marked=True), buyer=replace(KNOWN, ours=True))
    assert attribute(ours).label == Label.OUT


def test_a_buyer_who_asked_first_was_answered_and_not_led() -> None:
    asked = touch(5, contact_id=BUYER, message_id=50)
    answer, quoting = touch(4), (speaks(3, quoted=100, thread=frozenset({100})),)
    assert attribute(case(asked, answer, speeches=quoting)).label == Label.DIRECT
    assert attribute(case(touch(6), asked, answer, speeches=quoting)).label == Label.ORGANIC


def test_the_later_touch_wins_and_a_tie_goes_to_the_smaller_message() -> None:
    same = [touch(3, message_id=number) for number in (102, 101, 103)]
    decision = attribute(case(touch(9), *same, speeches=(speaks(1),)))
    assert decision.named is not None
    assert decision.named.name == "m101"


touch_lists = st.lists(
    st.builds(
        touch,
        st.integers(1, 80),
        st.sampled_from(list(Touch)),
        st.sampled_from([BUYER, FRIEND]),
        st.integers(1, 50),
    ),
    max_size=12,
    unique_by=lambda one: one.message_id,
)


@given(touch_lists, st.booleans(), st.lists(st.integers(1, 80), max_size=3), st.randoms())
def test_weights_sum_to_one_million_and_order_never_matters(
    touches: list[Candidate], marked: bool, spoken: list[int], chance: random.Random
) -> None:
    one = case(*touches, speeches=tuple(speaks(hours) for hours in spoken), marked=marked)
    decision = attribute(one)
    sums = (decision.ppm_organic, decision.ppm_promo, decision.ppm_base)
    assert sum(part or 0 for part in sums) == weights.WHOLE
    if not marked:
        known = sum(each.weight for each in decision.evidence)
        assert known + (decision.ppm_base or 0) == weights.WHOLE
    chance.shuffle(touches)
    again = replace(one, touches=tuple(touches))
    assert attribute(again) == decision
    assert inputs_hash(again, decision, final=True) == inputs_hash(one, decision, final=True)
    assert inputs_hash(one, decision, final=False) != inputs_hash(one, decision, final=True)


@given(st.lists(st.integers(0, 10**12), min_size=1).filter(any))
def test_shares_sum_exactly(parts: list[int]) -> None:
    assert sum(weights.share_out(parts)) == weights.WHOLE


def naming(message_id: int, hours: float, text: str = "纸尿裤不错", **more: object) -> Naming:
    told: dict[str, object] = {"room_id": ROOM, "contact_id": FRIEND} | more
    return Naming(
        product_id=PRODUCT, message_id=message_id, at=before(hours), name=f"m{message_id}",
        text=text, **told,  # type: ignore[arg-type]  # fields by name
    )  # fmt: skip


def classes(namings: list[Naming], posts: tuple[Post, ...] = ()) -> dict[str, Touch]:
    marks = lexicon.lexicon({PRODUCT: ["DOUBLE11", "https://s.example/a"]})
    streams = classify(namings, posts, marks)
    return {one.name: one.touch for found in streams.values() for one in found}


POST = Post(ROOM, 900, before(10), "双11 小熊纸尿裤第二件半价,点我下单", True, frozenset({PRODUCT}))


def test_a_member_within_two_hours_of_a_promo_echoes_it() -> None:
    told = classes([naming(1, 11), naming(2, 8), naming(3, 7.9)], (POST,))
    assert told == {
        "m1": Touch.ORGANIC,
        "delivery:900": Touch.PROMO,
        "m2": Touch.PROMO_ECHO,
        "m3": Touch.ORGANIC,
    }


def test_quoting_a_promo_echoes_it_at_any_time() -> None:
    posted = replace(POST, name="p1", message_id=77)
    assert classes([naming(1, 1, quotes="p1")], (posted,))["m1"] == Touch.PROMO_ECHO


def test_the_echo_of_our_own_post_is_that_post_and_no_second_touch() -> None:
    own = naming(5, 10, POST.text, role=Role.BOT)
    assert classes([own], (replace(POST, name="m5", message_id=5),)) == {"m5": Touch.PROMO}
    assert classes([own], (replace(POST, name="m5", promo=False),)) == {"m5": Touch.PROMPT}


def test_coupons_links_and_campaign_texts_make_a_members_message_a_promo() -> None:
    told = classes(
        [
            naming(1, 20, "纸尿裤用 double11 立减"),
            naming(2, 20, "纸尿裤 https://s.example/a"),
            naming(3, 5, "双11小熊纸尿裤第二件半价,点我下单~"),
            naming(4, 30, "纸尿裤 DOUBLE112"),
        ],
        (POST,),
    )
    assert [told[f"m{number}"] for number in (1, 2, 3)] == [Touch.PROMO] * 3
    assert told["m4"] == Touch.ORGANIC


def test_staff_who_answer_prompt_and_who_speak_up_promote() -> None:
    for role in (Role.OPERATOR, Role.KOC, Role.BOT):
        told = classes([naming(1, 20, role=role), naming(2, 20, role=role, replies=True)])
        assert told == {"m1": Touch.PROMO, "m2": Touch.PROMPT}


def test_the_same_long_text_from_two_people_in_three_rooms_is_a_promo() -> None:
    text = "家人们这款小熊纸尿裤真的绝了,我家宝宝用了半年从来没有红屁股,强烈推荐大家都去试一试"
    same = [naming(n, 9, text, room_id=n, contact_id=20 + n % 2) for n in (1, 2, 3)]
    assert set(classes(same).values()) == {Touch.PROMO}
    assert set(classes(same[:2]).values()) == {Touch.ORGANIC}
    alone = [replace(one, contact_id=20) for one in same]
    assert set(classes(alone).values()) == {Touch.ORGANIC}
    apart = [replace(one, at=before(30 * one.room_id)) for one in same]
    assert set(classes(apart).values()) == {Touch.ORGANIC}


def test_a_thread_is_what_quotes_linked_before() -> None:
    links = {1: [(2, before(5))], 2: [(1, before(5)), (3, before(1))], 3: [(2, before(1))]}
    assert speaking.thread(links, 1, before(2)) == {1, 2}
    assert speaking.thread(links, 1, PAID_AT) == {1, 2, 3}


def test_an_explanation_says_who_when_how_long_and_how_sure() -> None:
    story = Story(
        "O1", 1, "小熊纸尿裤", PAID_AT, Label.ORGANIC, Grade.A, touch=Touch.ORGANIC,
        at=before(3), room="宝妈 1 群", speaker="小雨妈", weight=610_000,
    )  # fmt: skip
    assert explanation.explain(story, ZoneInfo("Asia/Shanghai")) == (
        "这笔订单(小熊纸尿裤):小雨妈 11-03 20:14 在“宝妈 1 群”里提到它,"
        "买家接了话,3 小时后下单,算群友带来,约六成把握。"
    )


@pytest.mark.parametrize(
    ("weight", "words"),
    [(0, "不到一成"), (99_999, "约一成"), (550_000, "约六成"), (10**6, "约九成")],
)
def test_sureness_is_said_in_tenths(weight: int, words: str) -> None:
    assert explanation.sureness(weight) == f"{words}把握"
