"""Lines of a message log are read quickly, and as Python's own reader would read them."""

import gc
import json

import pytest

from bot import collecting, message_log
from bot.errors import InvalidInput

LINE = {
    "id": "m1",
    "room": "妈妈群@chatroom",
    "topic": "妈妈群",
    "sender": "wxid_1",
    "name": "小\u2005美",
    "at": "2026-11-09T08:01:02.987654+08:00",
    "type": "text",
    "text": "宝宝 6 个月,怎么加辅食?\U0001f47c",
    "mentions": ["wxid_2"],
    "quote": None,
    "self": False,
}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(LINE).encode(),
        json.dumps(LINE, ensure_ascii=False).encode(),
        json.dumps(LINE, ensure_ascii=False).encode("utf-16"),
        json.dumps(LINE | {"more": float("nan"), "most": 10**40}).encode(),
        b" " + json.dumps(LINE).encode() + b"\r\n",
    ],
    ids=["escaped", "as it is", "UTF-16", "numbers beyond JSON", "blanks around"],
)
def test_a_line_is_read_whatever_its_form(line: bytes) -> None:
    said = message_log.parse(line)
    assert (said.id, said.room, said.name) == (LINE["id"], LINE["room"], LINE["name"])
    assert (said.text, said.mentions) == (LINE["text"], ("wxid_2",))
    assert said.at.isoformat() == "2026-11-09T00:01:02+00:00"


def test_half_of_a_pair_comes_through_as_it_came() -> None:
    said = message_log.parse(json.dumps(LINE | {"text": "坏\ud83d了"}).encode())
    assert said.text == "坏\ud83d了"


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b'"m"', b"\xff\xfe", b"[" * 100_000, b'{"id": "\xed\xa0"}']
)
def test_what_is_no_line_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidInput):
        message_log.parse(line)


def test_the_collector_is_left_as_it_was_found() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    def work() -> None:
        with collecting.seldom():
            assert gc.get_threshold() != before
            assert gc.get_freeze_count() > frozen
            raise InterruptedError

    with pytest.raises(InterruptedError):
        work()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, frozen)
