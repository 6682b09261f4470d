"""Own words on a page: tried on what was said, added, taken back; and who may."""

import pytest
from sqlalchemy import Engine

from bot import database, own_words, rebuilding
from bot.models import Audit, Mention, OperatorRole, OwnWord, Product, WordKind
from tests.console.conftest import NOW, Desk
from tests.saying import member_says, record, rows, rules

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole
PATH = "/settings/own-words"


def talk(engine: Engine) -> None:
    """Three messages of the week that hold a word, one that was taken back, one of long ago."""
    with database.transaction(engine) as session:
        session.add(Product(sku="BAG", name="云柔睡袋"))
    record(
        engine,
        member_says("小云云收到了", "2026-11-23 10:00", id="a"),
        member_says("小云云不踢被子", "2026-11-23 10:01"),
        member_says("晚上老是踢被子", "2026-11-23 10:02"),
        member_says("踢被子怎么办呀各位", "2026-11-23 10:03", id="gone"),
        member_says(None, "2026-11-23 10:04", type="recall", recalls="gone"),
        member_says("踢被子的那些年", "2026-11-01 10:00"),
    )


async def test_a_word_is_tried_before_it_is_added(desk: Desk) -> None:
    talk(desk.engine)
    async with desk.signed_in("小林", OPERATOR) as browser:
        tried = (await browser.get(PATH, params={"fresh": "踢被子"})).text
        assert "最近 7 天有 2 条消息说到" in tried
        assert "2 条切开的地方会变，2 条能成为话题的词会变，0 条提到的商品会变" in tried
        assert '<span class="piece piece-other ">踢被子</span>' in tried
        assert "各位" not in tried
        assert rows(desk.engine, OwnWord) == []
        added = await browser.post(PATH, data={"fresh": "踢被子"}, follow_redirects=True)
        assert "加了 1 个词" in added.text
        assert "踢被子" in rules(desk.engine).segmenter.words("晚上老是踢被子")
        again = (await browser.get(PATH, params={"fresh": "踢被子"})).text
        assert "没有一条会读成别的样子" in again
        stopped = (await browser.get(PATH, params={"fresh": "踢被子", "kind": "stop"})).text
        assert "0 条切开的地方会变，2 条能成为话题的词会变" in stopped


async def test_an_alias_is_tried_added_and_taken_back_and_figures_follow(desk: Desk) -> None:
    talk(desk.engine)
    wish = {"fresh": "小云云", "kind": "alias", "sku": "BAG"}
    async with desk.signed_in("小林", OPERATOR) as browser:
        assert "2 条提到的商品会变" in (await browser.get(PATH, params=wish)).text
        await browser.post(PATH, data=wish)
        # What was said before was derived again behind the answer.
        assert len(rows(desk.engine, Mention)) == 2
        compared = rebuilding.check(desk.engine, rules(desk.engine), NOW)
        assert all(one.agrees for one in compared)
        listed = (await browser.get(PATH, params={"listed": "alias"})).text
        assert "小云云" in listed and "BAG" in listed
        gone = {"word": "小云云", "kind": "alias", "sku": "BAG"}
        assert (await browser.post(f"{PATH}/remove", data=gone)).status_code == 303
        assert rows(desk.engine, Mention) == []
    actions = [row.action for row in rows(desk.engine, Audit) if row.object == "dictionary"]
    assert actions == ["dictionary.add", "dictionary.remove"]
    assert {row.by for row in rows(desk.engine, Audit) if row.object == "dictionary"} == {"小林"}


async def test_a_viewer_reads_how_many_would_change_and_none_of_what_was_said(desk: Desk) -> None:
    talk(desk.engine)
    said = "晚上"
    async with desk.signed_in("小林", OPERATOR) as browser:
        assert said in (await browser.get(PATH, params={"fresh": "踢被子"})).text
    async with desk.signed_in("小王", VIEWER) as browser:
        tried = (await browser.get(PATH, params={"fresh": "踢被子"})).text
        assert "2 条切开的地方会变，2 条能成为话题的词会变" in tried
        assert "原话要有运营身份才能看" in tried
        assert said not in tried
        assert 'class="piece' not in tried


async def test_who_sees_some_rooms_tries_in_them_and_changes_nothing(desk: Desk) -> None:
    talk(desk.engine)
    desk.rooms(1)
    async with desk.signed_in("阿原", OPERATOR, verticals=["宝妈育儿"]) as browser:
        tried = await browser.get(PATH, params={"fresh": "踢被子"})
        assert "最近 7 天没有人说过" in tried.text
        assert (await browser.post(PATH, data={"fresh": "踢被子"})).status_code == 403
        gone = {"word": "踢被子", "kind": "word"}
        assert (await browser.post(f"{PATH}/remove", data=gone)).status_code == 403
    assert rows(desk.engine, OwnWord) == []


async def test_a_kind_that_is_none_takes_nothing_back(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        gone = await browser.post(f"{PATH}/remove", data={"word": "词", "kind": "动词"})
        assert gone.status_code == 422
        assert "没有“动词”这一种词" in gone.text


@pytest.mark.parametrize(
    "wish",
    [
        {"fresh": "两 个"},
        {"fresh": "!!"},
        {"fresh": "词", "kind": "动词"},
        {"fresh": "小云云", "kind": "alias", "sku": "NOPE"},
        {"fresh": "\n".join(f"词{number}" for number in range(51))},
    ],
)
async def test_what_is_no_word_is_refused_with_a_remedy(desk: Desk, wish: dict[str, str]) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        assert (await browser.get(PATH, params=wish)).status_code == 422
        assert (await browser.post(PATH, data=wish)).status_code == 422
    assert rows(desk.engine, OwnWord) == []


async def test_a_long_list_is_paged_and_removing_twice_says_so(desk: Desk) -> None:
    with database.transaction(desk.engine) as session:
        named = [(f"词{number:03}", WordKind.WORD) for number in range(60)]
        own_words.add(session, named, "小李", NOW)
    async with desk.signed_in("小林", ADMIN) as browser:
        assert "词059" not in (await browser.get(PATH)).text
        assert "词059" in (await browser.get(PATH, params={"number": 2})).text
        gone = {"word": "词059", "kind": "word"}
        await browser.post(f"{PATH}/remove", data=gone)
        again = await browser.post(f"{PATH}/remove", data=gone, follow_redirects=True)
        assert "没有改动" in again.text
    assert len(rows(desk.engine, OwnWord)) == 59
