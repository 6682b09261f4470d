"""Group robots without a network: their URLs, their words, their signatures, their answers."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from bot import errors, gateway
from bot.gateways import contents
from bot.gateways.robots import answers, dingtalk, feishu, robot, texts, webhook, wecom

KEY = webhook.Key("693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa")
SIGNED = webhook.Key("abcdef0123456789", "SECtest123")
NOW = datetime(2023, 11, 14, 22, 13, 20, 999_000, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"
LINK = gateway.Link(
    "双11会场", "https://shop.example.com/11?a=1&b=2", "今晚八点", "https://e.cn/1.png"
)


def now() -> datetime:
    return NOW


def opened(url: str, base: str | None = None) -> robot.RobotGateway:
    return robot.open_robot(urlsplit(url), clock=now, base=base)


def said(
    platform: webhook.Platform,
    content: contents.Content,
    *,
    key: webhook.Key = KEY,
    everyone: bool = False,
) -> dict[str, object]:
    """What the platform is told, as it reads it."""
    message: dict[str, object] = json.loads(platform.pack(key, content, everyone, NOW).body)
    return message


# URLs


@pytest.mark.parametrize("scheme", ["wecom-robot", "feishu-robot", "dingtalk-robot"])
def test_a_robot_is_named_by_its_key_without_telling_it(scheme: str) -> None:
    key = "AbCdEf-0123_456789"
    account = opened(f"{scheme}://{key}").account
    assert account == f"{scheme}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"
    assert opened(f"{scheme}://{key}").account == account
    assert opened(f"{scheme}://{key.lower()}").account != account


@pytest.mark.parametrize("scheme", ["feishu-robot", "dingtalk-robot"])
def test_a_new_secret_leaves_the_robot_its_name(scheme: str) -> None:
    assert opened(f"{scheme}://k1?secret=a+/=").account == opened(f"{scheme}://k1").account


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("wecom-robot://", "密钥"),
        ("wecom-robot://https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=hush", "密钥"),
        ("feishu-robot://open.feishu.cn/open-apis/bot/v2/hook/hush", "密钥"),
        ("feishu-robot://..", "密钥"),
        ("feishu-robot://hush%2F..", "密钥"),
        ("dingtalk-robot://hush@evil.example.com", "密钥"),
        ("dingtalk-robot://hush:443", "密钥"),
        ("dingtalk-robot://hush#hush", "密钥"),
        ("wecom-robot://hush?secret=hush", "不能带参数"),
        ("feishu-robot://hush?secret=", "只能是一个 secret"),
        ("feishu-robot://hush?secret=a&secret=hush", "只能是一个 secret"),
        ("dingtalk-robot://hush?base=http://hush", "只能是一个 secret"),
        ("telegram-robot://hush", "不认识的机器人"),
    ],
)
def test_a_url_that_names_no_robot_is_refused_without_repeating_it(url: str, problem: str) -> None:
    with pytest.raises(errors.InvalidInput, match=problem) as refused:
        opened(url)
    [fault] = refused.value.faults
    assert fault.file == "QUNYUN_GATEWAYS"
    assert fault.remedy
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "base",
    [
        "https://example.com",
        "http://qyapi.weixin.qq.com",
        "https://qyapi.weixin.qq.com.example.com",
        "https://qyapi.weixin.qq.com:8443",
        "http://localhost:8080",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "http://127.0.0.1@example.com",
    ],
)
def test_a_robot_posts_to_its_platform_alone(base: str) -> None:
    with pytest.raises(ValueError, match="own address"):
        opened("wecom-robot://k", base)


def test_every_platform_is_official_and_loopback_is_for_tests() -> None:
    assert {platform.origin for platform in robot.PLATFORMS.values()} == webhook.OFFICIAL
    for base in ("http://127.0.0.1:1", "https://[::1]:1"):
        assert opened("wecom-robot://k", base).account


def test_the_key_shows_in_no_representation() -> None:
    request = dingtalk.pack(SIGNED, "在吗", False, NOW)
    shown = repr((KEY, SIGNED, request, opened("wecom-robot://hush")))
    for secret in (KEY.key, SIGNED.key, SIGNED.secret, "hush"):
        assert secret not in shown


# Signatures. The expected values come from openssl:
#   printf '%s\n%s' T S | openssl dgst -sha256 -hmac S -binary | openssl base64
#   printf '' | openssl dgst -sha256 -hmac "$(printf '%s\n%s' T S)" -binary | openssl base64


@pytest.mark.parametrize(
    ("secret", "timestamp", "signature"),
    [
        ("SECtest123", 1_700_000_000_000, "w3RMHXzixTMdzr8OHJUmVLS4IoPJVdu+Ut1LE48MePE="),
        # An example that others publish.
        ("SEC" + "0" * 58, 1_670_000_000_000, "EtAhNN22hZ2vylP5xCbFHz8RYfho11z5JuWfv4fEbtY="),
    ],
)
def test_dingtalk_is_signed_with_the_secret(secret: str, timestamp: int, signature: str) -> None:
    assert dingtalk.sign(secret, timestamp) == signature


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (1_700_000_000, "eHRRCyLH7Z4IJQSJlfwertHZThRUYVu2hTUH02xPXYU="),
        (1_700_000_000_000, "Hd4xFWQU6R6ad4nzy4ETIznzlqebqH7xcTFVmONTudo="),
    ],
)
def test_feishu_is_signed_with_the_signed_text_as_key(timestamp: int, signature: str) -> None:
    assert feishu.sign("SECtest123", timestamp) == signature


def test_feishu_carries_whole_seconds_and_signature_in_the_body() -> None:
    message = said(feishu.PLATFORM, "在吗", key=SIGNED)
    assert message["timestamp"] == "1700000000"
    assert message["sign"] == "eHRRCyLH7Z4IJQSJlfwertHZThRUYVu2hTUH02xPXYU="
    assert said(feishu.PLATFORM, "在吗").keys() == {"msg_type", "content"}


def test_dingtalk_carries_milliseconds_and_signature_in_the_query() -> None:
    query = dingtalk.pack(SIGNED, "在吗", False, NOW).query
    assert query == {
        "access_token": SIGNED.key,
        "timestamp": "1700000000999",
        "sign": dingtalk.sign(SIGNED.secret, 1_700_000_000_999),
    }
    assert dingtalk.pack(KEY, "在吗", False, NOW).query == {"access_token": KEY.key}


# Words


def test_plain_text_goes_as_text() -> None:
    assert said(wecom.PLATFORM, "在吗") == {"msgtype": "text", "text": {"content": "在吗"}}
    assert said(feishu.PLATFORM, "在吗") == {"msg_type": "text", "content": {"text": "在吗"}}
    assert said(dingtalk.PLATFORM, "在吗") == {
        "msgtype": "text",
        "text": {"content": "在吗"},
        "at": {"isAtAll": False},
    }


def test_markdown_goes_as_markdown() -> None:
    digest = "# 宝妈 1 群 · 周报\n\n- 订单:**2**"
    assert said(wecom.PLATFORM, digest) == {"msgtype": "markdown", "markdown": {"content": digest}}
    assert said(feishu.PLATFORM, digest) == {
        "msg_type": "interactive",
        "card": {"schema": "2.0", "body": {"elements": [{"tag": "markdown", "content": digest}]}},
    }
    assert said(dingtalk.PLATFORM, digest) == {
        "msgtype": "markdown",
        "markdown": {"title": "宝妈 1 群 · 周报", "text": digest},
        "at": {"isAtAll": False},
    }


def test_everyone_is_called_as_the_platform_can() -> None:
    assert said(wecom.PLATFORM, "**急**", everyone=True) == {
        "msgtype": "text",
        "text": {"content": "**急**", "mentioned_list": ["@all"]},
    }
    assert said(feishu.PLATFORM, "急", everyone=True) == {
        "msg_type": "text",
        "content": {"text": '<at user_id="all">所有人</at> 急'},
    }
    assert "<at id=all></at>\\n**急**" in json.dumps(
        said(feishu.PLATFORM, "**急**", everyone=True), ensure_ascii=False
    )
    for text in ("急", "**急**"):
        assert said(dingtalk.PLATFORM, text, everyone=True)["at"] == {"isAtAll": True}


@pytest.mark.parametrize(
    "quoted",
    [
        '他说<at user_id="all">所有人</at>',
        "他说**<AT id=all></at>**",
        "他说<@all>",
        "他说**< @zhang>**",
    ],
)
@pytest.mark.parametrize("platform", [wecom.PLATFORM, feishu.PLATFORM], ids=lambda one: one.name)
def test_a_quoted_call_calls_nobody(platform: webhook.Platform, quoted: str) -> None:
    body = platform.pack(KEY, quoted, False, NOW).body.decode()
    for call in ("<at", "<AT", "</at", "<@", "< @"):
        assert call not in body
    assert json.dumps(quoted, ensure_ascii=False)[1:-1] in body.replace("\u200b", "")


def test_a_wecom_picture_is_base64_beside_its_md5() -> None:
    assert said(wecom.PLATFORM, gateway.Image("a.png", PNG)) == {
        "msgtype": "image",
        "image": {"base64": "iVBORw0KGgo=", "md5": "e9dd2797018cad79186e03e8c5aec8dc"},
    }
    assert said(wecom.PLATFORM, gateway.Image("a.jpg", b"\xff\xd8\xff\xe0"))["msgtype"] == "image"
    with pytest.raises(errors.SendRefused, match="只收 JPG 和 PNG"):
        said(wecom.PLATFORM, gateway.Image("a.png", b"GIF89a"))


def test_a_link_goes_as_the_platform_shows_it_best() -> None:
    assert said(wecom.PLATFORM, LINK) == {
        "msgtype": "news",
        "news": {
            "articles": [
                {
                    "title": LINK.title,
                    "description": LINK.description,
                    "url": LINK.url,
                    "picurl": LINK.image,
                }
            ]
        },
    }
    assert said(feishu.PLATFORM, LINK) == {
        "msg_type": "post",
        "content": {
            "post": {
                "zh_cn": {
                    "content": [
                        [{"tag": "a", "text": LINK.title, "href": LINK.url}],
                        [{"tag": "text", "text": LINK.description}],
                    ]
                }
            }
        },
    }
    assert said(dingtalk.PLATFORM, LINK) == {
        "msgtype": "link",
        "link": {
            "title": LINK.title,
            "text": LINK.description,
            "messageUrl": LINK.url,
            "picUrl": LINK.image,
        },
    }


def test_a_bare_link_has_no_empty_parts() -> None:
    bare = gateway.Link("会场", "https://e.cn")
    for platform in robot.PLATFORMS.values():
        assert '""' not in platform.pack(KEY, bare, False, NOW).body.decode()


# Sizes


def test_wecom_text_fits_to_the_byte() -> None:
    fits, more = "好" * 682 + "ab", "好" * 683
    assert (len(fits.encode()), len(more.encode())) == (2_048, 2_049)
    assert said(wecom.PLATFORM, fits)["msgtype"] == "text"
    assert said(wecom.PLATFORM, more) == {"msgtype": "markdown", "markdown": {"content": more}}
    assert said(wecom.PLATFORM, fits, everyone=True)["msgtype"] == "text"
    with pytest.raises(
        errors.SendRefused, match=r"@所有人 的文字有 2,049 字节,超过平台的 2,048 字节"
    ):
        said(wecom.PLATFORM, more, everyone=True)
    assert said(wecom.PLATFORM, "a" * 4_096)["msgtype"] == "markdown"
    with pytest.raises(errors.SendRefused, match="文字有 4,097 字节,超过平台的 4,096 字节上限"):
        said(wecom.PLATFORM, "a" * 4_097)


@pytest.mark.parametrize(
    ("platform", "limit"),
    [(feishu.PLATFORM, 20_480), (dingtalk.PLATFORM, 20_000)],
    ids=["feishu", "dingtalk"],
)
def test_a_request_fits_to_the_byte_signature_included(
    platform: webhook.Platform, limit: int
) -> None:
    frame = len(platform.pack(SIGNED, "", False, NOW).body)
    text = "a" * (limit - frame)
    assert len(platform.pack(SIGNED, text, False, NOW).body) == limit
    with pytest.raises(errors.SendRefused, match=f"消息有 {limit + 1:,} 字节,超过平台的 {limit:,}"):
        platform.pack(SIGNED, text + "a", False, NOW)


@pytest.mark.parametrize(
    ("link", "what"),
    [
        (gateway.Link("好" * 43, "https://e.cn"), "链接标题有 129 字节,超过平台的 128"),
        (gateway.Link("好", "https://e.cn", "好" * 171), "链接描述有 513 字节,超过平台的 512"),
        (gateway.Link("好", "https://e.cn/" + "a" * 2_040), "链接地址有 2,053 字节"),
    ],
)
def test_wecom_may_not_cut_a_link(link: gateway.Link, what: str) -> None:
    with pytest.raises(errors.SendRefused, match=what):
        said(wecom.PLATFORM, link)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("# 标题", True),
        ("先说\n## 标题", True),
        ("**急**", True),
        ("[会场](https://e.cn)", True),
        ("> 1 个群未采集", True),
        ("| 商品 | 消息 |", True),
        ("#双11# 今晚八点", False),
        ("1. 打卡\n- 分享\n* 提问", False),
        ("3*4*5 [微笑] a|b", False),
        ("https://e.cn/a_b_c", False),
    ],
)
def test_what_was_written_to_be_rendered_is_told_apart(text: str, rendered: bool) -> None:
    assert texts.is_markdown(text) is rendered


def test_first_words_leave_marks_out_and_stay_short() -> None:
    assert texts.first_words("\n> \n## **本周** 订单\n别的") == "本周 订单"
    assert texts.first_words("好" * 50) == "好" * 40
    assert texts.first_words("***") == ""


# Answers


@pytest.mark.parametrize("platform", robot.PLATFORMS.values(), ids=lambda one: one.name)
def test_every_known_code_has_a_remedy(platform: webhook.Platform) -> None:
    code = platform.dialect.code[0]
    for number, meaning in platform.dialect.meanings.items():
        with pytest.raises(errors.SendRefused) as refused:
            answers.check(platform.dialect, 200, json.dumps({code: number}).encode())
        assert str(number) in str(refused.value)
        assert str(refused.value).startswith(platform.title)
        assert meaning.remedy in str(refused.value)
        assert refused.value.throttled is meaning.throttled


@pytest.mark.parametrize(
    ("words", "throttled"),
    [("Bad Request", False), ("too many request", True), ("frequency limited psm[x]", True)],
)
def test_feishu_says_two_things_with_one_code(words: str, throttled: bool) -> None:
    body = json.dumps({"code": 9499, "msg": words}).encode()
    with pytest.raises(errors.SendRefused, match=f"9499 {words.split(maxsplit=1)[0]}") as refused:
        answers.check(feishu.DIALECT, 400, body)
    assert refused.value.throttled is throttled


@pytest.mark.parametrize(
    "body",
    [
        b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
        b'{"Extra":null,"StatusCode":0,"StatusMessage":"success"}',
        b'{"code":"0"}',
    ],
)
def test_feishu_says_yes_in_several_ways(body: bytes) -> None:
    answers.check(feishu.DIALECT, 200, body)


def test_an_unknown_code_is_told_as_it_is_without_secrets() -> None:
    body = json.dumps({"errcode": 77, "errmsg": "no key hush\n here" + "x" * 500}).encode()
    with pytest.raises(errors.SendRefused, match=r"77 no key \*\*\* here") as refused:
        answers.check(wecom.DIALECT, 200, body, ("hush", ""))
    assert len(str(refused.value)) < 250
    assert not refused.value.throttled


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"ok"),
        (200, b"[]"),
        (200, b'{"errcode":null}'),
        (200, b'{"errcode":false}'),
        (200, b"\xff"),
        (200, b"[" * 50_000),
        (200, b'{"errcode":-1,"errmsg":"system error"}'),
        (302, b""),
        (404, b'{"errcode":0}'),
        (408, b""),
        (500, b"<html>"),
        (502, b'{"errcode":502,"errmsg":"bad gateway"}'),
        (503, b'{"errcode":0}'),
    ],
)
def test_what_decides_nothing_is_uncertain(status: int, body: bytes) -> None:
    with pytest.raises(errors.SendUncertain, match="企业微信群机器人"):
        answers.check(wecom.DIALECT, status, body)


@pytest.mark.parametrize(
    ("status", "body", "throttled"),
    [
        (500, b'{"errcode":93000}', False),
        (503, b'{"errcode":45009}', True),
        (400, b'{"errcode":4711}', False),
        (404, b"<html>", False),
        (413, b"", False),
        (429, b"", True),
    ],
)
def test_what_says_no_is_refused(status: int, body: bytes, throttled: bool) -> None:
    with pytest.raises(errors.SendRefused) as refused:
        answers.check(wecom.DIALECT, status, body)
    assert refused.value.throttled is throttled
