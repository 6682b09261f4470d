"""Forbidden words are found however they are dressed up."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot import database
from bot.errors import InvalidInput
from content_calendar import words


@pytest.mark.parametrize(
    "text",
    ["快加微信吧", "快加\u200b微信", "加\u2060微\ufe0f信", "加\u00ad微\u200d信", "加微信" * 3],
)
def test_a_word_is_found_with_unseen_characters_in_it(engine: Engine, text: str) -> None:
    assert forbidding(engine, "加微信").found(text) == "加微信"


def test_case_and_width_hide_nothing(engine: Engine) -> None:
    known = forbidding(engine, "VX号", "最佳")
    assert [known.found(text) for text in ("ＶＸ号", "vX号123", "Vx 号", "佳最")] == [
        "vx号",
        "vx号",
        None,
        None,
    ]


def test_the_first_word_of_a_text_is_named_and_the_longest_that_begins_there(
    engine: Engine,
) -> None:
    known = forbidding(engine, "第一", "第一名", "最佳")
    assert known.found("全网第一名、最佳") == "第一名"
    assert known.found("\ud800最佳第一") == "最佳"
    assert words.NONE.found("全网第一") is None


def test_words_are_added_and_removed_once(engine: Engine) -> None:
    with database.transaction(engine) as session:
        assert words.add(session, ["VX", "最佳", "ｖｘ"]) == 2
        assert words.add(session, ["vx", "国家级"]) == 1
        assert words.listed(session) == ["vx", "国家级", "最佳"]
        assert words.remove(session, ["ＶＸ", "没有的", ""]) == 1
        assert words.remove(session, []) == 0
        assert words.load(session).found("VX 最佳") == "最佳"


@pytest.mark.parametrize("word", ["", "\u200b", "。。", "a\0b", "坏\ufffd", "长" * 51])
def test_what_is_no_word_is_refused(engine: Engine, word: str) -> None:
    with pytest.raises(InvalidInput), database.transaction(engine) as session:
        words.add(session, ["最佳", word])
    with database.reading(engine) as session:
        assert words.listed(session) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_holds_one_word_a_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("# 广告法\r\n最佳\r\n\r\n  ＶＸ \r\n最佳\r\n💊".encode(encoding))
    assert words.read(path) == ["最佳", "vx", "💊"]


def test_every_wrong_line_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("最佳\n,,,\n# ok\nPK\x03\x04\n" + "长" * 51, encoding="utf-8")
    with pytest.raises(InvalidInput) as raised:
        words.read(path)
    assert [fault.line for fault in raised.value.faults] == [2, 4, 5]


def forbidding(engine: Engine, *forbidden: str) -> words.Words:
    with database.transaction(engine) as session:
        words.add(session, forbidden)
        return words.load(session)
