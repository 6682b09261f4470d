"""What wechaty's numbers and words mean in ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bot import errors, gateway
from bot.gateways import wechaty_link, wechaty_messages, wechaty_signals

NOW = datetime(2026, 11, 22, 8, 0, 0, 999_999, tzinfo=UTC)
WHOLE_NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (1_795_307_450, datetime(2026, 11, 22, 0, 30, 50, tzinfo=UTC)),
        (1_795_307_450_999, datetime(2026, 11, 22, 0, 30, 50, tzinfo=UTC)),
        (0, WHOLE_NOW),
        (-5, WHOLE_NOW),
        (2**63, WHOLE_NOW),
    ],
)
def test_times_come_in_seconds_or_milliseconds(number: int, at: datetime) -> None:
    assert wechaty_messages.at(number, NOW) == at


def test_a_type_that_nobody_knows_yet_keeps_its_number() -> None:
    assert wechaty_messages.type_name(7) == "text"
    assert wechaty_messages.type_name(16) == "post"
    assert wechaty_messages.type_name(99) == "type_99"


@pytest.mark.parametrize(
    ("text", "recalled"),
    [
        ("m1", "m1"),
        ("<sysmsg><revokemsg><newmsgid>7788</newmsgid></revokemsg></sysmsg>", "7788"),
        ("  ", None),
    ],
)
def test_a_recall_names_its_message(text: str, recalled: str | None) -> None:
    assert wechaty_messages.recalled_id(text) == recalled


@pytest.mark.parametrize(
    ("content", "packed"),
    [
        (
            gateway.Image("图.png", b"png"),
            {"name": "图.png", "boxType": 1, "base64": "cG5n", "metadata": {}},
        ),
        (
            gateway.Link("会场", "https://example.com", "八点", "https://example.com/a.png"),
            {
                "title": "会场",
                "url": "https://example.com",
                "description": "八点",
                "thumbnailUrl": "https://example.com/a.png",
            },
        ),
        (
            gateway.Link("会场", "https://example.com"),
            {"title": "会场", "url": "https://example.com"},
        ),
        (
            gateway.MiniProgram("wx01", "拼团", "pages/a", "https://example.com/a.png"),
            {
                "appid": "wx01",
                "title": "拼团",
                "pagePath": "pages/a",
                "thumbUrl": "https://example.com/a.png",
            },
        ),
        (gateway.MiniProgram("gh_01@app", "拼团"), {"username": "gh_01@app", "title": "拼团"}),
    ],
)
def test_what_is_posted_gets_the_names_of_wechaty_and_leaves_out_what_is_empty(
    content: gateway.Image | gateway.Link | gateway.MiniProgram, packed: dict[str, object]
) -> None:
    assert json.loads(wechaty_messages.packed(content)) == packed


@pytest.mark.parametrize(
    ("card", "text"),
    [
        ('{"title": "会场", "url": "https://example.com"}', "会场\nhttps://example.com"),
        ('{"title": null, "url": "https://example.com"}', "https://example.com"),
        ("", ""),
        ("null", ""),
        ("<xml/>", ""),
    ],
)
def test_a_card_without_title_or_address_costs_nothing(card: str, text: str) -> None:
    assert wechaty_link.card_text(card) == text


@pytest.mark.parametrize("reason", ["操作过于频繁", "Too many requests", "触发风控"])
def test_risk_control_is_recognised(reason: str) -> None:
    error = wechaty_messages.refusal("UNKNOWN", reason)
    assert isinstance(error, errors.SendRefused)
    assert error.throttled


def test_a_puppet_without_an_answer_leaves_the_post_uncertain() -> None:
    for status, reason in [
        ("UNKNOWN", "timeout 15000ms"),
        ("UNAVAILABLE", ""),
        ("UNKNOWN", "超时"),
    ]:
        assert isinstance(wechaty_messages.refusal(status, reason), errors.SendUncertain)


@pytest.mark.parametrize(
    "reason",
    [
        "not logged in, no this.__currentUserId yet.",
        "Error: Not login",
        "账号未登录",
        "尚未登录微信",
    ],
)
def test_a_puppet_that_is_not_logged_in_was_handed_nothing(reason: str) -> None:
    assert isinstance(wechaty_messages.refusal("UNKNOWN", reason), errors.GatewayUnavailable)


def test_a_token_that_is_not_accepted_hands_nothing_over_and_is_not_repeated() -> None:
    error = wechaty_messages.refusal("UNAUTHENTICATED", 'Invalid Wechaty TOKEN "secret"')
    assert isinstance(error, errors.GatewayUnavailable)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("entry", "signal"),
    [
        (wechaty_link.Entry(2, {"messageId": "m1"}), wechaty_signals.Message("m1")),
        (wechaty_link.Entry(2, {}), wechaty_signals.Message("")),
        (wechaty_link.Entry(19, {"inviteeIdList": "x"}), wechaty_signals.Moved("", (), 0, True)),
        (
            wechaty_link.Entry(27, {"payloadType": 3, "payloadId": "room1@chatroom"}),
            wechaty_signals.Dirty(room="room1@chatroom"),
        ),
        (
            wechaty_link.Entry(27, {"payloadType": 2, "payloadId": "wxid_a"}),
            wechaty_signals.Dirty(person="wxid_a"),
        ),
        (wechaty_link.Entry(27, {"payloadType": 5, "payloadId": "f"}), None),
        (wechaty_link.Entry(1, {"data": "heartbeat"}), None),
        (wechaty_link.Entry(99, {"roomId": 5, "timestamp": "soon"}), None),
    ],
)
def test_entries_of_the_stream_are_read_and_malformed_ones_cost_nothing(
    entry: wechaty_link.Entry, signal: wechaty_signals.Signal | None
) -> None:
    assert wechaty_signals.read(entry) == signal
