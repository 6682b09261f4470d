"""What a message is among its neighbours."""

import datetime as dt
import tracemalloc
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models import SignalKind
from bot.text import judging, lexicon, segment, signals, similarity
from bot.text.judging import Heard
from bot.text.wording import wording
from tests.saying import local

NOON = local("2026-11-09 12:00")
ANSWER = SignalKind.ANSWER
EMPTY = lexicon.lexicon({})


@cache
def reference() -> segment.Segmenter:
    return segment.segmenter(["云柔纸尿裤"])


def heard(number: int, text: str | None, seconds: float = 0, **rest: object) -> Heard:
    fields: dict[str, object] = {
        "sender": "wxid_a", "type": "text", "mentions": (), "quote": None, "own": False,
        "recalled": False,
    }  # fmt: skip
    fields |= rest
    contact = sum(str(fields["sender"]).encode())
    at = NOON + dt.timedelta(seconds=seconds)
    return Heard(number, f"m{number:03d}", 1, contact, at=at, text=text, **fields)  # type: ignore[arg-type]  # plain fields of a test


def kinds(*messages: Heard) -> list[set[SignalKind]]:
    verdicts = judging.judge(messages, NOON, EMPTY, reference())
    return [{sign.kind for sign in verdict.signals} for verdict in verdicts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这款纸尿裤红屁屁能用吗", {SignalKind.QUESTION}),
        ("有没有宝妈用过", {SignalKind.QUESTION}),
        ("明天几点开始?", {SignalKind.QUESTION}),
        ("没什么,随便看看", set()),
        ("分享一下我家的空瓶", {SignalKind.SHARE}),
        ("求分享", {SignalKind.QUESTION}),
        ("打卡", {SignalKind.CHECK_IN}),
        ("+1", {SignalKind.PLUS_ONE}),
        ("收到", {SignalKind.PLUS_ONE}),
        ("[微笑][强]", {SignalKind.STICKER}),
        ("😀😀", {SignalKind.STICKER}),
        ("", {SignalKind.STICKER}),
        ("收到的瓶子漏液了", {SignalKind.COMPLAINT}),
        ("用了没有过敏", set()),
        ("今天天气不错", set()),
        ("软云夜用会漏\uff1f", {SignalKind.QUESTION}),
        ("@今天睡够了吗\u2005抱抱你", set()),
    ],
)
def test_a_message_is_what_its_words_say(text: str, expected: set[SignalKind]) -> None:
    assert kinds(heard(1, text)) == [expected]


def test_the_sixth_message_of_a_member_within_a_minute_is_flood() -> None:
    said = [heard(n, f"第{'一二三四五六'[n]}句完全不同的话", seconds=n * 10) for n in range(6)]
    assert [SignalKind.FLOOD in found for found in kinds(*said)] == [False] * 5 + [True]


def test_six_messages_over_a_whole_minute_are_no_flood() -> None:
    said = [heard(n, f"第{'一二三四五六'[n]}句完全不同的话", seconds=n * 12) for n in range(6)]
    assert not any(SignalKind.FLOOD in found for found in kinds(*said))


def test_the_same_words_within_a_day_are_a_near_duplicate_whoever_says_them() -> None:
    day = dt.timedelta(hours=24).total_seconds()
    found = kinds(
        heard(1, "这个牌子的奶粉我家一直在喝真的不错"),
        heard(2, "这个牌子的奶粉我家一直在喝真的很不错!", 60, sender="wxid_b"),
        heard(3, "早点睡", 120),
        heard(4, "早点睡。", 121),
        heard(5, "早点睡", 122 + day),
    )
    assert [SignalKind.NEAR_DUPLICATE in one for one in found] == [False, True, False, True, False]


def test_an_answer_is_bound_to_the_question_it_quotes_or_whose_asker_it_mentions() -> None:
    verdicts = judging.judge(
        [
            heard(1, "奶粉怎么转?", sender="wxid_a"),
            heard(2, "七天慢慢转", 60, sender="wxid_b", quote="m001"),
            heard(3, "别着急", 90, sender="wxid_c", mentions=("wxid_a",)),
            heard(4, "我自己补充一下", 95, sender="wxid_a", quote="m001"),
            heard(5, "嗯嗯我也觉得可以", 99, sender="wxid_d"),
        ],
        NOON,
        EMPTY,
        reference(),
    )
    targets = [
        next((sign.target for sign in verdict.signals if sign.kind is ANSWER), None)
        for verdict in verdicts
    ]
    assert targets == [None, 1, 1, None, None]


def answers(*messages: Heard) -> list[tuple[str, int | None] | None]:
    """Per message: by which rule it answers which question."""
    verdicts = judging.judge(messages, NOON, EMPTY, reference())
    return [
        next(((sign.rule, sign.target) for sign in verdict.signals if sign.kind is ANSWER), None)
        for verdict in verdicts
    ]


def test_what_is_said_right_after_the_only_open_question_may_answer_it() -> None:
    assert answers(
        heard(1, "奶粉怎么转?", sender="wxid_a"),
        heard(2, "七天慢慢来", 60, sender="wxid_b"),
        heard(3, "打卡", 61, sender="wxid_c"),
        heard(4, "早上好", 62, sender="wxid_c"),
        heard(5, "我自己再想想", 63, sender="wxid_a"),
        heard(6, "晚上吃火锅去", 91, sender="wxid_d"),
        heard(7, "好久不见大家都去哪了呢", 700, sender="wxid_d"),
    ) == [None, ("window", 1), None, None, None, None, None]


def test_of_two_open_questions_the_one_with_words_in_common_is_answered_or_none() -> None:
    assert answers(
        heard(1, "奶粉怎么转?", sender="wxid_a"),
        heard(2, "推车哪款轻便?", 10, sender="wxid_b"),
        heard(3, "我家推车轻便的是小的那款", 20, sender="wxid_c"),
        heard(4, "奶粉慢慢转奶就行", 400, sender="wxid_c"),
        heard(5, "一周左右吧", 30, sender="wxid_d"),
    ) == [None, None, ("window", 2), None, ("window", 1)]  # in order of time


@pytest.mark.parametrize(
    "closing",
    [
        heard(2, "谢谢,懂了", 20, sender="wxid_a"),
        heard(2, "七天慢慢转", 20, sender="wxid_b", quote="m001"),
        heard(2, "别着急", 20, sender="wxid_b", mentions=("wxid_a",)),
    ],
)
def test_thanks_a_quote_or_a_mention_close_a_question_for_guesses(closing: Heard) -> None:
    asked = heard(1, "奶粉怎么转?", sender="wxid_a")
    assert answers(asked, heard(3, "我家奶粉转得慢", 40, sender="wxid_c"))[1] == ("window", 1)
    assert answers(asked, closing, heard(3, "我家奶粉转得慢", 40, sender="wxid_c"))[2] is None


def test_what_is_meant_for_somebody_else_is_no_guess() -> None:
    assert answers(
        heard(1, "奶粉怎么转?", sender="wxid_a"),
        heard(2, "今天真冷", 5, sender="wxid_b"),
        heard(3, "多穿点", 8, sender="wxid_c", quote="m002"),
        heard(4, "明天见", 9, sender="wxid_c", mentions=("wxid_b",)),
    ) == [None, ("window", 1), None, None]


def test_a_picture_beside_ones_own_words_is_a_share_once() -> None:
    shared = [
        [sign.rule for sign in verdict.signals if sign.kind is SignalKind.SHARE]
        for verdict in judging.judge(
            [
                heard(1, "刚到的推车,我家娃很喜欢坐", sender="wxid_a"),
                heard(2, None, 20, sender="wxid_a", type="image"),
                heard(3, None, 25, sender="wxid_a", type="image"),
                heard(4, None, 26, sender="wxid_b", type="image"),
                heard(5, "今天做的辅食第三天成品", 40, sender="wxid_b"),
                heard(6, "我家那个碗也是这里买的", 50, sender="wxid_b"),
                heard(7, None, 500, sender="wxid_c", type="image"),
                heard(8, "今天做的饭", 800, sender="wxid_c"),
            ],
            NOON,
            EMPTY,
            reference(),
        )
    ]
    assert shared == [[], ["picture"], [], [], ["picture"], [], [], []]


def test_a_recalled_message_is_nothing_else_and_its_copy_is_no_duplicate() -> None:
    found = kinds(heard(1, "早点睡", recalled=True), heard(2, "早点睡", 5))
    assert found == [{SignalKind.RECALLED}, set()]


def test_an_alias_that_is_a_common_word_needs_a_word_of_trade_near_it() -> None:
    words = lexicon.lexicon({1: ["苹果手机", "苹果"]}, common=["苹果"], kinds={1: "手机"})
    cut = reference().engine.cut
    for text in ("苹果多少钱", "谁买过苹果的", "换苹果手机壳", "这个手机是苹果吗"):
        assert words.mentioned(text, cut) == {1}, text
    for text in ("宝宝爱吃苹果", "苹果削皮再蒸", "今天很开心,路过公园看见一棵苹果树,顺便买了点菜"):
        assert words.mentioned(text, cut) == frozenset(), text


def test_a_common_alias_inside_another_word_is_no_alias() -> None:
    words = lexicon.lexicon({1: ["小白"]}, common=["小白"])
    cut = segment.segmenter(["小白"]).engine.cut
    assert words.mentioned("小白菜多少钱一斤", cut) == frozenset()
    assert words.mentioned("小白多少钱一台", cut) == {1}


def test_traditional_names_are_the_same_names() -> None:
    words = lexicon.lexicon({1: ["云柔纸尿裤"]})
    assert words.mentioned("雲柔紙尿褲好用嗎") == {1}


def test_a_product_is_named_by_its_longest_name_and_latin_names_stand_alone() -> None:
    words = lexicon.lexicon({1: ["云柔纸尿裤"], 2: ["云柔"], 3: ["A1"]})
    assert words.mentioned("云柔纸尿裤好用") == {1}
    assert words.mentioned("云柔好用") == {2}
    assert words.mentioned("我买了A1") == {3}
    assert words.mentioned("我买了A12") == frozenset()
    assert words.mentioned("lone \ud83d A1") == {3}


@given(st.lists(st.text(alphabet="云柔纸尿裤好用吗红屁", min_size=12, max_size=24), max_size=12))
def test_near_duplicates_are_found_as_by_comparing_every_pair(texts: list[str]) -> None:
    hours = dt.timedelta(hours=5)
    recent = similarity.Recent()
    found = [recent.repeats(text, NOON + place * hours) for place, text in enumerate(texts)]
    sets = [similarity.grams(similarity.normalise(text)) for text in texts]
    # Four times five hours are within a day, five times are not.
    expected = [
        any(len(own & other) / len(own | other) >= 0.5 for other in sets[max(0, place - 4) : place])
        for place, own in enumerate(sets)
    ]
    assert found == expected


def test_a_text_that_is_repeated_all_day_is_not_held_by_pairs() -> None:
    """Three thousand equal texts are four and a half million pairs."""
    recent = similarity.Recent()
    tracemalloc.start()
    found = recent.hears(["今天满一百减二十大家快来看看"] * 3_000, [0.0] * 3_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [False, *[True] * 2_999]
    assert most < 30 * 2**20


def test_what_is_older_than_a_day_takes_no_memory() -> None:
    """However long a room talks: an hour apart, a short text, a long one and a question each."""
    room = judging.Room()
    for number in range(1_500):
        told = [
            heard(3 * number, f"短{number}", 3600 * number),
            heard(3 * number + 1, f"说长一点的一句话,每次都不一样:{number * 7919}", 3600 * number),
            heard(
                3 * number + 2, f"第{number}个有人知道吗?", 3600 * number, sender=f"wxid_{number}"
            ),
        ]
        judging.hear(room, told, NOON, EMPTY, reference())
    recent, past = room.recent, room.past
    assert len(past) == 75
    kept = (len(recent.short), len(recent.ends), len(past.ids), len(past.by_sender))
    assert max(kept) < 600


def test_a_question_is_found_by_its_name_however_much_was_said_since() -> None:
    asked = [heard(n, f"第{n}个怎么用", 60 * n, sender=f"wxid_{n}") for n in range(600)]
    early, late = (
        heard(1_000 + n, "看说明", 60 * 600 + n, sender="wxid_z", quote=f"m{of:03d}")
        for n, of in enumerate((7, 590))
    )
    called = heard(1_002, "看说明", 60 * 600 + 2, sender="wxid_z", mentions=("wxid_3",))
    verdicts = judging.judge([*asked, early, late, called], NOON, EMPTY, reference())
    targets = [[sign.target for sign in one.signals if sign.kind is ANSWER] for one in verdicts]
    assert targets[-3:] == [[7], [590], [3]]


def test_a_question_of_more_than_a_day_ago_is_answered_by_nobody() -> None:
    day = 24 * 3600
    asked = heard(1, "这个怎么用", 0, sender="wxid_q")
    fill = [heard(2 + n, f"路过{n}", 60 * n + 1) for n in range(600)]
    at_last = heard(900, "看说明", day, sender="wxid_z", quote="m001")
    too_late = heard(901, "看说明", day + 1, sender="wxid_z", quote="m001")
    called = heard(902, "看说明", day + 1, sender="wxid_z", mentions=("wxid_q",))
    verdicts = judging.judge([asked, *fill, at_last, too_late, called], NOON, EMPTY, reference())
    answers = [any(sign.kind is ANSWER for sign in one.signals) for one in verdicts]
    assert answers[-3:] == [True, False, False]


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    words = reference().words(text)
    assert "".join(words) == text
    found = signals.of("text", wording(text))
    assert signals.asks("text", wording(text)) == any(
        sign.kind is SignalKind.QUESTION for sign in found
    )
