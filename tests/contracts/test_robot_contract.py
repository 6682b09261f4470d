"""What every group robot promises, against a real HTTP server on loopback that answers like it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot import errors, gateway
from bot.gateways.robots import dingtalk, feishu, robot

NOW = datetime(2026, 11, 12, 1, 30, 0, 250_000, tzinfo=UTC)
KEY = "Hush-693a91f6_4bc4"
SECRET = "SEChush+/="  # noqa: S105  # opens nothing
MARK = hashlib.sha256(KEY.encode()).hexdigest()[:6]
# A limit that tests wait for: long enough for a busy machine to connect in a third of it.
IMPATIENT = 1.5
WECOM, FEISHU, DINGTALK = "wecom-robot", "feishu-robot", "dingtalk-robot"
SCHEMES = (WECOM, FEISHU, DINGTALK)
PNG = gateway.Image("card.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 64)
ACCEPTED = {
    WECOM: '{"errcode":0,"errmsg":"ok"}',
    FEISHU: '{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
    DINGTALK: '{"errcode":0,"errmsg":"ok"}',
}


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: method, target, headers in lower case, body."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Webhook:
    """A platform's server. `script` is what it does with each request:

    "answer" (with `raw`), "silence", "hang up at once", "hang up", "half an answer" or "drip".
    """

    script: str = "answer"
    raw: bytes = b""
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    base: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def answers(self, body: str, status: str = "200 OK", headers: str = "") -> None:
        """Answer from here on with this status and body."""
        content = body.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
        self.script, self.raw = "answer", head.encode() + content

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as the script wants it."""
        self.connections += 1
        try:
            if self.script != "hang up at once":
                await self._take(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        self.received.append(Received(method, target, headers, body))
        match self.script:
            case "answer":
                writer.write(self.raw)
                await writer.drain()
            case "silence":
                await self.released.wait()
            case "half an answer":
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"errcode":0')
                await writer.drain()
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while not self.released.is_set():
                    writer.write(b" " * 4096)
                    await writer.drain()


@asynccontextmanager
async def listening(started: Webhook) -> AsyncIterator[Webhook]:
    """A server on a port of its own."""
    server = await asyncio.start_server(started.meet, "127.0.0.1", 0)
    started.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield started
    started.released.set()
    server.close()
    await server.wait_closed()


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    """A server that answers, on a port of its own."""
    async with listening(Webhook()) as started:
        yield started


def opened(scheme: str, base: str, *, secret: str = "", seconds: float = 20) -> robot.RobotGateway:
    query = f"?secret={secret}" if secret else ""
    return robot.open_robot(
        urlsplit(f"{scheme}://{KEY}{query}"), clock=lambda: NOW, send_timeout=seconds, base=base
    )


def post(scheme: str, text: str = "明天见", *, mention_all: bool = False) -> gateway.Post:
    return gateway.Post(room(scheme), text, mention_all=mention_all)


def room(scheme: str) -> str:
    return f"robot:{scheme.removesuffix('-robot')}:{MARK}"


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    """Every platform in turn."""
    found: str = request.param
    return found


# The account


async def test_it_is_in_hears_nothing_and_ends_when_closed(scheme: str, webhook: Webhook) -> None:
    account: gateway.Gateway = opened(scheme, webhook.base)
    events = aiter(account.events())
    came_in = await anext(events)
    assert isinstance(came_in, gateway.LoggedIn)
    assert (came_in.me.id, came_in.at) == (account.account, NOW.replace(microsecond=0))
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([waiting], timeout=0)
    assert not done
    await account.close()
    await account.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(errors.GatewayUnavailable):
        await account.send(post(scheme))
    assert webhook.connections == 0


async def test_it_has_one_room_and_sees_nobody(scheme: str, webhook: Webhook) -> None:
    account = opened(scheme, webhook.base)
    [listed] = await account.rooms()
    assert listed.id == room(scheme)
    assert listed.topic.endswith(f"群机器人 {MARK}")
    assert await account.members(listed.id) == []
    assert await account.recall(listed.id, "m1") is False
    with pytest.raises(errors.SendRefused, match="不在这个群里"):
        await account.send(gateway.Post("robot:wecom:ffffff", "在吗"))
    assert webhook.connections == 0


def test_it_says_what_it_can() -> None:
    can = {scheme: opened(scheme, "http://127.0.0.1:1") for scheme in SCHEMES}
    for account in can.values():
        assert account.capabilities.read is gateway.Read.NONE
        assert account.capabilities.post is gateway.Posting.DIRECT
        assert account.capabilities.links
        assert account.capabilities.mention_all
    assert [can[scheme].capabilities.images for scheme in SCHEMES] == [True, False, False]
    assert [can[scheme].capabilities.posts_per_minute for scheme in SCHEMES] == [20, 100, 20]


# What arrives


async def test_a_post_is_one_request_in_the_platforms_words(scheme: str, webhook: Webhook) -> None:
    webhook.answers(ACCEPTED[scheme])
    sent: str | None = await gateway_of(scheme, webhook).send(post(scheme))
    assert sent is None
    [request] = webhook.received
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["host"] == webhook.base.removeprefix("http://")
    assert (request.target, request.body.decode()) == {
        WECOM: (
            f"/cgi-bin/webhook/send?key={KEY}",
            '{"msgtype":"text","text":{"content":"明天见"}}',
        ),
        FEISHU: (
            f"/open-apis/bot/v2/hook/{KEY}",
            '{"msg_type":"text","content":{"text":"明天见"}}',
        ),
        DINGTALK: (
            f"/robot/send?access_token={KEY}",
            '{"msgtype":"text","text":{"content":"明天见"},"at":{"isAtAll":false}}',
        ),
    }[scheme]


def gateway_of(scheme: str, webhook: Webhook) -> gateway.Gateway:
    return opened(scheme, webhook.base)


async def test_a_dingtalk_signature_arrives_escaped_and_reads_back(webhook: Webhook) -> None:
    webhook.answers(ACCEPTED[DINGTALK])
    await opened(DINGTALK, webhook.base, secret=SECRET).send(post(DINGTALK))
    query = urlsplit(webhook.received[0].target).query
    timestamp = int(NOW.timestamp() * 1000)
    assert parse_qs(query) == {
        "access_token": [KEY],
        "timestamp": [str(timestamp)],
        "sign": [dingtalk.sign(SECRET, timestamp)],
    }
    assert not set(query.partition("sign=")[2]) & set("+/=")


async def test_a_feishu_signature_arrives_in_the_body(webhook: Webhook) -> None:
    webhook.answers(ACCEPTED[FEISHU])
    await opened(FEISHU, webhook.base, secret=SECRET).send(post(FEISHU, mention_all=True))
    [request] = webhook.received
    timestamp = int(NOW.timestamp())
    assert json.loads(request.body) == {
        "timestamp": str(timestamp),
        "sign": feishu.sign(SECRET, timestamp),
        "msg_type": "text",
        "content": {"text": '<at user_id="all">所有人</at> 明天见'},
    }
    assert request.target == f"/open-apis/bot/v2/hook/{KEY}"


async def test_a_wecom_picture_arrives_byte_for_byte(webhook: Webhook) -> None:
    webhook.answers(ACCEPTED[WECOM])
    largest = gateway.Image("big.jpg", b"\xff\xd8\xff" + bytes(1_999_997))
    for picture in (PNG, largest):
        await opened(WECOM, webhook.base).send(gateway.Post(room(WECOM), image=picture))
        image = json.loads(webhook.received[-1].body)["image"]
        assert base64.b64decode(image["base64"], validate=True) == picture.content
        assert image["md5"] == hashlib.md5(picture.content, usedforsecurity=False).hexdigest()


async def test_what_cannot_be_posted_is_refused_before_anything_is_handed_over(
    scheme: str, webhook: Webhook
) -> None:
    too_large = gateway.Image("huge.png", b"\x89PNG" + bytes(2_000_000))
    card = gateway.MiniProgram("wx0123456789abcdef", "拼团")
    refused = [
        (gateway.Post(room(scheme), mini_program=card), "不能发小程序卡片"),
        (gateway.Post(room(scheme), "看图", image=PNG), "不止一样内容"),
        (gateway.Post(room(scheme)), "消息是空的"),
        (post(scheme, "好" * 7_000), "字节上限"),
        (
            gateway.Post(room(scheme), image=too_large),
            "2 MB 上限" if scheme == WECOM else "不能发图片",
        ),
    ]
    for wanted, reason in refused:
        with pytest.raises(errors.SendRefused, match=reason):
            await opened(scheme, webhook.base).send(wanted)
    assert webhook.connections == 0


async def test_no_proxy_is_taken_from_the_environment(
    scheme: str, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    webhook.answers(ACCEPTED[scheme])
    await opened(scheme, webhook.base).send(post(scheme))
    assert len(webhook.received) == 1


# What the platform says


@pytest.mark.parametrize(
    ("scheme", "answer", "reason", "throttled"),
    [
        (WECOM, '{"errcode":45009,"errmsg":"api freq out of limit"}', "20 条", True),
        (
            WECOM,
            '{"errcode":93000,"errmsg":"invalid webhook url"}',
            "93000.*QUNYUN_GATEWAYS",
            False,
        ),
        (WECOM, '{"errcode":40058,"errmsg":"exceed max length 4096"}', "40058.*缩短", False),
        (FEISHU, '{"code":11232,"msg":"frequency limited psm[x]"}', "11232.*整点", True),
        (FEISHU, '{"code":9499,"msg":"too many request"}', "9499", True),
        (FEISHU, '{"code":9499,"msg":"Bad Request","data":{}}', "9499 Bad Request", False),
        (FEISHU, '{"code":19021,"msg":"sign match fail"}', "签名不对.*secret", False),
        (FEISHU, '{"code":19024,"msg":"Key Words Not Found"}', "关键词", False),
        (DINGTALK, '{"errcode":130101,"errmsg":"send too fast"}', "10 分钟", True),
        (DINGTALK, '{"errcode":410100,"errmsg":"发送速度太快而限流"}', "410100", True),
        (
            DINGTALK,
            '{"errcode":310000,"errmsg":"sign not match"}',
            "sign not match.*加签|安全设置",
            False,
        ),
        (DINGTALK, '{"errcode":430102,"errmsg":"x"}', "没有通过钉钉的检查", False),
        (DINGTALK, f'{{"errcode":123456,"errmsg":"{KEY}?"}}', r"123456 \*\*\*\?", False),
    ],
)
async def test_a_no_says_the_code_and_a_remedy_and_is_asked_once(
    scheme: str, answer: str, reason: str, throttled: bool, webhook: Webhook
) -> None:
    webhook.answers(answer)
    with pytest.raises(errors.SendRefused, match=reason) as refused:
        await opened(scheme, webhook.base).send(post(scheme))
    assert refused.value.throttled is throttled
    assert webhook.connections == 1


@pytest.mark.parametrize(
    ("status", "throttled"), [("429 Too Many Requests", True), ("403 Forbidden", False)]
)
async def test_a_no_without_a_code_is_a_no(
    scheme: str, status: str, throttled: bool, webhook: Webhook
) -> None:
    webhook.answers("<html>", status)
    with pytest.raises(errors.SendRefused, match=status[:3]) as refused:
        await opened(scheme, webhook.base).send(post(scheme))
    assert refused.value.throttled is throttled
    assert webhook.connections == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Internal Server Error", "<html>"),
        ("502 Bad Gateway", '{"errcode":502,"code":502}'),
        ("200 OK", "<html>"),
    ],
)
async def test_an_answer_that_decides_nothing_is_uncertain_and_asked_once(
    scheme: str, status: str, body: str, webhook: Webhook
) -> None:
    webhook.answers(body, status)
    with pytest.raises(errors.SendUncertain):
        await opened(scheme, webhook.base).send(post(scheme))
    assert webhook.connections == 1


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(scheme: str, status: str, webhook: Webhook) -> None:
    webhook.answers("", status, f"Location: {webhook.base}/elsewhere\r\n")
    with pytest.raises(errors.SendUncertain, match=status[:3]):
        await opened(scheme, webhook.base).send(post(scheme))
    assert webhook.connections == 1


# When the line breaks


@pytest.mark.parametrize("script", ["hang up at once", "hang up", "half an answer"])
async def test_a_line_that_breaks_after_connecting_is_uncertain_and_tried_once(
    scheme: str, script: str, webhook: Webhook
) -> None:
    webhook.script = script
    with pytest.raises(errors.SendUncertain, match="断开"):
        await opened(scheme, webhook.base).send(post(scheme))
    assert webhook.connections == 1
    assert len(webhook.received) == (script != "hang up at once")


async def test_an_answer_that_does_not_come_in_time_is_uncertain(webhook: Webhook) -> None:
    webhook.script = "silence"
    # All at once, so that the time limit is waited for once.
    sending = [opened(one, webhook.base, seconds=IMPATIENT).send(post(one)) for one in SCHEMES]
    answers = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(answer) for answer in answers] == [errors.SendUncertain] * 3
    assert len(webhook.received) == 3


async def test_an_answer_without_end_is_cut_off_and_uncertain(
    scheme: str, webhook: Webhook
) -> None:
    webhook.script = "drip"
    with pytest.raises(errors.SendUncertain, match="看不懂"):
        await opened(scheme, webhook.base).send(post(scheme))


async def test_a_port_that_nobody_listens_on_is_unavailable(scheme: str) -> None:
    with socket.socket() as taken:
        # Bound but not listening: nobody else gets the port meanwhile.
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(errors.GatewayUnavailable, match=r"连不上 127\.0\.0\.1"):
            await opened(scheme, f"http://127.0.0.1:{port}").send(post(scheme))


async def test_a_server_without_tls_is_unavailable_and_learns_nothing(
    scheme: str, webhook: Webhook
) -> None:
    webhook.script = "hang up at once"
    with pytest.raises(errors.GatewayUnavailable):
        await opened(scheme, webhook.base.replace("http:", "https:")).send(post(scheme))
    assert (webhook.connections, webhook.received) == (1, [])


async def test_a_tls_handshake_that_stalls_is_unavailable() -> None:
    with socket.socket() as stalled:
        # The kernel connects; nobody ever accepts or answers.
        stalled.bind(("127.0.0.1", 0))
        stalled.listen()
        base = f"https://127.0.0.1:{stalled.getsockname()[1]}"
        sending = [opened(one, base, seconds=IMPATIENT).send(post(one)) for one in SCHEMES]
        answers = await asyncio.gather(*sending, return_exceptions=True)
    assert [type(answer) for answer in answers] == [errors.GatewayUnavailable] * 3


# Secrets


async def test_the_key_is_in_no_log_and_no_error(
    scheme: str, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "" if scheme == WECOM else SECRET
    account = opened(scheme, webhook.base, secret=secret)
    told: list[BaseException | None] = []
    words = f"{KEY} {secret}"
    for answer, status in (
        (ACCEPTED[scheme], "200 OK"),
        (f'{{"errcode":7,"code":7,"errmsg":"{words}","msg":"{words}"}}', "200 OK"),
        ("<html>", "500 Oops"),
    ):
        webhook.answers(answer, status)
        told += await asyncio.gather(account.send(post(scheme)), return_exceptions=True)
    webhook.script = "hang up"
    told += await asyncio.gather(account.send(post(scheme)), return_exceptions=True)
    assert [type(one) for one in told] == [
        type(None),
        errors.SendRefused,
        errors.SendUncertain,
        errors.SendUncertain,
    ]
    causes = [repr(one.__cause__) for one in told if one is not None]
    everything = "\n".join([caplog.text, *map(str, told), *causes])
    assert "httpcore" in caplog.text
    for hidden in (KEY, SECRET, "明天见"):
        assert hidden not in everything


def certified(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_a_certificate_that_nobody_vouches_for_is_unavailable_and_learns_nothing(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The environment vouches for nobody either.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    impostor = Webhook()
    impostor.answers(ACCEPTED[scheme])
    server = await asyncio.start_server(impostor.meet, "127.0.0.1", 0, ssl=certified(tmp_path))
    async with server:
        base = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(errors.GatewayUnavailable):
            await opened(scheme, base).send(post(scheme))
    assert impostor.received == []
