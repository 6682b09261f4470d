"""飞书自定义机器人: posts in its words, its signature, and what its codes mean. Pure.

Source: open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (自定义机器人使用指南).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from bot import errors, gateway
from bot.gateways import contents
from bot.gateways.robots import answers, texts, webhook

TITLE = "飞书群机器人"

# Bytes of the whole request.
LARGEST_REQUEST = 20 * 1024

_REST = "请减慢发送并避开整点和半点;每个机器人每分钟最多 100 条、每秒 5 条"
DIALECT = answers.Dialect(
    title=TITLE,
    code=("code", "StatusCode"),
    words=("msg", "StatusMessage"),
    meanings={
        # Said of a malformed request and, with the words "too many request", of haste.
        9499: answers.Meaning("飞书没有收下这个请求", "请缩短内容或稍后再试"),
        11232: answers.Meaning("发得太快或飞书正忙", _REST, throttled=True),
        19001: answers.Meaning(
            "机器人的 key 无效", "请在群里核对机器人的 Webhook 地址,改好 QUNYUN_GATEWAYS"
        ),
        19002: answers.Meaning("内容的格式不对", "请升级群运"),
        19021: answers.Meaning(
            "签名不对,或本机时钟差了一小时以上", "请核对 QUNYUN_GATEWAYS 里的 secret 和本机时钟"
        ),
        19022: answers.Meaning("本机的 IP 不在白名单里", "请在机器人的安全设置里加上本机的 IP"),
        19024: answers.Meaning(
            "内容里没有机器人要求的关键词", "请在内容里带上关键词,或改用签名校验"
        ),
        19036: answers.Meaning("内容太长", "请缩短后再发"),
        99991400: answers.Meaning("发得太快", _REST, throttled=True),
    },
)


def pack(
    key: webhook.Key, content: contents.Content, mention_all: bool, now: datetime
) -> webhook.Request:
    """A post as the platform takes it, signed where there is a secret.

    Markdown goes as a card, a link as rich text without its picture, which 飞书 takes only after
    an upload that such a robot may not make. Raises SendRefused for what is too long.
    """
    match content:
        case gateway.Link():
            message = _link(content)
        case str() if texts.is_markdown(content):
            message = _card(texts.calling_nobody(content), mention_all)
        case str():
            message = _text(texts.calling_nobody(content), mention_all)
        case _:
            raise errors.SendRefused(f"{TITLE}只能发文字和链接,请改用文字,或换一个通道")
    body = webhook.packed(_signature(key.secret, now) | message)
    texts.require_size("消息", len(body), LARGEST_REQUEST)
    return webhook.Request(f"/open-apis/bot/v2/hook/{key.key}", {}, body)


def sign(secret: str, timestamp: int) -> str:
    """The signature of a moment in epoch seconds; 飞书 takes the signed text as HMAC's key.

    base64(HMAC-SHA256(key = "timestamp\\nsecret", message = ""))
    """
    digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _signature(secret: str, now: datetime) -> dict[str, object]:
    if not secret:
        return {}
    timestamp = int(now.timestamp())
    return {"timestamp": str(timestamp), "sign": sign(secret, timestamp)}


def _text(text: str, mention_all: bool) -> dict[str, object]:
    called = '<at user_id="all">所有人</at> ' if mention_all else ""
    return {"msg_type": "text", "content": {"text": called + text}}


def _card(text: str, mention_all: bool) -> dict[str, object]:
    called = "<at id=all></at>\n" if mention_all else ""
    shown = {"tag": "markdown", "content": called + text}
    return {"msg_type": "interactive", "card": {"schema": "2.0", "body": {"elements": [shown]}}}


def _link(link: gateway.Link) -> dict[str, object]:
    lines = [[{"tag": "a", "text": link.title, "href": link.url}]]
    if link.description:
        lines.append([{"tag": "text", "text": link.description}])
    return {"msg_type": "post", "content": {"post": {"zh_cn": {"content": lines}}}}


PLATFORM = webhook.Platform(
    name="feishu",
    title=TITLE,
    origin="https://open.feishu.cn",
    signs=True,
    capabilities=gateway.Capabilities(
        read=gateway.Read.NONE,
        post=gateway.Posting.DIRECT,
        links=True,
        mention_all=True,
        posts_per_minute=100,
        crowded_minutes=(0, 30),
    ),
    dialect=DIALECT,
    pack=pack,
)
