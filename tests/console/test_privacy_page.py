"""A person is looked up, handed what is held of them, and forgotten by who types whom."""

import io
import zipfile

import httpx
import pytest

from bot import database, secret
from bot.console.pages import privacy
from bot.models import Account, Audit, Contact, OperatorRole, OptOut
from bot.privacy import files, searching, subject
from tests.console.conftest import Desk
from tests.journeys.test_privacy import (
    ASKED,
    NAME,
    ON_SQLITE,
    PHONE,
    RENAMED,
    TRACES,
    UNION,
    WHO,
    settle,
)
from tests.saying import rows

VIEWER, OPERATOR, APPROVER, ADMIN = OperatorRole


@pytest.fixture
def told(desk: Desk) -> Desk:
    """Three weeks of a room, with somebody who is called, quoted, and buys."""
    settle(desk.engine, desk.home)
    # A file of a page before: what a digest would have said.
    week = desk.home / files.DIGESTS / "2026-W45"
    week.mkdir(parents=True)
    (week / "room.md").write_text(f"大家问:{ASKED}", "utf-8")
    return desk


def whom(desk: Desk) -> str:
    """The address of the person."""
    (found,) = [row.id for row in rows(desk.engine, Contact) if row.platform_id == WHO]
    return f"/privacy/people/contact-{found}"


async def looked_up(browser: httpx.AsyncClient, kind: str, value: str) -> httpx.Response:
    return await browser.post("/privacy/find", data={"kind": kind, "value": value})


@ON_SQLITE
async def test_somebody_is_found_by_every_name_of_theirs(told: Desk) -> None:
    async with told.signed_in("小林", ADMIN) as browser:
        for kind, value in (("contact", WHO), ("unionid", UNION)):
            found = await looked_up(browser, kind, value)
            assert found.headers["location"] == whom(told), kind
        called = await looked_up(browser, "name", RENAMED[:4])
        assert f'{whom(told)}"' in called.text
        shown = (await browser.get(whom(told))).text
        assert RENAMED in shown
        assert "1 单" in shown
        for kind, value in (("contact", "nobody"), ("name", ""), ("phone", "138****8000")):
            assert (await looked_up(browser, kind, value)).status_code == 422


async def test_who_is_forgotten_leaves_no_trace_and_a_number(told: Desk) -> None:
    path = whom(told)
    async with told.signed_in("小林", ADMIN) as browser:
        wrong = await browser.post(f"{path}/forget", data={"typed": RENAMED})
        assert wrong.status_code == 422
        before = await browser.post("/privacy/trace", data={"words": ASKED})
        assert "还有痕迹" in before.text
        with database.reading(told.engine) as session:
            known = subject.find(session, f"contact:{WHO}", secret.of(told.home))
        done = await browser.post(f"{path}/forget", data={"typed": WHO})
        assert done.status_code == 303
        for words in (*TRACES, "踢被子"):
            left = await browser.post("/privacy/trace", data={"words": words})
            assert "一处也没有" in left.text, words
        assert (await browser.get(path)).status_code == 404
        listed = (await browser.get("/privacy")).text
        assert "做完了" in listed
        assert not any(trace in listed for trace in TRACES)
    # Who asked twice at once has done it once.
    privacy._forget(told.app.state.console, known, "小林")
    actions = [row.action for row in rows(told.engine, Audit) if row.action.startswith("privacy")]
    assert actions == ["privacy.forgetting", "privacy.forget", "privacy.swept"]


async def test_somebody_is_heard_as_nobody_and_again_as_who_they_are(told: Desk) -> None:
    path = whom(told)
    async with told.signed_in("小林", ADMIN) as browser:
        assert "0 个账号" in (await browser.get("/privacy")).text
        before = (await browser.get(path)).text
        assert f'action="{path}/opt-out"' in before
        assert f'action="{path}/opt-in"' not in before
        assert (await browser.post(f"{path}/opt-out")).headers["location"] == path
        assert "1 / 1 个账号不留名" in (await browser.get(path)).text
        assert "1 个账号" in (await browser.get("/privacy")).text
        (hidden,) = rows(told.engine, OptOut)
        assert hidden.by == "小林"
        assert (await browser.post(f"{path}/opt-out")).status_code == 303
        assert len(rows(told.engine, OptOut)) == 1
        assert (await browser.post(f"{path}/opt-in")).status_code == 303
        assert "0 / 1 个账号不留名" in (await browser.get(path)).text
        assert (await browser.post("/privacy/people/contact-999999/opt-out")).status_code == 404
    assert rows(told.engine, OptOut) == []
    noted = [row for row in rows(told.engine, Audit) if row.action.startswith("privacy.opt")]
    assert [(row.action, row.by, row.object) for row in noted] == [
        ("privacy.opt_out", "小林", "person"),
        ("privacy.opt_in", "小林", "person"),
    ]


@ON_SQLITE
async def test_what_is_held_is_handed_out_and_that_is_written_down(told: Desk) -> None:
    async with told.signed_in("小林", ADMIN) as browser:
        answer = await browser.get(f"{whom(told)}/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        said = archive.read("消息.csv").decode("utf-8-sig")
    assert ASKED in said
    assert "给他穿睡袋" not in said
    assert WHO not in answer.headers["content-disposition"]
    (row,) = [row for row in rows(told.engine, Audit) if row.action == "privacy.export"]
    assert NAME not in str(row)
    assert WHO not in str(row)


@ON_SQLITE
async def test_our_own_account_is_nobody_to_forget(told: Desk) -> None:
    with database.transaction(told.engine) as session:
        account, contact = database.tables(Account, Contact)
        ours = session.connection().scalar(
            contact.select().with_only_columns(contact.c.id).where(contact.c.platform_id == WHO)
        )
        session.connection().execute(account.update().values(contact_id=ours))
    async with told.signed_in("小林", ADMIN) as browser:
        assert (await browser.get(whom(told))).status_code == 422


@ON_SQLITE
async def test_who_sees_some_rooms_forgets_nobody(told: Desk) -> None:
    async with told.signed_in("阿原", ADMIN, verticals=["宝妈育儿"]) as browser:
        for path in ("/privacy", whom(told), f"{whom(told)}/export"):
            assert (await browser.get(path)).status_code == 403
        for path in ("/privacy/find", "/privacy/trace", f"{whom(told)}/forget"):
            assert (await browser.post(path)).status_code == 403


def test_words_are_found_where_they_stand_and_nowhere_else(told: Desk) -> None:
    with database.reading(told.engine) as session:
        found = searching.search(session, told.home, ASKED)
        other = searching.search(session, told.home, "谁也没有说过这句")
        odd = searching.search(session, told.home, "100%_\\")
        phone = searching.search(session, told.home, PHONE)
    stands = {(place.table, place.column) for place in found.places}
    assert {("message", "text"), ("digest", "figures"), ("faq", "question")} <= stands
    assert found.files == 1
    assert other.clean
    assert odd.clean
    # Numbers are kept as keyed hashes alone.
    assert {place.table for place in phone.places} == set()
    assert other.columns > 100
