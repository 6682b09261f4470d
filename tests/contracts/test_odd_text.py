"""Odd text all the way: said on the platform, through the node gateway into rows, onto a page."""

from pathlib import Path

from sqlalchemy import Engine

from bot import database, receiving
from bot.gateway import Said
from bot.models import Account, Message, OperatorRole
from tests.console.conftest import Desk
from tests.contracts.conftest import NodeCommunity, now
from tests.saying import rows, rules

# What was said, and what comes: the gateway's own side leaves half of a surrogate pair out.
SAID = {
    "长" * 50_000: "长" * 50_000,
    "😀" * 5_000: "😀" * 5_000,
    "半个表情\ud83d怎么办?": "半个表情怎么办?",
    "": "",
}


async def test_odd_text_comes_through_the_node_gateway_into_rows_and_onto_a_page(
    engine: Engine, tmp_path: Path, wechat: NodeCommunity
) -> None:
    for text in SAID:
        await wechat.say("wxid_1_1", text)
    heard = [await wechat.reader.until(Said) for _ in SAID]
    with database.transaction(engine) as session:
        session.add(Account(name="bot", gateway="wechaty"))
    taken = receiving.take(engine, 1, heard, rules(engine), now())
    assert (taken.outcome.accepted, taken.outcome.conflicts) == (len(SAID), 0)
    assert sorted(row.text for row in rows(engine, Message)) == sorted(SAID.values())
    desk = Desk(engine, tmp_path, now())
    async with desk.signed_in("小林", OperatorRole.OPERATOR) as browser:
        await browser.post("/labels/draw")
        shown = set[str]()
        for place in range(1, len(SAID) + 1):
            page = await browser.get("/labels")
            assert page.status_code == 200
            shown |= {text for text in SAID.values() if text and text[:100] in page.text}
            await browser.post(f"/labels/1/{place}/mark")
    assert shown == {text for text in SAID.values() if text}
