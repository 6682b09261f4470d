"""钉钉自定义机器人: posts in its words, its signature, and what its codes mean. Pure.

Source: open.dingtalk.com/document/orgapp/custom-robots-send-group-messages and
…/customize-robot-security-settings.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from bot import errors, gateway
from bot.gateways import contents
from bot.gateways.robots import answers, texts, webhook

TITLE = "钉钉群机器人"

# Bytes of the whole request (code 460101 names this figure).
LARGEST_REQUEST = 20_000

_BAD_TOKEN = answers.Meaning(
    "机器人的 access_token 无效", "请在群里核对机器人的 Webhook 地址,改好 QUNYUN_GATEWAYS"
)
_TOO_FAST = answers.Meaning(
    "发得太快,会被限流 10 分钟", "请减慢发送;每个机器人每分钟最多 20 条", throttled=True
)
_TOO_LONG = answers.Meaning("内容太长", "请缩短后再发")
_UNFIT = answers.Meaning("内容没有通过钉钉的检查", "请改掉不合适的文字、图片或外链再发")
DIALECT = answers.Dialect(
    title=TITLE,
    code=("errcode",),
    words=("errmsg",),
    busy=frozenset({-1}),
    rest=timedelta(minutes=10),
    meanings={
        130101: _TOO_FAST,
        410100: _TOO_FAST,
        300001: _BAD_TOKEN,
        300005: _BAD_TOKEN,
        400101: _BAD_TOKEN,
        310000: answers.Meaning(
            "没有通过机器人的安全设置(关键词、加签或 IP)",
            "请核对安全设置、QUNYUN_GATEWAYS 里的 secret 和本机时钟",
        ),
        400013: answers.Meaning("群已经解散", "请停掉发往这个群的栏目"),
        400102: answers.Meaning("机器人被停用", "请让管理员启用机器人"),
        400105: answers.Meaning("消息类型不对", "请升级群运"),
        400106: answers.Meaning("机器人不在群里", "请把机器人加回群里"),
        430101: _UNFIT,
        430102: _UNFIT,
        430103: _UNFIT,
        430104: _UNFIT,
        101002: _TOO_LONG,
        460101: _TOO_LONG,
    },
)


def pack(
    key: webhook.Key, content: contents.Content, mention_all: bool, now: datetime
) -> webhook.Request:
    """A post as the platform takes it, signed where there is a secret.

    Raises SendRefused for what is too long.
    """
    match content:
        case gateway.Link():
            message = _link(content)
        case str():
            message = _text(content) | {"at": {"isAtAll": mention_all}}
        case _:
            raise errors.SendRefused(f"{TITLE}只能发文字和链接,请改用文字,或换一个通道")
    body = webhook.packed(message)
    texts.require_size("消息", len(body), LARGEST_REQUEST)
    query = {"access_token": key.key} | _signature(key.secret, now)
    return webhook.Request("/robot/send", query, body)


def sign(secret: str, timestamp: int) -> str:
    """The signature of a moment in epoch milliseconds, not yet escaped for a URL.

    base64(HMAC-SHA256(key = secret, message = "timestamp\\nsecret"))
    """
    digest = hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _signature(secret: str, now: datetime) -> dict[str, str]:
    if not secret:
        return {}
    timestamp = int(now.timestamp() * 1000)
    return {"timestamp": str(timestamp), "sign": sign(secret, timestamp)}


def _text(text: str) -> dict[str, object]:
    if not texts.is_markdown(text):
        return {"msgtype": "text", "text": {"content": text}}
    return {"msgtype": "markdown", "markdown": {"title": texts.first_words(text), "text": text}}


def _link(link: gateway.Link) -> dict[str, object]:
    # The platform refuses a link without text.
    card = {"title": link.title, "text": link.description or link.title, "messageUrl": link.url}
    return {"msgtype": "link", "link": card | ({"picUrl": link.image} if link.image else {})}


PLATFORM = webhook.Platform(
    name="dingtalk",
    title=TITLE,
    origin="https://oapi.dingtalk.com",
    signs=True,
    capabilities=gateway.Capabilities(
        read=gateway.Read.NONE,
        post=gateway.Posting.DIRECT,
        links=True,
        mention_all=True,
        posts_per_minute=20,
    ),
    dialect=DIALECT,
    pack=pack,
)
