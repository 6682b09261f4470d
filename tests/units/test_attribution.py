"""The label, the grade and the credit of one order line, rule by rule (ATTRIBUTION §2)."""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.insights import arrays, explanation, speaking, threads, weights
from bot.insights.arrays import Ints
from bot.insights.attribution import GRADES, LABELS, decide, hashes
from bot.insights.buying import Bought
from bot.insights.explanation import Story
from bot.insights.meeting import Met, Touched
from bot.insights.speaking import Heard, Reply, Speech, graded
from bot.insights.touches import Naming, Post
from bot.models import Grade, Label, Role, Touch
from bot.text import lexicon
from tests.classed import classify

PAID_AT = dt.datetime(2026, 11, 3, 15, 14, tzinfo=dt.UTC)
PAID = int(PAID_AT.timestamp())
HOUR = 3_600
ROOM, PRODUCT, PERSON = 1, 7, 5
BUYER, FRIEND = 10, 11
# The odds of one line, of touches and of what nobody heard.
PRIORS, NOTHING_MISSED = weights.priors().touches[None], np.zeros(1, np.int64)


def before(hours: float) -> dt.datetime:
    return PAID_AT - dt.timedelta(hours=hours)


@dataclass(frozen=True)
class Met1:
    """One touch that the line met, so many hours before it."""

    hours: float
    kind: Touch = Touch.ORGANIC
    message: int = 100
    grade: int = speaking.C
    own: bool = False
    name: int = 0


@dataclass(frozen=True)
class Told:
    """What was decided of one line."""

    label: Label
    grade: Grade | None
    possible: bool
    named: int | None
    weights: tuple[int, ...]
    sums: tuple[int, int, int]
    digest: str


def line(**told: object) -> Bought:
    plain = {
        "id": 1, "product": PRODUCT, "at": PAID, "amount": 9_900, "refunded": 0, "out": False,
        "marked": False, "person": PERSON, "ours": False,
    }  # fmt: skip
    return Bought(**{name: np.array([value]) for name, value in (plain | told).items()})


def met(touches: Sequence[Met1]) -> Met:
    count = len(touches)
    graded = [one.grade if one.kind == Touch.ORGANIC and not one.own else 0 for one in touches]
    return Met(
        Touched(
            line=np.zeros(count, np.int64),
            room=np.full(count, ROOM),
            at=np.array([PAID - round(one.hours * HOUR) for one in touches], np.int64),
            touch=np.array([arrays.TOUCHES.index(one.kind) for one in touches], np.int64),
            contact=np.array([BUYER if one.own else FRIEND for one in touches], np.int64),
            message=np.array([one.message for one in touches], np.int64),
            delivery=np.full(count, -1),
        ),
        own=np.array([one.own for one in touches], bool),
        grade=np.array(graded, np.int64),
        rank=np.array([one.name for one in touches], np.int64),
    )


def attribute(*touches: Met1, **told: object) -> Told:
    bought, seen = line(**told), met(touches)
    decided = decide(bought, seen, PRIORS, NOTHING_MISSED)
    named = int(decided.named[0])
    final, version = np.array([True]), np.zeros(1, np.int64)
    return Told(
        label=LABELS[int(decided.label[0])],
        grade=GRADES[int(decided.grade[0])],
        possible=bool(decided.possible[0]),
        named=None if named < 0 else int(seen.touched.message[named]),
        weights=tuple(decided.evidence.weight.tolist()),
        sums=(int(decided.organic[0]), int(decided.promo[0]), int(decided.base[0])),
        digest=hashes(bought, seen, decided, final, version)[0],
    )


def answered(hours: float, message: int = 100) -> Met1:
    return Met1(hours, message=message, grade=speaking.A, name=message)


def spoke(hours: float, message: int = 100) -> Met1:
    return Met1(hours, message=message, grade=speaking.B, name=message)


def test_a_touch_that_the_buyer_answered_is_organic_a_up_to_72_hours() -> None:
    told = attribute(answered(71))
    assert (told.label, told.grade) == (Label.ORGANIC, Grade.A)
    assert attribute(answered(73)).label == Label.DIRECT


def test_organic_a_goes_before_a_promo_and_a_promo_before_organic_b() -> None:
    promo = Met1(2, Touch.PROMO, 200)
    assert attribute(answered(5), promo).label == Label.ORGANIC
    told = attribute(spoke(5), promo)
    assert (told.label, told.named) == (Label.PROMO, 200)


def test_a_buyer_who_spoke_after_the_touch_is_organic_b_within_24_hours() -> None:
    told = attribute(spoke(3))
    assert (told.label, told.grade) == (Label.ORGANIC, Grade.B)
    assert attribute(spoke(25)).label == Label.DIRECT


def test_a_silent_member_is_possible_and_stays_direct() -> None:
    told = attribute(Met1(3))
    assert (told.label, told.possible, told.grade, told.named) == (
        Label.DIRECT, True, Grade.C, 100,
    )  # fmt: skip


def test_an_echo_counts_as_promo_and_a_prompt_as_nothing() -> None:
    assert attribute(Met1(3, Touch.PROMO_ECHO)).label == Label.PROMO
    told = attribute(Met1(3, Touch.PROMPT))
    assert (told.label, told.weights) == (Label.DIRECT, ())


def test_a_coupon_is_promo_even_where_the_buyer_is_unknown() -> None:
    assert attribute(person=arrays.UNKNOWN, marked=True).label == Label.PROMO
    assert attribute(answered(2), marked=True).label == Label.PROMO


def test_an_unresolved_buyer_is_unknown_and_never_direct() -> None:
    told = attribute(person=arrays.UNKNOWN)
    assert (told.label, told.sums) == (Label.UNKNOWN, (-1, -1, -1))


def test_what_was_given_back_or_is_our_own_is_out() -> None:
    for names in (("out",), ("ours",), ("ours", "marked")):
        assert attribute(answered(2), **dict.fromkeys(names, True)).label == Label.OUT


def test_a_buyer_who_asked_first_was_answered_and_not_led() -> None:
    asked, answer = Met1(5, message=50, own=True), answered(4)
    assert attribute(asked, answer).label == Label.DIRECT
    assert attribute(answered(6), asked, answer).label == Label.ORGANIC


def test_the_later_touch_wins_and_a_tie_goes_to_the_closer_then_the_smaller_name() -> None:
    same = [spoke(3, number) for number in (102, 101, 103)]
    assert attribute(spoke(9), *same).named == 101
    assert attribute(*same, answered(3, 300)).named == 300


def test_a_line_never_depends_on_its_neighbours() -> None:
    seen = met([spoke(3), Met1(2, Touch.PROMO, 7), answered(40)])
    twice = Touched(*(np.tile(getattr(seen.touched, x.name), 2) for x in fields(Touched)))
    both = Met(
        replace(twice, line=np.repeat([1, 0], 3)),
        own=np.tile(seen.own, 2),
        grade=np.tile(seen.grade, 2),
        rank=np.tile(seen.rank, 2),
    )
    two = Bought(*(np.repeat(getattr(line(), x.name), 2) for x in fields(Bought)))
    decided = decide(two, both, np.repeat(PRIORS, 2, axis=0), np.repeat(NOTHING_MISSED, 2))
    alone = decide(line(), seen, PRIORS, NOTHING_MISSED)
    assert decided.evidence.weight.tolist() == alone.evidence.weight.tolist() * 2
    assert decided.label.tolist() == alone.label.tolist() * 2


touch_lists = st.lists(
    st.builds(
        Met1,
        st.integers(1, 80),
        st.sampled_from(list(Touch)),
        st.integers(1, 50),
        st.sampled_from([speaking.A, speaking.B, speaking.C]),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.message,
)


@given(touch_lists, st.booleans(), st.randoms())
def test_weights_sum_to_one_million_and_order_never_matters(
    touches: list[Met1], marked: bool, chance: random.Random
) -> None:
    named = [replace(one, name=one.message) for one in touches]
    told = attribute(*named, marked=marked)
    assert sum(told.sums) == weights.WHOLE
    if not marked:
        assert sum(told.weights) + told.sums[2] == weights.WHOLE
    chance.shuffle(named)
    assert attribute(*named, marked=marked) == told


tables = st.lists(
    st.integers(0, 10**7),
    min_size=len(weights.CLASSES) * weights.BINS,
    max_size=len(weights.CLASSES) * weights.BINS,
).map(lambda odds: np.array(odds, np.int64).reshape(1, len(weights.CLASSES), weights.BINS))


@given(touch_lists, st.booleans(), st.booleans(), tables, st.integers(0, 10**7))
def test_whatever_odds_were_fitted_weights_are_shares_of_one_whole(
    touches: list[Met1], marked: bool, out: bool, odds: Ints, unheard: int
) -> None:
    decided = decide(line(marked=marked, out=out), met(touches), odds, np.array([unheard]))
    sums = [int(each[0]) for each in (decided.organic, decided.promo, decided.base)]
    if out:
        assert (sums, decided.evidence.weight.tolist()) == ([-1] * 3, [])
        return
    assert sum(sums) == weights.WHOLE
    assert all(0 <= each <= weights.WHOLE for each in (*sums, *decided.evidence.weight.tolist()))
    of_touches = int(decided.evidence.weight.sum())
    assert of_touches <= sums[0] + sums[1]
    assert marked or unheard or of_touches == sums[0] + sums[1]


def test_talk_that_nobody_heard_counts_as_talk_and_for_no_touch() -> None:
    decided = decide(line(), met([]), PRIORS, np.array([250]))
    assert (int(decided.organic[0]), int(decided.base[0])) == (200_000, 800_000)
    assert LABELS[int(decided.label[0])] == Label.DIRECT
    touched = decide(line(), met([spoke(3)]), PRIORS, np.array([250]))
    (weight,) = touched.evidence.weight.tolist()
    of_base = int(touched.base[0]) * 250 / weights.BASE
    assert int(touched.organic[0]) - weight == pytest.approx(of_base, abs=1)


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=9).filter(any), min_size=1))
def test_shares_sum_exactly_inside_each_group(groups: list[list[int]]) -> None:
    group = np.repeat(np.arange(len(groups)), [len(each) for each in groups])
    parts = np.concatenate([np.array(each, np.int64) for each in groups])
    shares = weights.share_out(group, parts, len(groups))
    assert np.bincount(group, shares).tolist() == [weights.WHOLE] * len(groups)
    assert (shares >= 0).all()


def heard(hours: float, message: int = 100) -> Heard:
    told = (PERSON, PAID, ROOM, PAID - round(hours * HOUR), FRIEND, message)
    return Heard(*(np.array([each]) for each in told))


def spoken(*hours: float, person: int = PERSON, room: int = ROOM) -> Speech:
    at = np.array([PAID - round(each * HOUR) for each in hours], np.int64)
    return Speech(np.full(len(at), person), np.full(len(at), room), at)


def reply(
    hours: float,
    quoted: int | None = None,
    thread: frozenset[int] = frozenset(),
    named: frozenset[int] = frozenset(),
) -> Reply:
    return Reply(PERSON, ROOM, PAID - round(hours * HOUR), quoted, thread, named)


def test_who_speaks_within_a_day_after_the_touch_and_before_the_order_grades_it_b() -> None:
    for hours, grade in ((3, speaking.B), (11, speaking.C), (-1, speaking.C)):
        assert graded(heard(10), spoken(hours), []).tolist() == [grade]
    assert graded(heard(40), spoken(15), []).tolist() == [speaking.C]
    assert graded(heard(10), spoken(3, person=6), []).tolist() == [speaking.C]
    assert graded(heard(10), spoken(3, room=2), []).tolist() == [speaking.C]


def test_a_quote_a_thread_or_an_at_before_the_order_grades_it_a() -> None:
    for one in (
        reply(1, quoted=100),
        reply(1, quoted=99, thread=frozenset({99, 100})),
        reply(1, named=frozenset({FRIEND})),
    ):
        assert graded(heard(30), spoken(), [one]).tolist() == [speaking.A]
        assert graded(heard(30), spoken(), [replace(one, at=PAID)]).tolist() == [speaking.C]
    early = reply(31, named=frozenset({FRIEND}))
    assert graded(heard(30), spoken(), [early]).tolist() == [speaking.C]


NUMBERS = st.integers(1, 2)
MOMENTS = st.integers(1, 9)
SETS = st.frozensets(NUMBERS, max_size=2)
REPLIES = st.builds(Reply, NUMBERS, NUMBERS, MOMENTS, st.none() | NUMBERS, SETS, SETS)
TOUCHED = st.tuples(NUMBERS, MOMENTS, NUMBERS, MOMENTS, NUMBERS, NUMBERS)


@given(
    st.lists(TOUCHED, min_size=3, max_size=20), st.lists(REPLIES, max_size=20), st.integers(1, 5)
)
def test_touches_and_replies_are_graded_alike_a_pair_at_a_time_and_some_at_once(
    told: list[tuple[int, ...]], replies: list[Reply], at_once: int
) -> None:
    def answers(touch: tuple[int, ...], one: Reply) -> bool:
        person, paid, room, at, contact, message = touch
        if (one.person, one.room_id) != (person, room) or one.at >= paid:
            return False
        return one.quoted == message or (
            one.at > at and (message in one.thread or contact in one.named)
        )

    met = Heard(*np.array(told, np.int64).reshape(-1, 6).T)
    expected = [any(answers(touch, one) for one in replies) for touch in told]
    for some in (at_once, speaking.AT_ONCE):
        found = graded(met, spoken(), replies, at_once=some) == speaking.A
        assert found.tolist() == expected


def naming(message_id: int, hours: float, text: str = "纸尿裤不错", **more: object) -> Naming:
    told: dict[str, object] = {"room_id": ROOM, "contact_id": FRIEND} | more
    return Naming(
        product_id=PRODUCT, message_id=message_id, at=before(hours), name=f"m{message_id}",
        text=text, **told,  # type: ignore[arg-type]  # fields by name
    )  # fmt: skip


def classes(namings: list[Naming], posts: tuple[Post, ...] = ()) -> dict[str, Touch]:
    marks = lexicon.lexicon({PRODUCT: ["DOUBLE11", "https://s.example/a"]})
    told = classify(namings, posts, marks)
    return {one.name: told[one.message_id, one.product_id] for one in namings}


POST = Post(ROOM, 900, before(10), "双11 小熊纸尿裤第二件半价,点我下单", True, frozenset({PRODUCT}))


def test_a_member_within_two_hours_of_a_promo_echoes_it() -> None:
    told = classes([naming(1, 11), naming(2, 8), naming(3, 7.9)], (POST,))
    assert told == {
        "m1": Touch.ORGANIC,
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
    links = {1: [(2, 5)], 2: [(1, 5), (3, 9)], 3: [(2, 9)]}
    assert threads.thread(links, 1, 0, 8) == {1, 2}
    assert threads.thread(links, 1, 0, 10) == {1, 2, 3}


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
