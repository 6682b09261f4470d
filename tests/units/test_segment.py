"""Words: rjieba cuts as jieba does, and what is one thing stays one."""

from functools import cache
from pathlib import Path
from typing import cast

import jieba
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.bench import segment as bench
from bot.text import engines, segment
from bot.text.spans import Kind

DATA = Path("/work/shared/data")
WORDS = ("云柔纸尿裤", "sku_1", "NB-12", "C&A", "打卡", "NB-12 pro", "㐀𠀀霜", "\ud800", "50%off")
# One message in ten thousand may differ; every second sentence keeps the test short.
ALLOWED, EVERY = 1e-4, 5


@cache
def reference() -> engines.Reference:
    return engines.reference(WORDS)


@cache
def fast() -> engines.Fast:
    return engines.fast(reference())


def test_real_sentences_are_cut_as_jieba_cuts_them() -> None:
    files = sorted([*DATA.glob("*.txt"), *DATA.glob("*.jsonl")]) if DATA.is_dir() else []
    if not files:
        pytest.skip("no real sentences on this machine")
    texts = [text for file in files for text in bench.sentences(file)][::EVERY]
    different = [text for text in texts if fast().cut(text) != reference().cut(text)]
    assert len(different) <= ALLOWED * len(texts), different


HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FD5)
PIECES = st.one_of(
    st.text(HAN, min_size=1, max_size=4),
    st.text("的我在了不是有宝奶粉怎么吗買賣說國話", min_size=1, max_size=6),
    st.text("aB129.+#&_%- \r\n\t", min_size=1, max_size=8),
    st.sampled_from(WORDS),
    st.sampled_from(("[微笑]", "😀", "👨‍👩‍👧", "ＡＢ１２", "㐀", "𠀀", "鿰", "@小雨妈\u2005", "\0", "\x1c", "\ud83d")),
    st.text(max_size=3),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@example(["a-1.5"])
@example(["好", "a-1b", "好"])
@example(["L.A", "100-150", "元"])
@example(["哈哈哈哈哈", "嘻嘻嘻"])
@given(st.lists(PIECES, max_size=8))
def test_any_text_is_cut_as_jieba_cuts_it_and_joins_to_itself(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert fast().cut(text) == reference().cut(text)
    assert "".join(fast().cut(text)) == text
    spans = segment.Segmenter(fast(), frozenset()).spans(text)
    assert "".join(span.text for span in spans) == text


@cache
def plain() -> engines.Tokenizer:
    """jieba itself, told our dictionary and the words one by one."""
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    for word in (*engines.DICTIONARY.read_text(encoding="utf-8").split(), *sorted(WORDS)):
        tokenizer.add_word(word)
    return cast(engines.Tokenizer, tokenizer)


@settings(max_examples=200, deadline=None)
@example(["云柔纸尿", "裤"])
@example(["云", "㐀", "㐀𠀀"])
@given(st.lists(PIECES, max_size=8))
def test_words_over_a_shared_dictionary_are_those_of_a_jieba_of_their_own(
    pieces: list[str],
) -> None:
    text = "".join(pieces)
    assert reference().tokenizer.lcut(text) == plain().lcut(text)
    assert reference().tokenizer.total == plain().total


@pytest.mark.parametrize(
    "text", ["喝奶粉吗" * 8_500, "a1-" * 33_000, "😀" * 5_000, "[微笑]" * 9_000]
)
def test_a_huge_message_passes(text: str) -> None:
    segmenter = segment.segmenter()
    assert "".join(segmenter.words(text)) == text
    assert "".join(span.text for span in segmenter.spans(text)) == text


def test_added_words_are_words_and_stay_in_their_segmenter() -> None:
    assert segment.segmenter(["云柔纸尿裤"]).words("云柔纸尿裤好用")[0] == "云柔纸尿裤"
    assert segment.segmenter().words("云柔纸尿裤好用")[0] != "云柔纸尿裤"


def test_a_deleted_word_comes_apart_for_its_segmenter_alone() -> None:
    without = segment.segmenter(deleted=["奶粉"])
    assert isinstance(without.engine, engines.Reference)
    assert without.words("奶粉,") == ["奶", "粉", ","]
    assert segment.segmenter().words("奶粉,") == ["奶粉", ","]


def test_an_own_main_dictionary_is_cut_by_jieba(tmp_path: Path) -> None:
    main = tmp_path / "main.txt"
    main.write_text("云柔霜 100\n好用 50\n", encoding="utf-8")
    own = segment.segmenter(main=main)
    assert isinstance(own.engine, engines.Reference)
    assert own.words("云柔霜好用") == ["云柔霜", "好用"]


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        ("好[微笑]的", Kind.EMOTICON, "[微笑]"),
        ("好👨‍👩‍👧的", Kind.EMOJI, "👨‍👩‍👧"),
        ("赞👍🏽", Kind.EMOJI, "👍🏽"),
        ("@小雨 妈\u2005在吗", Kind.MENTION, "@小雨 妈\u2005"),
        ("看https://a.cn/x?y=1吧", Kind.LINK, "https://a.cn/x?y=1"),
        ("电话13800138000谢谢", Kind.PHONE, "13800138000"),
        ("电话138 0013 8000", Kind.PHONE, "138 0013 8000"),
        ("订单E20261109123456没到", Kind.ORDER, "E20261109123456"),
        ("订单２０２６１１０９１２３４没到", Kind.ORDER, "２０２６１１０９１２３４"),
    ],
)
def test_what_is_one_thing_is_one_piece(text: str, kind: Kind, piece: str) -> None:
    found = segment.Segmenter(fast(), frozenset()).spans(text)
    assert [span.text for span in found if span.kind is kind] == [piece]
    assert "".join(span.text for span in found) == text


def test_keywords_leave_out_what_says_nothing() -> None:
    segmenter = segment.segmenter(["云柔纸尿裤"], stop=["红屁屁"])
    text = "@小雨妈\u2005我的宝宝用云柔纸尿裤红屁屁了,100 块[微笑]"
    assert segmenter.keywords(text) == ["宝宝", "云柔纸尿裤", "块"]


def test_the_benchmark_prints_each_engine_beside_jieba(tmp_path: Path) -> None:
    corpus = tmp_path / "toy_train.txt"
    corpus.write_text("你 好 吗\t宝 宝 喝 奶 粉\n", encoding="utf-8")
    measured = bench.measure([corpus])
    assert measured["messages"] == 1
    assert measured["different"] == 0
    assert set(measured["engines"]) == {"jieba", "rjieba"}  # type: ignore[call-overload]  # a dictionary
