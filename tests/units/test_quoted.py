"""Whoever is gone is taken out of others' quotes and calls, however these are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot import quoted

CUT = f"「{quoted.GONE_NAME}：{quoted.GONE_TEXT}」"
ANSWER = "\n- -\n同问"


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        (f"「甲：「乙：旧话」\n- -\n新话」{ANSWER}", "甲", f"{CUT}{ANSWER}"),
        (f"「乙：「甲：旧话」\n- -\n新话」{ANSWER}", "甲", f"「乙：{CUT}\n- -\n新话」{ANSWER}"),
        (f"「乙：「丙：原话就是这一句」」{ANSWER}", "原话就是这一句", f"「乙：{CUT}」{ANSWER}"),
        (f"「甲：我说「好的呀」，我家在幸福路」{ANSWER}", "甲", f"{CUT}{ANSWER}"),
        (f"「店主:小王：到货了」{ANSWER}", "店主:小王", f"{CUT}{ANSWER}"),
        (f"「小「王：到货了」{ANSWER}", "小「王", f"{CUT}{ANSWER}"),
        (f"「小」王：到货了」{ANSWER}", "小」王", f"{CUT}{ANSWER}"),
        (f"「乙：到货了」{ANSWER}", "甲", f"「乙：到货了」{ANSWER}"),
        ("@小王，你看", "小王", "@已注销，你看"),
        ("@小王\u2005你看", "小王", "@已注销\u2005你看"),
        ("@小 王 你看", "小 王", "@已注销 你看"),
        ("@小王~ 你看", "小王~", "@已注销 你看"),
        ("@小王 @小李 你们看", "小李", "@小王 @已注销 你们看"),
        ("@小王八 你看", "小王", "@小王八 你看"),
    ],
)
def test_who_is_gone_is_taken_out(text: str, gone: str, left: str) -> None:
    assert gone in quoted.words(text) or left == text
    assert quoted.without(text, frozenset({gone})) == left


@given(some.text(alphabet="「」：:@甲乙 \n-，x", max_size=60), some.integers(0, 5))
def test_what_is_found_is_taken_out_and_nothing_else_changes(text: str, place: int) -> None:
    found = sorted(quoted.words(text))
    assert quoted.without(text, frozenset({"丙"})) == text
    if found:
        gone = found[place % len(found)]
        changed = quoted.without(text, frozenset({gone}))
        assert changed is not None
        assert changed != text
        assert quoted.GONE_NAME in changed


def test_brackets_without_end_are_read_to_a_bound() -> None:
    text = "「:" * 20_000 + "甲」" * 20_000
    assert sum(map(len, quoted.words(text))) <= 64 * len(text)
