"""Other programs are told what happened: signed, once an event, again until it is taken."""

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import standardwebhooks
from sqlalchemy import Engine, update

from bot import app as app_module
from bot import calling, database, heartbeats, outbox, pauses
from bot import settings as settings_module
from bot.calling import Caller
from bot.models import (
    Account,
    Audit,
    CallState,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Heartbeat,
    PauseScope,
    Room,
    Series,
    SeriesKind,
    Webhook,
    WebhookCall,
)
from bot.outbox import Decision
from bot.webhooks import calls, door, happenings, registry
from bot.webhooks.calls import WAITS, Answer
from bot.webhooks.happenings import Event
from tests.saying import local, rows

NOW = local("2026-11-24 20:10")
SECOND = dt.timedelta(seconds=1)
SECRET = bytes(range(32))
ALL = [event.value for event in Event]
DELIVERY = database.table(Delivery)


@dataclass(slots=True)
class Other:
    """Another program. `status` is what it answers with."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return self.url.rpartition("/")[0]


@pytest.fixture
def other() -> Iterator[Other]:
    """A program that takes calls, on a real port of this machine."""
    found = Other()

    class Handler(BaseHTTPRequestHandler):
        other: ClassVar[Other] = found

        def do_POST(self) -> None:  # the library's name
            length = int(self.headers["content-length"])
            names = {name.lower(): value for name, value in self.headers.items()}
            self.other.got.append((names, self.rfile.read(length)))
            self.send_response(self.other.status)
            for name, value in self.other.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def a_webhook(engine: Engine, url: str, origin: str, events: list[str] | None = None) -> Webhook:
    with database.transaction(engine) as session:
        return registry.add(session, "值班", url, events or ALL, [origin], "小林", NOW)


def troubles(engine: Engine, *states: DeliveryState) -> None:
    """One delivery in each state, begun just now."""
    with database.transaction(engine) as session:
        session.add(Account(name="bot", gateway="memory", online=True, state_at=NOW))
        session.add(
            Series(
                key="qa", name="宝妈问题解答日", kind=SeriesKind.QA_DAY, starts=NOW.date(),
                ends=NOW.date(), at=dt.time(20), recurrence={}, audience={}, changed_by="小林",
                changed_at=NOW,
            )
        )  # fmt: skip
        session.add(Room(platform_id="r1@chatroom", topic="宝妈育儿 1 群", account_id=1))
        session.flush()
        for number, state in enumerate(states):
            session.add(
                Delivery(
                    key=f"post:{number}", kind=DeliveryKind.POST, state=state, series_id=1,
                    step="开场", room_id=1, account_id=1, text="成员不该看到的", planned_at=NOW,
                    due_at=NOW, expires_at=NOW + SECOND, sending_at=NOW + SECOND, attempts=1,
                    reason="通道没有回音",
                )
            )  # fmt: skip


def noted(engine: Engine, at: dt.datetime = NOW + 2 * SECOND) -> int:
    with database.transaction(engine) as session:
        return happenings.note(session, at)


def called(engine: Engine, other: Other, at: dt.datetime, allowed: str | None = None) -> int:
    """Make what is due, as the loop does."""

    async def write(work):  # type: ignore[no-untyped-def]
        return work()

    origins = [other.origin if allowed is None else allowed]
    caller = Caller(engine, write, lambda: door.opened(SECRET, origins), lambda: at)

    async def run() -> int:
        with ThreadPoolExecutor(2) as threads:
            return await calling.call_due(caller, caller.opened(), threads)

    return asyncio.run(run())


def test_what_failed_is_told_once_signed_and_without_a_word_of_anybody(
    engine: Engine, other: Other
) -> None:
    webhook = a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.SENT)
    assert noted(engine) == 2
    assert noted(engine) == 0, "looking again tells nothing again"
    assert called(engine, other, NOW + 3 * SECOND) == 2
    assert called(engine, other, NOW + 4 * SECOND) == 0

    assert {json.loads(body)["type"] for _, body in other.got} == {
        Event.DELIVERY_FAILED, Event.DELIVERY_UNCERTAIN,
    }  # fmt: skip
    signing = standardwebhooks.Webhook(registry.signing_secret(SECRET, webhook.nonce))
    stamp = (NOW + 3 * SECOND).astimezone(dt.UTC)
    for headers, body in other.got:
        text = body.decode()
        assert headers["webhook-timestamp"] == str(int(stamp.timestamp()))
        assert headers["webhook-signature"] == signing.sign(headers["webhook-id"], stamp, text)
        assert "成员不该看到的" not in text and "宝妈育儿 1 群" not in text
    told = min((json.loads(body) for _, body in other.got), key=lambda each: each["data"]["id"])
    assert told["timestamp"] == (NOW + SECOND).astimezone(dt.UTC).isoformat()
    assert told["data"] == {
        "id": 1, "key": "post:0", "state": "failed", "series": "qa", "step": "开场",
        "room": "r1@chatroom", "account": "bot", "attempts": 1, "reason": "通道没有回音",
        "due_at": NOW.astimezone(dt.UTC).isoformat(),
    }  # fmt: skip
    assert {each.state for each in rows(engine, WebhookCall)} == {CallState.DELIVERED}


def test_a_receiver_verifies_with_the_library_of_the_standard(engine: Engine, other: Other) -> None:
    now = dt.datetime.now(dt.UTC)
    with database.transaction(engine) as session:
        webhook = registry.add(session, "值班", other.url, ALL, [other.origin], "小林", now)
        pauses.pause(session, PauseScope.ALL, None, "内容有误", "小林", now)
    assert noted(engine, now) == 1
    called(engine, other, now)
    ((headers, body),) = other.got
    signing = standardwebhooks.Webhook(registry.signing_secret(SECRET, webhook.nonce))
    assert signing.verify(body, headers)["data"] == {"reason": "内容有误", "by": "小林"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        signing.verify(body + b" ", headers)


def test_one_that_fails_again_is_news_again_and_old_news_is_none(
    engine: Engine, other: Other
) -> None:
    troubles(engine, DeliveryState.FAILED)
    # It had failed before anybody wanted to know.
    with database.transaction(engine) as session:
        registry.add(session, "值班", other.url, ALL, [other.origin], "小林", NOW + 5 * SECOND)
    assert noted(engine, NOW + 6 * SECOND) == 0
    with database.transaction(engine) as session:
        assert outbox.decide(session, 1, Decision.RESEND, "小林", NOW + 7 * SECOND)
        session.connection().execute(
            update(DELIVERY).values(
                state=DeliveryState.FAILED, sending_at=NOW + 8 * SECOND, attempts=2
            )
        )
    assert noted(engine, NOW + 9 * SECOND) == 1
    assert noted(engine, NOW + dt.timedelta(days=2)) == 0


def test_approvals_absence_and_pauses_are_told_to_whoever_wants_them(
    engine: Engine, other: Other
) -> None:
    a_webhook(engine, other.url, other.origin, ["series.approved", "account.out"])
    a_webhook(engine, other.url, other.origin, ["sending.paused", "sending.resumed"])
    troubles(engine)
    at = NOW + dt.timedelta(minutes=5)
    with database.transaction(engine) as session:
        session.add(Audit(at=at, by="晓雯", action="series.approve", object="series:qa"))
        pauses.pause(session, PauseScope.ALL, None, "内容有误", "小林", at)
        pauses.resume(session, PauseScope.ALL, None, "改好了", "小林", at + SECOND)
        session.connection().execute(
            update(database.table(Account)).values(
                online=False, state_at=at, state_reason="https://login.example/scan"
            )
        )
    assert noted(engine, at + 2 * SECOND) == 3
    assert noted(engine, at + dt.timedelta(minutes=3)) == 1, "away for longer than a moment"
    told = {each.event: each.data for each in rows(engine, WebhookCall)}
    assert told["series.approved"] == {"series": "qa", "name": "宝妈问题解答日", "by": "晓雯"}
    assert told["account.out"]["reason"] == "等待扫码登录"
    assert set(told) == {"series.approved", "account.out", "sending.paused", "sending.resumed"}


def test_what_is_not_taken_is_tried_again_for_three_days_then_given_up(
    engine: Engine, other: Other
) -> None:
    a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED)
    noted(engine)
    other.status = 500
    at = NOW + 3 * SECOND
    for wait in WAITS:
        assert called(engine, other, at) == 1
        assert called(engine, other, at + wait - SECOND) == 0, "not before its time"
        at += wait
    (call,) = rows(engine, WebhookCall)
    assert (call.state, call.status, call.attempts) == (CallState.PENDING, 500, len(WAITS))
    called(engine, other, at)
    (call,) = rows(engine, WebhookCall)
    assert (call.state, call.done_at) == (CallState.GIVEN_UP, at)
    assert len({headers["webhook-id"] for headers, _ in other.got}) == 1

    other.status = 200
    with database.transaction(engine) as session:
        assert calls.once_more(session, 1, call.id or 0, at)
    called(engine, other, at)
    (call,) = rows(engine, WebhookCall)
    assert (call.state, call.status) == (CallState.DELIVERED, 200)
    with database.transaction(engine) as session:
        assert not calls.once_more(session, 1, call.id or 0, at)


def test_a_program_that_wants_to_be_left_alone_is(engine: Engine, other: Other) -> None:
    a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED, DeliveryState.UNCERTAIN)
    noted(engine)
    other.status, other.headers = 429, {"retry-after": "3600"}
    at = NOW + 3 * SECOND
    called(engine, other, at)
    assert {each.not_before for each in rows(engine, WebhookCall)} == {at + dt.timedelta(hours=1)}
    other.status, other.headers = 410, {}
    called(engine, other, at + dt.timedelta(hours=1))
    (webhook,) = rows(engine, Webhook)
    assert webhook.revoked_at is not None and "410" in webhook.revoked_reason
    assert {each.state for each in rows(engine, WebhookCall)} == {CallState.GIVEN_UP}


def test_nobody_is_followed_elsewhere_and_nothing_outside_is_called(
    engine: Engine, other: Other
) -> None:
    a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED)
    noted(engine)
    other.status, other.headers = 302, {"location": other.url}
    called(engine, other, NOW + 3 * SECOND)
    assert len(other.got) == 1
    # The installation no longer allows it.
    called(engine, other, NOW + 10 * SECOND, allowed="https://hooks.example.com")
    assert len(other.got) == 1
    (call,) = rows(engine, WebhookCall)
    assert call.status is None and "QUNYUN_WEBHOOK_ORIGINS" in call.answer


def test_an_address_that_does_not_answer_is_an_answer(engine: Engine, other: Other) -> None:
    a_webhook(engine, "http://127.0.0.1:9/hook", "http://127.0.0.1:9")
    troubles(engine, DeliveryState.FAILED)
    noted(engine)
    called(engine, other, NOW + 3 * SECOND, allowed="http://127.0.0.1:9")
    (call,) = rows(engine, WebhookCall)
    assert (call.state, call.status) == (CallState.PENDING, None)
    assert "ConnectError" in call.answer


def test_a_call_that_died_with_its_process_is_made_again(engine: Engine, other: Other) -> None:
    a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED)
    noted(engine)
    with database.transaction(engine) as session:
        assert len(calls.take(session, NOW + 3 * SECOND, 8)) == 1
        assert calls.take(session, NOW + 3 * SECOND, 8) == []
    assert called(engine, other, NOW + 4 * SECOND) == 0
    assert called(engine, other, NOW + 3 * SECOND + calls.TAKEN) == 1


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://hooks.example.com/a?b=c", True),
        ("https://HOOKS.example.com/a", True),
        ("http://127.0.0.1:8000/a", True),
        ("http://hooks.example.com/a", False),
        ("https://hooks.example.com.evil.example/a", False),
        ("https://hooks.example.com@evil.example/a", False),
        ("https://me:you@hooks.example.com/a", False),
        ("https://hooks.example.com:8443/a", False),
        ("https://hooks.example.com/a#b", False),
        ("https://hooks.example.com/a b", False),
        ("http://localhost:8000/a", False),
        ("http://10.0.0.8/a", False),
        ("ftp://hooks.example.com/a", False),
        ("https://[::1/a", False),
        ("", False),
    ],
)
def test_only_what_the_installation_allows_is_called(url: str, may: bool) -> None:
    allowed = ["https://hooks.example.com/", "http://127.0.0.1:8000", "http://localhost:8000",
               "http://10.0.0.8", "http://hooks.example.com"]  # fmt: skip
    assert registry.may_call(url, allowed) is may


def test_an_answer_of_any_kind_has_one_meaning() -> None:
    for status, attempts, state in (
        (200, 1, CallState.DELIVERED), (299, 9, CallState.DELIVERED), (302, 1, CallState.PENDING),
        (404, 9, CallState.PENDING), (500, 10, CallState.GIVEN_UP), (410, 1, CallState.GIVEN_UP),
        (None, 1, CallState.PENDING), (None, 10, CallState.GIVEN_UP),
    ):  # fmt: skip
        assert calls.verdict(Answer(status), attempts) is state


def test_a_tick_finds_what_happened_and_drops_what_is_long_over(
    engine: Engine, other: Other, tmp_path: Path
) -> None:
    a_webhook(engine, other.url, other.origin)
    troubles(engine, DeliveryState.FAILED)
    settings = settings_module.load(_env_file=None, home=tmp_path)
    clock = [NOW + 3 * SECOND]
    app = app_module.build(settings, engine, [], lambda: clock[0])
    app_module.tick(app)
    called(engine, other, NOW + 4 * SECOND)
    assert len(rows(engine, WebhookCall)) == 1
    clock[0] = NOW + dt.timedelta(days=31)
    app_module.tick(app)
    assert rows(engine, WebhookCall) == []
    (beat,) = rows(engine, Heartbeat)
    assert (beat.part, beat.at) == (heartbeats.PLANNER, clock[0])
