"""A curated answer is found where it surely fits, and nothing is guessed."""

from functools import cache

import pytest

from bot.text import retrieval, segment
from bot.text.retrieval import Curated, Entry


@cache
def answers() -> Curated:
    entries = [
        Entry("", ("怎么退货", "退货流程是什么"), "在订单里申请退货"),
        Entry("", ("退货要多久到账",), "七天内到账"),
        Entry("", ("退货地址在哪里",), "在退货页面上"),
        Entry("", ("发什么快递",), "中通和顺丰"),
        Entry("宝妈育儿", ("几个月可以加辅食", "辅食什么时候加"), "六个月左右"),
        Entry("宝妈育儿", ("辅食机怎么洗",), "拆下来用清水冲"),
        Entry("", ("群规",), "不发广告"),
    ]
    return retrieval.curated(entries, segment.segmenter().keywords)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("怎么退货?", "在订单里申请退货"),
        ("请问一下大家,怎么退货呀", "在订单里申请退货"),
        ("麻烦问下退货要多久到账", "七天内到账"),
        ("退貨地址在哪裡", "在退货页面上"),
        ("发的什么快递呀", "中通和顺丰"),
        ("姐妹们,辅食什么时候加?", "六个月左右"),
    ],
)
def test_a_question_put_otherwise_is_answered(text: str, answer: str) -> None:
    assert answers().best("宝妈育儿", text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "退货要运费吗",
        "退货",
        "为什么不能退货",
        "快递怎么还没到",
        "辅食",
        "怎么换货",
        "今天吃什么",
        "？？？",
        "",
        "怎么办",
    ],
)
def test_what_is_not_surely_the_same_is_not_answered(text: str) -> None:
    assert answers().best("宝妈育儿", text) is None


def test_another_verticals_answers_stay_there() -> None:
    assert answers().best("职场穿搭", "辅食什么时候加") is None
    assert answers().exactly("职场穿搭", "群规") == "不发广告"
    assert answers().exactly("职场穿搭", "几个月可以加辅食") is None


def test_the_same_things_the_other_way_round_are_another_question() -> None:
    known = retrieval.curated(
        [Entry("", ("景点附近有哪些酒店",), "三家酒店")], segment.segmenter().keywords
    )
    assert known.best("", "这个景点附近有哪些酒店啊") == "三家酒店"
    assert known.best("", "酒店附近有哪些景点") is None


def test_two_answers_that_fit_alike_are_left_to_a_person() -> None:
    known = retrieval.curated(
        [Entry("", ("云柔怎么清洗",), "手洗"), Entry("", ("怎么清洗云柔呀",), "机洗")],
        segment.segmenter(["云柔"]).keywords,
    )
    assert known.best("", "请问云柔怎么清洗呢") is None


def test_without_any_answer_nothing_is_found() -> None:
    assert retrieval.curated([], segment.segmenter().keywords).best("", "怎么退货") is None


def test_what_fits_two_answers_or_points_at_something_said_before_is_not_answered() -> None:
    entries = [
        Entry("", ("地址在哪里", "酒店的地址在哪里"), "长安街一号"),
        Entry("", ("餐馆的地址在哪里",), "王府井二号"),
    ]
    known = retrieval.curated(entries, segment.segmenter().keywords)
    assert known.best("", "酒店的地址在哪里呀") == "长安街一号"
    assert known.best("", "好的,地址是在哪里呀") is None
    assert known.best("", "它家酒店的地址在哪里") is None
    # Just these words were written down by somebody.
    assert known.best("", "地址在哪里?") == "长安街一号"


def test_a_lower_threshold_answers_more() -> None:
    entries = [Entry("", ("新款纸尿裤的尺码怎么选",), "看体重")]
    keywords = segment.segmenter().keywords
    asked = "纸尿裤怎么选"
    assert retrieval.curated(entries, keywords).best("", asked) is None
    assert retrieval.curated(entries, keywords, covered=0.5).best("", asked) == "看体重"
