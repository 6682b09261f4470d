"""The queue, one delivery, and the list of things to post by hand."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from bot import database, outbox, pauses
from bot.console.pages import delivery as delivery_page
from bot.gateway import Capabilities, Posting, Read, capabilities_as_json
from bot.models import (
    Account,
    Audit,
    Delivery,
    DeliveryKind,
    DeliveryState,
    OperatorRole,
    PauseScope,
    Room,
)
from tests import drafts
from tests.console.conftest import NOW, Desk
from tests.console.test_overview import CALENDAR

VIEWER, OPERATOR, _APPROVER, ADMIN = OperatorRole
ROOM, ACCOUNT, DELIVERY, AUDIT = database.tables(Room, Account, Delivery, Audit)
PENDING, CLAIMED, SENDING, SENT, FAILED, UNCERTAIN, EXPIRED, CANCELLED = DeliveryState
MINUTE = dt.timedelta(minutes=1)
CAN_RECALL = capabilities_as_json(Capabilities(Read.ALL, Posting.DIRECT, recall=True))


def planned(
    desk: Desk, state: DeliveryState, number: int = 1, due: dt.datetime = NOW, **values: Any
) -> list[int]:
    """Deliveries of the opening in this state, one a room from the first on; their ids."""
    handed = state in {SENDING, SENT, FAILED, UNCERTAIN}
    with database.transaction(desk.engine) as session:
        connection = session.connection()
        rooms = connection.execute(select(ROOM.c.id, ROOM.c.account_id).order_by(ROOM.c.id)).all()
        before = connection.scalar(select(DELIVERY.c.id).order_by(DELIVERY.c.id.desc())) or 0
        rows = [
            {
                "key": f"post:{state.value}:{before}:{place}", "kind": DeliveryKind.POST,
                "state": state, "series_id": 1, "step": "开场", "room_id": rooms[place].id,
                "account_id": rooms[place].account_id, "text": "问题解答日开始啦", "mentions": [],
                "planned_at": due - MINUTE, "due_at": due, "expires_at": due + 60 * MINUTE,
                "sending_at": due if handed else None,
                "sent_at": due if state is SENT else None,
                "message_id": f"m{place}" if state is SENT else None, "attempts": int(handed),
            }
            | values
            for place in range(number)
        ]  # fmt: skip
        database.insert_rows(session, Delivery, rows)
        made = connection.scalars(select(DELIVERY.c.id).where(DELIVERY.c.id > before))
        return sorted(made)


def stands(desk: Desk) -> dict[int, DeliveryState]:
    """The state of every delivery."""
    with database.reading(desk.engine) as session:
        rows = session.connection().execute(select(DELIVERY.c.id, DELIVERY.c.state))
        return {row.id: row.state for row in rows}


def audits(desk: Desk) -> Sequence[Any]:
    """What was written down of deliveries."""
    with database.reading(desk.engine) as session:
        about = AUDIT.c.object.like("deliver%")
        return session.connection().execute(select(AUDIT).where(about).order_by(AUDIT.c.id)).all()


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Ten rooms on one account that can take back, and one series."""
    desk.rooms(10)
    with database.transaction(desk.engine) as session:
        drafts.take_in(session, CALENDAR, NOW, "小林")
        first = session.connection().scalar(select(ACCOUNT.c.id))
        session.connection().execute(ROOM.update().values(account_id=first))
        session.connection().execute(ACCOUNT.update().values(capabilities=CAN_RECALL))
    return desk


@pytest.fixture
def by_hand(full: Desk) -> Desk:
    """The same, where people post."""
    with database.transaction(full.engine) as session:
        session.connection().execute(ACCOUNT.update().values(posting=Posting.CONFIRM))
    return full


async def test_the_queue_counts_every_state_and_shows_how_far_each_batch_is(full: Desk) -> None:
    for state, number in ((SENT, 6), (UNCERTAIN, 1), (PENDING, 3)):
        planned(full, state, number)
    async with full.signed_in("小林", VIEWER) as browser:
        page = " ".join((await browser.get("/deliveries")).text.split())
        sent = (await browser.get("/deliveries?state=sent")).text
    for text in ("<strong>7</strong> / 10", "未确认 1", "待发送 3", "宝妈问题解答日"):
        assert text in page, text
    assert page.count('class="room-name"') == 10 and sent.count('class="room-name"') == 6
    # A viewer looks and does nothing.
    assert "data-choice" not in page and 'data-opens="batch' not in page


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("", 2), ("?day=yesterday", 3), ("?day=week", 5), ("?day=all", 5), ("?day=tomorrow", 0),
        ("?state=uncertain", 1), ("?state=sent", 2), ("?date=2026-11-23", 3),
        ("?date=9999-12-31", 5), ("?day=nonsense", 5), ("?series=qa&day=all", 5),
        ("?series=none&day=all", 0), ("?account=bot-宝妈育儿&day=all", 5), ("?room=0 群&day=all", 2),
        ("?room=99999999999&day=all", 0),
    ],
)  # fmt: skip
async def test_filters_narrow_the_queue_and_what_waits_is_shown_whatever_its_day(
    full: Desk, query: str, rows: int
) -> None:
    planned(full, SENT, 2)
    planned(full, SENT, 3, NOW - dt.timedelta(days=1))
    planned(full, UNCERTAIN, 1, NOW - dt.timedelta(days=30))
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get(f"/deliveries{query}")).text
    assert page.count('class="room-name"') == rows


@pytest.mark.parametrize(
    ("verdict", "starts", "ends"),
    [
        ("sent", UNCERTAIN, SENT), ("resend", UNCERTAIN, PENDING), ("failed", UNCERTAIN, FAILED),
        ("resend", FAILED, PENDING), ("cancel", PENDING, CANCELLED), ("cancel", CLAIMED, CANCELLED),
    ],
)  # fmt: skip
async def test_a_person_decides_and_it_is_written_down(
    full: Desk, verdict: str, starts: DeliveryState, ends: DeliveryState
) -> None:
    chosen = planned(full, starts, 2)
    async with full.signed_in("小林", OPERATOR) as browser:
        answer = await browser.post(
            "/deliveries/decide", data={"verdict": verdict, "delivery": chosen}
        )
    assert answer.status_code == 303
    assert set(stands(full).values()) == {ends}
    assert {line.by for line in audits(full)} == {"小林"}


async def test_what_has_changed_meanwhile_stays_as_it_is(full: Desk) -> None:
    (uncertain,), (sent,) = planned(full, UNCERTAIN), planned(full, SENT)
    async with full.signed_in("小林", OPERATOR) as browser:
        await browser.post(
            "/deliveries/decide", data={"verdict": "resend", "delivery": [uncertain, sent]}
        )
        told = (await browser.get("/deliveries")).text
        none = await browser.post("/deliveries/decide", data={"verdict": "resend"})
    assert stands(full) == {uncertain: PENDING, sent: SENT}
    assert "1 条会再发一次；1 条没有动" in told
    assert none.status_code == 422


async def test_a_batch_is_taken_back_within_two_minutes_and_not_later(full: Desk) -> None:
    planned(full, SENT, 4, due=NOW)
    waiting = planned(full, PENDING, 2, due=NOW)
    full.now = NOW + MINUTE
    form = {"series": 1, "step": "开场", "due": NOW.isoformat()}
    async with full.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get("/deliveries")).text
        assert "撤回刚发的 4 条" in page and "取消没发的 2 条" in page
        await browser.post("/deliveries/batch", data=form | {"verdict": "recall"})
        await browser.post("/deliveries/batch", data=form | {"verdict": "cancel"})
        odd = await browser.post("/deliveries/batch", data=form | {"verdict": "sent"})
        with database.reading(full.engine) as session:
            asked = session.connection().scalars(select(DELIVERY.c.recall_asked_at)).all()
        assert sum(at is not None for at in asked) == 4
        late = planned(full, SENT, 1, due=NOW - 5 * MINUTE)
        refused = await browser.post(
            "/deliveries/decide", data={"verdict": "recall", "delivery": late}
        )
        told = (await browser.get("/deliveries")).text
    assert odd.status_code == 404 and refused.status_code == 303
    assert "已超过 2 分钟" in told
    assert {stands(full)[each] for each in waiting} == {CANCELLED}


async def test_rooms_out_of_scope_are_in_no_list_and_take_no_decision(full: Desk) -> None:
    full.rooms(1, "美妆", "上海")
    chosen = planned(full, UNCERTAIN, 11)
    async with full.signed_in("阿原", OPERATOR, verticals=["美妆"]) as browser:
        page = (await browser.get("/deliveries?state=uncertain")).text
        one = await browser.get(f"/deliveries/{chosen[0]}")
        both = await browser.post(
            "/deliveries/decide", data={"verdict": "sent", "delivery": chosen}
        )
        form = {"verdict": "recall", "series": 1, "step": "开场", "due": NOW.isoformat()}
        await browser.post("/deliveries/batch", data=form)
    assert page.count('class="room-name"') == 1
    assert (one.status_code, both.status_code) == (404, 404)
    assert set(stands(full).values()) == {UNCERTAIN}


@pytest.mark.parametrize("state", list(DeliveryState))
async def test_each_state_says_what_it_means_and_offers_what_can_be_done(
    full: Desk, state: DeliveryState
) -> None:
    (one,) = planned(full, state, reason="平台的原话")
    async with full.signed_in("小林", OPERATOR) as browser:
        page = (await browser.get(f"/deliveries/{one}")).text
    meaning, advice = delivery_page.MEANT[state]
    assert meaning in page and advice in page and "平台的原话" in page
    offered = {name for name in ("sent", "resend", "failed", "cancel", "recall")
               if f"data-opens=\"ask-{name}\"" in page}  # fmt: skip
    assert offered == {
        PENDING: {"cancel"}, CLAIMED: {"cancel"}, SENT: {"recall"}, FAILED: {"resend"},
        UNCERTAIN: {"sent", "resend", "failed"},
    }.get(state, set())  # fmt: skip


async def test_what_waits_says_why(full: Desk) -> None:
    (one,) = planned(full, PENDING, not_before=NOW + MINUTE)
    with database.transaction(full.engine) as session:
        pauses.pause(session, PauseScope.ALL, None, "内容有误", "小林", NOW)
        session.connection().execute(ACCOUNT.update().values(online=False, state_reason="掉线"))
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get(f"/deliveries/{one}")).text
    full.now = dt.datetime(2026, 11, 24, 16, 0, tzinfo=dt.UTC)
    async with full.signed_in("小林", VIEWER) as browser:
        at_night = (await browser.get(f"/deliveries/{one}")).text
    for text in ("已暂停（全部）：内容有误", "离线：掉线", "歇一会儿再试"):
        assert text in page, text
    assert "静默时段" in at_night and "静默时段" not in page


async def test_the_life_of_a_delivery_holds_what_people_said_of_it(full: Desk) -> None:
    (one,) = planned(full, UNCERTAIN)
    with database.transaction(full.engine) as session:
        outbox.decide(session, one, outbox.Decision.RESEND, "小林", NOW + MINUTE)
    async with full.signed_in("小林", VIEWER) as browser:
        page = (await browser.get(f"/deliveries/{one}")).text
    for text in ("排进队列", "交给通道，第 1 次", "要求重发", "小林 要求重发"):
        assert text in page, text


async def test_only_pictures_of_posts_are_served(full: Desk) -> None:
    folder = full.home / "attachments"
    folder.mkdir()
    (folder / "poster.png").write_bytes(b"\x89PNG\r\n")
    (full.home / "secret").write_text("geheim")
    images = ("poster.png", "../secret", "gone.png", None)
    made = [planned(full, PENDING, image=image)[0] for image in images]
    async with full.signed_in("小林", VIEWER) as browser:
        answers = [await browser.get(f"/deliveries/{each}/image") for each in made]
    assert [each.status_code for each in answers] == [200, 404, 404, 404]
    assert answers[0].headers["content-type"] == "image/png"


async def test_the_list_of_things_to_do_holds_what_is_due_ready_to_copy(by_hand: Desk) -> None:
    planned(
        by_hand, PENDING, 2, mention_all=True, card={"title": "活动", "url": "https://a.example"}
    )
    planned(by_hand, PENDING, 1, due=NOW + 90 * MINUTE)
    planned(by_hand, PENDING, 1, due=NOW - 120 * MINUTE, image="poster.png")
    async with by_hand.signed_in("小林", OPERATOR) as browser:
        due = (await browser.get("/todo")).text
        later = (await browser.get("/todo?later=true")).text
        other = (await browser.get("/todo?account=别人")).text
    assert (due.count("<article"), later.count("<article"), other.count("<article")) == (3, 4, 0)
    for text in (
        "问题解答日开始啦</textarea>",
        "要 @所有人",
        "https://a.example",
        "已过时限",
        "保存图片",
    ):
        assert text in due, text
    assert "还没到点" in later


async def test_a_to_do_is_done_or_skipped_once(by_hand: Desk) -> None:
    first, second = planned(by_hand, PENDING, 2)
    async with by_hand.signed_in("小林", OPERATOR) as browser:
        await browser.post(f"/todo/{first}/done")
        await browser.post(f"/todo/{second}/drop", data={"reason": "群里在吵架"})
        again = await browser.post(f"/todo/{first}/done")
        page = (await browser.get("/todo")).text
    assert stands(by_hand) == {first: SENT, second: CANCELLED}
    assert again.status_code == 422 and "已经不在待办里了" in again.text
    assert "今天已发 1 条" in page and "没有要发的" in page
    assert [line.by for line in audits(by_hand)] == ["小林", "小林"]


async def test_whoever_was_mistaken_takes_it_back_within_ten_minutes(by_hand: Desk) -> None:
    first, second, third = planned(by_hand, PENDING, 3)
    async with by_hand.signed_in("小林", OPERATOR) as browser:
        for one, what in ((first, "done"), (second, "drop"), (third, "done")):
            await browser.post(f"/todo/{one}/{what}")
        assert f"/todo/{third}/undo" in (await browser.get("/todo")).text
        for one in (first, second, first):
            await browser.post(f"/todo/{one}/undo")
        async with by_hand.signed_in("阿原", OPERATOR) as other:
            assert (await other.post(f"/todo/{third}/undo")).status_code == 422
        by_hand.now = NOW + 11 * MINUTE
        late = await browser.post(f"/todo/{third}/undo")
    assert late.status_code == 422 and "撤销不了" in late.text
    assert stands(by_hand) == {first: PENDING, second: PENDING, third: SENT}
    actions = [line.action for line in audits(by_hand)]
    assert actions.count("settle pending") == 2


async def test_what_is_paused_says_so_before_somebody_posts_it(by_hand: Desk) -> None:
    planned(by_hand, PENDING)
    with database.transaction(by_hand.engine) as session:
        pauses.pause(session, PauseScope.ALL, None, "内容有误", "小林", NOW)
    async with by_hand.signed_in("小林", OPERATOR) as browser:
        assert "暂停中，先不要发" in (await browser.get("/todo")).text


async def test_to_dos_of_rooms_out_of_scope_belong_to_others(by_hand: Desk) -> None:
    (one,) = planned(by_hand, PENDING)
    async with by_hand.signed_in("阿原", OPERATOR, verticals=["美妆"]) as browser:
        page = (await browser.get("/todo")).text
        answers = [await browser.post(f"/todo/{one}/{what}") for what in ("done", "drop")]
    assert "<article" not in page and [each.status_code for each in answers] == [404, 404]
    assert stands(by_hand) == {one: PENDING}


async def test_what_an_account_sends_by_itself_is_nobodys_to_do(full: Desk) -> None:
    (one,) = planned(full, PENDING)
    async with full.signed_in("小林", OPERATOR) as browser:
        answer = await browser.post(f"/todo/{one}/done")
        page = (await browser.get("/todo")).text
    assert answer.status_code == 422 and "还没有人工账号" in page


async def test_nothing_planned_teaches_what_will_stand_here(full: Desk) -> None:
    async with full.signed_in("小林", ADMIN) as browser:
        assert "这一天没有投递" in (await browser.get("/deliveries")).text
        assert "没有符合的投递" in (await browser.get("/deliveries?state=failed")).text
