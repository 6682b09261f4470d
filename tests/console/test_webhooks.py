"""Webhooks in the console: made by an admin, the secret shown once, tested, tried again, revoked."""

import re

import httpx
from sqlalchemy import update

from bot import database
from bot.models import Audit, CallState, OperatorRole, Webhook, WebhookCall
from bot.webhooks import calls
from bot.webhooks.calls import Answer
from tests.console.conftest import Desk
from tests.saying import rows

ADMIN = OperatorRole.ADMIN
ORIGIN = "https://hooks.example.com"


async def made(browser: httpx.AsyncClient, **given: object) -> httpx.Response:
    data = {"name": "值班报警", "url": f"{ORIGIN}/a", "event": ["delivery.failed"], **given}
    return await browser.post("/webhooks", data=data)


async def test_a_new_one_shows_its_secret_once_and_the_database_never_holds_it(desk: Desk) -> None:
    desk.restart(webhook_origins=(ORIGIN,))
    async with desk.signed_in("小林", ADMIN) as browser:
        answer = await made(browser)
        found = re.search(r'value="whsec_([^"]+)"', answer.text)
        assert found
        lists = (await browser.get("/webhooks")).text + (await browser.get("/webhooks/1")).text
    assert "whsec_" not in lists and "值班报警" in lists
    (webhook,) = rows(desk.engine, Webhook)
    assert found[1] not in repr(webhook) and webhook.events == ["delivery.failed"]
    said = [each for each in rows(desk.engine, Audit) if each.action == "webhook.add"]
    assert len(said) == 1 and found[1] not in repr(said)


async def test_an_address_outside_of_what_is_allowed_is_refused_with_the_remedy(desk: Desk) -> None:
    async with desk.signed_in("小林", ADMIN) as browser:
        assert "QUNYUN_WEBHOOK_ORIGINS" in (await browser.get("/webhooks")).text
        desk.restart(webhook_origins=(ORIGIN,))
        refused: tuple[dict[str, object], ...] = (
            {"url": "https://evil.example/a"}, {"url": ""}, {"name": " "}, {"event": []},
            {"event": ["webhook.test", "nonsense"]},
        )  # fmt: skip
        for wrong in refused:
            answer = await made(browser, **wrong)
            assert answer.status_code == 422, wrong
    assert rows(desk.engine, Webhook) == []


async def test_a_test_is_a_call_like_any_other_and_can_be_tried_again(desk: Desk) -> None:
    desk.restart(webhook_origins=(ORIGIN,))
    async with desk.signed_in("小林", ADMIN) as browser:
        await made(browser)
        assert (await browser.post("/webhooks/1/test")).status_code == 303
        with database.transaction(desk.engine) as session:
            (call,) = calls.take(session, desk.now, 8)
            calls.settle(session, call, Answer(410), desk.now)
            session.connection().execute(
                update(database.table(Webhook)).values(revoked_at=None, revoked_reason=None)
            )
        page = (await browser.get("/webhooks/1")).text
        assert "放弃了" in page and "HTTP 410" in page and "测试" in page
        for number, status in ((1, 303), (2, 422)):
            answer = await browser.post(f"/webhooks/1/calls/{number}")
            assert answer.status_code == status
        (call,) = rows(desk.engine, WebhookCall)
        assert (call.state, call.attempts) == (CallState.PENDING, 0)

        await browser.post("/webhooks/1/revoke")
        (call,) = rows(desk.engine, WebhookCall)
        assert call.state is CallState.GIVEN_UP
        assert (await browser.post("/webhooks/1/test")).status_code == 422
        assert (await browser.post("/webhooks/1/calls/1")).status_code == 422
        assert "已停用" in (await browser.get("/webhooks")).text
